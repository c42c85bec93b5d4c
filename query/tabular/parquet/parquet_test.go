package parquet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"

	"github.com/inlet-go/inlet/query/tabular"
	format "github.com/inlet-go/inlet/query/tabular/parquet"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
)

func newReader(t testing.TB) *tabular.Reader {
	t.Helper()
	return tabulartest.New(t, &tabular.Options{Formats: []tabular.Format{format.Format{}}})
}

// counted counts how often a file is opened.
func counted(f tabular.File, opened *int) tabular.File {
	open := f.Open
	f.Open = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		*opened++
		return open(ctx, offset, length)
	}
	return f
}

func write[T any](t testing.TB, rows []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ptr[T any](v T) *T { return &v }

func TestScalars(t *testing.T) {
	type row struct {
		I8    int32            `parquet:"i8,int(8)"`
		U32   uint32           `parquet:"u32"`
		U64   uint64           `parquet:"u64"`
		I64   *int64           `parquet:"i64,optional"`
		F32   float32          `parquet:"f32"`
		F64   float64          `parquet:"f64"`
		B     bool             `parquet:"b"`
		S     string           `parquet:"s,dict"`
		Raw   []byte           `parquet:"raw"`
		D     int32            `parquet:"d,date"`
		TMs   time.Time        `parquet:"t_ms,timestamp(millisecond)"`
		TUs   time.Time        `parquet:"t_us,timestamp(microsecond)"`
		TNs   time.Time        `parquet:"t_ns,timestamp(nanosecond)"`
		Local int64            `parquet:"local,timestamp(millisecond:local)"`
		Dec   int64            `parquet:"dec,decimal(2:18)"`
		Dec32 int32            `parquet:"dec32,decimal(4:9)"`
		DecB  [16]byte         `parquet:"decb,decimal(3:38)"`
		ID    [16]byte         `parquet:"id,uuid"`
		Clock int64            `parquet:"clock,time(microsecond)"`
		Old   deprecated.Int96 `parquet:"old"`
	}
	at := time.Date(2024, 2, 29, 23, 59, 58, 123456789, time.UTC)
	rows := []row{
		{-8, 4294967295, 18446744073709551615, ptr(int64(-9223372036854775808)), 0.5, 0.1, true, "ä", []byte{0xff}, 19782, at, at, at,
			-1, -5, 123456, [16]byte{15: 1}, [16]byte{0x12, 15: 0xff}, 1, deprecated.Int96{0x1, 0, 2440589}},
		{8, 0, 0, nil, -1e10, 1e300, false, "", nil, -1, time.UnixMilli(-1), time.UnixMicro(-1), time.Unix(0, -1),
			0, 12345, -1, [16]byte(bytes.Repeat([]byte{0xff}, 16)), [16]byte{}, 86399999999, deprecated.Int96{0, 0, 2440587}},
	}
	want := [][]string{
		{"-8", "4294967295", "18446744073709551615", "-9223372036854775808", "0.5", "0.1", "true", "ä", "\xff", "2024-02-29",
			"2024-02-29 23:59:58.123Z", "2024-02-29 23:59:58.123456Z", "2024-02-29 23:59:58.123456789Z", "1969-12-31 23:59:59.999",
			"-0.05", "12.3456", "0.001", "12000000-0000-0000-0000-0000000000ff", "00:00:00.000001Z", "1970-01-02 00:00:00.000000001"},
		{"8", "0", "0", tabulartest.Null, "-1e+10", "1e+300", "false", "", "", "1969-12-31",
			"1969-12-31 23:59:59.999Z", "1969-12-31 23:59:59.999999Z", "1969-12-31 23:59:59.999999999Z", "1970-01-01 00:00:00.000",
			"123.45", "-0.0001", "-0.001", "00000000-0000-0000-0000-000000000000", "23:59:59.999999Z", "1969-12-31 00:00:00.000000000"},
	}
	columns := []string{"i8 integer", "u32 integer", "u64 decimal", "i64 integer?", "f32 real", "f64 real", "b boolean", "s text",
		"raw bytes", "d date", "t_ms timestamp", "t_us timestamp", "t_ns timestamp", "local timestamp", "dec decimal", "dec32 decimal",
		"decb decimal", "id text", "clock text", "old timestamp"}
	got, err := tabulartest.Load(newReader(t), tabulartest.File("f.parquet", write(t, rows)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]tabulartest.Table{{Columns: columns, Rows: want}}, got); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

func TestNested(t *testing.T) {
	type point struct {
		X int64   `parquet:"x"`
		Y *string `parquet:"y,optional"`
	}
	type row struct {
		ID     int64            `parquet:"id"`
		Tags   []string         `parquet:"tags,list"`
		Plain  []int64          `parquet:"plain"`
		At     *point           `parquet:"at,optional"`
		Points []point          `parquet:"points"`
		Attrs  map[string]int64 `parquet:"attrs"`
		Deep   [][]int64        `parquet:"deep,list"`
	}
	rows := []row{
		{1, []string{"a", "b<"}, []int64{1, 2}, &point{1, ptr("z")}, []point{{1, nil}, {2, ptr("y\"")}}, map[string]int64{"k": 1}, [][]int64{{1, 2}, {}, {3}}},
		{2, nil, nil, nil, nil, nil, nil},
		{3, []string{""}, []int64{3}, &point{}, []point{{}}, map[string]int64{"": 0}, [][]int64{{}}},
	}
	want := [][]string{
		{"1", `["a","b<"]`, `[1,2]`, `{"x":1,"y":"z"}`, `[{"x":1,"y":null},{"x":2,"y":"y\""}]`, `{"k":1}`, `[[1,2],[],[3]]`},
		{"2", `[]`, `[]`, tabulartest.Null, `[]`, `{}`, `[]`},
		{"3", `[""]`, `[3]`, `{"x":0,"y":null}`, `[{"x":0,"y":null}]`, `{"":0}`, `[[]]`},
	}
	got, err := tabulartest.Load(newReader(t), tabulartest.File("f.parquet", write(t, rows)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got[0].Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// many is a table that spans pages and row groups.
type many struct {
	I int64   `parquet:"i,delta"`
	S string  `parquet:"s,dict"`
	T string  `parquet:"t,delta"`
	U string  `parquet:"u,plain"`
	F float64 `parquet:"f,split"`
	B bool    `parquet:"b"`
	N *int32  `parquet:"n,optional"`
	L []int64 `parquet:"l,list"`
}

func manyRows(n int) ([]many, [][]string) {
	rows, texts := make([]many, n), make([][]string, n)
	for i := range rows {
		r := many{I: int64(i) * 7, S: fmt.Sprint("s", i%9), T: fmt.Sprint("text ", i), U: fmt.Sprint("u", i), F: float64(i) / 4, B: i%3 == 0}
		n := tabulartest.Null
		if i%4 > 0 {
			r.N = ptr(int32(-i))
			n = fmt.Sprint(-i)
		}
		l := "["
		for j := range i % 4 {
			if j > 0 {
				l += ","
			}
			r.L = append(r.L, int64(j))
			l += fmt.Sprint(j)
		}
		rows[i] = r
		texts[i] = []string{fmt.Sprint(r.I), r.S, r.T, r.U, string(tabular.Value{Type: tabular.Real, Float: r.F}.Append(nil)), fmt.Sprint(r.B), n, l + "]"}
	}
	return rows, texts
}

func TestCodecsEncodingsAndPages(t *testing.T) {
	rows, want := manyRows(5000)
	for name, codec := range map[string]parquet.WriterOption{
		"none": parquet.Compression(&parquet.Uncompressed), "snappy": parquet.Compression(&parquet.Snappy),
		"gzip": parquet.Compression(&parquet.Gzip), "zstd": parquet.Compression(&parquet.Zstd),
		"brotli": parquet.Compression(&parquet.Brotli), "lz4": parquet.Compression(&parquet.Lz4Raw),
	} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s v%d", name, version), func(t *testing.T) {
				data := write(t, rows, codec, parquet.DataPageVersion(version), parquet.PageBufferSize(4096), parquet.MaxRowsPerRowGroup(2100))
				opened := 0
				got, err := tabulartest.Load(newReader(t), counted(tabulartest.File("f.parquet", data), &opened))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got[0].Rows); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
				if opened > 20 {
					t.Errorf("%d requests for %d bytes", opened, len(data))
				}
			})
		}
	}
}

// BenchmarkOpen reads 200,000 rows of 10 columns.
func BenchmarkOpen(b *testing.B) {
	type row struct {
		ID       int64     `parquet:"id"`
		At       time.Time `parquet:"at,timestamp(millisecond)"`
		Customer int32     `parquet:"customer"`
		Product  string    `parquet:"product,dict"`
		Region   string    `parquet:"region,dict"`
		Status   string    `parquet:"status"`
		Quantity int32     `parquet:"quantity"`
		Price    float64   `parquet:"price"`
		Discount *float64  `parquet:"discount,optional"`
		Note     *string   `parquet:"note,optional"`
	}
	rows := make([]row, 200_000)
	for i := range rows {
		rows[i] = row{int64(i), time.UnixMilli(int64(i) * 31000), int32(i % 977), fmt.Sprint("product-", i%1000), "north", "open", int32(i % 50), float64(i) / 8, nil, nil}
		if i%4 > 0 {
			rows[i].Discount, rows[i].Note = ptr(0.5), ptr(fmt.Sprint("note ", i))
		}
	}
	data := write(b, rows, parquet.Compression(&parquet.Snappy))
	r, f := newReader(b), tabulartest.File("f.parquet", data)
	tables, err := r.Inspect(context.Background(), f)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	count := 0
	for b.Loop() {
		it, err := r.Open(context.Background(), f, tables[0])
		if err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := it.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			count++
		}
		it.Close()
	}
	b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "rows/s")
}
