package duckdb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// table makes a database file of a table.
func (e *Engine) table(ctx context.Context, t query.Table, path string) (err error) {
	told, err := t.Source.Describe(ctx)
	if err != nil {
		return unreadable(t, err)
	}
	rows, err := t.Source.Open(ctx)
	if err != nil {
		return unreadable(t, err)
	}
	defer rows.Close()
	connector, err := driver.NewConnector(fmt.Sprintf("%s?threads=1&memory_limit=%dB&temp_directory=%s.tmp&max_temp_directory_size=%dB",
		path, e.opts.MemoryBytes, path, e.opts.TempBytes), nil)
	if err != nil {
		return fmt.Errorf("make a database file: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	l := loader{table: t, columns: told.Columns, shapes: make([]shape, len(told.Columns))}
	create, target := "CREATE TABLE t", "t"
	if l.staged() {
		create, target = "CREATE TEMP TABLE staging", "staging"
	}
	if _, err := conn.ExecContext(ctx, create+" ("+l.declared()+")"); err != nil {
		return fmt.Errorf("make table %s.%s: %w", t.Schema, t.Name, err)
	}
	if err := conn.Raw(func(c any) error { return l.fill(ctx, c.(sqldriver.Conn), target, rows) }); err != nil {
		return err
	}
	if l.staged() {
		if _, err := conn.ExecContext(ctx, "CREATE TABLE t AS SELECT "+l.casts()+" FROM temp.staging"); err != nil {
			return loadError(t, err)
		}
	}
	return nil
}

// unreadable is the failure for a table whose files cannot be read as one.
func unreadable(t query.Table, err error) error {
	if !errors.Is(err, errs.Invalid) && !errors.Is(err, errs.TooLarge) || failed(err) != nil {
		return err
	}
	return &query.Failure{Name: query.InvalidData, Message: fmt.Sprintf("table %s.%s: %s", t.Schema, t.Name, errs.Message(err))}
}

func loadError(t query.Table, err error) error {
	var own *driver.Error
	if errors.As(err, &own) && strings.Contains(err.Error(), "No space left") || strings.Contains(err.Error(), "max_temp_directory_size") {
		return &query.Failure{
			Name: query.StorageFull, Type: query.InsufficientResources,
			Message: fmt.Sprintf("there is no room for table %s.%s", t.Schema, t.Name),
		}
	}
	return fmt.Errorf("load table %s.%s: %w", t.Schema, t.Name, err)
}

// shape is what the values of a column have in common that its type does not
// tell.
type shape struct {
	whole, fraction int // digits
	local, utc      bool
}

func (s *shape) note(typ tabular.Type, text string) {
	if typ == tabular.Timestamp {
		local, utc := strings.CutSuffix(text, "Z")
		s.utc, s.local = s.utc || utc, s.local || !utc
		if _, fraction, ok := strings.Cut(local, "."); ok {
			s.fraction = max(s.fraction, len(fraction))
		}
		return
	}
	whole, fraction, _ := strings.Cut(strings.TrimLeft(text, "+-"), ".")
	if strings.ContainsAny(text, "eENI") {
		s.whole = 1000 // has no number of digits to speak of
	}
	s.whole, s.fraction = max(s.whole, len(strings.TrimLeft(whole, "0"))), max(s.fraction, len(fraction))
}

// cast returns the type that the texts of a column become, "" for texts.
func (s *shape) cast(typ tabular.Type) string {
	switch {
	case typ == tabular.JSON:
		return "JSON"
	case typ == tabular.Decimal && s.whole+s.fraction <= 38:
		return fmt.Sprintf("DECIMAL(%d,%d)", max(s.whole+s.fraction, 1), s.fraction)
	case typ != tabular.Timestamp || s.utc && s.local || s.fraction > 9 || s.utc && s.fraction > 6:
		return ""
	case s.utc:
		return "TIMESTAMPTZ"
	case s.fraction > 6:
		return "TIMESTAMP_NS"
	}
	return "TIMESTAMP"
}

// loader fills a table. Columns whose exact type only their values tell are
// texts at first.
type loader struct {
	table   query.Table
	columns []tabular.Column
	shapes  []shape
	rows    int64
}

var declarations = map[tabular.Type]string{
	tabular.Integer: "BIGINT", tabular.Real: "DOUBLE", tabular.Boolean: "BOOLEAN", tabular.Date: "DATE", tabular.Bytes: "BLOB",
}

func later(typ tabular.Type) bool {
	return typ == tabular.Decimal || typ == tabular.Timestamp || typ == tabular.JSON
}

func (l *loader) staged() bool {
	for _, c := range l.columns {
		if later(c.Type) {
			return true
		}
	}
	return false
}

func (l *loader) declared() string {
	var parts []string
	for _, c := range l.columns {
		typ, ok := declarations[c.Type]
		if !ok {
			typ = "VARCHAR"
		}
		parts = append(parts, quote(c.Name)+" "+typ)
	}
	return strings.Join(parts, ", ")
}

func (l *loader) casts() string {
	var parts []string
	for i, c := range l.columns {
		name := quote(c.Name)
		if typ := l.shapes[i].cast(c.Type); later(c.Type) && typ != "" {
			name = "CAST(" + name + " AS " + typ + ") AS " + name
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}

func (l *loader) fill(ctx context.Context, conn sqldriver.Conn, target string, rows tabular.Rows) (err error) {
	catalog := ""
	if target == "staging" {
		catalog = "temp"
	}
	a, err := driver.NewAppender(conn, catalog, "", target)
	if err != nil {
		return fmt.Errorf("load table %s.%s: %w", l.table.Schema, l.table.Name, err)
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	args := make([]sqldriver.Value, len(l.columns))
	for {
		if l.rows%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unreadable(l.table, err)
		}
		for i, v := range row {
			if args[i], err = l.argument(i, v); err != nil {
				return err
			}
		}
		if err := a.AppendRow(args...); err != nil {
			return loadError(l.table, err)
		}
		l.rows++
	}
}

func (l *loader) argument(i int, v tabular.Value) (sqldriver.Value, error) {
	switch v.Type {
	case tabular.Null:
		return nil, nil
	case tabular.Integer:
		return v.Int, nil
	case tabular.Boolean:
		return v.Int != 0, nil
	case tabular.Real:
		return v.Float, nil
	case tabular.Bytes:
		return append([]byte(nil), v.Bytes...), nil
	case tabular.Date:
		day, err := time.Parse(time.DateOnly, string(v.Bytes))
		if err != nil {
			return nil, &query.Failure{Name: query.InvalidData, Message: fmt.Sprintf("table %s.%s: %q is no day", l.table.Schema, l.table.Name, v.Bytes)}
		}
		return day, nil
	case tabular.Decimal, tabular.Timestamp:
		text := string(v.Bytes)
		l.shapes[i].note(v.Type, text)
		return text, nil
	}
	return string(v.Bytes), nil
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
