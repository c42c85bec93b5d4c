package blob

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// TransferOptions are the limits of a [Transfer]; nil or zero values are the
// defaults named here.
type TransferOptions struct {
	// Requests bounds the objects and parts in flight; 0 means 32.
	Requests int

	// Bytes bounds what the requests in flight ask for together, each counted
	// with at most PartSize; 0 means 256 MiB. It bounds memory where a bucket
	// must hold what it writes; folders hold one Buffer for each request.
	Bytes int64

	// PartSize is the size of the ranges in which large objects are read; 0
	// means 16 MiB.
	PartSize int64

	// LargeFrom is the size from which objects are read in parallel ranges,
	// provided that the source tells ETags and the bucket is a [Stager]; 0
	// means 32 MiB.
	LargeFrom int64

	// Buffer is the size of a read of a large object; 0 means 256 KiB.
	Buffer int

	// Attempts bounds how often a request is tried without PartSize bytes of
	// progress in between; 0 means 4.
	Attempts int

	// Backoff is the longest wait before the second attempt; it doubles with
	// each further one up to 32 times as much, and the wait is a random part of
	// it, at least half. 0 means 200 ms.
	Backoff time.Duration

	// Idle is how long a source may send nothing before the attempt counts as
	// failed; 0 means one minute. For a [Generator] it is how long it may make
	// nothing, such as a database that looks for the first row.
	Idle time.Duration

	// Deferred leaves it to the caller to make objects durable by the bucket's
	// Sync, before telling anybody of them.
	Deferred bool
}

func (o *TransferOptions) orDefault() TransferOptions {
	var opts TransferOptions
	if o != nil {
		opts = *o
	}
	setDefault(&opts.Requests, 32)
	setDefault(&opts.Bytes, 256<<20)
	setDefault(&opts.PartSize, 16<<20)
	setDefault(&opts.LargeFrom, 32<<20)
	setDefault(&opts.Buffer, 256<<10)
	setDefault(&opts.Attempts, 4)
	setDefault(&opts.Backoff, 200*time.Millisecond)
	setDefault(&opts.Idle, time.Minute)
	return opts
}

func setDefault[T int | int64 | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// Transfer copies objects with one budget for all of them. It is safe for
// concurrent use: any number of Copy calls share the budget, and the one with
// the fewest requests in flight is served first.
type Transfer struct {
	opts    TransferOptions
	budget  *budget
	buffers sync.Pool
}

// NewTransfer returns a Transfer with the given limits; opts may be nil. It
// holds no resources between calls.
func NewTransfer(opts *TransferOptions) *Transfer {
	t := &Transfer{opts: opts.orDefault()}
	t.budget = newBudget(t.opts.Requests, t.opts.Bytes)
	t.buffers.New = func() any {
		buf := make([]byte, t.opts.Buffer)
		return &buf
	}
	return t
}

// Item is an object to be copied.
type Item struct {
	Source Object // as listed: its key, size and ETag are what must arrive
	Key    string // in the bucket
	Tag    int64  // the caller's
}

// Result is what became of an Item.
type Result struct {
	Item    Item
	Written Written
	Err     error // nil when the object is in the bucket
}

// CopyOptions are the callbacks of a Copy; nil, or any of them nil, for none.
type CopyOptions struct {
	// Started is called before the first request of an item, one at a time.
	Started func(Item)

	// Progress is told how many more bytes arrived, from any goroutine. A
	// negative n takes back bytes that have to be fetched again.
	Progress func(n int64)

	// Done is told each item's result, one at a time, in the order in which
	// they finish. An error that it returns ends the Copy. Without Done, the
	// first item that fails does.
	Done func(Result) error
}

// Copy copies the items, which may be listed while it runs, from src to dst.
// It returns when all are done: nil, whatever became of single items, if Done
// is set and returned no error. When ctx ends, it stops within moments,
// leaves nothing half visible, does not report the items under way, and
// returns the context's cause.
//
// An item fails with Conflict when the object is not what was listed, with
// the source's error when that is permanent or was met at each attempt, and
// with the bucket's otherwise.
func (t *Transfer) Copy(ctx context.Context, dst Bucket, src Source, items iter.Seq[Item], opts *CopyOptions) error {
	if opts == nil {
		opts = &CopyOptions{}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &copying{t: t, dst: dst, src: src, opts: opts, stop: cancel, client: t.budget.join()}
	defer t.budget.leave(c.client)

	var wg sync.WaitGroup
	for item := range items {
		// Parts of objects under way go first, so few objects are open at once.
		s, err := t.budget.acquire(ctx, c.client, c.cost(item.Source.Size), newItems)
		if err != nil {
			break
		}
		if opts.Started != nil {
			opts.Started(item)
		}
		wg.Go(func() {
			defer s.release()
			written, err := c.item(ctx, item, s)
			c.done(ctx, Result{Item: item, Written: written, Err: err})
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// copying is one call of Copy.
type copying struct {
	t      *Transfer
	dst    Bucket
	src    Source
	opts   *CopyOptions
	stop   context.CancelCauseFunc
	client *client
	doneMu sync.Mutex
}

// cost is what a request for an object of the given size takes of the budget.
func (c *copying) cost(size int64) int64 { return min(size, c.t.opts.PartSize) }

func (c *copying) progress(n int64) {
	if c.opts.Progress != nil && n != 0 {
		c.opts.Progress(n)
	}
}

// done reports a result, unless the item failed because the Copy is ending.
func (c *copying) done(ctx context.Context, r Result) {
	c.doneMu.Lock()
	defer c.doneMu.Unlock()
	if r.Err != nil && ctx.Err() != nil {
		return
	}
	if c.opts.Done != nil {
		if err := c.opts.Done(r); err != nil {
			c.stop(err)
		}
	} else if r.Err != nil {
		c.stop(r.Err)
	}
}

// item copies one object, by the first way that can.
func (c *copying) item(ctx context.Context, item Item, s *slot) (Written, error) {
	if copier, ok := c.dst.(Copier); ok {
		w, err := c.serverSide(ctx, copier, item, s)
		if !errors.Is(err, errs.Unsupported) {
			return w, err
		}
	}
	if _, ok := c.src.(Generator); ok {
		return c.generated(ctx, item, s)
	}
	stager, ok := c.dst.(Stager)
	if ok && item.Source.Size >= c.t.opts.LargeFrom && item.Source.ETag != "" {
		return c.large(ctx, stager, item, s)
	}
	return c.whole(ctx, item, s)
}

// serverSide lets the provider copy.
func (c *copying) serverSide(ctx context.Context, copier Copier, item Item, s *slot) (w Written, err error) {
	retry := c.newRetry(s)
	for {
		w, err = copier.CopyFrom(ctx, item.Key, c.src, item.Source)
		if err == nil && w.Size != item.Source.Size {
			return w, changed(item.Source.Key)
		}
		if err == nil {
			c.progress(w.Size)
			return w, nil
		}
		if err := retry.wait(ctx, err); err != nil {
			return w, err
		}
	}
}

// whole streams an object through this process. A failure in the middle is
// resumed by the body; one of the bucket starts again.
func (c *copying) whole(ctx context.Context, item Item, s *slot) (Written, error) {
	retry := c.newRetry(s)
	for {
		b := c.newBody(ctx, item.Source, 0, item.Source.Size, s)
		w, err := c.dst.Write(ctx, item.Key, b, &WriteOptions{
			Size: item.Source.Size, ContentType: item.Source.ContentType, Deferred: c.t.opts.Deferred,
		})
		b.close()
		if b.err != nil { // why the bucket got no more; it may call that otherwise
			err = b.err
		}
		if err == nil && w.Size != item.Source.Size {
			err = changed(item.Source.Key)
		}
		if err == nil {
			return w, nil
		}
		c.progress(-b.received)
		if b.final {
			return w, err
		}
		if err := retry.wait(ctx, err); err != nil {
			return w, err
		}
	}
}

// changed is the error for an object that is not what was listed.
func changed(key string) error {
	return errs.New(errs.Conflict, "blob %q changed while it was read", key)
}
