package query

import (
	"context"
	"sync"
)

// gate lets a bounded number of runs work at once, and a bounded number of one
// workspace, in the order in which they came.
type gate struct {
	all, each int

	mu      sync.Mutex
	running int
	of      map[string]int // running, by workspace
	waiting []*ticket
}

// ticket is a place in the queue.
type ticket struct {
	workspace string
	admitted  chan struct{} // closed when it may run
}

func newGate(all, each int) *gate {
	return &gate{all: all, each: each, of: map[string]int{}}
}

// queue takes a place in the queue for a run of the workspace, which then calls
// wait.
func (g *gate) queue(workspace string) *ticket {
	t := &ticket{workspace: workspace, admitted: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, t)
	g.admit()
	return t
}

// wait waits until the run may work. Without an error the caller calls leave
// afterwards.
func (g *gate) wait(ctx context.Context, t *ticket) error {
	select {
	case <-t.admitted:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == t {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return context.Cause(ctx)
		}
	}
	g.free(t.workspace) // it was admitted just now
	return context.Cause(ctx)
}

func (g *gate) leave(workspace string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free(workspace)
}

func (g *gate) free(workspace string) {
	g.running--
	if g.of[workspace]--; g.of[workspace] == 0 {
		delete(g.of, workspace)
	}
	g.admit()
}

// admit starts whoever may: a workspace that has all that it may have does not
// hold up those behind it.
func (g *gate) admit() {
	kept := g.waiting[:0]
	for i, t := range g.waiting {
		if g.running == g.all {
			kept = append(kept, g.waiting[i:]...)
			break
		}
		if g.of[t.workspace] >= g.each {
			kept = append(kept, t)
			continue
		}
		g.running++
		g.of[t.workspace]++
		close(t.admitted)
	}
	clear(g.waiting[len(kept):])
	g.waiting = kept
}
