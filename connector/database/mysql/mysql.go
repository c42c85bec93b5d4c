// Package mysql reads tables of MySQL and MariaDB for package database.
package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/inlet-go/inlet/connector/database"
	"github.com/inlet-go/inlet/store/errs"
)

// Driver implements [database.Driver]. TLS is used where the server offers it.
type Driver struct {
	MaxConns int // of each source; 0 means 4
}

// Name implements [database.Driver].
func (Driver) Name() string { return "MySQL" }

// Connect implements [database.Driver].
func (d Driver) Connect(_ context.Context, a database.Address) (database.Conn, error) {
	if a.Port == 0 {
		a.Port = 3306
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.DBName = "tcp", net.JoinHostPort(a.Host, strconv.Itoa(a.Port)), a.Database
	c.User, c.Passwd, c.TLSConfig, c.Timeout = a.User, a.Password, "preferred", 15*time.Second
	c.DialFunc, c.Logger = a.Dial, &mysql.NopLogger{}
	c.Params = map[string]string{"time_zone": "'+00:00'"}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the address of the database is invalid") // the error would show it
	}
	pool := sql.OpenDB(connector)
	if d.MaxConns <= 0 {
		d.MaxConns = 4
	}
	pool.SetMaxOpenConns(d.MaxConns)
	return &conn{pool, connector}, nil
}

type conn struct {
	pool      *sql.DB
	connector driver.Connector
}

// Close implements [database.Conn].
func (c *conn) Close() error { return c.pool.Close() }

const describe = `SELECT c.column_name, c.data_type, c.column_type LIKE '%unsigned%', c.is_nullable = 'YES', coalesce(k.ordinal_position, 0)
	FROM information_schema.columns c
	LEFT JOIN information_schema.key_column_usage k ON k.table_schema = c.table_schema AND k.table_name = c.table_name
		AND k.column_name = c.column_name AND k.constraint_name = 'PRIMARY'
	WHERE c.table_schema = database() AND c.table_name = ?
	ORDER BY c.ordinal_position`

// Columns implements [database.Conn].
func (c *conn) Columns(ctx context.Context, table string) ([]database.Column, error) {
	rows, err := c.pool.QueryContext(ctx, describe, table)
	if err != nil {
		return nil, reason(err)
	}
	defer rows.Close()
	var columns []database.Column
	for rows.Next() {
		var col database.Column
		var typ string
		var unsigned bool
		if err := rows.Scan(&col.Name, &typ, &unsigned, &col.Nullable, &col.Key); err != nil {
			return nil, reason(err)
		}
		typ = strings.ToLower(typ)
		col.Type = types[typ]
		switch typ {
		case "bigint":
			if unsigned {
				col.Type = database.UnsignedInt
			}
		case "timestamp", "datetime", "date":
			col.Nullable = true // zero dates become NULL
		case "decimal":
			col.Cast = true
		case "float", "double", "enum", "set", "bit":
			col.Unordered = true // an enum is sorted by its number, and compared by its text
		}
		columns = append(columns, col)
	}
	if err := rows.Err(); err != nil {
		return nil, reason(err)
	}
	if len(columns) == 0 {
		return nil, errs.New(errs.NotFound, "table %q does not exist", table)
	}
	return columns, nil
}

// types has the types whose values are decoded; others are read as texts.
var types = map[string]database.Type{
	"tinyint": database.Int, "smallint": database.Int, "mediumint": database.Int, "int": database.Int, "bigint": database.Int,
	"float": database.Float, "double": database.Float,
	"binary": database.Bytes, "varbinary": database.Bytes, "tinyblob": database.Bytes, "blob": database.Bytes,
	"mediumblob": database.Bytes, "longblob": database.Bytes, "bit": database.Bytes, "geometry": database.Bytes,
	"timestamp": database.Timestamp, "datetime": database.Local, "date": database.Date,
}

// Bounds implements [database.Conn].
func (c *conn) Bounds(ctx context.Context, q database.Query, f func([][]byte) error) error {
	read := func(name string, col database.Column) string {
		if col.Type == database.Bytes {
			return "HEX(" + name + ")"
		}
		return name
	}
	texts := make([][]byte, len(q.Columns))
	return c.query(ctx, q, read, func(row []sql.RawBytes) error {
		for i, text := range row {
			texts[i] = text
		}
		return f(texts)
	})
}

// Rows implements [database.Conn].
func (c *conn) Rows(ctx context.Context, q database.Query, sink database.Sink) error {
	read := func(name string, _ database.Column) string { return name }
	return c.query(ctx, q, read, func(row []sql.RawBytes) error {
		for i, text := range row {
			v, err := value(q.Columns[i].Type, text)
			if err != nil {
				return errs.Wrap(errs.Invalid, err, "column %q of table %q cannot be read", q.Columns[i].Name, q.Table)
			}
			sink.Put(i, v)
		}
		return sink.EndRow()
	})
}

func (c *conn) query(ctx context.Context, q database.Query, read func(string, database.Column) string, f func([]sql.RawBytes) error) error {
	text, args, err := dialect.Select(q, read)
	if err != nil {
		return err
	}
	rows, err := c.pool.QueryContext(ctx, text, args...)
	if err != nil {
		return reason(err)
	}
	defer rows.Close()
	row := make([]sql.RawBytes, len(q.Columns))
	targets := make([]any, len(row))
	for i := range row {
		targets[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return reason(err)
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return reason(rows.Err())
}

// dialect sends bounds as values of the columns' types: a text beside a number
// would be compared as a float.
var dialect = database.Dialect{Quote: quote, Bind: argument}

// argument returns a bound as an argument and what stands for it.
func argument(c database.Column, text string, _ int) (mark string, arg any, err error) {
	switch c.Type {
	case database.Int:
		arg, err = strconv.ParseInt(text, 10, 64)
		return "?", arg, err
	case database.UnsignedInt:
		arg, err = strconv.ParseUint(text, 10, 64)
		return "?", arg, err
	case database.Timestamp, database.Local:
		return "CAST(? AS DATETIME(6))", text, nil
	case database.Date:
		return "CAST(? AS DATE)", text, nil
	case database.Bytes:
		return "UNHEX(?)", text, nil
	}
	if c.Cast {
		return "CAST(? AS DECIMAL(65, 30))", text, nil
	}
	return "?", text, nil
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// reason gives an error its kind. Its text has no credentials.
func reason(err error) error {
	var own *errs.Error
	var my *mysql.MySQLError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled):
		return errs.Wrap(errs.Canceled, err, "reading the database was canceled")
	case !errors.As(err, &my):
		return errs.Wrap(errs.Unavailable, err, "the database cannot be reached")
	}
	switch my.Number {
	case 1044, 1045, 1142, 1143, 1227, 1698:
		return errs.Wrap(errs.Forbidden, err, "the database refuses: %s", my.Message)
	case 1049, 1146:
		return errs.Wrap(errs.NotFound, err, "%s", my.Message)
	case 1054, 1064, 1292:
		return errs.Wrap(errs.Invalid, err, "the database refuses: %s", my.Message)
	}
	return errs.Wrap(errs.Unavailable, err, "the database failed: %s", my.Message)
}
