package database

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// maxKey is how long a key may be, in bytes, so that it can be kept.
const maxKey = 1024

// ListSince implements task.Incremental: each batch of new rows is a page, up
// to as many as the config says.
func (s *Source) ListSince(ctx context.Context, from, after string) (objects iter.Seq2[blob.Object, error], next func() string) {
	l := &listing{src: s, state: parseState(from)}
	objects = func(yield func(blob.Object, error) bool) {
		l.yield = func(obj blob.Object) bool { return yield(obj, nil) }
		if err := l.list(ctx, after); err != nil && !errors.Is(err, errStop) {
			yield(blob.Object{}, err)
		}
	}
	return objects, func() string { return l.state.text() }
}

// errStop ends a listing whose caller has had enough.
var errStop = errs.New(errs.Canceled, "stopped")

// listing moves its state behind each page that it yields.
type listing struct {
	src   *Source
	table *shape
	state state
	yield func(blob.Object) bool
}

func (l *listing) list(ctx context.Context, after string) (err error) {
	if l.table, err = l.src.describe(ctx); err != nil {
		return err
	}
	by, name := l.table.by(), l.src.config.Table
	if l.state.Table != name || !slices.Equal(l.state.By, by) {
		l.state = state{Table: name, By: by}
	}
	now := time.Now()
	if l.src.config.Now != nil {
		now = l.src.config.Now()
	}
	if after != "" { // an interrupted listing goes on
		p, err := parsePage(after)
		if err != nil {
			return err
		}
		if slices.Equal(p.By, by) {
			l.state.window, l.state.After = p.window, p.To
		}
	} else if l.state.Whole && !l.src.config.Polling.due(l.state.Listed, now) {
		return nil
	}
	l.state.Whole = false
	whole, err := l.new(ctx)
	if err == nil {
		l.state.Listed, l.state.Whole = now.UTC(), whole
	}
	return err
}

// new yields what is new, and reports whether that is all.
func (l *listing) new(ctx context.Context) (whole bool, err error) {
	if l.table.time == nil {
		_, whole, err = l.pages(ctx)
		return whole, err
	}
	if l.state.Until != nil { // what the listing before left over
		found, whole, err := l.pages(ctx)
		if err != nil || !whole {
			return false, err
		}
		if l.close(); found {
			return true, nil
		}
	}
	if err := l.open(ctx); err != nil || l.state.Until == nil {
		return true, err
	}
	if _, whole, err = l.pages(ctx); err == nil && whole {
		l.close()
	}
	return whole, err
}

// open begins a window that ends with the latest row there is, if it is new.
func (l *listing) open(ctx context.Context) error {
	ranges := []Range{{By: l.table.time, After: l.state.From}}
	q := Query{Table: l.state.Table, Columns: l.table.time, Ranges: ranges, Order: l.table.time, Desc: true, Limit: 1}
	return l.src.conn.Bounds(ctx, q, func(texts [][]byte) error {
		l.state.Until = copied(texts)
		return nil
	})
}

// close ends a window of which everything is listed.
func (l *listing) close() { l.state.window, l.state.After = window{From: l.state.Until}, nil }

func copied(texts [][]byte) []string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = string(text)
	}
	return list
}

// pages yields what is left of the window, and reports whether there was a row,
// and whether that is all.
func (l *listing) pages(ctx context.Context) (found, whole bool, err error) {
	size := int64(l.src.config.BatchSize)
	limit := size * int64(l.src.config.MaxBatches)
	ranges, err := l.table.ranges(l.state.window, l.state.After, nil)
	if err != nil {
		return false, false, err
	}
	q := Query{Table: l.state.Table, Columns: l.table.key, Ranges: ranges, Order: l.table.key, Limit: limit}
	rows := int64(0)
	last := make([][]byte, len(l.table.key))
	err = l.src.conn.Bounds(ctx, q, func(texts [][]byte) error {
		for i, text := range texts {
			last[i] = append(last[i][:0], text...)
		}
		if rows++; rows%size != 0 {
			return nil
		}
		return l.page(copied(last))
	})
	if err == nil && rows%size != 0 {
		err = l.page(copied(last))
	}
	return rows > 0, rows < limit, err
}

// page yields the rows up to a key.
func (l *listing) page(to []string) error {
	p := page{Table: l.state.Table, By: l.state.By, After: l.state.After, To: to, window: l.state.window}
	key, err := p.key()
	if err != nil {
		return err
	}
	if len(key) > maxKey {
		return errs.New(errs.Invalid, "table %q cannot be loaded: its keys are too long", p.Table)
	}
	if !l.yield(blob.Object{Key: key, ContentType: contentType}) {
		return errStop
	}
	l.state.After = to
	return nil
}
