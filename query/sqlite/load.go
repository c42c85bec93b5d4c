package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	driverpkg "modernc.org/sqlite"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// pageSize is of cached files, in bytes. A whole table is read in a quarter of
// the system calls that 4 KiB take.
const pageSize = 16 << 10

// loader writes one file of the cache.
type loader struct{ conn driver.Conn }

// newLoader creates the database at a path. No journal is kept and nothing is
// flushed: a file that a crash leaves half written fails its checksum.
func newLoader(d *driverpkg.Driver, path string, limit int64) (*loader, error) {
	dsn := (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
	conn, err := d.Open(dsn)
	if err != nil {
		return nil, err
	}
	l := &loader{conn}
	for _, sql := range []string{
		fmt.Sprintf("PRAGMA page_size = %d", pageSize), "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF",
		"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA cache_size = -4096",
		fmt.Sprintf("PRAGMA max_page_count = %d", max(limit/pageSize, 16)),
		"CREATE TABLE " + quote(metaName) + " (json TEXT)",
	} {
		if err := l.exec(sql); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return l, nil
}

func (l *loader) exec(sql string, args ...driver.NamedValue) error {
	_, err := l.conn.(driver.ExecerContext).ExecContext(context.Background(), sql, args)
	return err
}

// text returns the first column of the first row.
func (l *loader) text(sql string) (_ string, err error) {
	rows, err := l.conn.(driver.QueryerContext).QueryContext(context.Background(), sql, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(values); err != nil {
		return "", err
	}
	text, ok := values[0].(string)
	if !ok {
		return "", errors.New("not a text")
	}
	return text, nil
}

// finish notes what is in the file.
func (l *loader) finish(meta fileMeta) error {
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	return l.exec("INSERT INTO "+quote(metaName)+" VALUES (?)", driver.NamedValue{Ordinal: 1, Value: string(text)})
}

func readMeta(path string) (meta fileMeta, err error) {
	conn, err := (&driverpkg.Driver{}).Open((&file{path: path}).uri())
	if err != nil {
		return meta, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	text, err := (&loader{conn}).text("SELECT json FROM " + quote(metaName))
	if err != nil {
		return meta, err
	}
	return meta, json.Unmarshal([]byte(text), &meta)
}

var sourceID atomic.Int64

// errAgain ends a load whose decimals turn out not to fit into float64.
var errAgain = errors.New("decimals have too many digits")

// loadTable writes the rows of a table into a new file. Decimals are kept as
// float64 where that gives every one of a column back as it is, which only the
// last row tells: else they are read again, and kept as texts.
func (e *Engine) loadTable(ctx context.Context, path string, t query.Table, progress *load) (fileMeta, error) {
	told, err := t.Source.Describe(ctx)
	if err != nil {
		return fileMeta{}, err
	}
	shapes := make([]columnShape, len(told.Columns))
	meta, err := e.loadRows(ctx, path, t, told, shapes, progress)
	if errors.Is(err, errAgain) {
		if err := os.Remove(path); err != nil {
			return fileMeta{}, err
		}
		meta, err = e.loadRows(ctx, path, t, told, shapes, progress)
	}
	return meta, err
}

// loadRows notes in shapes what the columns are like.
func (e *Engine) loadRows(
	ctx context.Context, path string, t query.Table, told tabular.Table, shapes []columnShape, progress *load,
) (_ fileMeta, err error) {
	rows, err := t.Source.Open(ctx)
	if err != nil {
		return fileMeta{}, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	read := &countedRows{rows: rows, ctx: ctx, progress: progress, shapes: shapes, real: make([]bool, len(shapes)),
		perRow: float64(t.Bytes) / float64(max(told.Rows, 1))}
	for i, c := range told.Columns {
		read.real[i] = c.Type == tabular.Decimal && !shapes[i].wide
		if c.Type == tabular.Decimal || c.Type == tabular.Timestamp {
			read.shaped = append(read.shaped, i)
		}
	}
	l, err := newLoader(e.driver, path, e.settings.cacheBytes)
	if err != nil {
		return fileMeta{}, err
	}
	defer func() { err = errors.Join(err, l.conn.Close()) }()
	name := fmt.Sprintf("load%d", sourceID.Add(1))
	sources.Store(name, &rowsSource{definition(told.Columns, nil), read.real, func() (tabular.Rows, error) { return read, nil }})
	defer sources.Delete(name)
	for _, sql := range []string{
		"CREATE TABLE " + quote(tableName) + definition(told.Columns, wideOnly(shapes)),
		"CREATE VIRTUAL TABLE temp.source USING " + rowsModule + "(" + name + ")",
		"INSERT INTO main." + quote(tableName) + " SELECT * FROM temp.source",
	} {
		if err := l.exec(sql); err != nil {
			return fileMeta{}, errors.Join(read.err, err)
		}
	}
	if err := l.redeclare(definition(told.Columns, shapes)); err != nil {
		return fileMeta{}, err
	}
	meta := fileMeta{Columns: told.Columns, Rows: progress.rows.Load()}
	return meta, l.finish(meta)
}

// wideOnly are the shapes with nothing but which decimals are texts.
func wideOnly(shapes []columnShape) []columnShape {
	all := make([]columnShape, len(shapes))
	for i, s := range shapes {
		all[i].wide = s.wide
	}
	return all
}

// redeclare gives the columns their types again, now that all values are known.
func (l *loader) redeclare(columns string) error {
	for _, sql := range []string{"PRAGMA writable_schema = ON", "UPDATE sqlite_schema SET sql = ? WHERE name = ?", "PRAGMA writable_schema = OFF"} {
		var args []driver.NamedValue
		if strings.HasPrefix(sql, "UPDATE") {
			args = []driver.NamedValue{
				{Ordinal: 1, Value: "CREATE TABLE " + quote(tableName) + columns}, {Ordinal: 2, Value: tableName},
			}
		}
		if err := l.exec(sql, args...); err != nil {
			return err
		}
	}
	return nil
}

// packName is the name of the table at a place of a pack.
func packName(i int) string { return fmt.Sprintf("%s%d", tableName, i) }

// loadPack copies several files into one, because only so many can be attached.
func (e *Engine) loadPack(path string, files []*file, progress *load) (_ fileMeta, err error) {
	l, err := newLoader(e.driver, path, e.settings.cacheBytes)
	if err != nil {
		return fileMeta{}, err
	}
	defer func() { err = errors.Join(err, l.conn.Close()) }()
	for i, f := range files {
		if err := l.exec("ATTACH " + quoteText(f.uri()) + " AS source"); err != nil {
			return fileMeta{}, err
		}
		create, err := l.text("SELECT sql FROM source.sqlite_schema WHERE name = " + quoteText(tableName))
		if err != nil {
			return fileMeta{}, err
		}
		for _, sql := range []string{
			strings.Replace(create, quote(tableName), quote(packName(i)), 1),
			"INSERT INTO main." + quote(packName(i)) + " SELECT * FROM source." + quote(tableName),
			"DETACH source",
		} {
			if err := l.exec(sql); err != nil {
				return fileMeta{}, err
			}
		}
		progress.rows.Add(f.meta.Rows)
		progress.bytes.Add(f.size)
	}
	return fileMeta{}, l.finish(fileMeta{})
}

// countedRows are the rows of a table that is loaded.
type countedRows struct {
	rows     tabular.Rows
	ctx      context.Context
	progress *load
	perRow   float64 // bytes
	shapes   []columnShape
	shaped   []int  // the columns whose shape matters
	real     []bool // decimals that are kept as float64
	n        int64
	err      error
}

// Next implements [tabular.Rows].
func (c *countedRows) Next() ([]tabular.Value, error) {
	row, err := c.rows.Next()
	if c.n%1024 == 0 || err != nil {
		c.progress.rows.Store(c.n)
		c.progress.bytes.Store(int64(float64(c.n) * c.perRow))
		if err == nil {
			err = c.ctx.Err()
		}
	}
	if err == nil && len(row) != len(c.shapes) {
		err = fmt.Errorf("a row of %d values in a table of %d columns", len(row), len(c.shapes))
	}
	if err != nil {
		if !errors.Is(err, io.EOF) {
			c.err = err
		}
		return nil, err
	}
	c.n++
	if c.note(row) {
		return row, nil
	}
	for err == nil { // what else there is, so that the next load is the last
		if row, err = c.rows.Next(); err == nil {
			c.note(row)
			c.n++
		}
		if c.n%1024 == 0 && err == nil {
			err = c.ctx.Err()
		}
	}
	if errors.Is(err, io.EOF) {
		err = errAgain
	}
	c.err = err
	return nil, err
}

// note looks at a row, and reports whether its decimals can be kept as they
// were meant to be.
func (c *countedRows) note(row []tabular.Value) bool {
	ok := true
	for _, i := range c.shaped {
		if row[i].Type != tabular.Null {
			c.shapes[i].note(row[i])
			ok = ok && (!c.real[i] || !c.shapes[i].wide)
		}
	}
	return ok
}

// Close implements [tabular.Rows]; the loader closes what it opened.
func (c *countedRows) Close() error { return nil }
