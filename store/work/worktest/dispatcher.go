package worktest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/store/work"
)

// RunDispatcher runs the suite for dispatchers. newLeases returns an empty
// store; newNode returns a dispatcher over it, as one node of several. Failed
// items must come again within seconds.
func RunDispatcher(t *testing.T, newLeases func(t *testing.T) work.Leases, newNode func(leases work.Leases) work.Dispatcher) {
	run := func(name string, test func(t *testing.T, c *cluster)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &cluster{store: &store{newLeases(t), t}, newNode: newNode})
		})
	}
	run("Work", testWork)
	run("Wake", testWake)
	run("Parallel", testParallel)
	run("Failure", testFailure)
	run("Panic", testPanic)
	run("StopGroup", testStopHere)
	run("StopGroupElsewhere", testStopElsewhere)
	run("Shutdown", testShutdown)
	run("TwoNodes", testTwoNodes)
	run("OneBehindMany", testOneBehindMany)
}

// cluster is a store with nodes over it.
type cluster struct {
	*store
	newNode func(leases work.Leases) work.Dispatcher
}

// start runs a node until stop is called, which waits for it, or the test ends.
func (c *cluster) start(parallel int, h work.Handler) (d work.Dispatcher, stop func()) {
	d = c.newNode(c.Leases)
	d.Handle("k", parallel, h)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				c.t.Errorf("the dispatcher ended with %v", err)
			}
		case <-time.After(20 * time.Second):
			c.t.Error("the dispatcher does not end")
		}
	})
	c.t.Cleanup(stop)
	return d, stop
}

// finish ends an item as a handler does. It does not end with ctx, which a
// heartbeat may end once the item is gone, before the answer is here.
func (c *cluster) finish(ctx context.Context, item work.Item) error {
	return c.Finish(context.WithoutCancel(ctx), item.Lease())
}

// wait fails unless the channel gives something soon.
func wait[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(15 * time.Second):
		t.Fatalf("%s: nothing happened", what)
		panic("unreachable")
	}
}

func testWork(t *testing.T, c *cluster) {
	seen := make(chan work.Item, 10)
	c.add(1, 2)
	c.start(1, func(ctx context.Context, item work.Item) error {
		seen <- item
		return c.finish(ctx, item)
	})
	first, second := wait(t, "first item", seen), wait(t, "second item", seen)
	c.add(2, 1) // found without being woken
	third := wait(t, "third item", seen)
	if first.ID == second.ID || third.Group != 2 || first.Kind != "k" || first.Tenant != "t" || first.Attempt != 1 {
		t.Errorf("items %+v, %+v, %+v", first, second, third)
	}
}

func testWake(t *testing.T, c *cluster) {
	seen := make(chan time.Time, 10)
	d, _ := c.start(1, func(ctx context.Context, item work.Item) error {
		seen <- time.Now()
		return c.finish(ctx, item)
	})
	d.Wake("unknown")
	for range 3 {
		c.add(1, 1)
		for range 3 {
			d.Wake("k") // more often than there is work
		}
		wait(t, "woken", seen)
	}
}

func testParallel(t *testing.T, c *cluster) {
	const parallel = 3
	var now, most atomic.Int32
	done := make(chan bool, 20)
	c.add(1, 12)
	c.start(parallel, func(ctx context.Context, item work.Item) error {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(50 * time.Millisecond)
		now.Add(-1)
		done <- true
		return c.finish(ctx, item)
	})
	for range 12 {
		wait(t, "item", done)
	}
	if got := most.Load(); got != parallel {
		t.Errorf("%d handlers ran at once, want %d", got, parallel)
	}
}

func testFailure(t *testing.T, c *cluster) {
	attempts := make(chan int, 10)
	c.add(1, 1)
	c.start(1, func(ctx context.Context, item work.Item) error {
		attempts <- item.Attempt
		if item.Attempt < 3 {
			return errors.New("not yet")
		}
		return c.finish(ctx, item)
	})
	for want := 1; want <= 3; want++ {
		if got := wait(t, "attempt", attempts); got != want {
			t.Errorf("attempt %d, want %d", got, want)
		}
	}
}

func testPanic(t *testing.T, c *cluster) {
	done := make(chan bool, 1)
	c.add(1, 1)
	c.start(1, func(ctx context.Context, item work.Item) error {
		if item.Attempt == 1 {
			panic("boom")
		}
		done <- true
		return c.finish(ctx, item)
	})
	wait(t, "the attempt after the panic", done)
}

// blocked starts a node whose handlers wait until their context ends.
func (c *cluster) blocked() (d work.Dispatcher, stop func(), started chan work.Item, ended chan time.Time) {
	started, ended = make(chan work.Item, 10), make(chan time.Time, 10)
	d, stop = c.start(2, func(ctx context.Context, item work.Item) error {
		started <- item
		<-ctx.Done()
		ended <- time.Now()
		return ctx.Err()
	})
	return d, stop, started, ended
}

func testStopHere(t *testing.T, c *cluster) {
	c.add(1, 1)
	c.add(2, 1)
	d, _, started, ended := c.blocked()
	wait(t, "first", started)
	wait(t, "second", started)
	c.ok(c.StopGroup(t.Context(), 1))
	before := time.Now()
	d.StopGroup(1)
	if took := wait(t, "end of the handler", ended).Sub(before); took > time.Second {
		t.Errorf("stopped after %v, want at once", took)
	}
	select {
	case <-ended:
		t.Error("the other group was stopped, too")
	case item := <-started:
		t.Errorf("%+v was started in a stopped group", item)
	case <-time.After(500 * time.Millisecond):
	}
	c.ok(c.StartGroup(t.Context(), 1))
	if item := wait(t, "started again", started); item.Group != 1 {
		t.Errorf("started %+v, want the item of group 1", item)
	}
}

func testStopElsewhere(t *testing.T, c *cluster) {
	c.add(1, 1)
	_, _, started, ended := c.blocked()
	wait(t, "start", started)
	before := time.Now()
	c.ok(c.StopGroup(t.Context(), 1))
	if took := wait(t, "end of the handler", ended).Sub(before); took > 3*time.Second {
		t.Errorf("stopped after %v, want at the next check", took)
	}
	// It is given back, not held until its lease runs out.
	c.ok(c.StartGroup(t.Context(), 1))
	before = time.Now()
	wait(t, "start again", started)
	if took := time.Since(before); took > 5*time.Second {
		t.Errorf("started again after %v", took)
	}
}

func testShutdown(t *testing.T, c *cluster) {
	c.add(1, 2)
	_, stop, started, ended := c.blocked()
	wait(t, "first", started)
	wait(t, "second", started)
	stop()
	if len(ended) != 2 {
		t.Errorf("the dispatcher returned while %d of 2 handlers had ended", len(ended))
	}
	if items := c.claim(9, time.Minute); len(items) != 2 {
		t.Errorf("%d of 2 items were given back at once", len(items))
	}
}

func testTwoNodes(t *testing.T, c *cluster) {
	const items = 60
	var mu sync.Mutex
	seen := map[int64]int{}
	all := make(chan bool, items)
	handler := func(ctx context.Context, item work.Item) error {
		if err := c.finish(ctx, item); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if seen[item.ID]++; seen[item.ID] > 1 {
			t.Errorf("item %d was finished twice", item.ID)
		}
		all <- true
		return nil
	}
	c.start(3, handler)
	c.start(3, handler)
	for group := range int64(3) {
		c.add(group, items/3)
	}
	for range items {
		wait(t, "item", all)
	}
}

// One item behind many of another group starts at once.
func testOneBehindMany(t *testing.T, c *cluster) {
	const many = 200
	c.add(1, many)
	small := make(chan int64, 1)
	var before atomic.Int64
	d, stop := c.start(4, func(ctx context.Context, item work.Item) error {
		if item.Group == 2 {
			small <- before.Load()
		} else {
			before.Add(1)
			time.Sleep(10 * time.Millisecond)
		}
		return c.finish(ctx, item)
	})
	time.Sleep(50 * time.Millisecond)
	start := before.Load()
	c.add(2, 1)
	d.Wake("k")
	if n := wait(t, "the small group", small) - start; n > many/2 {
		t.Errorf("it waited for %d of %d items", n, many)
	}
	stop()
}
