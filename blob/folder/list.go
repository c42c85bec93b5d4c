package folder

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/inlet-go/inlet/blob"
)

// List streams the objects under prefix. PageSize has no meaning here; see
// Options.SortLimit for the memory that it takes. A file that a crash left
// damaged is listed without an ETag, so that it can be found and deleted.
func (b *Bucket) List(ctx context.Context, prefix string, opts *blob.ListOptions) iter.Seq2[blob.Object, error] {
	if opts == nil {
		opts = &blob.ListOptions{}
	}
	return func(yield func(blob.Object, error) bool) {
		w := &walk{ctx: ctx, prefix: prefix, opts: opts, limit: b.opts.SortLimit, yield: yield}
		objects, err := b.root.OpenRoot(objectsDir)
		if err == nil {
			defer objects.Close()
			err = w.dir(objects, "")
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(blob.Object{}, classify(err, prefix))
		}
	}
}

// errStop ends a walk whose consumer wants no more.
var errStop = errors.New("stop")

// walk is one listing of a bucket, depth first.
type walk struct {
	ctx     context.Context
	prefix  string
	opts    *blob.ListOptions
	limit   int
	yield   func(blob.Object, error) bool
	lastDir string // the Dir yielded last
}

// dir walks a directory; base is the part of the keys that it stands for.
func (w *walk) dir(root *os.Root, base string) error {
	for e, err := range scan(root, w.limit, func(d fs.DirEntry) (entry, bool) { return w.keep(base, d) }) {
		if err == nil {
			err = w.ctx.Err()
		}
		if err != nil {
			return err
		}
		full := base + e.sort
		if group, ok := w.group(full); ok {
			err = w.rollUp(root, e, group)
		} else if e.dir {
			err = w.sub(root, e.name, full)
		} else {
			err = w.object(root, e.name, full)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keep lets through what can hold keys with the prefix behind After.
func (w *walk) keep(base string, d fs.DirEntry) (entry, bool) {
	piece, k, ok := pieceOf(d.Name())
	if !ok {
		return entry{}, false
	}
	e := entry{sort: piece, dir: k != object, name: d.Name()}
	full := base + piece
	if !e.dir {
		return e, strings.HasPrefix(full, w.prefix) && full > w.opts.After
	}
	within := strings.HasPrefix(full, w.prefix) || strings.HasPrefix(w.prefix, full)
	return e, within && (full > w.opts.After || strings.HasPrefix(w.opts.After, full))
}

// group returns the Dir that stands for full in a listing of one level.
func (w *walk) group(full string) (string, bool) {
	if !w.opts.OneLevel || len(full) <= len(w.prefix) {
		return "", false
	}
	i := strings.IndexByte(full[len(w.prefix):], '/')
	return full[:len(w.prefix)+i+1], i >= 0
}

// rollUp yields group once, if there is an object in it.
func (w *walk) rollUp(root *os.Root, e entry, group string) error {
	if group == w.lastDir || group <= w.opts.After {
		return nil
	}
	if e.dir {
		if found, err := holdsObject(root, e.name); err != nil || !found {
			return err
		}
	}
	w.lastDir = group
	if !w.yield(blob.Object{Key: group, Dir: true}, nil) {
		return errStop
	}
	return nil
}

func (w *walk) sub(root *os.Root, name, base string) error {
	sub, err := root.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // pruned meanwhile
	}
	if err != nil {
		return err
	}
	defer sub.Close()
	return w.dir(sub, base)
}

func (w *walk) object(root *os.Root, name, key string) error {
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	defer f.Close()
	o, _, err := describe(f, key)
	if errors.Is(err, errDamaged) {
		o, err = blob.Object{Key: key}, nil
	}
	if err != nil {
		return err
	}
	if !w.yield(o, nil) {
		return errStop
	}
	return nil
}

// holdsObject looks for any object in a directory. Empty ones exist for a
// moment while an object is written, and after a crash.
func holdsObject(root *os.Root, name string) (bool, error) {
	dir, err := root.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	f, err := dir.Open(".")
	if err != nil {
		return false, err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(16)
		for _, e := range entries {
			_, k, ok := pieceOf(e.Name())
			if ok && k == object {
				return true, nil
			}
			if ok {
				if found, err := holdsObject(dir, e.Name()); err != nil || found {
					return found, err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}
