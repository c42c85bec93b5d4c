package sqlite

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// reportEvery is how often a run tells how far it is.
const reportEvery = 250 * time.Millisecond

// checkEvery is how often a run looks at what it uses.
const checkEvery = 20 * time.Millisecond

// runID makes the ids of runs unique in the process.
var runID atomic.Int64

// processStart is part of them, so that they differ between processes.
var processStart = strconv.FormatInt(time.Now().UnixMicro(), 36)

// run is a run of a statement.
type run struct {
	p        *prepared
	report   func(query.Progress)
	now      query.Progress
	cpu      cpuClock
	loaded   query.Progress
	c        *connection
	st       *statement
	next     time.Time // when to report
	check    time.Time // when to look at what it uses
	viewRows map[string][][]tabular.Value
}

// Run implements [query.Prepared].
func (p *prepared) Run(ctx context.Context, out query.Sink, report func(query.Progress)) (err error) {
	e := p.engine
	r := &run{p: p, report: report, next: time.Now().Add(reportEvery), viewRows: map[string][][]tabular.Value{}}
	r.now = query.Progress{
		StatementID: processStart + "-" + strconv.FormatInt(runID.Add(1), 10), Nodes: 1, TotalSplits: 1, QueuedSplits: 1,
	}
	defer func() { r.end(err) }()
	if p.closed {
		return errors.New("the statement is closed")
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.busy.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.ctx, func() { cancel(errClosed) })()
	if err := take(ctx, e.pool.running); err != nil {
		return err
	}
	defer func() { <-e.pool.running }()
	r.now.QueuedSplits, r.now.RunningSplits = 0, 1
	defer r.measureCPU()
	if err := r.readViews(ctx); err != nil {
		return err
	}
	given := false
	err = r.once(ctx, out, &given)
	if damaged(err) && !given {
		err = r.once(ctx, out, &given) // its files were dropped, and are made again
	}
	return err
}

// readViews reads the views that the statement names.
func (r *run) readViews(ctx context.Context) (err error) {
	if len(r.p.resolved.views) == 0 {
		return nil
	}
	r.cpu.start()
	defer r.cpu.stop()
	r.cpu.exact()
	for _, t := range r.p.resolved.views {
		if r.viewRows[t.view], err = r.p.engine.viewRows(ctx, r.p.st, t.view); err != nil {
			return err
		}
	}
	return nil
}

// once runs the statement. A file that turns out to be damaged is dropped.
func (r *run) once(ctx context.Context, out query.Sink, given *bool) (err error) {
	p, e := r.p, r.p.engine
	files, pinned, err := r.files(ctx)
	defer func() {
		for _, f := range pinned {
			e.cache.unpin(f)
		}
	}()
	if err != nil {
		return err
	}
	c, err := e.pool.get(ctx, files)
	if err != nil {
		return err
	}
	broken := true
	defer func() { e.pool.put(c, broken) }()
	r.cpu.start()
	defer r.cpu.stop()
	err = c.attach(files)
	if err == nil {
		err = r.stream(ctx, c, out, given)
	}
	if broken = damaged(err); broken {
		for _, f := range pinned {
			e.cache.drop(f)
		}
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && (interrupted(err) || errors.Is(err, ctx.Err())) {
		return context.Cause(ctx)
	}
	return p.failure(err, rewritten{}, nil)
}

// stream gives out the columns and rows.
func (r *run) stream(ctx context.Context, c *connection, out query.Sink, given *bool) error {
	defer c.watch(ctx)()
	st, w, granted, err := r.p.prepareOn(c)
	if err != nil {
		return r.p.failure(err, w, granted)
	}
	r.c, r.st, c.run, c.permit = c, st, r, st.permit
	c.spill.written.Store(0)
	c.spill.over.Store(false)
	c.status(sqlite3.SQLITE_DBSTATUS_CACHE_HIT, true)
	c.status(sqlite3.SQLITE_DBSTATUS_CACHE_MISS, true)
	limit := r.p.engine.settings.valueBytes
	c.limitLength(r.p.longest(st.permit))
	defer func() {
		r.measure()
		st.reset()
		c.limitLength(limit)
		r.c, r.st, c.run, c.permit = nil, nil, nil, nil
	}()
	err = r.rows(ctx, out, given)
	if stopped := (*libraryError)(nil); errors.As(err, &stopped) {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case c.spill.over.Load():
			return &query.Failure{
				Name: query.ExceededLimit, Type: query.InsufficientResources,
				Message: "the statement needs more than " + strconv.FormatInt(c.spill.limit, 10) + " bytes of temporary files",
			}
		}
	}
	return r.p.failure(err, w, granted)
}

// maxValues bounds the bytes of all values that a statement makes at a time.
const maxValues = 512 << 20

// maxJSON bounds JSON that is taken apart: one call may do that a hundred times
// for as many paths, and is not interrupted.
const maxJSON = 4 << 20

// longest returns how long a value may be: SQLite has no other bound for what
// the expressions of a statement hold at the same time.
func (p *prepared) longest(granted *permit) int64 {
	limit := min(p.engine.settings.valueBytes, maxValues/int64(expressions(p.tokens)+1))
	if granted.json {
		limit = min(limit, maxJSON)
	}
	return max(limit, 16<<10)
}

func (r *run) rows(ctx context.Context, out query.Sink, given *bool) error {
	row := make([]tabular.Value, len(r.st.columns))
	first, more, err := r.first(row)
	if err != nil {
		return err
	}
	*given = true
	if err := out.Columns(r.st.typed(first)); err != nil {
		return err
	}
	for _, values := range first {
		if err := out.Row(values); err != nil {
			return err
		}
	}
	for n := 0; more; n++ {
		if n&0xff == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if more, err = r.st.step(row); err != nil || !more {
			return err
		}
		if err := out.Row(row); err != nil {
			return err
		}
	}
	return nil
}

// look is called by SQLite every now and then, in the goroutine of the run.
func (r *run) look() {
	r.cpu.exact()
	now := time.Now()
	if r.c == nil || now.Before(r.check) {
		return
	}
	r.check = now.Add(checkEvery)
	r.measure()
	if now.After(r.next) {
		r.tell()
	}
}

// measure notes what the statement has used.
func (r *run) measure() {
	c := r.c
	if c == nil {
		return
	}
	r.now.Spilled = c.spill.written.Load()
	pages := c.status(sqlite3.SQLITE_DBSTATUS_CACHE_HIT, false) + c.status(sqlite3.SQLITE_DBSTATUS_CACHE_MISS, false)
	r.now.ProcessedBytes = r.loaded.ProcessedBytes + pages*pageSize
	r.now.ProcessedRows = r.loaded.ProcessedRows + r.st.scanned()
	memory := c.status(sqlite3.SQLITE_DBSTATUS_CACHE_USED, false) + c.status(sqlite3.SQLITE_DBSTATUS_STMT_USED, false) +
		c.status(sqlite3.SQLITE_DBSTATUS_SCHEMA_USED, false)
	r.now.PeakMemory = max(r.now.PeakMemory, memory)
}

// tell reports how far the run is.
func (r *run) tell() {
	r.next = time.Now().Add(reportEvery)
	r.measureCPU()
	r.report(r.now)
}

// measureCPU is called by the goroutine of the run.
func (r *run) measureCPU() { r.now.CPU = r.loaded.CPU + r.cpu.read() }

// end reports the last time.
func (r *run) end(err error) {
	r.now.QueuedSplits, r.now.RunningSplits = 0, 0
	if err == nil {
		r.now.CompletedSplits = 1
	}
	r.report(r.now)
}
