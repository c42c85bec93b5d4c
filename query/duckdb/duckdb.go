// Package duckdb is an engine for large tables: SQL of DuckDB, in the process,
// over the tables of a catalog. It is a module of its own because it needs cgo
// and makes a binary 60 MB larger.
//
// A table is loaded, when a statement first reads it, into a database file of
// its own with its real types, and kept by its version for all who read it.
// Each statement runs in a database instance of its own in memory, which has
// the files of the tables that it names attached and nothing else: what is not
// there cannot be named by any trick. The instance can reach no file, network
// or extension, and its settings are locked. Before that, the statement's tree
// is checked: tables are those of the caller's catalog, functions in FROM are
// an allow-list, and functions that reach settings are refused.
//
// Decimals are exact up to 38 digits; columns with longer ones, with times of
// more digits than DuckDB keeps, or with times of which only some are in UTC,
// are texts. Sums of integers are decimal(38,0).
//
// Answers are streamed. What bounds a statement is its deadline, the memory
// and the room for temporary files of its instance, and the sizes of what
// repeat, lpad, rpad, replace, printf, format and the functions that search
// texts are given. DuckDB looks for a cancel between blocks of 2048 rows only,
// and not while it plans: a run then returns half a second late, while its
// instance goes on until the block is done and holds one of the Connections.
// What one block may take is not bounded otherwise: patterns of LIKE that come
// from the data, texts that grow by || or by functions of lists, whose memory
// DuckDB counts in part only. A host that cannot trust its users so far runs
// the engine in a process that it can kill.
package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
)

// Options are settings of an [Engine]; nil is the defaults.
type Options struct {
	// Dir is a folder for the engine alone, in which it removes what it finds.
	// By default it is a temporary folder that Close removes.
	Dir string

	CacheBytes  int64 // of loaded tables, beyond those in use; 0 means 4 GiB
	Connections int   // statements that run at the same time, others wait; 0 means GOMAXPROCS
	Threads     int   // of each statement; 0 means GOMAXPROCS
	MemoryBytes int64 // of each statement and each load; 0 means 512 MiB
	TempBytes   int64 // of a statement's temporary files; 0 means 4 GiB
	ValueBytes  int   // of one value; 0 means 16 MiB
}

// Engine is an embedded engine. It is safe for concurrent use.
type Engine struct {
	opts   Options
	own    bool // Dir is the engine's
	parser *sql.DB
	cache  *cache
	slots  chan struct{}
	count  atomic.Int64 // of instances

	life *query.Life
}

var _ query.Engine = (*Engine)(nil)

// New returns an engine. A folder that cannot be used is an Invalid error.
func New(opts *Options) (*Engine, error) {
	e := &Engine{}
	if opts != nil {
		e.opts = *opts
	}
	o := &e.opts
	for _, d := range []struct {
		value *int64
		def   int64
	}{{&o.CacheBytes, 4 << 30}, {&o.MemoryBytes, 512 << 20}, {&o.TempBytes, 4 << 30}} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	for _, d := range []struct {
		value *int
		def   int
	}{{&o.Connections, runtime.GOMAXPROCS(0)}, {&o.Threads, runtime.GOMAXPROCS(0)}, {&o.ValueBytes, 16 << 20}} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if err := e.folder(); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "the folder of the engine cannot be used")
	}
	connector, err := driver.NewConnector(":memory:?threads=1&memory_limit=256MB&enable_external_access=false&lock_configuration=true", nil)
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	e.parser = sql.OpenDB(connector)
	e.parser.SetMaxOpenConns(o.Connections)
	e.cache = newCache(o.Dir, o.CacheBytes)
	e.slots = make(chan struct{}, o.Connections)
	e.life = query.NewLife()
	return e, nil
}

// folder makes the folder and empties it of what a former engine left.
func (e *Engine) folder() (err error) {
	if e.opts.Dir == "" {
		e.own = true
		e.opts.Dir, err = os.MkdirTemp("", "inlet-duckdb-")
		return err
	}
	if strings.Contains(e.opts.Dir, "?") {
		return errs.New(errs.Invalid, "its name has a question mark")
	}
	if err := os.MkdirAll(e.opts.Dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(e.opts.Dir)
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, prefix) {
			if err := os.RemoveAll(filepath.Join(e.opts.Dir, name)); err != nil {
				return err
			}
		}
	}
	return err
}

// prefix starts the names of all that the engine puts into its folder.
const prefix = "inlet-duckdb-"

// Name implements [query.Engine].
func (e *Engine) Name() string { return "duckdb/1.5/1" }

// closeGrace is how long Close waits for what cannot be interrupted.
const closeGrace = 5 * time.Second

// Close ends what is running, waits for it, and removes the loaded tables. It
// waits five seconds at most: a statement that cannot be interrupted is left
// alone with its memory, and an error says so.
func (e *Engine) Close() error {
	select {
	case <-e.life.End():
	case <-time.After(closeGrace):
		return errs.New(errs.Unavailable, "a statement that cannot be interrupted still runs")
	}
	e.cache.close()
	err := e.parser.Close()
	if e.own {
		os.RemoveAll(e.opts.Dir)
	}
	return err
}

// maxStatement bounds what the parser takes.
const maxStatement = 1 << 20

// Prepare implements [query.Engine]. It parses the statement and resolves its
// tables; columns and types are checked when it runs.
func (e *Engine) Prepare(ctx context.Context, st query.Statement) (query.Prepared, error) {
	if len(st.SQL) > maxStatement {
		return nil, &query.Failure{Name: query.ExceededLimit, Message: "the statement is too long"}
	}
	ctx, leave, err := e.life.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return nil, stopped(err)
	}
	parsed, err := e.parse(ctx, st.SQL)
	if err != nil {
		return nil, err
	}
	p := &prepared{engine: e, st: st}
	if p.resolved, err = resolve(ctx, st, parsed); err != nil {
		return nil, err
	}
	p.deps.Volatile = parsed.volatile || p.resolved.views
	for _, t := range p.resolved.targets {
		if p.deps.Versions == nil {
			p.deps.Versions = map[string]string{}
		}
		p.deps.Versions[t.table.Schema+"."+t.table.Name] = t.table.Version
	}
	return p, nil
}

func stopped(err error) error { return errs.Wrap(errs.Canceled, err, "the statement was stopped") }
