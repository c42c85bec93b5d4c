package tabular_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/parquet"
	"github.com/inlet-go/inlet/query/tabular/xlsx"
)

func Example() {
	ctx := context.Background()
	data := []byte("id;name;price\n1;bolt;0.5\n2;nut;\n3;\"washer; flat\";2\n")
	file := tabular.File{
		Name: "parts.csv",
		Size: int64(len(data)),
		Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data[offset:])), nil // to the end, for text
		},
	}

	reader, err := tabular.New(&tabular.Options{
		Formats: []tabular.Format{parquet.Format{}, xlsx.Format{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	tables, err := reader.Inspect(ctx, file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tables[0].Rows, "rows")
	for _, c := range tables[0].Columns {
		fmt.Println(c.Name, c.Type, c.Nullable)
	}

	rows, err := reader.Open(ctx, file, tables[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rows.Close()
	total := 0.0
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		if row[2].Type == tabular.Real {
			total += row[2].Float
		}
	}
	fmt.Println("total", total)
	// Output:
	// 3 rows
	// id integer false
	// name text false
	// price real true
	// total 2.5
}
