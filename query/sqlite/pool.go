package sqlite

import (
	"context"
	"errors"
	"sync"
)

// spareConnections are open besides those that run statements, so that
// statements can be checked while all others run for long.
const spareConnections = 2

// pool has the connections that nobody uses.
type pool struct {
	settings settings
	running  chan struct{} // has one for each statement that runs
	using    chan struct{} // has one for each connection that is out
	kept     func(key string) bool

	mu    sync.Mutex
	idle  []*connection
	slots []*slot // of no connection
}

func newPool(s settings) *pool {
	return &pool{
		settings: s, running: make(chan struct{}, s.connections), using: make(chan struct{}, s.connections+spareConnections),
	}
}

// open opens a connection, with a driver that no other connection has.
func (p *pool) open() (*connection, error) {
	p.mu.Lock()
	var l *slot
	if n := len(p.slots); n > 0 {
		l, p.slots = p.slots[n-1], p.slots[:n-1]
	}
	p.mu.Unlock()
	if l == nil {
		var err error
		if l, err = newSlot(p.settings); err != nil {
			return nil, err
		}
	}
	return connect(l, p.settings)
}

// discard closes a connection and keeps its driver for another.
func (p *pool) discard(c *connection) error {
	err := c.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots = append(p.slots, c.slot)
	return err
}

// take puts one into a channel, which may have to wait.
func take(ctx context.Context, ch chan struct{}) error {
	select {
	case ch <- struct{}{}:
		return nil
	default:
	}
	select {
	case ch <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// get returns a connection, if possible one that has the files attached.
func (p *pool) get(ctx context.Context, files []*file) (*connection, error) {
	if err := take(ctx, p.using); err != nil {
		return nil, err
	}
	if c := p.best(files); c != nil {
		return c, nil
	}
	c, err := p.open()
	if err != nil {
		<-p.using
	}
	return c, err
}

// best takes the idle connection that has most of the files, of those the one
// that was used last.
func (p *pool) best(files []*file) *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, most := -1, -1
	for i, c := range p.idle {
		n := 0
		for _, f := range files {
			if _, ok := c.attached[f.key]; ok {
				n++
			}
		}
		if n >= most {
			at, most = i, n
		}
	}
	if at < 0 {
		return nil
	}
	c := p.idle[at]
	p.idle = append(p.idle[:at], p.idle[at+1:]...)
	return c
}

// put gives a connection back. A broken one is closed.
func (p *pool) put(c *connection, broken bool) {
	defer func() { <-p.using }()
	if !broken {
		broken = c.detachRemoved(p.kept) != nil
	}
	if broken {
		_ = p.discard(c) // it is of no use any more
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, c)
}

// detachRemoved lets go of files that are not in the cache any more.
func (c *connection) detachRemoved(kept func(key string) bool) error {
	for key := range c.attached {
		if !kept(key) {
			if err := c.detach(key); err != nil {
				return err
			}
		}
	}
	return nil
}

// gone makes idle connections let go of a removed file soon.
func (p *pool) gone(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		_ = c.detach(key) // put tries again
	}
}

// close closes the idle connections.
func (p *pool) close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var err error
	for _, c := range idle {
		err = errors.Join(err, p.discard(c))
	}
	return err
}
