package parquet_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	wire "github.com/parquet-go/parquet-go/format"

	"github.com/inlet-go/inlet/query/tabular/tabulartest"
	"github.com/inlet-go/inlet/store/errs"
)

// page is a file of one column of one page with that header and data, and what
// is before it.
func page(t testing.TB, column wire.SchemaElement, codec wire.CompressionCodec, header wire.PageHeader, data []byte, values int64, before ...byte) []byte {
	t.Helper()
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		t.Fatal(err)
	}
	body := append(append(before, head...), data...)
	meta := wire.FileMetaData{
		Version: 1, NumRows: values,
		Schema: []wire.SchemaElement{{Name: "root", NumChildren: thrift.New[int32](1)}, column},
		RowGroups: []wire.RowGroup{{NumRows: values, Columns: []wire.ColumnChunk{{MetaData: wire.ColumnMetaData{
			Type: column.Type.V, Codec: codec, NumValues: values, DataPageOffset: 4, TotalCompressedSize: int64(len(body)),
			Encoding: []wire.Encoding{wire.Plain}, PathInSchema: []string{column.Name},
		}}}}},
	}
	return file(t, body, &meta)
}

func file(t testing.TB, body []byte, meta *wire.FileMetaData) []byte {
	t.Helper()
	foot, err := thrift.Marshal(new(thrift.CompactProtocol), meta)
	if err != nil {
		t.Fatal(err)
	}
	return frame(body, foot)
}

func frame(body, foot []byte) []byte {
	data := append([]byte("PAR1"), body...)
	data = append(data, foot...)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(foot)))
	return append(data, "PAR1"...)
}

func required(name string, typ wire.Type) wire.SchemaElement {
	return wire.SchemaElement{Name: name, Type: thrift.New(typ), RepetitionType: thrift.New(wire.Required)}
}

func optional(name string, typ wire.Type) wire.SchemaElement {
	return wire.SchemaElement{Name: name, Type: thrift.New(typ), RepetitionType: thrift.New(wire.Optional)}
}

func dataPage(values int32, encoding wire.Encoding, packed, plain int) wire.PageHeader {
	return wire.PageHeader{
		Type: wire.DataPage, CompressedPageSize: int32(packed), UncompressedPageSize: int32(plain),
		DataPageHeader: thrift.New(wire.DataPageHeader{NumValues: values, Encoding: encoding, DefinitionLevelEncoding: wire.RLE, RepetitionLevelEncoding: wire.RLE}),
	}
}

func uvarints(values ...uint64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func TestHostileFiles(t *testing.T) {
	const billion = 1 << 30
	gzipBomb := func() []byte {
		b, err := parquet.Gzip.Encode(nil, make([]byte, 300<<20))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}()
	zstdBomb, err := parquet.Zstd.Encode(nil, make([]byte, 300<<20))
	if err != nil {
		t.Fatal(err)
	}
	// A text that grows by its prefix: one of 1 MiB, and 1,000 that repeat it.
	prefixes := func() []byte {
		b := uvarints(128, 4, 1001)
		b = binary.AppendVarint(b, 0) // the first value
		b = binary.AppendVarint(b, 0) // the least delta
		b = append(b, 32, 0, 0, 0)    // bits a delta
		first := make([]byte, 32*4)   // deltas of the first miniblock
		binary.LittleEndian.PutUint32(first, 1<<20)
		b = append(b, first...)
		for range 7 {
			b = append(b, 0, 0, 0, 0, 0)
		}
		b = append(b, uvarints(128, 4, 1001)...)
		b = binary.AppendVarint(b, 1<<20)
		b = binary.AppendVarint(b, 0)
		b = append(b, 32, 0, 0, 0)
		fall := make([]byte, 32*4)
		binary.LittleEndian.PutUint32(fall, uint32(1<<32-1<<20))
		b = append(b, fall...)
		for range 7 {
			b = append(b, 0, 0, 0, 0, 0)
		}
		return append(b, bytes.Repeat([]byte("x"), 1<<20)...)
	}()
	manyStructs := append([]byte{0x15, 2, 0x19, 0xfc}, uvarints(8<<20)...) // schema: a list of 8 Mi structs
	manyStructs = append(manyStructs, make([]byte, 8<<20)...)
	tests := map[string]struct {
		data []byte
		kind errs.Kind
		msg  string
	}{
		"eight bytes":            {[]byte("PAR1PAR1"), errs.Invalid, "it has 8 bytes"},
		"twelve bytes":           {[]byte("PAR1PAR1PAR1"), errs.Invalid, "its footer of 827474256 bytes does not fit"},
		"no magic":               {[]byte("PK\x03\x04 some other file"), errs.Invalid, "does not start and end with PAR1"},
		"empty footer":           {frame(nil, nil), errs.Invalid, "the footer cannot be decoded"},
		"footer of zeros":        {frame(nil, make([]byte, 1000)), errs.Invalid, "damaged"},
		"huge footer":            {frame(nil, make([]byte, 17<<20)), errs.TooLarge, "the footer of the parquet file has 17825792 bytes"},
		"list of a billion":      {frame(nil, append([]byte{0x15, 2, 0x19, 0xfc}, uvarints(billion)...)), errs.Invalid, "damaged"},
		"many structs":           {frame(nil, manyStructs), errs.TooLarge, "more than 65536 column chunks"},
		"page of a gigabyte":     {page(t, required("a", wire.Int32), wire.Uncompressed, dataPage(4, wire.Plain, billion, billion), make([]byte, 16), 4), errs.Invalid, "does not fit into its column"},
		"unpacks to a gigabyte":  {page(t, required("a", wire.Int32), wire.Snappy, dataPage(4, wire.Plain, 5, billion), uvarints(billion), 4), errs.TooLarge, "a page of more than 32 MiB"},
		"gzip bomb":              {page(t, required("a", wire.Int32), wire.Gzip, dataPage(4, wire.Plain, len(gzipBomb), 16), gzipBomb, 4), errs.Invalid, "17 bytes where 16 are declared"},
		"zstd bomb":              {page(t, required("a", wire.Int32), wire.Zstd, dataPage(4, wire.Plain, len(zstdBomb), 16), zstdBomb, 4), errs.Invalid, "cannot be decompressed"},
		"a billion nulls":        {page(t, optional("a", wire.Int32), wire.Uncompressed, dataPage(billion, wire.Plain, 10, 10), append([]byte{6, 0, 0, 0}, append(uvarints(billion<<1), 0)...), billion), errs.TooLarge, "a page of more than 32 MiB"},
		"a long run":             {page(t, required("a", wire.Boolean), wire.Uncompressed, dataPage(8, wire.RLE, 10, 10), append([]byte{6, 0, 0, 0}, append(uvarints(billion<<1), 0)...), 8), errs.Invalid, "a page is malformed"},
		"many deltas":            {page(t, required("a", wire.Int64), wire.Uncompressed, dataPage(8, wire.DeltaBinaryPacked, 10, 10), append(uvarints(128, 4, billion), make([]byte, 2)...), 8), errs.Invalid, "a page is malformed"},
		"long prefixes":          {page(t, required("a", wire.ByteArray), wire.Uncompressed, dataPage(1001, wire.DeltaByteArray, len(prefixes), len(prefixes)), prefixes, 1001), errs.TooLarge, "a page of more than 32 MiB"},
		"fewer values than rows": {page(t, required("a", wire.Int32), wire.Uncompressed, dataPage(2, wire.Plain, 8, 8), make([]byte, 8), 4), errs.Invalid, `column "a" ends before row 3`},
		"fewer bytes than rows":  {page(t, required("a", wire.Int32), wire.Uncompressed, dataPage(4, wire.Plain, 8, 8), make([]byte, 8), 4), errs.Invalid, "damaged"},
		"text of binary":         {page(t, text("a"), wire.Uncompressed, dataPage(1, wire.Plain, 5, 5), []byte{1, 0, 0, 0, 0xff}, 1), errs.Invalid, `row 1: the value of column "a" is not of type text`},
		"100,000 columns":        {file(t, nil, wide(100_000)), errs.TooLarge, "more than 2000 columns"},
		"a deep schema":          {file(t, nil, deep(10_000)), errs.TooLarge, "nests more than 32 deep"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var err error
			tabulartest.Bounded(t, func() { _, err = tabulartest.Load(newReader(t), tabulartest.File("f.parquet", tt.data)) })
			tabulartest.WantError(t, err, tt.kind, tt.msg)
		})
	}
}

func text(name string) wire.SchemaElement {
	e := required(name, wire.ByteArray)
	e.LogicalType = wire.LogicalType{Value: new(wire.StringType)}
	return e
}

func wide(n int) *wire.FileMetaData {
	meta := &wire.FileMetaData{Schema: []wire.SchemaElement{{Name: "root", NumChildren: thrift.New(int32(n))}}}
	for i := range n {
		meta.Schema = append(meta.Schema, required(fmt.Sprint("c", i), wire.Int32))
	}
	return meta
}

func deep(n int) *wire.FileMetaData {
	meta := &wire.FileMetaData{}
	for range n {
		meta.Schema = append(meta.Schema, wire.SchemaElement{Name: "g", NumChildren: thrift.New[int32](1)})
	}
	meta.Schema = append(meta.Schema, required("a", wire.Int32))
	return meta
}

// TestFlippedBytes reads files of which some bytes are wrong: they give an
// error or rows, and never need much memory.
func TestFlippedBytes(t *testing.T) {
	files := seeds(t)
	r := newReader(t)
	rnd := rand.New(rand.NewPCG(7, 7))
	count, failed := 2000, 0
	if testing.Short() {
		count = 200
	}
	tabulartest.Bounded(t, func() {
		for i := range count {
			data := bytes.Clone(files[i%len(files)])
			for range 1 + rnd.IntN(3) {
				data[rnd.IntN(len(data))] ^= byte(1 + rnd.IntN(255))
			}
			if _, err := tabulartest.Load(r, tabulartest.File("f.parquet", data)); err != nil {
				tabulartest.CheckError(t, err)
				failed++
			}
		}
	})
	if failed < count/4 {
		t.Errorf("only %d of %d damaged files were noticed", failed, count)
	}
	t.Logf("%d of %d noticed", failed, count)
}

// TestTruncated reads the starts of a file.
func TestTruncated(t *testing.T) {
	data := seeds(t)[0]
	r := newReader(t)
	for n := range data {
		_, err := tabulartest.Load(r, tabulartest.File("f.parquet", data[:n]))
		if err == nil {
			t.Fatalf("the first %d of %d bytes are read", n, len(data))
		}
		tabulartest.CheckError(t, err)
	}
}
