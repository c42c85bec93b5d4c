package database_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/connector/database"
	mysqldb "github.com/inlet-go/inlet/connector/database/mysql"
	"github.com/inlet-go/inlet/connector/database/postgres"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

var _ task.Incremental = (*database.Source)(nil)

// source opens a connector to a table.
func (e *env) source(s *server, table, timestamp string, batch, batches int) task.Incremental {
	e.t.Helper()
	c, err := e.connect(s, table, timestamp, batch, batches)
	if err != nil {
		e.t.Fatal(err)
	}
	src, err := e.connectors.Source(e.t.Context(), e.me.Tenant, c.ID)
	if err == nil {
		err = e.connectors.Delete(e.t.Context(), e.me, c.ID)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { src.Close() })
	return src.(task.Incremental)
}

// list returns the keys of a listing, and the state that it leaves.
func (e *env) list(src task.Incremental, state string) (keys []string, next string) {
	e.t.Helper()
	objects, left := src.ListSince(e.t.Context(), state, false)
	for obj, err := range objects {
		if err != nil {
			e.t.Fatal(err)
		}
		keys = append(keys, obj.Key)
	}
	return keys, left()
}

// pages returns the rows of pages.
func (e *env) pages(src blob.Source, keys []string) []string {
	e.t.Helper()
	var list []string
	for _, key := range keys {
		r, err := src.Open(e.t.Context(), key, nil)
		if err != nil {
			e.t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			e.t.Fatal(err)
		}
		list = append(list, rows(e.t, data)...)
	}
	return list
}

func TestOpenRefusals(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := orders(t, s, 5)
		src, byKey := e.source(s, table, "changed", 2, 10), e.source(s, table, "", 2, 10)
		keys, _ := e.list(src, "")
		for name, tt := range map[string]struct {
			src  blob.Source
			key  string
			opts *blob.OpenOptions
			kind errs.Kind
		}{
			"a part":        {src, keys[0], &blob.OpenOptions{Offset: 1}, errs.Unsupported},
			"another order": {byKey, keys[0], nil, errs.Conflict},
			"another table": {src, "other/eyJieSI6WyJpZCJdLCJ0byI6WyIxIl19.parquet", nil, errs.NotFound},
			"no page":       {src, "a.csv", nil, errs.NotFound},
		} {
			if r, err := tt.src.Open(t.Context(), tt.key, tt.opts); errs.KindOf(err) != tt.kind {
				t.Errorf("%s: %v, %v, want %v", name, r, err, tt.kind)
			}
		}
	})
}

// A reader that goes away frees the database.
func TestCloseEndsTheQuery(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		src := e.source(s, orders(t, s, 50), "changed", 50, 10)
		keys, _ := e.list(src, "")
		for range 20 { // more than there are connections
			r, err := src.Open(t.Context(), keys[0], nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
		ctx, cancel := context.WithCancel(t.Context())
		r, err := src.Open(ctx, keys[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cancel()
		if _, err := io.ReadAll(r); errs.KindOf(err) != errs.Canceled {
			t.Errorf("a read whose context has ended gives %v", err)
		}
	})
}

// Whoever may name a host cannot reach what only this one can.
func TestPrivateAddressesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		c, err := e.connect(s, "orders", "", 10, 10)
		if err != nil {
			t.Fatal(err)
		}
		guarded := database.NewOpener(nil, []database.Driver{postgres.Driver{}, mysqldb.Driver{}}, nil)
		src, err := guarded.Open(t.Context(), c.Config)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		for _, err := range src.List(t.Context(), "", nil) {
			if errs.KindOf(err) != errs.Forbidden {
				t.Errorf("listing gives %v", err)
			}
		}
		if _, err := database.NewOpener(nil, nil, nil).Open(t.Context(), c.Config); errs.KindOf(err) != errs.Unsupported {
			t.Errorf("without drivers: %v", err)
		}
	})
}
