package folder

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"

	"github.com/inlet-go/inlet/store/errs"
)

// Sync makes every Deferred write that returned before durable: with one
// syncfs where there is that, else with an fsync of each in parallel.
func (b *Bucket) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return errs.Wrap(errs.Canceled, err, "sync: canceled")
	}
	if b.opts.Relaxed {
		return nil
	}
	var err error
	if hasSyncfs {
		err = syncfs(b.dir)
	} else {
		err = b.pending.sync(b.root, &b.dirs)
	}
	return errs.Wrap(kindOf(err), err, "sync: %s", reasonOf(err))
}

// reasonOf is reason for errors that may be nil.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return reason(err)
}

// pendingSync remembers what was written but not synced yet. The zero value is
// ready to use.
type pendingSync struct {
	mu    sync.Mutex
	paths map[string]bool
}

const (
	maxPending  = 4096
	syncWorkers = 16
)

// room reports whether another path can be remembered; if not, the writer
// syncs by itself.
func (p *pendingSync) room() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.paths) < maxPending
}

func (p *pendingSync) add(paths ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paths == nil {
		p.paths = map[string]bool{}
	}
	for _, path := range paths {
		p.paths[path] = true
	}
}

// sync makes all paths durable. What fails is tried again by the next call.
func (p *pendingSync) sync(root *os.Root, dirs *dirSync) error {
	p.mu.Lock()
	paths := p.paths
	p.paths = nil
	p.mu.Unlock()

	parents := map[string]bool{}
	files := make([]string, 0, len(paths))
	for path := range paths {
		files = append(files, path)
		parents[parent(path)] = true
	}
	err := parallel(files, func(path string) error { return syncFile(root, path) })
	if err == nil {
		list := make([]string, 0, len(parents))
		for dir := range parents {
			list = append(list, dir)
		}
		err = parallel(list, func(dir string) error { return dirs.sync(root, dir) })
	}
	if err != nil {
		p.add(files...)
	}
	return err
}

// parallel calls do for each path and returns the first error.
func parallel(paths []string, do func(path string) error) error {
	work := make(chan string)
	failed := make(chan error, 1)
	var wg sync.WaitGroup
	for range min(syncWorkers, len(paths)) {
		wg.Go(func() {
			for path := range work {
				if err := do(path); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	for _, path := range paths {
		work <- path
	}
	close(work)
	wg.Wait()
	close(failed)
	return <-failed
}

func syncFile(root *os.Root, path string) error {
	f, err := root.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
