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
	open    func() (*connection, error)
	running chan struct{} // has one for each statement that runs
	using   chan struct{} // has one for each connection that is out
	kept    func(key string) bool

	mu   sync.Mutex
	idle []*connection
}

func newPool(n int, open func() (*connection, error)) *pool {
	return &pool{open: open, running: make(chan struct{}, n), using: make(chan struct{}, n+spareConnections)}
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
		_ = c.close() // it is of no use any more
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
	rest := p.idle[:0]
	for _, c := range p.idle {
		if c.detach(key) != nil {
			_ = c.close() // it is of no use any more
			continue
		}
		rest = append(rest, c)
	}
	p.idle = rest
}

// close closes the idle connections.
func (p *pool) close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var err error
	for _, c := range idle {
		err = errors.Join(err, c.close())
	}
	return err
}
