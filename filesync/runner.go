package filesync

import (
	"context"
	"errors"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// Runner cleans up on one node: it fails what crashed and what is idle, and
// purges old trash. What it does is idempotent: any number may run.
type Runner struct {
	svc  *Service
	opts RunnerOptions
}

// RunnerOptions qualifies a Runner; zero fields have defaults.
type RunnerOptions struct {
	// IdleAfter is how long a sync may stay open without an upload before it
	// is failed; 0 means a day, negative for ever.
	IdleAfter time.Duration
	// TrashFor is how long a generation stays in the trash; 0 means 30 days,
	// negative for ever.
	TrashFor time.Duration
	// Every is the time between two looks; 0 means 5 s.
	Every time.Duration
	// Now is the clock by which syncs are idle and trash is old; nil means
	// time.Now.
	Now func() time.Time
}

// NewRunner returns a runner for the service's syncs.
func NewRunner(svc *Service, opts *RunnerOptions) *Runner {
	r := &Runner{svc: svc}
	if opts != nil {
		r.opts = *opts
	}
	setDefault(&r.opts.IdleAfter, 24*time.Hour)
	setDefault(&r.opts.TrashFor, 30*24*time.Hour)
	setDefault(&r.opts.Every, 5*time.Second)
	if r.opts.Now == nil {
		r.opts.Now = time.Now
	}
	return r
}

// interrupted is the message of uploads that a crash ended.
const interrupted = "interrupted: the server stopped before the file was whole"

// Run cleans up until ctx ends. It begins with the uploads that an earlier
// process of the same Owner had when it died.
func (r *Runner) Run(ctx context.Context) error {
	ticker := time.NewTicker(r.opts.Every)
	defer ticker.Stop()
	r.try(ctx, func(ctx context.Context) error { return r.failUploads(ctx, r.svc.opts.Owner) })
	for {
		r.try(ctx, r.Reconcile)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (r *Runner) try(ctx context.Context, f func(context.Context) error) {
	if err := f(ctx); err != nil && ctx.Err() == nil {
		r.svc.opts.Logger.ErrorContext(ctx, "cleaning up syncs failed", "err", err)
	}
}

// cleanBatch is how much one transaction cleans up.
const cleanBatch = 1000

// Reconcile does once all that there is to do.
func (r *Runner) Reconcile(ctx context.Context) error {
	if err := r.failUploads(ctx, ""); err != nil {
		return err
	}
	if err := r.failIdle(ctx); err != nil {
		return err
	}
	if err := r.dropTrash(ctx); err != nil {
		return err
	}
	for more := true; more; {
		var err error
		if more, err = r.svc.repo.PurgeDropped(ctx, cleanBatch); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) failUploads(ctx context.Context, owner string) error {
	n, err := r.svc.repo.FailUploads(ctx, owner, r.svc.instance, interrupted)
	if n > 0 {
		r.svc.opts.Logger.InfoContext(ctx, "uploads interrupted", "uploads", n)
	}
	return err
}

func (r *Runner) failIdle(ctx context.Context) error {
	for r.opts.IdleAfter > 0 {
		idle, err := r.svc.repo.IdleSyncs(ctx, r.opts.Now().Add(-r.opts.IdleAfter), cleanBatch)
		if err != nil || len(idle) == 0 {
			return err
		}
		for _, s := range idle {
			err := r.svc.fail(ctx, s.Tenant, s.ID, "idle for "+r.opts.IdleAfter.String())
			if err != nil && !errors.Is(err, errs.Conflict) {
				return err // a Conflict: it has ended meanwhile
			}
		}
	}
	return nil
}

func (r *Runner) dropTrash(ctx context.Context) error {
	for r.opts.TrashFor > 0 {
		n, err := r.svc.repo.DropOldTrash(ctx, r.opts.Now().Add(-r.opts.TrashFor), cleanBatch)
		if err != nil || n == 0 {
			return err
		}
		r.svc.opts.Logger.InfoContext(ctx, "old trash purged", "generations", n)
	}
	return nil
}
