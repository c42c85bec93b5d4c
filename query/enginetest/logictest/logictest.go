// Package logictest runs files of statements and their answers in the format
// of sqllogictest (https://www.sqlite.org/sqllogictest/doc/trunk/about.wiki)
// on query engines: what they agree on is written down once.
//
// Of the format there is: query with the types I, R and T and the sort modes
// nosort, rowsort and valuesort; statement error; skipif and onlyif with the
// name of an engine up to its slash; halt and hash-threshold; comments.
package logictest

import (
	"bufio"
	"cmp"
	"context"
	"crypto/md5"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/tabular"
)

//go:embed testdata
var files embed.FS

// record is a statement of a file.
type record struct {
	line  int
	types string // of a query's columns; "" for a statement that must fail
	sort  string
	sql   string
	want  []string
	skip  []string // engines
	only  []string
}

// parse reads a file.
func parse(r io.Reader) (records []record, err error) {
	lines := bufio.NewScanner(r)
	n := 0
	next := func() (string, bool) {
		ok := lines.Scan()
		n++
		return lines.Text(), ok
	}
	var skip, only []string
	for {
		line, ok := next()
		if !ok {
			return records, lines.Err()
		}
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		rec := record{line: n, skip: skip, only: only}
		switch {
		case words[0] == "skipif" && len(words) > 1:
			skip = append(skip, words[1])
			continue
		case words[0] == "onlyif" && len(words) > 1:
			only = append(only, words[1])
			continue
		case words[0] == "halt":
			return records, nil
		case words[0] == "hash-threshold":
			continue // an answer says by itself whether it is hashed
		case words[0] == "query" && len(words) > 1:
			rec.types, rec.sort = words[1], "nosort"
			if len(words) > 2 {
				rec.sort = words[2]
			}
		case line == "statement error":
		default:
			return nil, fmt.Errorf("line %d: %q is no record", n, line)
		}
		skip, only = nil, nil
		var text []string
		for line, ok = next(); ok && line != "----" && line != ""; line, ok = next() {
			text = append(text, line)
		}
		rec.sql = strings.Join(text, "\n")
		for ok && line == "----" || ok && rec.want != nil {
			if line, ok = next(); !ok || line == "" {
				break
			}
			rec.want = append(rec.want, line)
		}
		records = append(records, rec)
	}
}

// applies tells whether the record is for an engine.
func (r *record) applies(engine string) bool {
	return !slices.Contains(r.skip, engine) && (r.only == nil || slices.Contains(r.only, engine))
}

// Run runs all files on an engine over a catalog of the files' tables.
func Run(t *testing.T, e query.Engine) {
	t.Helper()
	st := query.Statement{Scope: enginetest.Scope, Catalog: enginetest.NewCatalog(Tables()...)}
	engine, _, _ := strings.Cut(e.Name(), "/")
	total := 0
	err := fs.WalkDir(files, "testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := files.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		records, err := parse(f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, r := range records {
			if !r.applies(engine) {
				continue
			}
			total++
			st.SQL = r.sql
			if err := r.check(t.Context(), e, st); err != nil {
				t.Errorf("%s:%d: %s\n%v", path, r.line, r.sql, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d statements on %s", total, e.Name())
}

// check runs the record and compares the answer.
func (r *record) check(ctx context.Context, e query.Engine, st query.Statement) error {
	got, err := answer(ctx, e, st, r.types, r.sort)
	if r.types == "" {
		if err == nil {
			return errors.New("it should have failed")
		}
		return nil
	}
	if err != nil {
		return err
	}
	want := r.want
	if len(want) == 1 && strings.Contains(want[0], " values hashing to ") {
		got = []string{hashed(got)}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("got  %q\nwant %q", got, want)
	}
	return nil
}

func hashed(values []string) string {
	h := md5.New()
	for _, v := range values {
		fmt.Fprintln(h, v)
	}
	return fmt.Sprintf("%d values hashing to %s", len(values), hex.EncodeToString(h.Sum(nil)))
}

// values takes an answer as the format writes it.
type values struct {
	types string
	rows  [][]string
}

func (v *values) Columns(columns []query.Column) error {
	if len(columns) != len(v.types) {
		return fmt.Errorf("%d columns, want %d", len(columns), len(v.types))
	}
	return nil
}

func (v *values) Row(row []tabular.Value) error {
	texts := make([]string, len(row))
	for i := range row {
		var err error
		if texts[i], err = format(v.types[i], row[i]); err != nil {
			return fmt.Errorf("row %d, column %d: %w", len(v.rows)+1, i+1, err)
		}
	}
	v.rows = append(v.rows, texts)
	return nil
}

// format writes a value as a column of the type shows it.
func format(typ byte, v tabular.Value) (string, error) {
	if v.Type == tabular.Null {
		return "NULL", nil
	}
	text := string(v.Append(nil))
	switch {
	case typ == 'T':
		if text == "" {
			return "(empty)", nil
		}
		return text, nil
	case v.Type == tabular.Boolean:
		return strconv.FormatInt(v.Int, 10), nil
	case typ == 'I' && v.Type == tabular.Integer:
		return text, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", fmt.Errorf("%q is no number", text)
	}
	if typ == 'I' {
		if f != float64(int64(f)) {
			return "", fmt.Errorf("%q is no whole number", text)
		}
		return strconv.FormatInt(int64(f), 10), nil
	}
	return strconv.FormatFloat(f+0, 'f', 3, 64), nil // -0 is 0
}

// answer returns the values of a statement's answer, in the order of the mode.
func answer(ctx context.Context, e query.Engine, st query.Statement, types, mode string) ([]string, error) {
	p, err := e.Prepare(ctx, st)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	v := &values{types: types}
	if err := p.Run(ctx, v, func(query.Progress) {}); err != nil {
		return nil, err
	}
	if mode == "rowsort" {
		slices.SortFunc(v.rows, slices.Compare)
	}
	var list []string
	for _, row := range v.rows {
		list = append(list, row...)
	}
	if mode == "valuesort" {
		slices.SortFunc(list, cmp.Compare[string])
	}
	return list, nil
}
