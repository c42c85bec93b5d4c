// Package inspect looks at the files of data sources: whether they are what
// their names say, and which tables are in them.
package inspect

import (
	"context"
	"errors"
	"io"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// Inspector is a [dataset.Inspector] over readers of tables. It is safe for
// concurrent use.
type Inspector struct{ reader *tabular.Reader }

var _ dataset.Inspector = (*Inspector)(nil)

// New returns an inspector that finds the tables that reader reads. Files of
// other formats are only checked for what they are.
func New(reader *tabular.Reader) *Inspector { return &Inspector{reader: reader} }

// Inspect see [dataset.Inspector].
func (i *Inspector) Inspect(ctx context.Context, f dataset.File) ([]dataset.Table, error) {
	head, err := readHead(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := veto(dataset.Extension(f.Name), head); err != nil {
		return nil, err
	}
	if !i.reader.Supports(f.Name) {
		return nil, nil
	}
	found, err := i.reader.Inspect(ctx, tabular.File{Name: f.Name, Size: f.Size, Open: f.Open})
	if err != nil {
		return nil, err
	}
	tables := make([]dataset.Table, len(found))
	for n, t := range found {
		tables[n] = dataset.Table{Name: t.Name, Rows: t.Rows, Charset: t.Charset, Delimiter: t.Delimiter, Columns: make([]dataset.Column, len(t.Columns))}
		for m, c := range t.Columns {
			tables[n].Columns[m] = dataset.Column{Name: c.Name, Type: c.Type.String(), Nullable: c.Nullable}
			if c.Original != c.Name {
				tables[n].Columns[m].Original = c.Original
			}
		}
	}
	return tables, nil
}

// headSize is how many bytes of a file its content is told by.
const headSize = 3072

func readHead(ctx context.Context, f dataset.File) ([]byte, error) {
	r, err := f.Open(ctx, 0, headSize)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errs.Wrap(errs.KindOf(err), err, "the file cannot be read")
	}
	return head[:n], nil
}
