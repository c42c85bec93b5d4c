package task

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

// Runner does the work of tasks on one node: it lists runs, loads chunks and
// starts what is due.
type Runner struct {
	svc        *Service
	leases     work.Leases
	dispatcher work.Dispatcher
	transfer   *blob.Transfer
	opts       RunnerOptions
}

// RunnerOptions qualifies a Runner; zero fields have defaults.
type RunnerOptions struct {
	// Transfer bounds all loads of this node together; its Deferred is not used.
	Transfer *blob.TransferOptions
	// Chunks is how many chunks are loaded at once; 0 means 4.
	Chunks int
	// Listings is how many runs are listed at once; 0 means 2.
	Listings int
	// ChunkFiles and ChunkBytes bound a chunk; 0 means 500 files and 4 GiB. A
	// larger file is a chunk by itself.
	ChunkFiles int
	ChunkBytes int64
	// FlushFiles and FlushEvery say when finished files become visible: after
	// so many (0 means 100) or so long (0 means 2 s).
	FlushFiles int
	FlushEvery time.Duration
	// Attempts is how often a chunk is tried whose source or bucket is
	// unavailable, besides the retries of each request; 0 means 3.
	Attempts int
	// Reconcile is the time between two looks for due and stuck tasks; 0
	// means 5 s.
	Reconcile time.Duration
}

// NewRunner returns a runner for the service's tasks. It registers handlers
// with the dispatcher, which the host runs beside it.
func NewRunner(svc *Service, leases work.Leases, d work.Dispatcher, opts *RunnerOptions) *Runner {
	r := &Runner{svc: svc, leases: leases, dispatcher: d}
	if opts != nil {
		r.opts = *opts
	}
	setDefault(&r.opts.Chunks, 4)
	setDefault(&r.opts.Listings, 2)
	setDefault(&r.opts.ChunkFiles, 500)
	setDefault(&r.opts.ChunkBytes, 4<<30)
	setDefault(&r.opts.FlushFiles, 100)
	setDefault(&r.opts.FlushEvery, 2*time.Second)
	setDefault(&r.opts.Attempts, 3)
	setDefault(&r.opts.Reconcile, 5*time.Second)
	var transfer blob.TransferOptions
	if r.opts.Transfer != nil {
		transfer = *r.opts.Transfer
	}
	transfer.Deferred = true // flush makes many files durable at once
	r.transfer = blob.NewTransfer(&transfer)
	d.Handle(KindList, r.opts.Listings, r.list)
	d.Handle(KindLoad, r.opts.Chunks, r.load)
	d.Handle(KindPurge, 1, r.purge)
	return r
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Run reconciles until ctx ends. It may run on any number of nodes.
func (r *Runner) Run(ctx context.Context) error {
	ticker := time.NewTicker(r.opts.Reconcile)
	defer ticker.Stop()
	for {
		if err := r.reconcile(ctx); err != nil && ctx.Err() == nil {
			r.log().ErrorContext(ctx, "reconciling tasks failed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (r *Runner) log() *slog.Logger { return r.svc.opts.Logger }

// dueBatch is how many due tasks are started in one look.
const dueBatch = 100

// reconcile starts what is due and settles what a crash left half done. It is
// idempotent, so that it may run on every node.
func (r *Runner) reconcile(ctx context.Context) error {
	now := r.svc.opts.Now()
	for {
		due, err := r.svc.repo.DueTasks(ctx, now, dueBatch)
		if err != nil {
			return err
		}
		for _, t := range due {
			if err := r.start(ctx, t, now); err != nil {
				return err
			}
		}
		if len(due) < dueBatch {
			break
		}
	}
	return r.svc.repo.Settle(ctx, 0, now)
}

// start moves a due task's schedule on and starts its run, unless the one
// before is still going.
func (r *Runner) start(ctx context.Context, t *Task, now time.Time) error {
	run := newRun(t, t.NextRunAt, t.StartAt.IsZero())
	started, err := r.svc.repo.StartRun(ctx, t.ID, t.NextRunAt, t.Schedule.next(t.NextRunAt, now), run)
	if err != nil || !started {
		return err
	}
	r.dispatcher.Wake(KindList)
	r.log().InfoContext(ctx, "run started", "tenant", t.Tenant, "task", t.ID, "run", run.ID)
	return nil
}

// purgeBatch is how many rows one transaction of a purge removes.
const purgeBatch = 1000

func (r *Runner) purge(ctx context.Context, item work.Item) error {
	id, err := payloadID(item)
	if err != nil {
		return err
	}
	for {
		more, err := r.svc.repo.PurgeTask(ctx, item.Lease(), id, purgeBatch)
		if err != nil || !more {
			return err
		}
	}
}

func payloadID(item work.Item) (int64, error) {
	id, err := strconv.ParseInt(item.Payload, 10, 64)
	return id, errs.Wrap(errs.Internal, err, "work item %d: payload is no id", item.ID)
}

// gone finishes an item whose subject was deleted, and passes other errors on.
func (r *Runner) gone(ctx context.Context, item work.Item, err error) error {
	if errors.Is(err, errs.NotFound) {
		return r.leases.Finish(ctx, item.Lease())
	}
	return err
}
