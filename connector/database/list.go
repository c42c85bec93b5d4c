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
// to as many as the config says. A listing that none follows is of every row.
func (s *Source) ListSince(ctx context.Context, from string, once bool) (objects iter.Seq2[blob.Object, error], next func() string) {
	l := &listing{src: s, state: parseState(from), once: once || s.config.Polling == Once, left: int64(s.config.MaxBatches)}
	objects = func(yield func(blob.Object, error) bool) {
		l.yield = func(obj blob.Object) bool { return yield(obj, nil) }
		if err := l.watched(ctx); err != nil && !errors.Is(err, errStop) {
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
	once  bool
	left  int64 // pages that may be listed
	yield func(blob.Object) bool
	idle  *time.Timer
}

// watched lists, unless the database is silent for too long.
func (l *listing) watched(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := l.src.config.Idle
	silent := errs.New(errs.Unavailable, "the database sent nothing for %v", limit)
	l.idle = time.AfterFunc(limit, func() { cancel(silent) })
	defer l.idle.Stop()
	err := l.list(ctx)
	if err != nil && errors.Is(context.Cause(ctx), silent) {
		return silent
	}
	return err
}

func (l *listing) list(ctx context.Context) (err error) {
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
	if l.state.Whole && !l.src.config.Polling.due(l.state.Listed, now) {
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
		return l.pages(ctx, window{}, &l.state.After)
	}
	if l.table.time[0].Nullable {
		if whole, err := l.pages(ctx, window{Null: true}, &l.state.Nulls); err != nil || !whole {
			return false, err
		}
	}
	if l.state.Until != nil { // what the listing before left over
		if whole, err := l.window(ctx); err != nil || !whole {
			return false, err
		}
	}
	if err := l.open(ctx); err != nil || l.state.Until == nil {
		return true, err
	}
	return l.window(ctx)
}

// open begins a window that ends with the latest row there is, if it is new. No
// row can come into it later: transactions that are open may still commit rows
// with the time at which they began.
func (l *listing) open(ctx context.Context) error {
	ranges := []Range{{By: l.table.time, After: l.state.From}}
	if !l.once {
		settled, err := l.src.conn.Settled(ctx, l.table.time[0], l.src.config.Lag)
		if err != nil {
			return err
		}
		if settled != "" {
			ranges = append(ranges, Range{By: l.table.time[:1], To: []string{settled}})
		}
	}
	q := Query{Table: l.state.Table, Columns: l.table.time, Ranges: ranges, Order: l.table.time, Desc: true, Limit: 1}
	return l.src.conn.Bounds(ctx, q, func(texts [][]byte) error {
		l.state.Until = copied(texts)
		return nil
	})
}

// window yields what is left of the window, and closes it if that is all.
func (l *listing) window(ctx context.Context) (whole bool, err error) {
	whole, err = l.pages(ctx, l.state.window, &l.state.After)
	if err == nil && whole {
		l.state.window, l.state.After = window{From: l.state.Until}, nil
	}
	return whole, err
}

func copied(texts [][]byte) []string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = string(text)
	}
	return list
}

// aliveRows is after how many rows the database counts as not silent.
const aliveRows = 1000

// pages yields what is in a window behind a key, moves that, and reports
// whether it is all.
func (l *listing) pages(ctx context.Context, w window, after *[]string) (whole bool, err error) {
	if l.left == 0 {
		return false, nil
	}
	size := int64(l.src.config.BatchSize)
	limit := size * l.left
	ranges, err := l.table.ranges(w, *after, nil)
	if err != nil {
		return false, err
	}
	q := Query{Table: l.state.Table, Columns: l.table.key, Ranges: ranges, Order: l.table.key, Limit: limit}
	rows := int64(0)
	last := make([][]byte, len(l.table.key))
	err = l.src.conn.Bounds(ctx, q, func(texts [][]byte) error {
		for i, text := range texts {
			last[i] = append(last[i][:0], text...)
		}
		if rows++; rows%aliveRows == 0 {
			l.idle.Reset(l.src.config.Idle)
		}
		if rows%size != 0 {
			return nil
		}
		return l.page(w, after, copied(last))
	})
	if err == nil && rows%size != 0 {
		err = l.page(w, after, copied(last))
	}
	return rows < limit, err
}

// page yields the rows of a window behind a key and up to another.
func (l *listing) page(w window, after *[]string, to []string) error {
	p := page{Table: l.state.Table, By: l.state.By, After: *after, To: to, window: w}
	key, err := p.key()
	if err != nil {
		return err
	}
	if len(key) > maxKey {
		return errs.New(errs.Invalid, "table %q cannot be loaded: its keys are too long", p.Table)
	}
	*after = to
	l.left--
	if !l.yield(blob.Object{Key: key, ContentType: contentType}) {
		return errStop
	}
	l.idle.Reset(l.src.config.Idle)
	return nil
}
