package tabular

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/inlet-go/inlet/store/errs"
)

// csvFormat reads comma-separated values (RFC 4180), with ; tab or | in place
// of the comma where the file has that. The first record is the header. An
// empty field is Null, and so are the fields that a short record lacks; a
// record with more fields than the header is Invalid. Empty lines are skipped.
type csvFormat struct{ text textFormat }

// tsvFormat reads tab-separated values, with the rules of csv.
type tsvFormat struct{ text textFormat }

func (csvFormat) Extensions() []string { return []string{".csv"} }
func (tsvFormat) Extensions() []string { return []string{".tsv"} }

func (c csvFormat) Inspect(ctx context.Context, f File, limits Limits) ([]Table, error) {
	return inspectDelimited(ctx, c.text, f, 0, limits)
}

func (c tsvFormat) Inspect(ctx context.Context, f File, limits Limits) ([]Table, error) {
	return inspectDelimited(ctx, c.text, f, '\t', limits)
}

func (c csvFormat) Open(ctx context.Context, f File, table Table, limits Limits) (Rows, error) {
	return openDelimited(ctx, c.text, f, table, 0, limits)
}

func (c tsvFormat) Open(ctx context.Context, f File, table Table, limits Limits) (Rows, error) {
	return openDelimited(ctx, c.text, f, table, '\t', limits)
}

// delimited is an open csv or tsv file behind its header.
type delimited struct {
	text    *textReader
	records *recordReader
	header  []Column // names only
}

// delim 0 stands for the one that the file has.
func openHeader(ctx context.Context, format textFormat, f File, charset string, delim byte, limits Limits) (*delimited, error) {
	text, err := format.open(ctx, f, charset)
	if err != nil {
		return nil, err
	}
	d := &delimited{text: text}
	if err := d.readHeader(delim, limits); err != nil {
		text.Close()
		return nil, err
	}
	return d, nil
}

func (d *delimited) readHeader(delim byte, limits Limits) error {
	src := io.Reader(d.text)
	if delim == 0 {
		var err error
		if delim, src, err = sniff(src, limits); err != nil {
			return err
		}
	}
	d.records = newRecordReader(src, delim, limits)
	fields, err := d.records.next()
	if errors.Is(err, io.EOF) {
		return errs.New(errs.Invalid, "the file is empty: there is no header to name the columns")
	}
	if err != nil {
		return err
	}
	d.header = make([]Column, len(fields))
	for i, field := range fields {
		d.header[i].Original = string(field)
	}
	Name(d.header)
	return nil
}

func (d *delimited) tooMany(fields int) error {
	return errs.New(errs.Invalid, "line %d: %d fields, but the header has %d", d.records.start, fields, len(d.header))
}

func inspectDelimited(ctx context.Context, format textFormat, f File, delim byte, limits Limits) ([]Table, error) {
	d, err := openHeader(ctx, format, f, "", delim, limits)
	if err != nil {
		return nil, err
	}
	defer d.text.Close()
	seen := make([]Seen, len(d.header))
	rows := int64(0)
	for {
		fields, err := d.records.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(fields) > len(seen) {
			return nil, d.tooMany(len(fields))
		}
		for i, field := range fields {
			seen[i].Text(field)
		}
		for i := len(fields); i < len(seen); i++ {
			seen[i].Null()
		}
		rows++
	}
	for i := range d.header {
		d.header[i].Type, d.header[i].Nullable = seen[i].Type(), seen[i].Nullable()
	}
	return []Table{{
		Columns: d.header, Rows: rows, Charset: d.text.Charset(), Delimiter: string(rune(d.records.delim)),
	}}, nil
}

func openDelimited(ctx context.Context, format textFormat, f File, table Table, delim byte, limits Limits) (Rows, error) {
	if len(table.Delimiter) == 1 {
		delim = table.Delimiter[0]
	}
	d, err := openHeader(ctx, format, f, table.Charset, delim, limits)
	if err != nil {
		return nil, err
	}
	if err := sameColumns(d.header, table.Columns); err != nil {
		d.text.Close()
		return nil, err
	}
	return &delimitedRows{delimited: d, columns: table.Columns, row: make([]Value, len(table.Columns))}, nil
}

// sameColumns compares what a file's header says with a table's columns.
func sameColumns(header, columns []Column) error {
	if len(header) != len(columns) {
		return errs.New(errs.Invalid, "the header has %d columns, but the table %d; the file must be inspected again",
			len(header), len(columns))
	}
	for i := range header {
		if header[i].Original != columns[i].Original {
			return errs.New(errs.Invalid, "column %d of the header is not %q; the file must be inspected again",
				i+1, columns[i].Name)
		}
	}
	return nil
}

// delimitedRows gives the records as rows.
type delimitedRows struct {
	*delimited
	columns []Column
	row     []Value
	err     error
}

func (r *delimitedRows) Next() ([]Value, error) {
	if r.err != nil {
		return nil, r.err
	}
	fields, err := r.records.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	if len(fields) > len(r.row) {
		r.err = r.tooMany(len(fields))
		return nil, r.err
	}
	for i, field := range fields {
		if !r.row[i].SetText(r.columns[i].Type, field) {
			r.err = Misfit(fmt.Sprintf("line %d", r.records.start), r.columns[i])
			return nil, r.err
		}
	}
	for i := len(fields); i < len(r.row); i++ {
		r.row[i].Type = Null
	}
	return r.row, nil
}

func (r *delimitedRows) Close() error {
	if r.err == nil {
		r.err = errClosed
	}
	return r.text.Close()
}

// errClosed is what Next returns after Close.
var errClosed = errs.New(errs.Canceled, "the rows are closed")
