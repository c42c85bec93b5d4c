package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/parquet-go/parquet-go"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// rows gives the rows of all row groups in order.
type rows struct {
	ctx     context.Context
	format  Format
	src     io.ReaderAt
	footer  *footer
	names   []tabular.Column
	limits  tabular.Limits
	columns []*node

	plain   *parquet.File
	cursors []*cursor // of the leaves
	group   int       // the next one
	left    int64     // rows of the open one
	number  int64     // of the last row, from 1
	spent   int64     // bytes that decoded pages need

	row  []tabular.Value
	buf  []byte // what the row's values are in
	nest nester
	err  error
}

func newRows(ctx context.Context, f Format, src io.ReaderAt, t *footer, names []tabular.Column, limits tabular.Limits) (*rows, error) {
	plain, err := t.plain()
	if err != nil {
		return nil, damaged(err, "the schema")
	}
	return &rows{
		ctx: ctx, format: f, src: src, footer: t, names: names, limits: limits, columns: t.columns(),
		plain: plain, row: make([]tabular.Value, len(names)),
	}, nil
}

// Next implements [tabular.Rows].
func (r *rows) Next() ([]tabular.Value, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.err = r.next(); r.err != nil {
		r.release()
		return nil, r.err
	}
	return r.row, nil
}

func (r *rows) next() (err error) {
	defer r.recovered(debug.SetPanicOnFault(true), &err)
	for r.left == 0 {
		if err := r.openGroup(); err != nil {
			return err
		}
	}
	r.left--
	r.number++
	r.buf = r.buf[:0]
	for i, n := range r.columns {
		if n.plainColumn() {
			err = r.setScalar(i, n)
		} else {
			err = r.setNested(i, n)
		}
		if err != nil {
			return err
		}
	}
	if int64(len(r.buf)) > r.limits.RowBytes {
		return errs.New(errs.TooLarge, "row %d: the row is longer than %s", r.number, bytesText(r.limits.RowBytes))
	}
	return nil
}

// recovered is guard without a cost for each row.
func (r *rows) recovered(old bool, err *error) {
	debug.SetPanicOnFault(old)
	if p := recover(); p != nil {
		*err = panicked(p, fmt.Sprintf("row %d", r.number))
	}
}

// openGroup opens the next row group, or returns io.EOF.
func (r *rows) openGroup() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	r.release()
	if r.group == len(r.footer.meta.RowGroups) {
		return io.EOF
	}
	group := &r.footer.meta.RowGroups[r.group]
	chunks := r.plain.RowGroups()[0].ColumnChunks()
	r.cursors = make([]*cursor, len(chunks))
	for i := range chunks {
		m := &group.Columns[i].MetaData
		start := chunkStart(m)
		c := &cursor{leaf: r.footer.leaves[i]}
		source := &pageSource{
			format: r.format, leaf: c.leaf, codec: m.Codec, src: r.src, first: true,
			off: start, end: start + m.TotalCompressedSize, values: m.NumValues,
			spent: func(bytes int64) error { return r.account(c, bytes) },
		}
		c.pages = chunks[i].(*parquet.FileColumnChunk).PagesFrom(source)
		r.cursors[i] = c
	}
	r.group++
	r.left = group.NumRows
	return nil
}

// account notes what a cursor's page needs in memory.
func (r *rows) account(c *cursor, bytes int64) error {
	r.spent += bytes - c.spent
	c.spent = bytes
	if r.spent > r.format.MemoryBytes {
		return errs.New(errs.TooLarge, "the pages of the parquet file need more than %s", bytesText(r.format.MemoryBytes))
	}
	return nil
}

func (r *rows) release() {
	for _, c := range r.cursors {
		c.close()
	}
	r.cursors, r.spent = nil, 0
}

// Close implements [tabular.Rows].
func (r *rows) Close() error {
	if r.err == nil {
		r.err = errs.New(errs.Canceled, "the rows are closed")
	}
	r.release()
	return nil
}

// setScalar sets a column of one value a row.
func (r *rows) setScalar(i int, n *node) error {
	p, err := r.cursors[n.first].take()
	if err != nil {
		return r.fail(i, err)
	}
	v := &r.row[i]
	if p.IsNull() {
		v.Type = tabular.Null
		return nil
	}
	before := len(r.buf)
	var ok bool
	if r.buf, ok = n.scalar.set(v, p, r.buf); !ok {
		return tabular.Misfit(fmt.Sprintf("row %d", r.number), r.names[i])
	}
	return r.checkLength(i, len(r.buf)-before)
}

// setNested sets a column to the JSON of what its leaves have for the row.
func (r *rows) setNested(i int, n *node) error {
	leaves := r.cursors[n.first : n.first+n.leaves]
	for _, c := range leaves {
		if err := c.takeRow(r.limits.RowBytes); err != nil {
			return r.fail(i, err)
		}
	}
	before := len(r.buf)
	var err error
	r.nest.most = before + int(r.limits.FieldBytes)
	r.buf, err = r.nest.append(r.buf, n, leaves)
	if errors.Is(err, errNestedTooLong) {
		return r.checkLength(i, len(r.buf)-before)
	}
	if err != nil {
		return r.fail(i, err)
	}
	v := &r.row[i]
	v.Type, v.Bytes = tabular.Text, r.buf[before:]
	if n.optional() && string(v.Bytes) == "null" {
		v.Type = tabular.Null
	}
	return r.checkLength(i, len(v.Bytes))
}

func (r *rows) checkLength(i, n int) error {
	if int64(n) > r.limits.FieldBytes {
		return errs.New(errs.TooLarge, "row %d: the value of column %q is longer than %s", r.number, r.names[i].Name, bytesText(r.limits.FieldBytes))
	}
	return nil
}

func (r *rows) fail(i int, err error) error {
	if errors.Is(err, io.EOF) {
		err = errs.New(errs.Invalid, "the parquet file is damaged: column %q ends before row %d", r.names[i].Name, r.number)
	}
	return damaged(err, fmt.Sprintf("column %q at row %d", r.names[i].Name, r.number))
}

// batch is how many values a cursor decodes at a time.
const batch = 128

// cursor gives the values of a column chunk one by one.
type cursor struct {
	leaf  *node
	pages parquet.Pages
	page  parquet.Page
	read  parquet.ValueReader
	spent int64

	values [batch]parquet.Value
	at, n  int

	row  []parquet.Value // of takeRow
	next int             // in row, for the nester
}

// take returns the next value, or io.EOF.
func (c *cursor) take() (parquet.Value, error) {
	if c.at == c.n {
		if err := c.fill(); err != nil {
			return parquet.Value{}, err
		}
	}
	c.at++
	return c.values[c.at-1], nil
}

func (c *cursor) fill() error {
	for {
		if c.read != nil {
			n, err := c.read.ReadValues(c.values[:])
			if n > 0 {
				c.at, c.n = 0, n
				return nil
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			c.read = nil
		}
		page, err := c.pages.ReadPage()
		if err != nil {
			return err
		}
		parquet.Release(c.page)
		c.page, c.read = page, page.Values()
	}
}

// takeRow collects the values up to the next one that starts a row.
func (c *cursor) takeRow(most int64) error {
	c.row, c.next = c.row[:0], 0
	for {
		if c.at == c.n {
			err := c.fill()
			if errors.Is(err, io.EOF) && len(c.row) > 0 {
				return nil
			}
			if err != nil {
				return err
			}
		}
		v := c.values[c.at]
		if len(c.row) > 0 && v.RepetitionLevel() == 0 {
			return nil
		}
		// A page may be replaced before the row ends: keep its bytes.
		c.row = append(c.row, v.Clone())
		c.at++
		if int64(len(c.row)) > most/4 {
			return errs.New(errs.TooLarge, "column %q has a row of more than %d values", c.leaf.path(), most/4)
		}
	}
}

func (c *cursor) close() {
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	c.pages.Close()
}
