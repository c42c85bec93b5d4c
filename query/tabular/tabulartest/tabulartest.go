// Package tabulartest helps the tests of formats: it shows tables as text, and
// says what every format has to do with a file of any content.
package tabulartest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// Null stands for a missing value among texts.
const Null = "∅"

// File is a file in memory, of which ranges are read as from a server.
func File(name string, data []byte) tabular.File {
	return tabular.File{
		Name: name, Size: int64(len(data)),
		Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
			if offset < 0 || length < 0 || offset+length > int64(len(data)) {
				return nil, fmt.Errorf("range %d+%d of %d bytes", offset, length, len(data))
			}
			rest := data[offset:]
			if length > 0 {
				rest = rest[:length]
			}
			return io.NopCloser(bytes.NewReader(rest)), nil
		},
	}
}

// New returns a Reader.
func New(t testing.TB, o *tabular.Options) *tabular.Reader {
	t.Helper()
	r, err := tabular.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Table is a table as text.
type Table struct {
	Name    string
	Columns []string // "name type", with ? behind where it is nullable
	Rows    [][]string
}

// Load inspects a file and reads all of it. What Inspect told must hold: types,
// missing values and the number of rows.
func Load(r *tabular.Reader, f tabular.File) ([]Table, error) {
	tables, err := r.Inspect(context.Background(), f)
	if err != nil {
		return nil, err
	}
	var all []Table
	for _, told := range tables {
		table := Table{Name: told.Name, Columns: Columns(told)}
		if table.Rows, err = Rows(r, f, told); err != nil {
			return nil, err
		}
		if int64(len(table.Rows)) != told.Rows {
			return nil, fmt.Errorf("%d rows, but Inspect told %d", len(table.Rows), told.Rows)
		}
		all = append(all, table)
	}
	return all, nil
}

// Columns shows the columns of a table.
func Columns(table tabular.Table) []string {
	var all []string
	for _, c := range table.Columns {
		text := c.Name + " " + c.Type.String()
		if c.Nullable {
			text += "?"
		}
		all = append(all, text)
	}
	return all
}

// Rows reads the rows of a table as text.
func Rows(r *tabular.Reader, f tabular.File, table tabular.Table) (all [][]string, err error) {
	rows, err := r.Open(context.Background(), f, table)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		texts := make([]string, len(row))
		for i, v := range row {
			c := table.Columns[i]
			switch {
			case v.Type == tabular.Null && c.Nullable:
				texts[i] = Null
			case v.Type == c.Type:
				texts[i] = string(v.Append(nil))
			default:
				return all, fmt.Errorf("a value of type %s in column %q of type %s", v.Type, c.Name, c.Type)
			}
		}
		all = append(all, texts)
	}
}

// Check reads a file of any content: it has tables whose rows can be read by
// what Inspect told, or gives an error that a user can be told. It returns nil
// for an error.
func Check(t testing.TB, r *tabular.Reader, f tabular.File) ([]tabular.Table, []Table) {
	t.Helper()
	told, err := r.Inspect(context.Background(), f)
	if err != nil {
		CheckError(t, err)
		return nil, nil
	}
	if len(told) == 0 {
		t.Fatal("no table and no error")
	}
	for _, table := range told {
		checkNames(t, table)
	}
	tables, err := Load(r, f)
	if err != nil {
		t.Fatalf("what Inspect read, Open does not: %v", err)
	}
	return told, tables
}

// CheckError checks that an error is about the file, and can be shown.
func CheckError(t testing.TB, err error) {
	t.Helper()
	switch errs.KindOf(err) {
	case errs.Invalid, errs.TooLarge, errs.Unsupported:
	default:
		t.Errorf("an error of kind %v: %v", errs.KindOf(err), err)
	}
	if msg := errs.Message(err); msg == "" || !utf8.ValidString(msg) || len(msg) > 2000 {
		t.Errorf("a message of %d bytes: %q", len(msg), msg)
	}
}

// WantError checks the kind of an error, and that its message has a text.
func WantError(t testing.TB, err error, kind errs.Kind, text string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if errs.KindOf(err) != kind || !strings.Contains(errs.Message(err), text) {
		t.Errorf("error = %v: %q (%v), want %v: …%s…", errs.KindOf(err), errs.Message(err), err, kind, text)
	}
}

func checkNames(t testing.TB, table tabular.Table) {
	t.Helper()
	if len(table.Columns) == 0 {
		t.Fatal("a table without columns")
	}
	taken := map[string]bool{}
	for _, c := range table.Columns {
		lower := strings.ToLower(c.Name)
		if c.Name == "" || taken[lower] || !utf8.ValidString(c.Name) || len(c.Name) > 270 {
			t.Fatalf("the name %q of a column is empty, taken, not UTF-8 or too long", c.Name)
		}
		taken[lower] = true
		if c.Type == tabular.Null {
			t.Fatalf("column %q has no type", c.Name)
		}
	}
}
