package query

import (
	"context"
	"time"
)

// Runner does for a service what is to be done at all times: it keeps the
// leases of its queries, ends those of nodes that died, removes old ones, and
// lets the engine sleep.
type Runner struct {
	svc  *Service
	opts RunnerOptions
}

// RunnerOptions qualifies a Runner; zero fields have defaults.
type RunnerOptions struct {
	// CleanEvery is the time between two looks for queries that are past their
	// retention; 0 means a minute.
	CleanEvery time.Duration
}

// NewRunner returns a runner for the service.
func NewRunner(svc *Service, opts *RunnerOptions) *Runner {
	r := &Runner{svc: svc}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.CleanEvery == 0 {
		r.opts.CleanEvery = time.Minute
	}
	return r
}

// Run works until ctx ends. Errors are logged and tried again. It must be
// called once.
func (r *Runner) Run(ctx context.Context) error {
	s := r.svc
	r.try(ctx, "ending abandoned queries", r.abandon)
	beat, clean := time.NewTicker(s.opts.Lease/3), time.NewTicker(r.opts.CleanEvery)
	defer beat.Stop()
	defer clean.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			r.try(ctx, "renewing queries", r.Beat)
		case <-clean.C:
			r.try(ctx, "removing old queries", r.Clean)
			r.Rest(ctx)
		}
	}
}

func (r *Runner) try(ctx context.Context, what string, f func(context.Context) error) {
	if err := f(ctx); err != nil && ctx.Err() == nil {
		r.svc.opts.Logger.ErrorContext(ctx, what+" failed", "err", err)
	}
}

// Beat renews the lease of this node's queries, shows other nodes how far they
// are, cancels what other nodes were asked to cancel, and ends the queries of
// nodes that died.
func (r *Runner) Beat(ctx context.Context) error {
	s := r.svc
	ids, err := s.repo.RenewQueries(ctx, s.owner, s.opts.Lease)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if run := s.byID(id); run != nil {
			s.drop(run, canceled())
		}
	}
	s.mu.Lock()
	for _, run := range s.live {
		if run.kept && !run.ending && run.q.Status != Queued {
			s.journal.save(&run.q)
		}
	}
	s.mu.Unlock()
	return r.abandon(ctx)
}

// abandonBatch is how many queries are ended or removed in one transaction.
const abandonBatch = 500

func (r *Runner) abandon(ctx context.Context) error {
	f := &Failure{Name: ServerStopped, Type: InternalError, Message: "the server that ran the query stopped before it was finished"}
	for {
		n, err := r.svc.repo.AbandonQueries(ctx, r.svc.owner, f, abandonBatch)
		if err != nil {
			return err
		}
		if n > 0 {
			r.svc.opts.Logger.WarnContext(ctx, "queries of a stopped server ended", "queries", n)
		}
		if n < abandonBatch {
			return nil
		}
	}
}

// Clean removes queries that are past their retention.
func (r *Runner) Clean(ctx context.Context) error {
	s := r.svc
	if s.opts.Retention < 0 {
		return nil
	}
	before := s.opts.Now().Add(-s.opts.Retention)
	for {
		n, err := s.repo.ExpireQueries(ctx, before, abandonBatch)
		if err != nil {
			return err
		}
		if n > 0 {
			s.recent.clear()
			s.opts.Logger.InfoContext(ctx, "old queries removed", "queries", n)
		}
		if n < abandonBatch {
			return nil
		}
	}
}

// Rest puts an engine to sleep that nobody used for as long as it may idle.
func (r *Runner) Rest(ctx context.Context) {
	s := r.svc
	s.power.mu.Lock()
	defer s.power.mu.Unlock()
	p := &s.power
	if s.opts.MaxIdle > 0 && !p.asleep && p.active == 0 && s.opts.Now().Sub(p.lastUsed) >= s.opts.MaxIdle {
		s.sleep(ctx)
	}
}
