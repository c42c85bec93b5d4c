package duckdb

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// grace is how long a run that was stopped waits for DuckDB to agree.
const grace = 500 * time.Millisecond

// prepared is a statement that is parsed. It holds nothing until it runs.
type prepared struct {
	engine   *Engine
	st       query.Statement
	resolved *resolved
	deps     query.Dependencies
}

// Dependencies implements [query.Prepared].
func (p *prepared) Dependencies() query.Dependencies { return p.deps }

// Close implements [query.Prepared].
func (p *prepared) Close() error { return nil }

var errEnded = errors.New("the run has ended")

// run is a statement that runs. What it gives is held back once Run returned.
type run struct {
	p *prepared

	mu     sync.Mutex
	ended  bool
	out    query.Sink
	report func(query.Progress)
	now    query.Progress
}

// Columns implements [query.Sink].
func (r *run) Columns(columns []query.Column) error {
	return r.give(func() error { return r.out.Columns(columns) })
}

// Row implements [query.Sink].
func (r *run) Row(row []tabular.Value) error {
	return r.give(func() error { return r.out.Row(row) })
}

func (r *run) give(f func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return errEnded
	}
	return f()
}

// tell changes and reports how far the run is.
func (r *run) tell(change func(now *query.Progress)) {
	_ = r.give(func() error { // nobody listens any longer
		change(&r.now)
		r.report(r.now)
		return nil
	})
}

// Run implements [query.Prepared].
func (p *prepared) Run(ctx context.Context, out query.Sink, report func(query.Progress)) error {
	r := &run{p: p, out: out, report: report, now: query.Progress{Nodes: 1, TotalSplits: 1, QueuedSplits: 1}}
	err := p.run(ctx, r)
	r.tell(func(now *query.Progress) { now.QueuedSplits, now.RunningSplits, now.CompletedSplits = 0, 0, 1 })
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	return err
}

func (p *prepared) run(caller context.Context, r *run) error {
	e := p.engine
	ctx, leave, err := e.life.Enter(caller)
	if err != nil {
		return err
	}
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		leave()
		return stopped(ctx.Err())
	}
	if err := ctx.Err(); err != nil {
		<-e.slots
		leave()
		return stopped(err)
	}
	done := make(chan error, 1)
	go func() {
		defer leave()
		defer func() { <-e.slots }()
		done <- p.execute(ctx, r)
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(grace):
			return stopped(ctx.Err())
		}
	}
	if ended := errors.Join(caller.Err(), e.life.Err()); err != nil && ended != nil {
		return stopped(ended)
	}
	return err
}

// execute loads what is missing and runs the statement in an instance.
func (p *prepared) execute(ctx context.Context, r *run) (err error) {
	e := p.engine
	r.tell(func(now *query.Progress) { now.QueuedSplits, now.RunningSplits = 0, 1 })
	var files []*file
	defer func() {
		for _, f := range files {
			e.cache.release(f)
		}
	}()
	for _, t := range p.resolved.targets {
		f, err := e.cache.get(ctx, t.table.Version, func(ctx context.Context, path string) error {
			return e.table(ctx, t.table, path)
		})
		if err != nil {
			return err
		}
		files = append(files, f)
		r.tell(func(now *query.Progress) { now.ProcessedBytes += t.table.Bytes })
	}
	setup := e.setup(p.resolved.targets, files)
	if p.resolved.views {
		views, err := information(ctx, p.st)
		if err != nil {
			return err
		}
		setup = append(setup, views...)
	}
	i, err := e.start(append(setup, locks...))
	if err != nil {
		return err
	}
	defer i.close()
	defer i.watch(ctx)()
	err = i.query(ctx, p.resolved.replaced(p.st.SQL), e.opts.ValueBytes, r)
	r.tell(i.figures)
	var raw duckError
	if errors.As(err, &raw) {
		f := failure(string(raw), p.st.SQL)
		if strings.Contains(f.Message, tooLarge) {
			f.Name, f.Type = query.ExceededLimit, query.InsufficientResources
		}
		return f
	}
	return err
}

// watch interrupts the instance when ctx ends, until it is told to end itself.
func (i *instance) watch(ctx context.Context) (end func()) {
	finished := make(chan struct{})
	go func() {
		select {
		case <-finished:
			return
		case <-ctx.Done():
		}
		for { // an interrupt between two steps is lost
			i.interrupt()
			select {
			case <-finished:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() { close(finished) }
}

// duckError is what DuckDB says of a statement.
type duckError string

// Error returns the text.
func (e duckError) Error() string { return string(e) }

// query runs a statement and streams its answer.
func (i *instance) query(ctx context.Context, text string, limit int, out query.Sink) error {
	stmt, err := i.prepare(text)
	if err != nil {
		return err
	}
	defer duckdb.DestroyPrepare(&stmt)
	if err := ctx.Err(); err != nil {
		return err
	}
	var pending duckdb.PendingResult
	defer duckdb.DestroyPending(&pending)
	if duckdb.PendingPreparedStreaming(stmt, &pending) == duckdb.StateError {
		return duckError(duckdb.PendingError(pending))
	}
	var res duckdb.Result
	defer duckdb.DestroyResult(&res)
	if duckdb.ExecutePending(pending, &res) == duckdb.StateError {
		return duckError(duckdb.ResultError(&res))
	}
	a := answer{limit: limit, out: out}
	if err := a.columns(stmt); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		chunk := duckdb.FetchChunk(res)
		if chunk.Ptr == nil {
			if message := duckdb.ResultError(&res); message != "" {
				return duckError(message)
			}
			return nil
		}
		err := a.rows(ctx, chunk)
		duckdb.DestroyDataChunk(&chunk)
		if err != nil {
			return err
		}
	}
}

// prepare compiles a statement, which must be one that reads.
func (i *instance) prepare(text string) (stmt duckdb.PreparedStatement, err error) {
	var all duckdb.ExtractedStatements
	n := duckdb.ExtractStatements(i.conn, text, &all)
	defer duckdb.DestroyExtracted(&all)
	if n == 0 {
		return stmt, duckError(duckdb.ExtractStatementsError(all))
	}
	if n != 1 {
		return stmt, &query.Failure{Name: query.NotSupported, Message: "only one statement is run"}
	}
	if duckdb.PrepareExtractedStatement(i.conn, all, 0, &stmt) == duckdb.StateError {
		message := duckdb.PrepareError(stmt)
		duckdb.DestroyPrepare(&stmt)
		return stmt, duckError(message)
	}
	typ := duckdb.PreparedStatementType(stmt)
	switch {
	case typ != duckdb.StatementTypeSelect && typ != duckdb.StatementTypeExplain:
		err = &query.Failure{Name: query.NotSupported, Message: "only statements that read are run"}
	case duckdb.NParams(stmt) > 0:
		err = &query.Failure{Name: query.SyntaxError, Message: "statements have no parameters"}
	}
	if err != nil {
		duckdb.DestroyPrepare(&stmt)
	}
	return stmt, err
}
