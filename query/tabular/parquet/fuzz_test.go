package parquet_test

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/inlet-go/inlet/query/tabular"
	format "github.com/inlet-go/inlet/query/tabular/parquet"
	"github.com/inlet-go/inlet/store/errs"
)

// seeds are small valid files of several kinds.
func seeds(t testing.TB) [][]byte {
	rows, _ := manyRows(60)
	type nested struct {
		A *struct {
			B []string `parquet:"b,list"`
		} `parquet:"a,optional"`
		M map[string]int64 `parquet:"m"`
	}
	value := nested{M: map[string]int64{"k": 1}}
	value.A = &struct {
		B []string `parquet:"b,list"`
	}{B: []string{"x", "y"}}
	return [][]byte{
		write(t, rows, parquet.Compression(&parquet.Uncompressed), parquet.DataPageVersion(1)),
		write(t, rows, parquet.Compression(&parquet.Snappy), parquet.PageBufferSize(512)),
		write(t, rows[:9], parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(4)),
		write(t, rows[:20], parquet.Compression(&parquet.Gzip)),
		write(t, []nested{value, {}, value}, parquet.Compression(&parquet.Uncompressed)),
	}
}

func checkError(t testing.TB, err error) {
	t.Helper()
	switch errs.KindOf(err) {
	case errs.Invalid, errs.TooLarge, errs.Unsupported:
	default:
		t.Errorf("an error of kind %v: %v", errs.KindOf(err), err)
	}
	if msg := errs.Message(err); msg == "" || !utf8.ValidString(msg) || len(msg) > 2000 {
		t.Errorf("a message of %d bytes: %q", len(msg), msg)
	}
}

func FuzzParquet(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Add([]byte("PAR1PAR1"))
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Add(bytes.Repeat([]byte("PAR1"), 9))
	r := newReader(f, format.Format{})
	tight, err := tabular.New(&tabular.Options{
		Limits:  tabular.Limits{Columns: 20, FieldBytes: 100, RowBytes: 1000},
		Formats: []tabular.Format{format.Format{FooterBytes: 4096, Chunks: 20, PageBytes: 1 << 16, MemoryBytes: 1 << 18}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, err := load(r, bytesFile(data, nil)); err != nil {
			checkError(t, err)
		}
		if _, _, err := load(tight, bytesFile(data, nil)); err != nil {
			checkError(t, err)
		}
	})
}
