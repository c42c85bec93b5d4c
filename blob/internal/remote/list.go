package remote

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// Query is one request for a page.
type Query struct {
	Prefix    string
	Delimiter string // "" or "/"
	After     string // only for the first page
	Token     string // of the page before
	Size      int
}

// Page is one answer to a Query.
type Page struct {
	Objects []blob.Object // objects and directories in any order
	More    bool
	Token   string // of the next page
}

const (
	maxPage  = 1000
	maxEmpty = 100 // pages without an object in a row, before the listing is taken for endless
)

// List streams the pages that fetch gets. A server whose pages repeat, or say
// that there is more but not where, ends it with an Unavailable error.
func List(ctx context.Context, prefix string, opts *blob.ListOptions, fetch func(context.Context, Query) (Page, error)) iter.Seq2[blob.Object, error] {
	if opts == nil {
		opts = &blob.ListOptions{}
	}
	return func(yield func(blob.Object, error) bool) {
		l := lister{prefix: prefix, after: opts.After, last: opts.After, fetch: fetch}
		l.query = Query{Prefix: prefix, Size: maxPage}
		if opts.PageSize > 0 && opts.PageSize < maxPage {
			l.query.Size = opts.PageSize
		}
		if opts.OneLevel {
			l.query.Delimiter = "/"
		}
		if opts.After > prefix {
			if !strings.HasPrefix(opts.After, prefix) {
				return // behind everything that starts with prefix
			}
			l.query.After = opts.After
		}
		l.run(ctx, yield)
	}
}

type lister struct {
	query  Query
	prefix string
	after  string
	last   string // greatest key so far
	empty  int    // pages without a key in a row
	fetch  func(context.Context, Query) (Page, error)
}

func (l *lister) run(ctx context.Context, yield func(blob.Object, error) bool) {
	for first := true; ; first = false {
		page, err := l.fetch(ctx, l.query)
		if err == nil {
			err = l.check(page, first)
		}
		if err != nil {
			yield(blob.Object{}, err)
			return
		}
		for _, o := range page.Objects {
			if o.Key <= l.after || !strings.HasPrefix(o.Key, l.prefix) {
				continue // a directory that holds l.after, which some servers list again
			}
			if err := ctx.Err(); err != nil {
				yield(blob.Object{}, errs.Wrap(errs.Canceled, err, "list %q", l.prefix))
				return
			}
			if !yield(o, nil) {
				return
			}
		}
		if !page.More {
			return
		}
		l.query.After, l.query.Token = "", page.Token
	}
}

// check sorts a page and compares it with what came before.
func (l *lister) check(page Page, first bool) error {
	slices.SortFunc(page.Objects, func(a, b blob.Object) int { return cmp.Compare(a.Key, b.Key) })
	if n := len(page.Objects); n > 0 {
		if !first && page.Objects[0].Key <= l.last {
			return errs.New(errs.Unavailable, "list %q: the store repeats a page behind key %q", l.prefix, l.last)
		}
		l.last, l.empty = max(l.last, page.Objects[n-1].Key), 0
	} else {
		l.empty++
	}
	if !page.More {
		return nil
	}
	if page.Token == "" {
		return errs.New(errs.Unavailable, "list %q: the store cut the listing off behind key %q", l.prefix, l.last)
	}
	if page.Token == l.query.Token || l.empty > maxEmpty {
		return errs.New(errs.Unavailable, "list %q: the store does not go on behind key %q", l.prefix, l.last)
	}
	return nil
}
