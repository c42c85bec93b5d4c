// Package postgres reads tables of PostgreSQL for package database.
package postgres

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/inlet-go/inlet/connector/database"
	"github.com/inlet-go/inlet/store/errs"
)

// Driver implements [database.Driver]. The table is looked for in the user's
// search_path. TLS is used where the server offers it.
type Driver struct {
	MaxConns int // of each source; 0 means 4
}

// Name implements [database.Driver].
func (Driver) Name() string { return "PostgreSQL" }

// Connect implements [database.Driver].
func (d Driver) Connect(ctx context.Context, a database.Address) (database.Conn, error) {
	if a.Port == 0 {
		a.Port = 5432
	}
	u := url.URL{
		Scheme: "postgres", Host: net.JoinHostPort(a.Host, strconv.Itoa(a.Port)), Path: "/" + a.Database,
		RawQuery: "sslmode=prefer", User: url.UserPassword(a.User, a.Password),
	}
	config, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, errs.New(errs.Invalid, "the address of the database is invalid") // the error would show it
	}
	if config.MaxConns = int32(d.MaxConns); d.MaxConns <= 0 {
		config.MaxConns = 4
	}
	c := config.ConnConfig
	c.DialFunc = a.Dial
	// The name is resolved where the address is checked.
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	c.ConnectTimeout = 15 * time.Second
	c.RuntimeParams = map[string]string{
		"application_name": "inlet", "timezone": "UTC", "datestyle": "ISO, YMD", "default_transaction_read_only": "on",
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, reason(err)
	}
	return &conn{pool}, nil
}

type conn struct{ pool *pgxpool.Pool }

// Close implements [database.Conn].
func (c *conn) Close() error {
	c.pool.Close()
	return nil
}

const describe = `SELECT a.attname, t.typname, NOT a.attnotnull, coalesce(array_position(i.indkey::int2[], a.attnum), -1) + 1
	FROM pg_attribute a
	JOIN pg_type t ON t.oid = a.atttypid
	LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
	WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
	ORDER BY a.attnum`

// Columns implements [database.Conn].
func (c *conn) Columns(ctx context.Context, table string) ([]database.Column, error) {
	rows, err := c.pool.Query(ctx, describe, quote(table))
	if err != nil {
		return nil, reason(err)
	}
	columns, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (database.Column, error) {
		var col database.Column
		var typ string
		err := row.Scan(&col.Name, &typ, &col.Nullable, &col.Key)
		known, ok := types[typ]
		col.Type, col.Cast, col.Unordered = known, !ok, known == database.Float
		return col, err
	})
	if err != nil {
		return nil, reason(err)
	}
	if len(columns) == 0 {
		return nil, errs.New(errs.NotFound, "table %q does not exist", table)
	}
	return columns, nil
}

// types has the types whose values are decoded; others are read as texts.
var types = map[string]database.Type{
	"bool": database.Bool, "int2": database.Int, "int4": database.Int, "int8": database.Int,
	"float4": database.Float, "float8": database.Float, "bytea": database.Bytes, "date": database.Date,
	"timestamptz": database.Timestamp, "timestamp": database.Local,
	"text": database.Text, "varchar": database.Text,
}

// Bounds implements [database.Conn].
func (c *conn) Bounds(ctx context.Context, q database.Query, f func([][]byte) error) error {
	text := func(name string, _ database.Column) string { return name + "::text" }
	return c.query(ctx, q, text, func(rows pgx.Rows) error { return f(rows.RawValues()) })
}

// Rows implements [database.Conn].
func (c *conn) Rows(ctx context.Context, q database.Query, sink database.Sink) error {
	read := func(name string, col database.Column) string {
		if col.Cast {
			return name + "::text"
		}
		return name
	}
	return c.query(ctx, q, read, func(rows pgx.Rows) error {
		for i, raw := range rows.RawValues() {
			v, err := value(q.Columns[i].Type, raw)
			if err != nil {
				return errs.Wrap(errs.Invalid, err, "column %q of table %q cannot be read", q.Columns[i].Name, q.Table)
			}
			sink.Put(i, v)
		}
		return sink.EndRow()
	})
}

func (c *conn) query(ctx context.Context, q database.Query, read func(string, database.Column) string, f func(pgx.Rows) error) error {
	text, args, err := dialect.Select(q, read)
	if err != nil {
		return err
	}
	rows, err := c.pool.Query(ctx, text, append([]any{pgx.QueryResultFormats{pgx.BinaryFormatCode}}, args...)...)
	if err != nil {
		return reason(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return reason(rows.Err())
}

// dialect sends bounds as texts of the columns' types.
var dialect = database.Dialect{
	Quote: quote,
	Bind: func(_ database.Column, text string, n int) (mark string, arg any, err error) {
		return "$" + strconv.Itoa(n), text, nil
	},
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// reason gives an error its kind. Its text has no credentials.
func reason(err error) error {
	var own *errs.Error
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled):
		return errs.Wrap(errs.Canceled, err, "reading the database was canceled")
	case !errors.As(err, &pg):
		return errs.Wrap(errs.Unavailable, err, "the database cannot be reached")
	case strings.HasPrefix(pg.Code, "28"), pg.Code == "42501":
		return errs.Wrap(errs.Forbidden, err, "the database refuses: %s", pg.Message)
	case pg.Code == "3D000", pg.Code == "42P01":
		return errs.Wrap(errs.NotFound, err, "%s", pg.Message)
	case strings.HasPrefix(pg.Code, "42"), strings.HasPrefix(pg.Code, "22"):
		return errs.Wrap(errs.Invalid, err, "the database refuses: %s", pg.Message)
	}
	return errs.Wrap(errs.Unavailable, err, "the database failed: %s", pg.Message)
}
