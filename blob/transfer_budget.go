package blob

import (
	"context"
	"slices"
	"sync"
)

// budget hands out the requests and bytes of a Transfer. Its clients are the
// Copy calls; who has the fewest requests in flight is served first, so one
// with a single object does not wait behind ten thousand of another.
type budget struct {
	mu       sync.Mutex
	requests int   // free
	bytes    int64 // free
	total    int64 // bytes
	clients  []*client
}

// client is one Copy call's claim on the budget.
type client struct {
	inFlight int
	queues   [2][]*ticket
}

// Queues of a client: the parts of objects under way go before new objects.
const (
	parts = iota
	newItems
)

// ticket is a claim that waits.
type ticket struct {
	bytes int64
	ready chan struct{} // closed when granted
}

// slot is a granted claim. It is not safe for concurrent use.
type slot struct {
	b     *budget
	c     *client
	bytes int64
	held  bool
}

func newBudget(requests int, bytes int64) *budget {
	return &budget{requests: requests, bytes: bytes, total: bytes}
}

func (b *budget) join() *client {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &client{}
	b.clients = append(b.clients, c)
	return c
}

func (b *budget) leave(c *client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clients = slices.DeleteFunc(b.clients, func(other *client) bool { return other == c })
}

// acquire waits for a request and the bytes; more than there are in all count
// as all.
func (b *budget) acquire(ctx context.Context, c *client, bytes int64, queue int) (*slot, error) {
	s := &slot{b: b, c: c, bytes: min(bytes, b.total)}
	return s, s.acquire(ctx, queue)
}

func (s *slot) acquire(ctx context.Context, queue int) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	t := &ticket{bytes: s.bytes, ready: make(chan struct{})}
	b := s.b
	b.mu.Lock()
	s.c.queues[queue] = append(s.c.queues[queue], t)
	b.grant()
	b.mu.Unlock()
	select {
	case <-t.ready:
		s.held = true
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-t.ready: // granted at the same moment
		b.giveBack(s.c, s.bytes)
	default:
		q := s.c.queues[queue]
		s.c.queues[queue] = slices.DeleteFunc(q, func(other *ticket) bool { return other == t })
		b.grant() // the one behind may fit where this one did not
	}
	return context.Cause(ctx)
}

// release gives the slot back; a slot that is not held has nothing to give.
func (s *slot) release() {
	if !s.held {
		return
	}
	s.held = false
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.giveBack(s.c, s.bytes)
}

func (b *budget) giveBack(c *client, bytes int64) {
	b.requests++
	b.bytes += bytes
	c.inFlight--
	b.grant()
}

// grant serves the waiting as far as the budget goes. The one whose turn it is
// blocks the others until it fits, or it might wait forever.
func (b *budget) grant() {
	for b.requests > 0 {
		var next *client
		for _, c := range b.clients {
			if c.waiting() != nil && (next == nil || c.inFlight < next.inFlight) {
				next = c
			}
		}
		if next == nil || next.waiting().bytes > b.bytes {
			return
		}
		t := next.take()
		b.requests--
		b.bytes -= t.bytes
		next.inFlight++
		close(t.ready)
	}
}

// waiting returns the client's next ticket, or nil.
func (c *client) waiting() *ticket {
	for _, q := range c.queues {
		if len(q) > 0 {
			return q[0]
		}
	}
	return nil
}

func (c *client) take() *ticket {
	for i, q := range c.queues {
		if len(q) > 0 {
			c.queues[i] = q[1:]
			return q[0]
		}
	}
	return nil
}
