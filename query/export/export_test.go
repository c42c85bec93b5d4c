package export_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/export"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/parquet"
)

func value(typ tabular.Type, b string) tabular.Value {
	return tabular.Value{Type: typ, Bytes: []byte(b)}
}

var columns = []query.Column{
	{Name: "n", Type: "bigint"}, {Name: "n", Type: "double"}, {Name: "b", Type: "boolean"}, {Name: "d", Type: "decimal(10,2)"},
	{Name: "long", Type: "decimal(38,2)"}, {Name: "day", Type: "date"}, {Name: "at", Type: "timestamp(6)"},
	{Name: "bytes", Type: "varbinary"}, {Name: "list", Type: "array(bigint)"}, {Name: "text", Type: "varchar"},
}

var rows = [][]tabular.Value{
	{
		{Type: tabular.Integer, Int: 9007199254740993}, {Type: tabular.Real, Float: 0.5}, {Type: tabular.Boolean, Int: 1},
		value(tabular.Decimal, "-1.50"), value(tabular.Decimal, "123456789012345678901234567890.10"), value(tabular.Date, "2026-02-28"),
		value(tabular.Timestamp, "2026-02-28 01:02:03.25"), value(tabular.Bytes, "\x00\x01"), value(tabular.JSON, "[1,2]"), value(tabular.Text, "a,\"b\"\n日本"),
	},
	make([]tabular.Value, 10),
}

// page returns a page of a service's result.
func page(t *testing.T) *query.Page {
	t.Helper()
	store := result.New(cloud.Memory(), nil)
	w, err := store.Write(t.Context(), "results/x", columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := query.NewService(nil, nil, nil, store, nil).Page(&query.Query{Status: query.Finished, Columns: columns, Result: r}, 0, r.Rows)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCSV(t *testing.T) {
	var out bytes.Buffer
	if err := (export.CSV{}).Export(t.Context(), &out, page(t)); err != nil {
		t.Fatal(err)
	}
	want := "n,n,b,d,long,day,at,bytes,list,text\n" +
		"9007199254740993,0.5,true,-1.50,123456789012345678901234567890.10,2026-02-28,2026-02-28 01:02:03.25,AAE=,\"[1,2]\",\"a,\"\"b\"\"\n日本\"\n" +
		",,,,,,,,,\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestParquet reads the file back as the tables of users are read.
func TestParquet(t *testing.T) {
	var out bytes.Buffer
	if err := (export.Parquet{}).Export(t.Context(), &out, page(t)); err != nil {
		t.Fatal(err)
	}
	reader, err := tabular.New(&tabular.Options{Formats: []tabular.Format{parquet.Format{}}})
	if err != nil {
		t.Fatal(err)
	}
	file := tabular.File{Name: "result.parquet", Size: int64(out.Len()), Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
		b := out.Bytes()[offset:]
		if length > 0 {
			b = b[:length]
		}
		return io.NopCloser(bytes.NewReader(b)), nil
	}}
	tables, err := reader.Inspect(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	var names, types []string
	for _, c := range tables[0].Columns {
		names, types = append(names, c.Name), append(types, c.Type.String())
	}
	if diff := cmp.Diff([]string{"n", "n_2", "b", "d", "long", "day", "at", "bytes", "list", "text"}, names); diff != "" {
		t.Errorf("names: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"integer", "real", "boolean", "decimal", "text", "date", "timestamp", "bytes", "text", "text"}, types); diff != "" {
		t.Errorf("types: -want +got\n%s", diff)
	}
	read, err := reader.Open(t.Context(), file, tables[0])
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	var got [][]string
	for {
		row, err := read.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, v := range row {
			texts = append(texts, string(v.Append(nil)))
		}
		got = append(got, texts)
	}
	want := [][]string{
		{"9007199254740993", "0.5", "true", "-1.50", "123456789012345678901234567890.10", "2026-02-28", "2026-02-28 01:02:03.250000", "\x00\x01", "[1,2]", "a,\"b\"\n日本"},
		make([]string, 10),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows: -want +got\n%s", diff)
	}
}
