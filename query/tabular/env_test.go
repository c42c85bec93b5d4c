package tabular_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/inlet-go/inlet/query/tabular"
)

// fileOf is a file in memory, which hands out its bytes as a server does.
func fileOf(name string, data []byte) tabular.File {
	return tabular.File{
		Name: name, Size: int64(len(data)),
		Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
			if offset < 0 || offset > int64(len(data)) {
				return nil, fmt.Errorf("offset %d of %d bytes", offset, len(data))
			}
			rest := data[offset:]
			if length > 0 && length < int64(len(rest)) {
				rest = rest[:length]
			}
			return io.NopCloser(bytes.NewReader(rest)), nil
		},
	}
}

func newReader(t testing.TB, o *tabular.Options) *tabular.Reader {
	t.Helper()
	r, err := tabular.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// null stands for a missing value among texts.
const null = "∅"

// readAll reads a table's rows as text, and closes them.
func readAll(r *tabular.Reader, f tabular.File, table tabular.Table) ([][]string, error) {
	rows, err := r.Open(context.Background(), f, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all [][]string
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return all, rows.Close()
		}
		if err != nil {
			return all, err
		}
		texts := make([]string, len(row))
		for i, v := range row {
			texts[i] = string(v.Append(nil))
			if v.Type == tabular.Null {
				texts[i] = null
			} else if v.Type != table.Columns[i].Type {
				return all, fmt.Errorf("a value of type %s in column %q of type %s", v.Type, table.Columns[i].Name, table.Columns[i].Type)
			}
		}
		all = append(all, texts)
	}
}

// columnsOf shows columns as "name type", with ? where they are nullable.
func columnsOf(table tabular.Table) []string {
	var all []string
	for _, c := range table.Columns {
		text := c.Name + " " + c.Type.String()
		if c.Nullable {
			text += "?"
		}
		all = append(all, text)
	}
	return all
}
