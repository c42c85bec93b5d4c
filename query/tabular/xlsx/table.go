package xlsx

import (
	"errors"
	"io"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// kinds collects what the cells of a column are, a bit for each cellKind.
type kinds uint16

const wide kinds = 1 << 15 // an integer that float64 cannot hold

func (k *kinds) add(c cell) {
	*k |= 1 << c.kind
	if c.kind == integerCell && (c.integer > 1<<53 || c.integer < -1<<53) {
		*k |= wide
	}
}

// columnType is the narrowest type without loss.
func (k kinds) columnType() tabular.Type {
	switch k &^ (1<<noCell | wide) {
	case 1 << integerCell:
		return tabular.Integer
	case 1 << realCell, 1<<realCell | 1<<integerCell:
		if k&wide != 0 {
			return tabular.Decimal
		}
		return tabular.Real
	case 1 << booleanCell:
		return tabular.Boolean
	case 1 << dateCell:
		return tabular.Date
	case 1 << timeCell, 1<<timeCell | 1<<dateCell:
		return tabular.Timestamp
	}
	return tabular.Text
}

// inspect describes a sheet; one without values has no columns. Columns that
// have values but no header are named by their place.
func (b *book) inspect(ref sheetRef) (tabular.Table, error) {
	table := tabular.Table{Name: ref.name}
	s, err := b.openSheet(ref)
	if err != nil {
		return table, err
	}
	defer s.part.close()
	header, err := s.header()
	if errors.Is(err, io.EOF) {
		return table, nil
	}
	if err != nil {
		return table, err
	}
	seen := make([]kinds, len(header))
	present := make([]int64, len(header))
	for {
		cells, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return table, err
		}
		table.Rows++
		for i, c := range cells {
			if c.kind == noCell {
				continue
			}
			for i >= len(header) {
				header, seen, present = append(header, tabular.Column{}), append(seen, 0), append(present, 0)
			}
			seen[i].add(c)
			present[i]++
		}
	}
	tabular.Name(header)
	for i := range header {
		header[i].Type, header[i].Nullable = seen[i].columnType(), present[i] < table.Rows
	}
	table.Columns = header
	return table, nil
}

// header reads the first row, without the empty cells at its end.
func (s *sheetReader) header() ([]tabular.Column, error) {
	cells, err := s.next()
	if err != nil {
		return nil, err
	}
	for cells[len(cells)-1].kind == noCell {
		cells = cells[:len(cells)-1]
	}
	columns := make([]tabular.Column, len(cells))
	for i, c := range cells {
		columns[i].Original = string(c.text)
	}
	return columns, nil
}

// rows opens the rows of a sheet.
func (b *book) rows(ref sheetRef, columns []tabular.Column) (tabular.Rows, error) {
	s, err := b.openSheet(ref)
	if err != nil {
		return nil, err
	}
	header, err := s.header()
	if err == nil || errors.Is(err, io.EOF) {
		err = sameHeader(header, columns)
	}
	if err != nil {
		s.part.close()
		return nil, err
	}
	return &sheetRows{sheet: s, columns: columns, row: make([]tabular.Value, len(columns))}, nil
}

// sameHeader compares the header with a table's columns, of which the last may
// have none.
func sameHeader(header, columns []tabular.Column) error {
	for i := range max(len(header), len(columns)) {
		switch {
		case i >= len(columns):
			return errs.New(errs.Invalid, "the header has %d columns, but the table %d; the file must be inspected again", len(header), len(columns))
		case i >= len(header) && columns[i].Original != "", i < len(header) && header[i].Original != columns[i].Original:
			return errs.New(errs.Invalid, "column %d of the header is not %q; the file must be inspected again", i+1, columns[i].Name)
		}
	}
	return nil
}

// sheetRows gives the rows behind the header.
type sheetRows struct {
	sheet   *sheetReader
	columns []tabular.Column
	row     []tabular.Value
	buf     []byte
	err     error
}

// Next implements [tabular.Rows].
func (r *sheetRows) Next() ([]tabular.Value, error) {
	if r.err != nil {
		return nil, r.err
	}
	cells, err := r.sheet.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	for i := range r.row {
		r.row[i].Type = tabular.Null
	}
	r.buf = r.buf[:0]
	for i, c := range cells {
		if c.kind == noCell {
			continue
		}
		if i >= len(r.row) {
			r.err = errs.New(errs.Invalid, "%s: a value in column %d, but the table has %d; the file must be inspected again",
				r.sheet.place(), i+1, len(r.row))
			return nil, r.err
		}
		if !r.set(&r.row[i], c, r.columns[i].Type) {
			r.err = tabular.Misfit(r.sheet.place(), r.columns[i])
			return nil, r.err
		}
	}
	return r.row, nil
}

// set makes v the cell c, and reports whether type t can hold it.
func (r *sheetRows) set(v *tabular.Value, c cell, t tabular.Type) bool {
	*v = tabular.Value{Type: t, Bytes: c.text}
	var k kinds
	k.add(c)
	switch t {
	case tabular.Text:
		return true
	case tabular.Integer:
		v.Int = c.integer
		return c.kind == integerCell
	case tabular.Real:
		v.Float = c.real
		return c.kind == realCell || c.kind == integerCell && k&wide == 0
	case tabular.Decimal:
		return c.kind == realCell || c.kind == integerCell
	case tabular.Boolean:
		v.Int = c.integer
		return c.kind == booleanCell
	case tabular.Date:
		return c.kind == dateCell
	case tabular.Timestamp:
		if c.kind == dateCell {
			start := len(r.buf)
			r.buf = append(append(r.buf, c.text...), " 00:00:00"...)
			v.Bytes = r.buf[start:]
		}
		return c.kind == dateCell || c.kind == timeCell
	}
	return false
}

// Close implements [tabular.Rows].
func (r *sheetRows) Close() error {
	if r.err == nil {
		r.err = errs.New(errs.Canceled, "the rows are closed")
	}
	r.sheet.part.close()
	return nil
}
