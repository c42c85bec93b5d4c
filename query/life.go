package query

import (
	"context"
	"sync"

	"github.com/inlet-go/inlet/store/errs"
)

// Life is that of an engine: it knows the calls that are going on, and ends
// their contexts when the engine is closed. Engines hold one; NewLife makes it.
type Life struct {
	ctx  context.Context // ends with the engine
	stop context.CancelFunc

	mu      sync.Mutex
	ended   bool
	running sync.WaitGroup
}

// NewLife returns a life that goes on until End.
func NewLife() *Life {
	l := &Life{}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// Enter begins a call, whose context it returns: it ends with ctx and with the
// engine. The caller calls leave at the end. Enter is Unavailable after End.
func (l *Life) Enter(ctx context.Context) (_ context.Context, leave func(), _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil, nil, errs.New(errs.Unavailable, "the engine is stopped")
	}
	l.running.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(l.ctx, cancel)
	return ctx, func() {
		unhook()
		cancel()
		l.running.Done()
	}, nil
}

// Go runs f, which End waits for too. It is called by a call that has not left.
func (l *Life) Go(f func()) { l.running.Go(f) }

// Err is nil before End.
func (l *Life) Err() error { return l.ctx.Err() }

// End ends the contexts of all calls, and lets none begin any more. It returns
// a channel that is closed when all calls have left.
func (l *Life) End() <-chan struct{} {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.stop()
	left := make(chan struct{})
	go func() {
		l.running.Wait()
		close(left)
	}()
	return left
}
