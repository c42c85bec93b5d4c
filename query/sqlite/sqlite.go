// Package sqlite is the embedded engine: SQL of SQLite, in the process and
// without cgo, over the tables of a catalog.
//
// A table is loaded when a statement first reads it, into a file of its own in
// a cache on disk, which other statements, tenants and later processes share
// by the table's version. Statements only ever see the files of tables that
// their own catalog returned.
//
// What is exact: 64-bit integers, texts, dates and times as they are, and
// decimals. A column of decimals that float64 gives back as they are (up to 15
// digits, all with as many behind the point) is one of numbers; others are kept
// as texts, and are exact where the column itself is compared, ordered, grouped
// or joined, but texts for whatever takes what a function made of them: write
// CAST(max(wide) AS REAL) > 50. Sums, averages and arithmetic of decimals are
// float64, and NaN is null.
//
// Types of results are the columns' own where SQLite passes a column on, else
// they are taken from the first values: min(day) is a varchar. Where the values
// of a column are of several kinds, as SQLite allows, each comes as what it is.
//
// What bounds a statement: its deadline, the size of a value, the room for
// temporary files, and SQLite's limits on its text. SQLite does not bound the
// memory of all values of a statement together, so the size of one is also at
// most 512 MiB through the number of functions, concatenations and columns that
// the statement has, and 4 MiB where it takes JSON apart.
package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	driverpkg "modernc.org/sqlite"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// Options qualify an [Engine]; nil or zero values are the defaults.
type Options struct {
	// Dir is the folder of the cache, which no other engine uses at the same
	// time; it is created. By default it is a temporary folder that Close
	// removes. Temporary files of statements are there as well.
	Dir string

	// CacheBytes bounds the cached tables; 0 means 2 GiB. Tables that a
	// statement reads stay, and a table that is larger fails with STORAGE_FULL.
	CacheBytes int64

	// Connections is how many statements run at the same time, others wait; 0
	// means GOMAXPROCS.
	Connections int

	// ValueBytes bounds each text and blob that a statement makes; 0 means
	// 16 MiB.
	ValueBytes int64

	// TempBytes bounds what one statement writes to temporary files for sorts
	// and intermediate results; 0 means 4 GiB.
	TempBytes int64
}

// settings are options with their defaults.
type settings struct {
	dir                               string
	cacheBytes, valueBytes, tempBytes int64
	connections                       int
}

func (o *Options) settings() settings {
	if o == nil {
		o = &Options{}
	}
	s := settings{o.Dir, 2 << 30, 16 << 20, 4 << 30, runtime.GOMAXPROCS(0)}
	for _, v := range []struct {
		option  int64
		setting *int64
	}{{o.CacheBytes, &s.cacheBytes}, {min(o.ValueBytes, 1<<30), &s.valueBytes}, {o.TempBytes, &s.tempBytes}} {
		if v.option > 0 {
			*v.setting = v.option
		}
	}
	if o.Connections > 0 {
		s.connections = o.Connections
	}
	return s
}

// Engine is the embedded engine.
type Engine struct {
	settings settings
	driver   *driverpkg.Driver // of what loads tables
	cache    *cache
	pool     *pool
	temp     string // a folder to remove, or ""

	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc
	busy   sync.WaitGroup
	mu     sync.Mutex
	closed bool
}

var _ query.Engine = (*Engine)(nil)
var _ query.Sleeper = (*Engine)(nil)

// errClosed is why statements end when the engine is closed.
var errClosed = &query.Failure{Name: query.ServerStopped, Type: query.InsufficientResources, Message: "the engine is closed"}

// New returns an engine. It fails when the folder of the cache cannot be used.
func New(o *Options) (*Engine, error) {
	if o == nil {
		o = &Options{}
	}
	e := &Engine{settings: o.settings(), driver: &driverpkg.Driver{}}
	err := errors.Join(registerRows(e.driver), registerVFS())
	if err != nil {
		return nil, err
	}
	dir := e.settings.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "inlet-sqlite-*"); err != nil {
			return nil, fmt.Errorf("cache of tables: %w", err)
		}
		e.temp = dir
	}
	if e.settings.dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	e.pool = newPool(e.settings)
	if e.cache, err = openCache(e.settings.dir, e.settings.cacheBytes, e.pool.gone); err != nil {
		return nil, fmt.Errorf("cache of tables: %w", err)
	}
	e.pool.kept = e.cache.has
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	return e, nil
}

// connector says which driver is meant.
type connector struct{ driver *driverpkg.Driver }

// Connect implements [driver.Connector].
func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(":memory:") }

// Driver implements [driver.Connector].
func (c connector) Driver() driver.Driver { return c.driver }

// Name implements [query.Engine].
func (e *Engine) Name() string { return "sqlite/1" }

// enter counts a call that Close waits for.
func (e *Engine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed
	}
	e.busy.Add(1)
	return nil
}

// Close stops what runs and waits for it. The cached tables stay, unless the
// folder was a temporary one.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.mu.Unlock()
	e.cancel(errClosed)
	e.busy.Wait()
	err := e.pool.close()
	e.cache.drain()
	if e.temp != "" {
		err = errors.Join(err, os.RemoveAll(e.temp))
	}
	return err
}

// Sleep closes the connections that nobody uses, and so gives back the memory
// of their caches and the files that they have open.
func (e *Engine) Sleep(context.Context) error { return e.pool.close() }

// columns returns what a table's columns are, without reading it where it is
// cached.
func (e *Engine) columns(ctx context.Context, t query.Table) ([]tabular.Column, error) {
	if f := e.cache.pin(keyOf("table", t.Version)); f != nil {
		defer e.cache.unpin(f)
		return f.meta.Columns, nil
	}
	told, err := t.Source.Describe(ctx)
	return told.Columns, err
}

// tableFailure says which table could not be read, where that is the table's
// own fault.
func tableFailure(t query.Table, err error) error {
	var f *query.Failure
	if errors.As(err, &f) {
		return err
	}
	switch kind := errs.KindOf(err); kind {
	case errs.Invalid, errs.TooLarge, errs.Unsupported, errs.NotFound:
		return &query.Failure{Name: query.InvalidData, Message: fmt.Sprintf("table %s.%s cannot be read: %s", t.Schema, t.Name, errs.Message(err))}
	}
	if full(err) {
		return &query.Failure{
			Name: query.StorageFull, Type: query.InsufficientResources,
			Message: fmt.Sprintf("there is no room for table %s.%s in the cache", t.Schema, t.Name),
		}
	}
	return err
}
