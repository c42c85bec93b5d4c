package database

import (
	"cmp"
	"context"
	"io"
	"iter"
	"slices"
	"sync"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// Source is a table as a source of files. With a timestamp column, a listing is
// of the rows whose timestamp is later than the latest one that the listing
// before saw, in pages by the primary key; a row that changes must get a later
// timestamp. Without one it is of the rows behind the last key, and changes of
// rows are not seen. So it is for the rows whose timestamp is NULL: each is
// listed once, and again when it has one.
//
// A listing that others follow ends before the oldest transaction that is open,
// by the database's clock, since it may commit rows with the time at which it
// began: what is later, or in the future, is for the next one. Where open
// transactions are not shown it ends [Options.Lag] before that clock, and a
// transaction that is open for longer, or whose rows have times from before it
// began, is not seen. A column of another type than times has no such end.
//
// It implements [task.Incremental]; a page that is read twice has the rows
// that are in its range then.
type Source struct {
	conn   Conn
	config Config

	mu    sync.Mutex
	table *shape // once known
}

var _ blob.Generator = (*Source)(nil)

// NewSource returns the source of c's table; it closes conn with it.
func NewSource(conn Conn, c Config) *Source {
	if c.Lag <= 0 {
		c.Lag = DefaultLag
	}
	if c.Idle <= 0 {
		c.Idle = DefaultIdle
	}
	return &Source{conn: conn, config: c}
}

// Generates implements [blob.Generator].
func (s *Source) Generates() {}

// Close implements [blob.Source].
func (s *Source) Close() error { return s.conn.Close() }

// shape is what is known of the table.
type shape struct {
	columns []Column
	key     []Column // the primary key
	time    []Column // the timestamp column and the key; nil without one
}

// by names what bounds are of.
func (s *shape) by() []string {
	if s.time != nil {
		return names(s.time)
	}
	return names(s.key)
}

// ranges returns the rows of a page, or of a window where to is nil.
func (s *shape) ranges(w window, after, to []string) ([]Range, error) {
	list := []Range{{By: s.key, After: after, To: to}}
	if s.time != nil {
		list = append(list, Range{By: s.time, After: w.From, To: w.Until, Null: w.Null})
	}
	for _, r := range list {
		for _, texts := range [][]string{r.After, r.To} {
			if len(texts) != 0 && len(texts) != len(r.By) {
				return nil, errs.Wrap(errs.NotFound, errMalformed, "this is no page of the table")
			}
		}
	}
	return list, nil
}

// describe returns the table's shape.
func (s *Source) describe(ctx context.Context) (*shape, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table != nil {
		return s.table, nil
	}
	columns, err := s.conn.Columns(ctx, s.config.Table)
	if err != nil {
		return nil, err
	}
	t := &shape{columns: columns}
	for _, c := range columns {
		if c.Key > 0 {
			t.key = append(t.key, c)
		}
	}
	if len(t.key) == 0 {
		return nil, errs.New(errs.Invalid, "table %q cannot be loaded: it has no primary key", s.config.Table)
	}
	slices.SortFunc(t.key, func(a, b Column) int { return cmp.Compare(a.Key, b.Key) })
	if name := s.config.TimestampColumn; name != "" {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		if i < 0 {
			return nil, errs.New(errs.Invalid, "table %q has no column %q", s.config.Table, name)
		}
		t.time = append([]Column{columns[i]}, t.key...)
	}
	for _, c := range slices.Concat(t.time, t.key) {
		if c.Unordered {
			return nil, errs.New(errs.Invalid, "table %q cannot be loaded: rows cannot be ordered by the column %q of this type", s.config.Table, c.Name)
		}
	}
	s.table = t
	return t, nil
}

func names(columns []Column) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return list
}

// Stat implements [blob.Source]. The size of a page is not known.
func (s *Source) Stat(_ context.Context, key string) (blob.Object, error) {
	p, err := parsePage(key)
	if err == nil && p.Table != s.config.Table {
		err = errs.New(errs.NotFound, "%.100q is no page of table %q", key, s.config.Table)
	}
	if err != nil {
		return blob.Object{}, err
	}
	return blob.Object{Key: key, ContentType: contentType}, nil
}

const contentType = "application/vnd.apache.parquet"

// List implements [blob.Source]. It shows the table as a directory, whose
// pages only a task lists.
func (s *Source) List(ctx context.Context, prefix string, _ *blob.ListOptions) iter.Seq2[blob.Object, error] {
	return func(yield func(blob.Object, error) bool) {
		if prefix != "" {
			return
		}
		if _, err := s.describe(ctx); err != nil {
			yield(blob.Object{}, err)
			return
		}
		yield(blob.Object{Key: s.config.Table + "/", Dir: true}, nil)
	}
}

// Open implements [blob.Source]. A page cannot be read in parts.
func (s *Source) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	if opts != nil && *opts != (blob.OpenOptions{}) {
		return nil, errs.New(errs.Unsupported, "a page of a table cannot be read in parts")
	}
	p, err := parsePage(key)
	if err != nil {
		return nil, err
	}
	if p.Table != s.config.Table {
		return nil, errs.New(errs.NotFound, "%.100q is no page of table %q", key, s.config.Table)
	}
	t, err := s.describe(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(p.By, t.by()) {
		return nil, errs.New(errs.Conflict, "the pages of table %q follow other columns now: list it again", p.Table)
	}
	ranges, err := t.ranges(p.window, p.After, p.To)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	f := &file{PipeReader: r, ctx: ctx, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		out := newWriter(w, p.Table, t.columns)
		err := s.conn.Rows(ctx, Query{Table: p.Table, Columns: t.columns, Ranges: ranges}, out)
		if err == nil {
			err = out.close()
		}
		w.CloseWithError(err)
	}()
	return f, nil
}

// file is a page that is being read.
type file struct {
	*io.PipeReader
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
}

// Read implements [io.Reader]. A database may have sent all of a page before
// it notices that nobody wants it any more.
func (f *file) Read(p []byte) (int, error) {
	if f.ctx.Err() != nil {
		return 0, errs.Wrap(errs.Canceled, context.Cause(f.ctx), "reading the database was canceled")
	}
	return f.PipeReader.Read(p)
}

// Close implements [io.Closer]. It returns when the database is free again.
func (f *file) Close() error {
	f.cancel()
	err := f.PipeReader.Close()
	<-f.done
	return err
}
