package parquet_test

import (
	"bytes"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	wire "github.com/parquet-go/parquet-go/format"

	"github.com/inlet-go/inlet/query/tabular"
	format "github.com/inlet-go/inlet/query/tabular/parquet"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
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

func FuzzParquet(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Add([]byte("PAR1PAR1"))
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Add(bytes.Repeat([]byte("PAR1"), 9))
	r := newReader(f)
	tight := tabulartest.New(f, &tabular.Options{
		Limits:  tabular.Limits{Columns: 20, FieldBytes: 100, RowBytes: 1000},
		Formats: []tabular.Format{format.Format{FooterBytes: 4096, Chunks: 20, PageBytes: 1 << 16, MemoryBytes: 1 << 18}},
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, r := range []*tabular.Reader{r, tight} {
			if _, err := tabulartest.Load(r, tabulartest.File("f.parquet", data)); err != nil {
				tabulartest.CheckError(t, err)
			}
		}
	})
}

// FuzzPage makes the data of one page, which FuzzParquet rarely reaches behind
// the metadata; and of a dictionary in front of it, unless that is empty.
func FuzzPage(f *testing.F) {
	plain := []byte{1, 0, 0, 0, 2, 0, 0, 0}
	for kind := range uint8(8) {
		for _, encoding := range []uint8{0, 2, 3, 5, 6, 7, 8, 9} {
			f.Add(plain, []byte{}, kind, encoding, uint8(2), false)
		}
		f.Add([]byte{1, 3, 2, 6, 0}, append(plain, plain...), kind, uint8(8), uint8(4), false)
	}
	f.Add([]byte{2, 0, 0, 0, 4, 1, 1, 0, 0, 0}, []byte{}, uint8(1), uint8(0), uint8(2), true)
	f.Add([]byte{2, 0, 0, 0, 3, 0x55, 128, 1, 4, 4, 2, 2, 0, 0, 0, 0}, []byte{}, uint8(2), uint8(5), uint8(8), true)
	f.Add([]byte("\xff\xff\xff\x80\x02\x00"), []byte{}, uint8(1), uint8(3), uint8(1), false) // a run where none belongs
	r := newReader(f)
	f.Fuzz(func(t *testing.T, data, dictionary []byte, kind, encoding, values uint8, nulls bool) {
		column := required("a", wire.Type(kind%8))
		if nulls {
			column = optional("a", wire.Type(kind%8))
		}
		column.TypeLength = thrift.New[int32](3)
		header := dataPage(int32(values), wire.Encoding(encoding%10), len(data), len(data))
		var before []byte
		if len(dictionary) > 0 {
			before = dictionaryPage(t, len(dictionary)/8, dictionary)
		}
		file := page(t, column, wire.Uncompressed, header, data, int64(values), before...)
		if _, err := tabulartest.Load(r, tabulartest.File("f.parquet", file)); err != nil {
			tabulartest.CheckError(t, err)
		}
	})
}

func dictionaryPage(t testing.TB, values int, data []byte) []byte {
	t.Helper()
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &wire.PageHeader{
		Type: wire.DictionaryPage, CompressedPageSize: int32(len(data)), UncompressedPageSize: int32(len(data)),
		DictionaryPageHeader: thrift.New(wire.DictionaryPageHeader{NumValues: int32(values), Encoding: wire.Plain}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(head, data...)
}
