package folder

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/inlet-go/inlet/blob"
)

// List streams the files under prefix in the order of their keys' bytes. Each
// directory on the way down to the current file is held in memory, up to
// Options.SortLimit names of it. A directory that cannot be read is an error:
// to a caller that removes what is no longer listed, it must not look empty.
func (s *Source) List(ctx context.Context, prefix string, opts *blob.ListOptions) iter.Seq2[blob.Object, error] {
	if opts == nil {
		opts = &blob.ListOptions{}
	}
	return func(yield func(blob.Object, error) bool) {
		w := &sourceWalk{ctx: ctx, prefix: prefix, opts: opts, limit: s.limit, yield: yield}
		if err := w.dir(s.root, ""); err != nil && !errors.Is(err, errStop) {
			yield(blob.Object{}, err)
		}
	}
}

// sourceWalk is one listing of a source, depth first.
type sourceWalk struct {
	ctx    context.Context
	prefix string
	opts   *blob.ListOptions
	limit  int
	yield  func(blob.Object, error) bool
}

func (w *sourceWalk) dir(root *os.Root, base string) error {
	for e, err := range scan(root, w.limit, func(d fs.DirEntry) (entry, bool) { return w.keep(base, d) }) {
		if err == nil {
			err = w.ctx.Err()
		}
		if err != nil {
			return classify(err, base)
		}
		key := base + e.sort
		switch {
		case !e.dir:
			err = w.file(root, e, key)
		case w.opts.OneLevel && strings.HasPrefix(key, w.prefix) && key != w.prefix:
			err = w.group(root, e, key)
		default:
			err = w.sub(root, e, key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keep lets through files with the prefix behind After, and directories that
// can hold such. A directory sorts with its "/".
func (w *sourceWalk) keep(base string, d fs.DirEntry) (entry, bool) {
	e := entry{sort: d.Name(), name: d.Name(), typ: d.Type(), dir: d.IsDir()}
	if e.dir {
		e.sort += "/"
	}
	key := base + e.sort
	if !e.dir {
		regular := e.typ.IsRegular() || e.typ&fs.ModeSymlink != 0
		return e, regular && strings.HasPrefix(key, w.prefix) && key > w.opts.After
	}
	within := strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key)
	return e, within && (key > w.opts.After || strings.HasPrefix(w.opts.After, key))
}

func (w *sourceWalk) file(root *os.Root, e entry, key string) error {
	info, err := root.Stat(e.name)
	if err != nil && (e.typ&fs.ModeSymlink != 0 || errors.Is(err, fs.ErrNotExist)) {
		return nil // a link that leads nowhere or outside, or deleted meanwhile
	}
	if err != nil {
		return classify(err, key)
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	if !w.yield(fileObject(key, info), nil) {
		return errStop
	}
	return nil
}

// group yields a directory that holds at least one file at any depth.
func (w *sourceWalk) group(root *os.Root, e entry, key string) error {
	if key <= w.opts.After {
		return nil
	}
	found := &sourceWalk{ctx: w.ctx, opts: &blob.ListOptions{}, limit: 64}
	found.yield = func(blob.Object, error) bool { return false }
	err := found.sub(root, e, key)
	if !errors.Is(err, errStop) {
		return err // an error, or nothing in it
	}
	if !w.yield(blob.Object{Key: key, Dir: true}, nil) {
		return errStop
	}
	return nil
}

func (w *sourceWalk) sub(root *os.Root, e entry, base string) error {
	sub, err := root.OpenRoot(e.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return classify(err, base)
	}
	defer sub.Close()
	return w.dir(sub, base)
}
