// Package parquet reads tables out of Apache Parquet files
// (https://parquet.apache.org/docs/file-format/) by parquet-go.
//
// A file is one table. Nested columns are compact JSON text. Nothing of a file
// is trusted: footer and page headers are checked before they are decoded,
// pages are decompressed against their declared size, and every count is
// compared with the bytes it stands for, because a few flipped bits make
// parquet-go, like most readers, allocate gigabytes.
package parquet

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// Format reads .parquet files. The zero value has the default limits.
//
// Inspect reads the footer only, which has the schema and the number of rows:
// damage in a page is found by reading the rows. A column is nullable when the
// schema says so, even if no value is missing.
type Format struct {
	FooterBytes int64 // of the metadata at the file's end; 0 means 16 MiB
	Chunks      int   // column chunks: columns times row groups; 0 means 65,536
	PageBytes   int64 // of one page, compressed, decompressed and decoded alike; 0 means 32 MiB
	MemoryBytes int64 // of the decoded pages of all columns together; 0 means 256 MiB
}

func (f Format) orDefault() Format {
	if f.FooterBytes <= 0 {
		f.FooterBytes = 16 << 20
	}
	if f.Chunks <= 0 {
		f.Chunks = 65536
	}
	if f.PageBytes <= 0 {
		f.PageBytes = 32 << 20
	}
	if f.MemoryBytes <= 0 {
		f.MemoryBytes = 256 << 20
	}
	return f
}

// Extensions implements [tabular.Format].
func (Format) Extensions() []string { return []string{".parquet"} }

// Inspect implements [tabular.Format].
func (f Format) Inspect(ctx context.Context, file tabular.File, limits tabular.Limits) (tables []tabular.Table, err error) {
	defer guard(&err, "the footer")()
	footer, err := f.orDefault().readFooter(tabular.NewReaderAt(ctx, file, 64<<10, 2), file.Size, limits)
	if err != nil {
		return nil, err
	}
	return []tabular.Table{footer.table()}, nil
}

// Open implements [tabular.Format].
func (f Format) Open(ctx context.Context, file tabular.File, table tabular.Table, limits tabular.Limits) (r tabular.Rows, err error) {
	defer guard(&err, "the footer")()
	f = f.orDefault()
	footer, err := f.readFooter(tabular.NewReaderAt(ctx, file, 64<<10, 2), file.Size, limits)
	if err != nil {
		return nil, err
	}
	own := footer.table()
	if len(own.Columns) != len(table.Columns) {
		return nil, errs.New(errs.Invalid, "the file has %d columns, but the table %d; the file must be inspected again",
			len(own.Columns), len(table.Columns))
	}
	for i, c := range own.Columns {
		if c.Original != table.Columns[i].Original || c.Type != table.Columns[i].Type {
			return nil, errs.New(errs.Invalid, "column %d of the file is not %q of type %s; the file must be inspected again",
				i+1, table.Columns[i].Name, table.Columns[i].Type)
		}
	}
	// Each column reads its own part of the file: one block for each.
	leaves := len(footer.leaves)
	block := min(max(int64(32<<20)/int64(leaves+4), 16<<10), 1<<20)
	src := tabular.NewReaderAt(ctx, file, block, leaves+4)
	return newRows(ctx, f, src, footer, table.Columns, limits)
}

// guard turns a panic of a decoder, or a fault of its unsafe code, into an
// Invalid error: use it as defer guard(&err, what)().
func guard(err *error, what string) func() {
	old := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(old)
		if p := recover(); p != nil {
			*err = panicked(p, what)
		}
	}
}

func panicked(p any, what string) error {
	return errs.Wrap(errs.Invalid, fmt.Errorf("panic: %v", p), "the parquet file is damaged: %s cannot be decoded", what)
}

// damaged classifies what a decoder returned; our own errors stay as they are.
func damaged(err error, what string) error {
	var own *errs.Error
	if err == nil || errors.As(err, &own) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errs.Wrap(errs.Invalid, err, "the parquet file is damaged: %s cannot be decoded", what)
}
