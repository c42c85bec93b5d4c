package duckdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// cache keeps the files of loaded tables by their versions.
type cache struct {
	dir   string
	limit int64

	mu    sync.Mutex
	files map[string]*file
	loads map[string]*load
	bytes int64
	going sync.WaitGroup
	count int
}

// file is a database with one table, named t.
type file struct {
	key, path string
	size      int64
	pins      int // statements that read it
	used      time.Time
}

// load is a file that is being made, for all who wait for it.
type load struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	file    *file
	err     error
}

func newCache(dir string, limit int64) *cache {
	return &cache{dir: dir, limit: limit, files: map[string]*file{}, loads: map[string]*load{}}
}

// get returns the file of a version, pinned, and has it built if it is not
// there: once for all who ask at the same time. When nobody waits any longer,
// building it is cancelled.
func (c *cache) get(ctx context.Context, version string, build func(ctx context.Context, path string) error) (*file, error) {
	sum := sha256.Sum256([]byte(version))
	key := hex.EncodeToString(sum[:])
	c.mu.Lock()
	if f := c.files[key]; f != nil {
		f.pins++
		f.used = time.Now()
		c.mu.Unlock()
		return f, nil
	}
	l := c.loads[key]
	if l == nil {
		l = c.start(key, build)
	}
	l.waiters++
	c.mu.Unlock()
	select {
	case <-l.done:
		return l.file, l.err
	case <-ctx.Done():
		c.leave(key, l)
		return nil, ctx.Err()
	}
}

func (c *cache) start(key string, build func(context.Context, string) error) *load {
	ctx, cancel := context.WithCancel(context.Background())
	c.count++
	l := &load{done: make(chan struct{}), cancel: cancel}
	f := &file{key: key, path: filepath.Join(c.dir, fmt.Sprintf("%s%s.%d", prefix, key[:32], c.count))}
	c.loads[key] = l
	c.going.Go(func() {
		defer cancel()
		err := build(ctx, f.path)
		if err == nil {
			var info os.FileInfo
			if info, err = os.Stat(f.path); err == nil {
				f.size = info.Size()
			}
		}
		if err != nil {
			remove(f.path)
		}
		c.publish(l, f, err)
	})
	return l
}

func (c *cache) leave(key string, l *load) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-l.done:
		if l.file != nil {
			l.file.pins--
		}
		return
	default:
	}
	if l.waiters--; l.waiters == 0 {
		l.cancel()
		if c.loads[key] == l {
			delete(c.loads, key)
		}
	}
}

// publish ends a load. The file is pinned for each who waits.
func (c *cache) publish(l *load, f *file, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(l.done)
	if c.loads[f.key] == l {
		delete(c.loads, f.key)
	}
	if l.err = err; err != nil {
		return
	}
	if c.files[f.key] != nil { // by a load that all had left, and that was done all the same
		remove(c.files[f.key].path)
		c.bytes -= c.files[f.key].size
	}
	l.file, f.pins, f.used = f, l.waiters, time.Now()
	c.files[f.key] = f
	c.bytes += f.size
	c.evict()
}

// release gives back what get returned.
func (c *cache) release(f *file) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.pins--
	c.evict()
}

// evict makes room.
func (c *cache) evict() {
	for c.bytes > c.limit {
		var oldest *file
		for _, f := range c.files {
			if f.pins == 0 && (oldest == nil || f.used.Before(oldest.used)) {
				oldest = f
			}
		}
		if oldest == nil {
			return
		}
		delete(c.files, oldest.key)
		c.bytes -= oldest.size
		remove(oldest.path)
	}
}

// close cancels all loads, waits for them, and removes all files.
func (c *cache) close() {
	c.mu.Lock()
	for _, l := range c.loads {
		l.cancel()
	}
	c.mu.Unlock()
	c.going.Wait()
	for _, f := range c.files {
		remove(f.path)
	}
}

// remove removes a database with what belongs to it.
func remove(path string) {
	os.Remove(path)
	os.Remove(path + ".wal")
	os.RemoveAll(path + ".tmp")
}
