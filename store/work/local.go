package work

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// Options qualifies a [Local]; zero fields have defaults.
type Options struct {
	// Owner names the node in leases; "" means the host's name and a random
	// part. A node that has the same name after a restart takes up at once the
	// work that it had when it died, instead of after TTL. Two nodes that run
	// at the same time must not share a name.
	Owner string
	// TTL is how long a lease lasts without a heartbeat, and so how long the
	// work of a dead node waits; 0 means 15 s.
	TTL time.Duration
	// Heartbeat is the time between two renewals of all leases; 0 means a
	// third of TTL.
	Heartbeat time.Duration
	// Check is the time between two looks whether leases are lost, which is
	// how fast a group stops on other nodes; 0 means 250 ms.
	Check time.Duration
	// Poll is the time between two looks for work that nobody woke us for;
	// 0 means 250 ms.
	Poll time.Duration
	// Backoff returns how long a failed item waits after its n-th attempt;
	// nil means 1 s, doubled each time up to a minute, less up to a half.
	Backoff func(attempt int) time.Duration
	// Logger gets a line for each failure; nil discards.
	Logger *slog.Logger
}

// Why the context of a handler ended; see [context.Cause].
var (
	// ErrLost says that the lease ran out or was taken by another node.
	ErrLost = errs.New(errs.Conflict, "the lease was lost")
	// ErrStopped says that the item's group was stopped.
	ErrStopped = errs.New(errs.Canceled, "the work was stopped")
	// ErrShutdown says that the dispatcher ends.
	ErrShutdown = errs.New(errs.Canceled, "the node shuts down")
)

// releaseWait bounds a release, which runs after its context has ended.
const releaseWait = 5 * time.Second

// Local is the [Dispatcher] in the process: it claims items from a store as
// far as it has free handlers, keeps their leases, and gives back what failed.
// Any number of them, in any number of processes, may share a store.
type Local struct {
	leases   Leases
	opts     Options
	restarts bool // Owner is the same after a restart
	queues   map[string]*queue

	mu      sync.Mutex
	running map[Lease]*job
}

var _ Dispatcher = (*Local)(nil)

// queue is the work of one kind on this node.
type queue struct {
	kind     string
	handler  Handler
	parallel int
	wake     chan struct{} // holds one: looks need not be counted
	free     chan struct{} // one for each handler that may start
}

// job is an item that a handler works on.
type job struct {
	item   Item
	cancel context.CancelCauseFunc
	expiry *time.Timer // ends the handler when nobody could renew the lease
}

// NewLocal returns a dispatcher over the leases of a store.
func NewLocal(leases Leases, opts *Options) *Local {
	d := &Local{leases: leases, queues: map[string]*queue{}, running: map[Lease]*job{}}
	if opts != nil {
		d.opts = *opts
	}
	o := &d.opts
	d.restarts = o.Owner != ""
	if !d.restarts {
		host, _ := os.Hostname()
		o.Owner = host + "/" + rand.Text()[:8]
	}
	if o.TTL == 0 {
		o.TTL = 15 * time.Second
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = o.TTL / 3
	}
	if o.Check == 0 {
		o.Check = 250 * time.Millisecond
	}
	if o.Poll == 0 {
		o.Poll = 250 * time.Millisecond
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}

func backoff(attempt int) time.Duration {
	d := min(time.Second<<min(max(attempt-1, 0), 6), time.Minute)
	return d/2 + mathrand.N(d/2+1)
}

// Handle see [Dispatcher]. It panics when the kind has a handler or parallel
// is not positive.
func (d *Local) Handle(kind string, parallel int, h Handler) {
	if d.queues[kind] != nil || parallel <= 0 {
		panic(fmt.Sprintf("work: handler of %q set twice, or for %d at once", kind, parallel))
	}
	q := &queue{kind: kind, handler: h, parallel: parallel, wake: make(chan struct{}, 1), free: make(chan struct{}, parallel)}
	for range parallel {
		q.free <- struct{}{}
	}
	d.queues[kind] = q
}

// Wake see [Dispatcher]. A kind without a handler here is ignored.
func (d *Local) Wake(kind string) {
	if q := d.queues[kind]; q != nil {
		select {
		case q.wake <- struct{}{}:
		default: // a look is due already
		}
	}
}

// StopGroup see [Dispatcher].
func (d *Local) StopGroup(group int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, j := range d.running {
		if j.item.Group == group {
			j.cancel(ErrStopped)
		}
	}
}

// Run see [Dispatcher]. Errors of the store are logged and tried again; it
// returns nil once ctx has ended and all handlers have returned. It must be
// called once.
func (d *Local) Run(ctx context.Context) error {
	if d.restarts {
		if err := d.leases.Expire(ctx, d.opts.Owner); err != nil {
			d.opts.Logger.WarnContext(ctx, "leases from before the restart will run out by themselves", "error", err)
		}
	}
	// Leases are kept until the last handler has returned, which may take it a
	// while to store what it has done.
	keep, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	var keeper, loops sync.WaitGroup
	keeper.Go(func() { d.keepLeases(keep) })
	for _, q := range d.queues {
		loops.Go(func() { d.serve(ctx, q) })
	}
	loops.Wait()
	stopKeeping()
	keeper.Wait()
	return nil
}

// serve claims and starts items of one kind until ctx ends, then waits for
// their handlers.
func (d *Local) serve(ctx context.Context, q *queue) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { cancel(ErrShutdown) })
	defer stop()
	var handlers sync.WaitGroup
	defer handlers.Wait()
	poll := time.NewTimer(0)
	defer poll.Stop()
	for {
		// Without a free handler nothing is claimed: other nodes may have one.
		select {
		case <-ctx.Done():
			return
		case <-q.free:
		}
		slots := 1
		for len(q.free) > 0 {
			<-q.free
			slots++
		}
		items := d.claim(ctx, q, slots)
		for _, item := range items {
			d.start(work, q, &handlers, item)
		}
		for range slots - len(items) {
			q.free <- struct{}{}
		}
		if len(items) == slots {
			continue
		}
		poll.Reset(d.opts.Poll)
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		case <-poll.C:
		}
	}
}

// claimed is an item with the time at which this node gives it up.
type claimed struct {
	Item
	until time.Time
}

// claim takes up to n items. It does not end with ctx: a claim whose answer is
// not awaited would hold its items until the lease runs out.
func (d *Local) claim(ctx context.Context, q *queue, n int) []claimed {
	if ctx.Err() != nil {
		return nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.opts.TTL)
	defer cancel()
	until := time.Now().Add(d.opts.TTL)
	items, err := d.leases.Claim(bounded, d.opts.Owner, []string{q.kind}, n, d.opts.TTL)
	if err != nil {
		d.opts.Logger.ErrorContext(ctx, "work not claimed", "kind", q.kind, "error", err)
	}
	list := make([]claimed, len(items))
	for i, item := range items {
		list[i] = claimed{item, until}
	}
	return list
}

// start runs the handler of an item in a goroutine of its own.
func (d *Local) start(ctx context.Context, q *queue, handlers *sync.WaitGroup, item claimed) {
	ctx, cancel := context.WithCancelCause(ctx)
	// By this node's clock the lease ends earlier than by the store's: it is
	// counted from before the claim.
	expiry := time.AfterFunc(time.Until(item.until), func() { cancel(ErrLost) })
	d.mu.Lock()
	d.running[item.Lease()] = &job{item: item.Item, cancel: cancel, expiry: expiry}
	d.mu.Unlock()
	handlers.Go(func() {
		defer cancel(nil)
		defer expiry.Stop()
		err := d.call(ctx, q.handler, item.Item)
		d.mu.Lock()
		delete(d.running, item.Lease())
		d.mu.Unlock()
		if err != nil {
			d.release(ctx, item.Item, err)
		}
		q.free <- struct{}{}
		d.Wake(q.kind)
	})
}

// call turns a panic into an error.
func (d *Local) call(ctx context.Context, h Handler, item Item) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.opts.Logger.ErrorContext(ctx, "work panicked", "kind", item.Kind, "item", item.ID, "panic", p, "stack", string(debug.Stack()))
			err = errs.New(errs.Internal, "work item %d panicked", item.ID)
		}
	}()
	return h(ctx, item)
}

// release gives a failed item back: at once when it was only interrupted. A
// lease that counts as lost because the group was stopped is given back too;
// one that another node took refuses it.
func (d *Local) release(ctx context.Context, item Item, cause error) {
	delay := time.Duration(0)
	if ctx.Err() == nil {
		delay = d.opts.Backoff(item.Attempt)
		d.opts.Logger.WarnContext(ctx, "work failed", "kind", item.Kind, "item", item.ID, "tenant", item.Tenant,
			"attempt", item.Attempt, "again_in", delay, "error", cause)
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWait)
	defer cancel()
	if err := d.leases.Release(bounded, item.Lease(), delay); err != nil && errs.KindOf(err) != errs.Conflict {
		d.opts.Logger.WarnContext(ctx, "work not given back; its lease will run out", "kind", item.Kind, "item", item.ID, "error", err)
	}
}
