package inspect_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/dataset/inspect"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/parquet"
	"github.com/inlet-go/inlet/query/tabular/xlsx"
	"github.com/inlet-go/inlet/store/errs"
)

// bomb is an archive with one file of that many MiB of zeros. One MiB is packed,
// up to a whole byte, and repeated.
func bomb(t *testing.T, name string, size int) string {
	t.Helper()
	var packed, b bytes.Buffer
	f, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	f.Write(zeros)
	f.Flush()
	body := bytes.Repeat(packed.Bytes(), size)
	packed.Reset()
	f.Reset(&packed)
	f.Close()
	body = append(body, packed.Bytes()...)
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, CompressedSize64: uint64(len(body)), UncompressedSize64: uint64(size) << 20}
	for range size {
		h.CRC32 = crc32.Update(h.CRC32, crc32.IEEETable, zeros)
	}
	w := zip.NewWriter(&b)
	raw, err := w.CreateRaw(h)
	if err != nil {
		t.Fatal(err)
	}
	raw.Write(body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestBomb opens one, so that the cases below fail for its size alone.
func TestBomb(t *testing.T) {
	text := bomb(t, "x", 3)
	z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("x")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, f); n != 3<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// What the packages of the formats prove of their readers holds for data
// sources: a hostile file is the file's fault, and people are told what it is.
func TestHostileFiles(t *testing.T) {
	reader, err := tabular.New(&tabular.Options{Formats: []tabular.Format{parquet.Format{}, xlsx.Format{}}})
	if err != nil {
		t.Fatal(err)
	}
	i := inspect.New(reader)
	tests := map[string]struct{ name, content, reason string }{
		"a zip bomb":                {"a.xlsx", bomb(t, "x", 300), ""},
		"an xlsx bomb":              {"a.xlsx", bomb(t, "xl/workbook.xml", 300), ""},
		"a zip bomb named csv":      {"a.csv", bomb(t, "x", 300), "looks like application/zip"},
		"eight bytes of parquet":    {"a.parquet", "PAR1PAR1", ""},
		"a footer that lies":        {"a.parquet", "PAR1\xff\xff\xff\x7fPAR1", ""},
		"deep json":                 {"a.json", `[{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}]", "row 1"},
		"rather deep json":          {"a.json", `[{"a":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + "}]", "deep"},
		"deep ndjson":               {"a.ndjson", `{"a":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_001), "line 1"},
		"a field of 100 MiB":        {"a.csv", "a,b\n1,\"" + strings.Repeat("x", 100<<20) + "\"\n", "longer than"},
		"a line without end":        {"a.csv", "a,b\n" + strings.Repeat("x", 100<<20), "longer than"},
		"100,000 columns":           {"a.csv", strings.Repeat("a,", 100_000) + "\n", "columns"},
		"a quote that never closes": {"a.csv", "a,b\n\"" + strings.Repeat("x\n", 4<<20), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tables, err := i.Inspect(t.Context(), file(tt.name, tt.content))
			if !errors.Is(err, errs.Invalid) && !errors.Is(err, errs.TooLarge) || !strings.Contains(errs.Message(err), tt.reason) || len(errs.Message(err)) < 10 {
				t.Errorf("%d tables, %v; want Invalid or TooLarge with %q", len(tables), err, tt.reason)
			}
			t.Log(errs.Message(err))
		})
	}
}
