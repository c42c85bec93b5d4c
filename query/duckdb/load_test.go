package duckdb_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/duckdb"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// endlessRows do not end; they tell when they were read.
type endlessRows struct {
	started chan struct{}
	row     [1]tabular.Value
}

func (r *endlessRows) Next() ([]tabular.Value, error) {
	if r.row[0].Int++; r.row[0].Int == 5000 {
		close(r.started)
	}
	r.row[0].Type = tabular.Integer
	return r.row[:], nil
}

func (r *endlessRows) Close() error { return nil }

type endlessSource struct{ rows *endlessRows }

func (s endlessSource) Describe(context.Context) (tabular.Table, error) {
	return tabular.Table{Columns: []tabular.Column{{Name: "n", Type: tabular.Integer}}}, nil
}

func (s endlessSource) Open(context.Context) (tabular.Rows, error) { return s.rows, nil }

// one is a catalog of one table.
type one struct {
	query.Catalog
	table query.Table
}

func (c one) Find(context.Context, scope.Scope, []string) ([]query.Table, error) {
	return []query.Table{c.table}, nil
}

func TestALoadIsCancelled(t *testing.T) {
	dir := t.TempDir()
	e := open(t, &duckdb.Options{Dir: dir})
	rows := &endlessRows{started: make(chan struct{})}
	c := one{table: query.Table{Schema: "s", Name: "t", Version: "endless", Source: endlessSource{rows}}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := enginetest.Ask(ctx, e, query.Statement{Scope: enginetest.Scope, SQL: "SELECT * FROM t", Catalog: c})
		done <- err
	}()
	<-rows.started
	cancel()
	start := time.Now()
	if err := <-done; !errors.Is(err, context.Canceled) || time.Since(start) > time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("left in the folder: %v, %v", left, err)
		}
		if len(left) == 0 {
			break
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	e := open(t, nil)
	broken := numbers("s", "broken", 10)
	broken.DescribeErr = errs.New(errs.Invalid, "line 7: the value of column %q is not of type integer", "n")
	late := numbers("s", "late", 10)
	late.Open = func() tabular.Rows { return lateError{} }
	internal := numbers("s", "internal", 10)
	internal.DescribeErr = io.ErrUnexpectedEOF
	c := enginetest.NewCatalog(broken, late, internal, numbers("s", "fine", 3))
	for _, text := range []string{"SELECT * FROM s.broken", "SELECT * FROM s.late"} {
		_, err := ask(t, e, c, text)
		var f *query.Failure
		if !errors.As(err, &f) || f.Name != query.InvalidData {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ask(t, e, c, "SELECT * FROM s.internal"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error = %v", err)
	}
	if a, err := ask(t, e, c, "SELECT table_name FROM information_schema.columns"); err != nil || len(a.Rows) == 0 {
		t.Errorf("the columns that can be read: %v, %v", a.Rows, err)
	}
}

type lateError struct{}

func (lateError) Next() ([]tabular.Value, error) {
	return nil, errs.New(errs.TooLarge, "line 9: the row is too long")
}
func (lateError) Close() error { return nil }
