package query

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// New is a query to run.
type New struct {
	Workspace string
	SQL       string
	// Cache is how old an answer may be; nil asks for no cache.
	Cache *CachePolicy
	// Wait is how long Execute waits for the end; 0 does not wait.
	Wait time.Duration

	savedSQL string
}

// CachePolicy says which kept answers will do.
type CachePolicy struct {
	TTL     time.Duration // the greatest age
	Refresh bool          // none will do: run it
}

// run is a query that this node works on. All of it but done is guarded by the
// service's mu.
type run struct {
	q      Query
	cache  *CachePolicy
	flight *flight
	kept   bool          // its row exists, or is being written
	ending bool          // its end is being written
	held   int64         // what the journal reserved: its end was told before it is durable
	done   chan struct{} // closed once its end may be told
}

// Execute starts a query and returns it: as it is by then, or, with a Wait, as
// it is when it ended or the wait is over. What is wrong with the statement is
// the query's Failure, not an error. Errors are Invalid (the text is empty or
// too long), RateLimited (too many wait already) and Unavailable.
func (s *Service) Execute(ctx context.Context, sc scope.Scope, n New) (*Query, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	var p errs.Problems
	checkWorkspace(&p, n.Workspace)
	s.checkSQL(&p, n.SQL)
	p.Check(n.Cache == nil || n.Cache.TTL >= 0, "cacheTTL is invalid: it must not be negative")
	p.Check(n.Wait >= 0, "wait is invalid: it must not be negative")
	if err := p.Err(); err != nil {
		return nil, err
	}
	r := &run{
		q: Query{
			ID: newID(), Tenant: sc.Tenant, User: sc.User, Workspace: n.Workspace, SQL: n.SQL, SavedSQL: n.savedSQL,
			Status: Queued, StartedAt: s.opts.Now(),
		},
		cache: n.Cache, done: make(chan struct{}), kept: n.Wait == 0,
	}
	var saved <-chan error
	if err := s.enqueue(sc, r, func() {
		if r.kept {
			saved = s.journal.save(&r.q)
		}
	}); err != nil {
		return nil, err
	}
	if saved == nil {
		return s.await(ctx, r, n.Wait)
	}
	select {
	case err := <-saved:
		if err != nil {
			s.drop(r, canceled())
			return nil, err
		}
	case <-ctx.Done():
		s.drop(r, canceled()) // nobody learns its id
		return nil, ctx.Err()
	}
	return s.snapshot(r), nil
}

// await waits for the end of a run that has no row yet.
func (s *Service) await(ctx context.Context, r *run, wait time.Duration) (*Query, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-r.done:
		return s.snapshot(r), nil
	case <-ctx.Done():
		s.drop(r, canceled()) // nobody learns its id
		return nil, ctx.Err()
	case <-timer.C:
	}
	s.mu.Lock()
	var saved <-chan error
	if !r.ending {
		r.kept = true
		saved = s.journal.save(&r.q)
	}
	s.mu.Unlock()
	select {
	case err := <-saved:
		if err != nil {
			s.drop(r, canceled())
			return nil, err
		}
	case <-r.done:
	case <-ctx.Done():
		s.drop(r, canceled())
		return nil, ctx.Err()
	}
	return s.snapshot(r), nil
}

// canceled is why a query that a user canceled has Failed.
func canceled() *Failure {
	return &Failure{Name: UserCanceled, Message: "Query was canceled"}
}

// enqueue makes r live: it joins a flight of the same statement that was not
// looked at yet, or begins one. first runs before anything becomes of it.
func (s *Service) enqueue(sc scope.Scope, r *run, first func()) error {
	key := strings.Join([]string{sc.Tenant, sc.User, r.q.Workspace, canonical(r.q.SQL)}, "\x00")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errs.New(errs.Unavailable, "the server is being stopped")
	}
	if err := s.admit(r.q.Workspace); err != nil {
		return err
	}
	s.live[r.q.ID] = r
	first()
	if f := s.forming[key]; f != nil && f.ctx.Err() == nil {
		f.join(r)
		return nil
	}
	f := s.newFlight(sc, key, r)
	s.forming[key] = f
	s.done.Go(func() { s.fly(f) })
	return nil
}

// admit refuses what would wait behind too many others.
func (s *Service) admit(workspace string) error {
	if len(s.live) < min(s.opts.MaxQueued, s.opts.QueuedPerWorkspace) {
		return nil
	}
	all, same := 0, 0
	for _, r := range s.live {
		if r.q.Status == Queued {
			all++
			if r.q.Workspace == workspace {
				same++
			}
		}
	}
	if all >= s.opts.MaxQueued || same >= s.opts.QueuedPerWorkspace {
		return errs.New(errs.RateLimited, "too many queries are waiting; try again later")
	}
	return nil
}

// canonical returns the text by which statements are compared: without outer
// blanks and one semicolon at the end.
func canonical(text string) string {
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), ";"))
}

// snapshot returns the state that r has now.
func (s *Service) snapshot(r *run) *Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.q.clone()
}

// finish ends a run as its last state says: once that is durable, it is what
// callers see, or at once where Options.SaveWithin lets it. The caller holds mu.
func (s *Service) finish(r *run, last Query) {
	if r.ending {
		return
	}
	r.ending = true
	if r.flight != nil {
		r.flight.leave(r)
	}
	last.EndedAt = s.opts.Now()
	s.done.Add(1)
	saved := s.saved(r, last, 1)
	// A result of several pages is asked for again, maybe on another node.
	if !r.kept && !s.closed && last.Result.Key == "" && last.Result.Rows <= maxHeldRows {
		r.held = s.journal.reserve(&last)
	}
	if r.held == 0 {
		s.journal.add(&last, saved)
		return
	}
	s.journal.addLater(&last, saved)
	r.q = last
	close(r.done)
}

// saved returns what is to be done when the end of a run was written: it is
// shown, or written again until it is durable or the service is closed.
func (s *Service) saved(r *run, last Query, try int) func(error) {
	return func(err error) {
		if err != nil {
			s.opts.Logger.Error("query not saved", "query", last.ID, "tenant", last.Tenant, "try", try, "err", err)
		}
		if err == nil || s.life.Err() != nil {
			s.settle(r, &last)
			return
		}
		go func() {
			pause(s.life, min(time.Duration(try)*time.Second, 10*time.Second))
			s.journal.add(&last, s.saved(r, last, try+1))
		}()
	}
}

// settle shows the end of a run to those who wait for it.
func (s *Service) settle(r *run, last *Query) {
	defer s.done.Done()
	s.mu.Lock()
	r.q = *last
	s.recent.add(r.q.clone())
	delete(s.live, last.ID)
	if r.held == 0 {
		close(r.done)
	}
	s.journal.free(r.held)
	s.mu.Unlock()
	s.log(last)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (s *Service) log(q *Query) {
	reason := ""
	if q.Failure != nil {
		reason = q.Failure.Name
	}
	s.opts.Logger.Info("query "+strings.ToLower(string(q.Status)), "query", q.ID, "tenant", q.Tenant, "user", q.User,
		"workspace", q.Workspace, "rows", q.Result.Rows, "bytes", q.Result.Size, "from_cache", q.FromCache,
		"took", q.EndedAt.Sub(q.StartedAt), "reason", reason)
}

// fail ends a run as Failed. The caller holds mu.
func (s *Service) fail(r *run, f *Failure) {
	last := r.q
	last.Status, last.Failure = Failed, f
	s.finish(r, last)
}

// drop ends a run as Failed.
func (s *Service) drop(r *run, f *Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail(r, f)
}

// Cancel ends a query that is not done, as Failed with the name UserCanceled,
// and returns it. Those that wait for the same answer get it all the same. A
// query of another node is canceled within a third of its lease.
func (s *Service) Cancel(ctx context.Context, sc scope.Scope, workspace, id string) (*Query, error) {
	if err := inWorkspace(sc, workspace); err != nil {
		return nil, err
	}
	if r := s.find(sc.Tenant, workspace, id); r != nil {
		s.drop(r, canceled())
		select {
		case <-r.done:
			return s.snapshot(r), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if q := s.recent.get(sc.Tenant, workspace, id); q != nil {
		return q.clone(), nil
	}
	if err := s.repo.CancelQuery(ctx, sc.Tenant, workspace, id); err != nil {
		return nil, err
	}
	return s.Get(ctx, sc, workspace, id)
}

// find returns a run that is live here, or nil.
func (s *Service) find(tenant, workspace, id string) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.live[id]; r != nil && r.q.Tenant == tenant && (workspace == "" || r.q.Workspace == workspace) {
		return r
	}
	return nil
}

// failureOf tells why a flight failed: what ended its context, what is wrong
// with the statement or its data, or a fault that is only logged.
func (s *Service) failureOf(ctx context.Context, err error) *Failure {
	var f *Failure
	if cause := context.Cause(ctx); cause != nil && errors.As(cause, &f) {
		return f
	}
	if errors.As(err, &f) {
		return f
	}
	switch kind := errs.KindOf(err); kind {
	case errs.Invalid, errs.TooLarge, errs.NotFound, errs.Conflict, errs.Unsupported:
		return &Failure{Name: InvalidData, Message: errs.Message(err)}
	case errs.Unavailable, errs.RateLimited, errs.Forbidden:
		name, typ := GenericInternal, External
		if isFull(err) {
			name, typ = StorageFull, InsufficientResources
		}
		return &Failure{Name: name, Type: typ, Message: errs.Message(err)}
	}
	s.opts.Logger.Error("query failed", "err", err)
	return &Failure{Name: GenericInternal, Type: InternalError, Message: "internal error"}
}

// byID returns a run that is live here, whosever it is, or nil.
func (s *Service) byID(id string) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[id]
}
