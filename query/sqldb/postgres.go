package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// PostgreSQL is the dialect of PostgreSQL and of servers that speak like it,
// for the drivers pgx and lib/pq.
//
// Numerics of no fixed scale are of the type decimal; NaN and the infinities
// among them are these words. Arrays are JSON; values of other types that
// [tabular.Type] does not know are what casting them to text gives. Dates and
// timestamps that are infinite fail the query.
type PostgreSQL struct{}

var _ Dialect = PostgreSQL{}

// Name implements [Dialect].
func (PostgreSQL) Name() string { return "postgresql" }

// Check implements [Dialect].
func (PostgreSQL) Check(text string) (bool, *query.Failure) { return postgresRules.Check(text) }

// Begin implements [Dialect].
func (PostgreSQL) Begin(ctx context.Context, tx *sql.Tx, timeout time.Duration) (id string, err error) {
	// The time tells the session from a later one that has its number.
	const settings = `SELECT pg_backend_pid() || '@' || extract(epoch FROM clock_timestamp()), set_config('standard_conforming_strings', 'on', true),
		set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true), set_config('IntervalStyle', 'postgres', true),
		set_config('bytea_output', 'hex', true)`
	text := settings
	if timeout > 0 {
		ms := min(timeout.Milliseconds()+1, math.MaxInt32)
		text += fmt.Sprintf(", set_config('statement_timeout', '%d', true)", ms)
	}
	var ignored any
	targets := []any{&id, &ignored, &ignored, &ignored, &ignored, &ignored}
	if timeout > 0 {
		targets = append(targets, &ignored)
	}
	return id, tx.QueryRowContext(ctx, text).Scan(targets...)
}

// Kill implements [Dialect]. The drivers send a cancel request by themselves,
// which a server drops that is between two messages of the protocol, or that
// plans until then. Such a session is ended.
func (PostgreSQL) Kill(ctx context.Context, db *sql.DB, id string) error {
	pid, began, _ := strings.Cut(id, "@")
	const still = " FROM pg_stat_activity WHERE pid = $1::text::int AND backend_start <= to_timestamp($2::text::float8)"
	for range 5 {
		var n int
		if err := db.QueryRowContext(ctx, "SELECT count(*)"+still, pid, began).Scan(&n); err != nil || n == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	_, err := db.ExecContext(ctx, "SELECT pg_terminate_backend(pid)"+still, pid, began)
	return err
}

var postgresTypes = map[string]Type{
	"BOOL": {Name: "boolean", Kind: tabular.Boolean},
	"INT2": {Name: "smallint", Kind: tabular.Integer},
	"INT4": {Name: "integer", Kind: tabular.Integer},
	"INT8": {Name: "bigint", Kind: tabular.Integer},
	"OID":  {Name: "bigint", Kind: tabular.Integer}, "XID": {Name: "bigint", Kind: tabular.Integer}, "CID": {Name: "bigint", Kind: tabular.Integer},
	"FLOAT4":      {Name: "real", Kind: tabular.Real, Single: true},
	"FLOAT8":      {Name: "double", Kind: tabular.Real},
	"NUMERIC":     {Name: "decimal", Kind: tabular.Decimal},
	"DATE":        {Name: "date", Kind: tabular.Date},
	"TIMESTAMP":   {Name: "timestamp(6)", Kind: tabular.Timestamp},
	"TIMESTAMPTZ": {Name: "timestamp(6) with time zone", Kind: tabular.Timestamp, Zone: true},
	"TIME":        {Name: "time(6)", Kind: tabular.Text},
	"TIMETZ":      {Name: "time(6) with time zone", Kind: tabular.Text},
	"BYTEA":       {Name: "varbinary", Kind: tabular.Bytes},
	"JSON":        {Name: "json", Kind: tabular.JSON},
	"JSONB":       {Name: "json", Kind: tabular.JSON},
	"UUID":        {Name: "uuid", Kind: tabular.Text},
}

// Column implements [Dialect].
func (PostgreSQL) Column(c *sql.ColumnType) Type {
	name := c.DatabaseTypeName()
	if t, ok := postgresTypes[name]; ok {
		if precision, scale, ok := c.DecimalSize(); ok && name == "NUMERIC" && precision > 0 && precision <= 1000 {
			t.Name = fmt.Sprintf("decimal(%d,%d)", precision, scale)
		}
		return t
	}
	if element, ok := strings.CutPrefix(name, "_"); ok {
		t, known := postgresTypes[element]
		if !known {
			t = Type{Name: "varchar", Kind: tabular.Text}
		}
		return Type{Name: "array(" + t.Name + ")", Kind: tabular.JSON, Rewrite: arrayJSON(t)}
	}
	n, ok := c.Length()
	switch {
	case name == "VARCHAR" && ok && n > 0:
		return Type{Name: fmt.Sprintf("varchar(%d)", n), Kind: tabular.Text}
	case name == "BPCHAR" && ok && n > 0:
		return Type{Name: fmt.Sprintf("char(%d)", n), Kind: tabular.Text}
	}
	return Type{Name: "varchar", Kind: tabular.Text}
}

// postgresFailures are by SQLSTATE, or by its class.
var postgresFailures = map[string]query.Failure{
	"42601": {Name: query.SyntaxError},
	"42P01": {Name: query.TableNotFound},
	"3F000": {Name: query.TableNotFound},
	"42703": {Name: query.ColumnNotFound},
	"42883": {Name: query.FunctionNotFound},
	"42702": {Name: query.AmbiguousName},
	"42725": {Name: query.AmbiguousName},
	"42P09": {Name: query.AmbiguousName},
	"42501": {Name: query.PermissionDenied},
	"25006": {Name: query.NotSupported},
	"22012": {Name: query.DivisionByZero},
	"22003": {Name: query.NumericOverflow},
	"57014": {Name: query.ExceededTimeLimit, Type: query.InsufficientResources},
	"53100": {Name: query.StorageFull, Type: query.InsufficientResources},
	"53200": {Name: query.ExceededMemoryLimit, Type: query.InsufficientResources},
	"0A":    {Name: query.NotSupported},
	"21":    {Name: query.GenericUserError},
	"22":    {Name: query.GenericUserError},
	"23":    {Name: query.GenericUserError},
	"28":    {Name: query.PermissionDenied},
	"2F":    {Name: query.GenericUserError},
	"38":    {Name: query.GenericUserError},
	"39":    {Name: query.GenericUserError},
	"42":    {Name: query.GenericUserError},
	"44":    {Name: query.GenericUserError},
	"53":    {Name: "SERVER_OUT_OF_RESOURCES", Type: query.InsufficientResources},
	"54":    {Name: query.ExceededLimit, Type: query.InsufficientResources},
	"P0":    {Name: query.GenericUserError},
	"58":    {Name: query.GenericInternal, Type: query.External},
	"XX":    {Name: query.GenericInternal, Type: query.External},
}

// Failure implements [Dialect].
func (PostgreSQL) Failure(err error, text string) *query.Failure {
	state, _ := property(err, "Code").(string)
	if state == "" {
		if code := property(err, "Code"); code != nil {
			state = fmt.Sprint(code) // lib/pq has a type of its own
		}
	}
	if len(state) != 5 {
		return nil
	}
	f, ok := postgresFailures[state]
	if !ok {
		if f, ok = postgresFailures[state[:2]]; !ok {
			return nil // of connections and transactions
		}
	}
	f.Message, _ = property(err, "Message").(string)
	if n, _ := strconv.Atoi(fmt.Sprint(property(err, "Position"))); n > 0 {
		f.Line, f.Column = place(text, bytesOf(text, n-1))
	}
	return &f
}

// bytesOf returns the length in bytes of the first n characters of a text.
func bytesOf(text string, n int) int {
	for i := range text {
		if n == 0 {
			return i
		}
		n--
	}
	return len(text)
}
