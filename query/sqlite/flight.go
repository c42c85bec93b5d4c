package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
)

// load is a file that is being made, for all who wait for it.
type load struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int // guarded by the cache
	file    *file
	err     error

	rows, bytes atomic.Int64 // read so far
	cpu         atomic.Int64 // nanoseconds, once it is done
	claimed     atomic.Bool  // somebody counts it among his figures
}

// get returns the file with a key, pinned, and has it built if it is not
// there: once for all who ask at the same time. When nobody waits any longer
// the building is cancelled. wait is called now and then.
func (c *cache) get(
	ctx context.Context, key string, build func(ctx context.Context, path string, l *load) (fileMeta, error), wait func(l *load),
) (*file, error) {
	if f := c.pin(key); f != nil {
		return f, nil
	}
	l := c.join(key, build)
	if err := c.wait(ctx, key, l, wait); err != nil {
		return nil, err
	}
	return l.file, nil
}

// join returns the load of a key, which it starts if there is none.
func (c *cache) join(key string, build func(ctx context.Context, path string, l *load) (fileMeta, error)) *load {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.loads[key]
	if l == nil {
		ctx, cancel := context.WithCancel(context.Background())
		l = &load{done: make(chan struct{}), cancel: cancel}
		c.loads[key] = l
		c.going.Go(func() {
			defer close(l.done)
			defer cancel()
			f, err := c.build(ctx, key, l, build)
			c.publish(l, f, err)
		})
	}
	l.waiters++
	return l
}

func (c *cache) wait(ctx context.Context, key string, l *load, report func(l *load)) error {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-l.done:
			report(l)
			return l.err
		case <-ticker.C:
			report(l)
		case <-ctx.Done():
			c.mu.Lock()
			defer c.mu.Unlock()
			if l.waiters--; l.file != nil {
				l.file.pins--
			} else if l.waiters == 0 {
				l.cancel()
				if c.loads[key] == l {
					delete(c.loads, key)
				}
			}
			return context.Cause(ctx)
		}
	}
}

// build makes a file and publishes it under its checksum.
func (c *cache) build(
	ctx context.Context, key string, l *load, build func(ctx context.Context, path string, l *load) (fileMeta, error),
) (_ *file, err error) {
	temp := filepath.Join(c.dir, fmt.Sprintf("%s.%d%s", key, c.count.Add(1), tempSuffix))
	defer os.Remove(temp)
	runtime.LockOSThread() // so that its CPU time is known
	defer runtime.UnlockOSThread()
	start := threadCPU()
	defer func() { l.cpu.Store(int64(threadCPU() - start)) }()
	meta, err := build(ctx, temp, l)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(temp)
	if err != nil {
		return nil, err
	}
	sum, err := checksum(temp)
	if err != nil {
		return nil, err
	}
	f := &file{key: key, size: info.Size(), sum: sum, meta: meta, used: time.Now(), verified: true}
	f.path = filepath.Join(c.dir, fmt.Sprintf("%s.%08x%s", key, sum, fileSuffix))
	return f, os.Rename(temp, f.path)
}

// publish ends a load. The file is pinned for each who waits.
func (c *cache) publish(l *load, f *file, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, other := range c.loads {
		if other == l {
			delete(c.loads, key)
		}
	}
	if l.err = err; err != nil {
		return
	}
	l.file, f.pins = f, l.waiters
	if former := c.files[f.key]; former != nil { // by a load that all had left, and that was done all the same
		c.bytes -= former.size
	}
	c.files[f.key] = f
	c.bytes += f.size
	c.evict()
}

// drain cancels all loads and waits for them.
func (c *cache) drain() {
	c.mu.Lock()
	for _, l := range c.loads {
		l.cancel()
	}
	c.mu.Unlock()
	c.going.Wait()
}
