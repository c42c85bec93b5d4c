package blob

import (
	"context"
	"log/slog"
	"time"
)

// Garbage is what a store knows about the keys of a managed bucket.
type Garbage interface {
	// Garbage returns up to limit keys whose bytes became unreachable before
	// the given time, the longest unreachable first.
	Garbage(ctx context.Context, before time.Time, limit int) ([]string, error)

	// Collected forgets garbage whose bytes are gone.
	Collected(ctx context.Context, keys []string) error

	// Live tells for each key whether its bytes can be reached, wait to be
	// collected, or may still be published by who writes them. Keys of a form
	// that the store does not know are live: they are not ours to judge.
	Live(ctx context.Context, keys []string) ([]bool, error)
}

// Collector deletes from a managed bucket what nobody can reach any more. Any
// number of them may run, on any number of nodes.
type Collector struct {
	bucket  Bucket
	garbage Garbage
	opts    CollectorOptions
}

// CollectorOptions qualifies a Collector; zero fields have defaults.
type CollectorOptions struct {
	// Every is the time between two collections of garbage; 0 means a minute.
	Every time.Duration
	// SweepEvery is the time between two sweeps for orphans, the first of them
	// at the start; 0 means a day.
	SweepEvery time.Duration
	// Grace is how long bytes that became unreachable are kept for those who
	// still read them; 0 means an hour, negative none.
	Grace time.Duration
	// Logger gets one line per batch that is deleted; nil discards.
	Logger *slog.Logger
}

// NewCollector returns a collector of the bucket.
func NewCollector(bucket Bucket, garbage Garbage, opts *CollectorOptions) *Collector {
	c := &Collector{bucket: bucket, garbage: garbage}
	if opts != nil {
		c.opts = *opts
	}
	if c.opts.Every == 0 {
		c.opts.Every = time.Minute
	}
	if c.opts.SweepEvery == 0 {
		c.opts.SweepEvery = 24 * time.Hour
	}
	if c.opts.Grace == 0 {
		c.opts.Grace = time.Hour
	}
	if c.opts.Logger == nil {
		c.opts.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Run collects and sweeps until ctx ends. Errors are logged and tried again.
func (c *Collector) Run(ctx context.Context) error {
	collect, sweep := time.NewTicker(c.opts.Every), time.NewTicker(c.opts.SweepEvery)
	defer collect.Stop()
	defer sweep.Stop()
	c.try(ctx, "sweeping orphans", c.Sweep)
	c.try(ctx, "collecting garbage", c.Collect)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-collect.C:
			c.try(ctx, "collecting garbage", c.Collect)
		case <-sweep.C:
			c.try(ctx, "sweeping orphans", c.Sweep)
		}
	}
}

func (c *Collector) try(ctx context.Context, what string, f func(context.Context) error) {
	if err := f(ctx); err != nil && ctx.Err() == nil {
		c.opts.Logger.ErrorContext(ctx, what+" failed", "err", err)
	}
}

// collectBatch is how many keys are looked at or deleted at a time.
const collectBatch = 1000

// clockSkew is how far the clocks of hosts, buckets and databases may differ.
const clockSkew = time.Minute

// old returns the time before which bytes must have become unreachable to be
// deleted now.
func (c *Collector) old() time.Time {
	if c.opts.Grace < 0 {
		return time.Now().Add(clockSkew)
	}
	return time.Now().Add(-c.opts.Grace)
}

// Collect deletes the bytes that became unreachable longer than Grace ago.
func (c *Collector) Collect(ctx context.Context) error {
	before := c.old()
	for {
		keys, err := c.garbage.Garbage(ctx, before, collectBatch)
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := c.bucket.Delete(ctx, keys...); err != nil {
			return err
		}
		if err := c.garbage.Collected(ctx, keys); err != nil {
			return err
		}
		c.opts.Logger.InfoContext(ctx, "garbage collected", "objects", len(keys))
	}
}

// Sweep deletes bytes older than Grace that no row knows: what a node wrote
// before it died, or after its lease was taken.
func (c *Collector) Sweep(ctx context.Context) error {
	var batch []string
	old := c.old()
	for obj, err := range c.bucket.List(ctx, "", &ListOptions{PageSize: collectBatch}) {
		if err != nil {
			return err
		}
		if obj.ModTime.After(old) {
			continue // perhaps about to be committed
		}
		if batch = append(batch, obj.Key); len(batch) == collectBatch {
			if err := c.sweep(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return c.sweep(ctx, batch)
}

func (c *Collector) sweep(ctx context.Context, keys []string) error {
	live, err := c.garbage.Live(ctx, keys)
	if err != nil {
		return err
	}
	var orphans []string
	for i, key := range keys {
		if !live[i] {
			orphans = append(orphans, key)
		}
	}
	if len(orphans) == 0 {
		return nil
	}
	c.opts.Logger.InfoContext(ctx, "orphans collected", "objects", len(orphans))
	return c.bucket.Delete(ctx, orphans...)
}
