package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// MySQL is the dialect of MySQL from 5.7 and MariaDB from 10.2 on, for
// go-sql-driver/mysql. It sets the sessions' SQL mode, character set and time
// zone, which is UTC.
//
// Booleans are integers there. Zero dates, and dates without a month or a day,
// are null. Times, enums and sets are texts; bit, spatial and vector values
// are bytes.
type MySQL struct{}

var _ Dialect = MySQL{}

// Name implements [Dialect].
func (MySQL) Name() string { return "mysql" }

// Check implements [Dialect].
func (MySQL) Check(text string) (bool, *query.Failure) { return mysqlRules.Check(text) }

// Begin implements [Dialect].
func (MySQL) Begin(ctx context.Context, tx *sql.Tx, timeout time.Duration) (id string, err error) {
	var version string
	if err := tx.QueryRowContext(ctx, "SELECT CONNECTION_ID(), VERSION()").Scan(&id, &version); err != nil {
		return "", err
	}
	// The rules know what a quote means only in this mode and character set.
	settings := `SET SESSION time_zone = '+00:00', character_set_client = utf8mb4, character_set_connection = utf8mb4,
		character_set_results = utf8mb4,
		sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`
	if strings.Contains(version, "MariaDB") {
		settings += fmt.Sprintf(", max_statement_time = %.3f", timeout.Seconds())
	} else {
		settings += fmt.Sprintf(", max_execution_time = %d", timeout.Milliseconds())
	}
	_, err = tx.ExecContext(ctx, settings)
	return id, err
}

// Kill implements [Dialect]. The driver only hangs up, which a server that
// computes does not notice.
func (MySQL) Kill(ctx context.Context, db *sql.DB, id string) error {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("KILL %d", n))
	return err
}

var mysqlTypes = map[string]Type{
	"TINYINT":            {Name: "tinyint", Kind: tabular.Integer},
	"SMALLINT":           {Name: "smallint", Kind: tabular.Integer},
	"MEDIUMINT":          {Name: "integer", Kind: tabular.Integer},
	"INT":                {Name: "integer", Kind: tabular.Integer},
	"BIGINT":             {Name: "bigint", Kind: tabular.Integer},
	"UNSIGNED TINYINT":   {Name: "smallint", Kind: tabular.Integer},
	"UNSIGNED SMALLINT":  {Name: "integer", Kind: tabular.Integer},
	"UNSIGNED MEDIUMINT": {Name: "integer", Kind: tabular.Integer},
	"UNSIGNED INT":       {Name: "bigint", Kind: tabular.Integer},
	"UNSIGNED BIGINT":    {Name: "decimal(20,0)", Kind: tabular.Decimal},
	"YEAR":               {Name: "integer", Kind: tabular.Integer},
	"FLOAT":              {Name: "real", Kind: tabular.Real, Single: true},
	"DOUBLE":             {Name: "double", Kind: tabular.Real},
	"DECIMAL":            {Name: "decimal", Kind: tabular.Decimal},
	"DATE":               {Name: "date", Kind: tabular.Date, ZeroNull: true},
	"DATETIME":           {Name: "timestamp(%d)", Kind: tabular.Timestamp, ZeroNull: true},
	"TIMESTAMP":          {Name: "timestamp(%d) with time zone", Kind: tabular.Timestamp, ZeroNull: true, Zone: true},
	"TIME":               {Name: "time(%d)", Kind: tabular.Text},
	"JSON":               {Name: "json", Kind: tabular.JSON},
	"NULL":               {Name: "unknown", Kind: tabular.Text},
	"BINARY":             {Name: "varbinary", Kind: tabular.Bytes}, "VARBINARY": {Name: "varbinary", Kind: tabular.Bytes},
	"TINYBLOB": {Name: "varbinary", Kind: tabular.Bytes}, "BLOB": {Name: "varbinary", Kind: tabular.Bytes},
	"MEDIUMBLOB": {Name: "varbinary", Kind: tabular.Bytes}, "LONGBLOB": {Name: "varbinary", Kind: tabular.Bytes},
	"BIT": {Name: "varbinary", Kind: tabular.Bytes}, "GEOMETRY": {Name: "varbinary", Kind: tabular.Bytes},
	"VECTOR": {Name: "varbinary", Kind: tabular.Bytes},
}

// Column implements [Dialect].
func (MySQL) Column(c *sql.ColumnType) Type {
	t, ok := mysqlTypes[c.DatabaseTypeName()]
	if !ok {
		return Type{Name: "varchar", Kind: tabular.Text}
	}
	precision, scale, ok := c.DecimalSize()
	switch {
	case strings.Contains(t.Name, "%d"):
		if !ok || precision > 6 {
			precision = 6 // of an expression
		}
		t.Name = fmt.Sprintf(t.Name, precision)
	case t.Name == "decimal" && ok:
		t.Name = fmt.Sprintf("decimal(%d,%d)", precision, scale)
	}
	return t
}

var mysqlFailures = map[uint16]query.Failure{
	1064: {Name: query.SyntaxError}, 1065: {Name: query.SyntaxError}, 1149: {Name: query.SyntaxError},
	1146: {Name: query.TableNotFound}, 1049: {Name: query.TableNotFound}, 1109: {Name: query.TableNotFound},
	1054: {Name: query.ColumnNotFound},
	1305: {Name: query.FunctionNotFound}, 1630: {Name: query.FunctionNotFound},
	1052: {Name: query.AmbiguousName}, 1066: {Name: query.AmbiguousName},
	1044: {Name: query.PermissionDenied}, 1142: {Name: query.PermissionDenied}, 1143: {Name: query.PermissionDenied},
	1227: {Name: query.PermissionDenied}, 1290: {Name: query.PermissionDenied}, 1370: {Name: query.PermissionDenied},
	1235: {Name: query.NotSupported}, 1295: {Name: query.NotSupported}, 1792: {Name: query.NotSupported},
	1365: {Name: query.DivisionByZero},
	1264: {Name: query.NumericOverflow}, 1690: {Name: query.NumericOverflow},
	1317: {Name: query.UserCanceled},
	1969: {Name: query.ExceededTimeLimit, Type: query.InsufficientResources},
	3024: {Name: query.ExceededTimeLimit, Type: query.InsufficientResources},
	1021: {Name: query.StorageFull, Type: query.InsufficientResources},
	1114: {Name: query.StorageFull, Type: query.InsufficientResources},
	1037: {Name: query.ExceededMemoryLimit, Type: query.InsufficientResources},
	1038: {Name: query.ExceededMemoryLimit, Type: query.InsufficientResources},
	1041: {Name: query.ExceededMemoryLimit, Type: query.InsufficientResources},
	1104: {Name: query.ExceededLimit, Type: query.InsufficientResources},
	1116: {Name: query.ExceededLimit, Type: query.InsufficientResources},
	1153: {Name: query.ExceededLimit, Type: query.InsufficientResources},
	1301: {Name: query.ExceededLimit, Type: query.InsufficientResources},
	1436: {Name: query.ExceededLimit, Type: query.InsufficientResources}, // of the thread's stack
	1205: {Name: query.GenericInternal, Type: query.External}, 1213: {Name: query.GenericInternal, Type: query.External},
}

// mysqlLost are errors of the connection or the server, not of the statement.
var mysqlLost = map[uint16]bool{
	1040: true, 1042: true, 1043: true, 1045: true, 1053: true, 1077: true, 1079: true, 1080: true, 1129: true, 1130: true,
	1152: true, 1158: true, 1159: true, 1160: true, 1161: true, 1184: true, 1203: true, 1226: true, 1698: true, 1927: true,
}

var mysqlNear = regexp.MustCompile(`(?s) near '(.*)' at line (\d+)$`)

// Failure implements [Dialect].
func (MySQL) Failure(err error, text string) *query.Failure {
	number, ok := property(err, "Number").(uint16)
	if !ok || mysqlLost[number] {
		return nil
	}
	f, ok := mysqlFailures[number]
	if !ok {
		f.Name = query.GenericUserError
	}
	f.Code = int(number)
	f.Message, _ = property(err, "Message").(string)
	if m := mysqlNear.FindStringSubmatch(f.Message); m != nil {
		f.Line, f.Column = mysqlPlace(text, m[1], m[2])
	}
	return &f
}

// mysqlPlace returns the place of what the server quotes of the statement, at
// most 80 characters from where it stopped on. The line alone is certain where
// the text is there more than once.
func mysqlPlace(text, near, at string) (line, column int) {
	line, err := strconv.Atoi(at)
	if err != nil {
		return 0, 0
	}
	if near == "" {
		return place(text, len(text))
	}
	if strings.HasSuffix(text, near) && len(near) < 80 {
		return place(text, len(text)-len(near))
	}
	start := 0
	for range line - 1 {
		start += strings.IndexByte(text[start:], '\n') + 1
	}
	if n := strings.Index(text[start:], near); n >= 0 && strings.Count(text[start:], near) == 1 {
		return place(text, start+n)
	}
	return line, 1
}
