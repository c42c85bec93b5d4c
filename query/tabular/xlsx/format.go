// Package xlsx reads tables out of Office Open XML workbooks (ECMA-376).
//
// Every sheet that is not empty is a table; its first row with a value is the
// header. Sheets are read as a stream: what is held in memory are the shared
// strings and one row. (excelize, the usual library, holds each part of the
// file or a copy of it on disk, does not tell dates from numbers while it
// streams, and takes a damaged sheet for a short one; the tests write and
// compare with it.)
package xlsx

import (
	"context"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// Format reads .xlsx files. The zero value has the default limits.
//
// Cells say their type: numbers are Integer or Real, and Date or Timestamp
// where their number format is a date; text is Text, whatever it looks like.
// Times of the day are Text. Cells with an error (#N/A) and empty text are
// Null. A row without any value is skipped.
type Format struct {
	FileBytes   int64 // of the file; 0 means 128 MiB
	UnzipBytes  int64 // of what is unpacked in all; 0 means 200 MiB
	Ratio       int64 // unpacked to packed bytes of a part, from 1 MiB on; 0 means 200
	StringBytes int64 // of the shared strings, which stay in memory; 0 means 32 MiB
}

func (f Format) orDefault() Format {
	setDefault(&f.FileBytes, 128<<20)
	setDefault(&f.UnzipBytes, 200<<20)
	setDefault(&f.Ratio, 200)
	setDefault(&f.StringBytes, 32<<20)
	return f
}

func setDefault(v *int64, value int64) {
	if *v <= 0 {
		*v = value
	}
}

// Extensions implements [tabular.Format].
func (Format) Extensions() []string { return []string{".xlsx"} }

// Inspect implements [tabular.Format].
func (f Format) Inspect(ctx context.Context, file tabular.File, limits tabular.Limits) ([]tabular.Table, error) {
	b, err := openBook(ctx, f.orDefault(), file, limits)
	if err != nil {
		return nil, err
	}
	var tables []tabular.Table
	for _, ref := range b.sheets {
		table, err := b.inspect(ref)
		if err != nil {
			return nil, err
		}
		if len(table.Columns) == 0 {
			continue
		}
		if len(tables) == limits.Tables {
			return nil, errs.New(errs.TooLarge, "the workbook has more than %d sheets", limits.Tables)
		}
		tables = append(tables, table)
	}
	if len(tables) == 0 {
		return nil, errs.New(errs.Invalid, "the workbook is empty: there is no header to name the columns")
	}
	return tables, nil
}

// Open implements [tabular.Format].
func (f Format) Open(ctx context.Context, file tabular.File, table tabular.Table, limits tabular.Limits) (tabular.Rows, error) {
	b, err := openBook(ctx, f.orDefault(), file, limits)
	if err != nil {
		return nil, err
	}
	for _, ref := range b.sheets {
		if ref.name == table.Name {
			return b.rows(ref, table.Columns)
		}
	}
	return nil, errs.New(errs.Invalid, "the workbook has no sheet %q; the file must be inspected again", table.Name)
}
