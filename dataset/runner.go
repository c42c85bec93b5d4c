package dataset

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

// The kinds of work on data sources.
const (
	KindSync  = "dataset.sync"  // fetch a data source and look at it; payload: its id
	KindPurge = "dataset.purge" // remove what a deleted dataset left
)

// Fetcher opens what a URL leads to. Package fetch has one that reaches only
// what users may reach.
//
// Errors: Invalid for a URL that cannot be fetched, such as one that is
// answered with 404; Forbidden for an address that may not be reached;
// RateLimited and Unavailable for what may succeed later.
type Fetcher interface {
	Fetch(ctx context.Context, url string) (io.ReadCloser, error)
}

// Inspector looks at files. Package inspect has one.
type Inspector interface {
	// Inspect returns the tables in a file, none for a format without tables.
	// A file that is not what its name says is an Invalid error, with a
	// message for people; one that passes a limit is TooLarge.
	Inspect(ctx context.Context, f File) ([]Table, error)
}

// File is what an Inspector looks at.
type File struct {
	Name string
	Size int64
	// Open reads length bytes from offset, 0 for all that follow.
	Open func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Runner makes data sources synched on one node.
type Runner struct {
	svc       *Service
	leases    work.Leases
	fetcher   Fetcher
	inspector Inspector
	opts      RunnerOptions
}

// RunnerOptions qualifies a Runner; zero fields have defaults.
type RunnerOptions struct {
	// Parallel is how many data sources are worked on at once; 0 means 2.
	Parallel int
	// Attempts is how often a data source is tried whose URL or bucket is
	// unavailable before it is Invalid; 0 means 5.
	Attempts int
	// FetchTime bounds one try to fetch a URL; 0 means an hour.
	FetchTime time.Duration
	// InspectTime bounds the look at one file; 0 means ten minutes.
	InspectTime time.Duration
	// ExpireEvery is the time between two looks for uploads whose time is
	// over; 0 means a minute.
	ExpireEvery time.Duration
}

// NewRunner returns a runner for the service's data sources. It registers
// handlers with the dispatcher, which the host runs beside it.
func NewRunner(svc *Service, leases work.Leases, d work.Dispatcher, fetcher Fetcher, inspector Inspector, opts *RunnerOptions) *Runner {
	r := &Runner{svc: svc, leases: leases, fetcher: fetcher, inspector: inspector}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.Parallel == 0 {
		r.opts.Parallel = 2
	}
	if r.opts.Attempts == 0 {
		r.opts.Attempts = 5
	}
	if r.opts.FetchTime == 0 {
		r.opts.FetchTime = time.Hour
	}
	if r.opts.InspectTime == 0 {
		r.opts.InspectTime = 10 * time.Minute
	}
	if r.opts.ExpireEvery == 0 {
		r.opts.ExpireEvery = time.Minute
	}
	d.Handle(KindSync, r.opts.Parallel, r.sync)
	d.Handle(KindPurge, 1, r.purge)
	return r
}

func (r *Runner) log() *slog.Logger { return r.svc.opts.Logger }

// Run expires uploads until ctx ends. It may run on any number of nodes.
func (r *Runner) Run(ctx context.Context) error {
	ticker := time.NewTicker(r.opts.ExpireEvery)
	defer ticker.Stop()
	for {
		if err := r.Expire(ctx); err != nil && ctx.Err() == nil {
			r.log().ErrorContext(ctx, "expiring uploads failed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// expireBatch is how many uploads are looked at in one transaction.
const expireBatch = 100

// Expire ends uploads whose time is over. Their bytes are collected when no
// data source shares them.
func (r *Runner) Expire(ctx context.Context) error {
	for {
		uploads, err := r.svc.repo.ExpiringUploads(ctx, r.svc.opts.Now(), expireBatch)
		if err != nil || len(uploads) == 0 {
			return err
		}
		for _, u := range uploads {
			if err := r.expire(ctx, u); err != nil {
				return err
			}
			r.log().InfoContext(ctx, "upload expired", "tenant", u.Tenant, "user", u.Owner, "upload", u.ID)
		}
	}
}

// expire ends an upload. From its first step on nobody else changes it.
func (r *Runner) expire(ctx context.Context, u *Upload) error {
	if err := r.svc.repo.ExpireUpload(ctx, u.ID, r.svc.opts.Now()); err != nil {
		return err
	}
	if u.Provider != "" {
		if err := r.giveUp(ctx, u); err != nil {
			return err
		}
	}
	return r.svc.repo.ForgetUpload(ctx, u.ID)
}

// giveUp removes the parts that the bucket itself holds of an upload that was
// not completed.
func (r *Runner) giveUp(ctx context.Context, u *Upload) error {
	taker := r.svc.directly()
	if taker == nil {
		return errs.New(errs.Unsupported, "upload %q: its parts are in another bucket", u.ID)
	}
	return taker.AbortParts(ctx, u.Key, u.Provider)
}

// purgeBatch is how many rows one transaction of a purge removes.
const purgeBatch = 500

func (r *Runner) purge(ctx context.Context, item work.Item) error {
	for {
		more, err := r.svc.repo.PurgeDataset(ctx, item.Lease(), purgeBatch)
		if err != nil || !more {
			return err
		}
	}
}
