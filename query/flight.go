package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// flight is one run of the engine for all queries that wait for its answer.
// Its fields change under the service's mu.
type flight struct {
	key       string // in forming
	cacheKey  string // in flights, once it runs
	workspace string
	ticket    *ticket
	statement Statement
	runs      map[*run]struct{}
	runAt     time.Time // when it left the queue
	status    Status
	progress  Progress

	ctx context.Context // ends when nobody waits any more
	end context.CancelCauseFunc
}

// newFlight begins a flight for r. The caller holds mu.
func (s *Service) newFlight(sc scope.Scope, key string, r *run) *flight {
	f := &flight{
		key: key, workspace: r.q.Workspace, status: Queued, runs: map[*run]struct{}{},
		statement: Statement{Scope: sc, SQL: canonical(r.q.SQL), Catalog: s.catalog},
	}
	f.ctx, f.end = context.WithCancelCause(s.life)
	f.ticket = s.gate.queue(f.workspace)
	f.join(r)
	return f
}

// join makes r wait for f. The caller holds mu.
func (f *flight) join(r *run) {
	f.runs[r] = struct{}{}
	r.flight = f
	f.tell(r)
}

// leave takes r out, and ends a flight that nobody waits for. The caller holds
// mu.
func (f *flight) leave(r *run) {
	delete(f.runs, r)
	r.flight = nil
	if len(f.runs) == 0 {
		f.end(canceled())
	}
}

// tell shows a run how far the flight is. The caller holds mu.
func (f *flight) tell(r *run) {
	if r.ending {
		return
	}
	r.q.Status, r.q.Progress, r.q.CacheKey = f.status, f.progress, f.cacheKey
	r.q.StatementID = f.progress.StatementID
	if !f.runAt.IsZero() && r.q.RunAt.IsZero() {
		r.q.RunAt = f.runAt
		if r.q.RunAt.Before(r.q.StartedAt) {
			r.q.RunAt = r.q.StartedAt // it joined a flight that was under way
		}
	}
}

// update changes f under mu and tells all runs.
func (s *Service) update(f *flight, change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	for r := range f.runs {
		f.tell(r)
	}
}

// fly waits for its turn, runs the statement, and ends the queries that wait
// for it.
func (s *Service) fly(f *flight) {
	defer f.end(nil)
	err := s.gate.wait(f.ctx, f.ticket)
	if err != nil {
		s.land(f, s.failureOf(f.ctx, err), nil, Result{})
		return
	}
	defer s.gate.leave(f.workspace)
	s.busy()
	defer s.idle()
	ctx, cancel := context.WithTimeoutCause(f.ctx, s.opts.MaxRunTime, s.tooLong)
	defer cancel()
	// An engine may take its time to notice: its queries end at once.
	stop := context.AfterFunc(ctx, func() { s.land(f, s.failureOf(ctx, ctx.Err()), nil, Result{}) })
	defer stop()
	columns, result, err := s.work(ctx, f)
	if err != nil {
		s.land(f, s.failureOf(ctx, err), nil, Result{})
		return
	}
	s.land(f, nil, columns, result)
}

// work prepares and runs the statement. An engine that panics has met a
// statement that nobody thought of.
func (s *Service) work(ctx context.Context, f *flight) (columns []Column, result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.opts.Logger.Error("engine panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errs.New(errs.Internal, "the engine panicked")
		}
	}()
	s.update(f, func() {
		delete(s.forming, f.key)
		f.runAt, f.status = s.opts.Now(), Planning
		f.progress = Progress{Nodes: 1, TotalSplits: 1, RunningSplits: 1}
	})
	prepared, err := s.engine.Prepare(ctx, f.statement)
	if err != nil {
		return nil, Result{}, err
	}
	defer prepared.Close()
	deps := prepared.Dependencies()
	if !deps.Volatile {
		key := s.cacheKey(f, deps)
		if err := s.answerFromCache(ctx, f, key); err != nil {
			return nil, Result{}, err
		}
		if s.merge(f, key) {
			return nil, Result{}, nil
		}
	}
	s.update(f, func() { f.status = Running })
	return s.collect(ctx, f, prepared)
}

// cacheKey names all that the answer depends on.
func (s *Service) cacheKey(f *flight, d Dependencies) string {
	var all []byte
	put := func(text string) {
		all = strconv.AppendInt(all, int64(len(text)), 10)
		all = append(append(all, ':'), text...)
	}
	sc := f.statement.Scope
	for _, text := range []string{s.engine.Name(), sc.Tenant, sc.User, f.workspace, f.statement.SQL, s.limits} {
		put(text)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Versions)) {
		put(name)
		put(d.Versions[name])
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:])
}

// answerFromCache ends those queries for which a kept answer will do.
func (s *Service) answerFromCache(ctx context.Context, f *flight, key string) error {
	s.mu.Lock()
	var oldest time.Duration = -1
	for r := range f.runs {
		if r.cache != nil && !r.cache.Refresh {
			oldest = max(oldest, r.cache.TTL)
		}
	}
	s.mu.Unlock()
	if oldest < 0 {
		return nil
	}
	if s.opts.Retention > 0 { // not one whose result may be about to be removed
		oldest = min(oldest, s.opts.Retention-s.opts.Retention/8)
	}
	s.journal.drain(ctx)
	now := s.opts.Now()
	q, err := s.repo.CachedQuery(ctx, f.statement.Scope.Tenant, key, now.Add(-oldest))
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range f.runs {
		if r.cache == nil || r.cache.Refresh || now.Sub(q.EndedAt) > r.cache.TTL {
			continue
		}
		last := r.q
		last.Status, last.Columns, last.Result, last.FromCache = Finished, q.Columns, q.Result, true
		last.StatementID, last.CacheKey = q.StatementID, key
		last.Progress = Progress{Nodes: 1, TotalSplits: 1, CompletedSplits: 1}
		s.finish(r, last)
	}
	return nil
}

// merge hands the queries that are left to a flight that gives the same
// answer, or makes f that flight. It reports whether f has nothing to do.
func (s *Service) merge(f *flight, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(f.runs) == 0 {
		return true
	}
	f.cacheKey = key
	other := s.flights[key]
	if other == nil || other.ctx.Err() != nil {
		s.flights[key] = f
		return false
	}
	for r := range f.runs {
		delete(f.runs, r)
		other.join(r)
	}
	return true
}

// collect runs the statement into a result.
func (s *Service) collect(ctx context.Context, f *flight, p Prepared) ([]Column, Result, error) {
	out := &sink{ctx: ctx, service: s}
	defer out.abort()
	err := p.Run(ctx, out, func(progress Progress) { s.update(f, func() { f.progress = progress }) })
	if err == nil && out.writer == nil {
		err = errs.New(errs.Internal, "the engine gave no columns")
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, Result{}, err
	}
	r, err := out.writer.Finish(ctx)
	return out.columns, r, err
}

// land ends all queries that wait for f. Who comes later begins another.
func (s *Service) land(f *flight, failure *Failure, columns []Column, result Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forming[f.key] == f {
		delete(s.forming, f.key)
	}
	if f.cacheKey != "" && s.flights[f.cacheKey] == f {
		delete(s.flights, f.cacheKey)
	}
	for r := range maps.Clone(f.runs) {
		if failure != nil {
			r.q.Progress.RunningSplits, r.q.Progress.QueuedSplits = 0, 0
			s.fail(r, failure)
			continue
		}
		last := r.q
		last.Status, last.Columns, last.Result = Finished, columns, result
		s.finish(r, last)
	}
}

func isFull(err error) bool { return errors.Is(err, blob.ErrFull) }

// hourOf returns the part of a key that results of one hour share.
func hourOf(t time.Time) string { return t.UTC().Format("06010215") }
