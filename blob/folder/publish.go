package folder

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// publish moves the finished temporary file to its place. The steps of a
// durable write are in this order: the bytes, the name, the directories.
func (b *Bucket) publish(ctx context.Context, s *Stage, opts *blob.WriteOptions) error {
	durable := !b.opts.Relaxed && !opts.Deferred
	later := !b.opts.Relaxed && opts.Deferred && !hasSyncfs
	if later && !b.pending.room() {
		durable, later = true, false
	}
	if durable {
		f, err := s.file()
		if err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil { // syncing may have taken long
		return err
	}
	path := objectsDir + "/" + pathOf(s.key)
	if err := b.place(s, path, opts.IfNotExist); err != nil {
		return err
	}
	if later {
		b.pending.add(path)
	}
	if durable {
		return b.dirs.sync(b.root, parent(path))
	}
	return nil
}

// place links or renames the temporary file to path. Making a directory and
// using it are two steps, between which Delete may prune it again.
func (b *Bucket) place(s *Stage, path string, ifNotExist bool) error {
	move := b.root.Rename
	if ifNotExist {
		move = b.root.Link // atomic, and fails where the name is taken
	}
	var err error
	for range 100 {
		if err = move(s.name, path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		mkErr := b.root.MkdirAll(parent(path), 0o700)
		if mkErr != nil && !errors.Is(mkErr, fs.ErrNotExist) && !errors.Is(mkErr, fs.ErrExist) {
			return mkErr // the two that are let pass come of others who make and prune it
		}
	}
	if ifNotExist && errors.Is(err, fs.ErrExist) {
		return errs.Wrap(errs.Exists, err, "blob %q already exists", s.key)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return errs.Wrap(errs.Unavailable, err, "blob %q: the temporary file is gone; was the bucket closed?", s.key)
	}
	if err != nil {
		return err
	}
	name := s.name
	if err := s.finish(); err != nil {
		return err
	}
	if ifNotExist {
		b.root.Remove(name) // the second name; if that fails, the next Open removes it
	}
	return nil
}

// dirSync remembers which directories are known to be on disk, so that most
// writes sync only the one that they change. The zero value is ready to use.
type dirSync struct {
	mu     sync.Mutex
	known  map[string]bool
	pruned uint64 // counts removed directories
}

const maxKnownDirs = 8192

// sync makes a new entry of dir durable, and dir itself. It is called after
// the entry was made, which keeps dir from being pruned meanwhile; if dir was
// pruned and made again before, it is not in known.
func (d *dirSync) sync(root *os.Root, dir string) error {
	d.mu.Lock()
	pruned := d.pruned
	d.mu.Unlock()
	var synced []string
	for {
		if err := syncDir(root, dir); errors.Is(err, fs.ErrNotExist) {
			return nil // the object was deleted already, and its directory with it
		} else if err != nil {
			return err
		}
		if dir == objectsDir {
			break
		}
		d.mu.Lock()
		known := d.known[dir]
		d.mu.Unlock()
		if known {
			break
		}
		synced = append(synced, dir)
		dir = parent(dir)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pruned != pruned {
		return nil
	}
	if d.known == nil || len(d.known) > maxKnownDirs {
		d.known = map[string]bool{}
	}
	for _, dir := range synced {
		d.known[dir] = true
	}
	return nil
}

// prune removes dir and those above it as far as they are empty.
func (d *dirSync) prune(root *os.Root, dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for strings.HasPrefix(dir, objectsDir+"/") {
		delete(d.known, dir)
		d.pruned++
		if err := root.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
		dir = parent(dir)
	}
}

// syncDir makes the entries of a directory durable.
func syncDir(root *os.Root, dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there; NTFS journals them
	}
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
