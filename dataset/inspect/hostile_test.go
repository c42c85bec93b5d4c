package inspect_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/dataset/inspect"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/parquet"
	"github.com/inlet-go/inlet/query/tabular/xlsx"
	"github.com/inlet-go/inlet/store/errs"
)

// bomb is an archive with one file of n zeros.
func bomb(t *testing.T, name string, n int64) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, io.LimitReader(zeros{}, n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What the packages of the formats prove of their readers holds for data
// sources: a hostile file is the file's fault, and people are told what it is.
func TestHostileFiles(t *testing.T) {
	reader, err := tabular.New(&tabular.Options{Formats: []tabular.Format{parquet.Format{}, xlsx.Format{}}})
	if err != nil {
		t.Fatal(err)
	}
	i := inspect.New(reader)
	tests := map[string]struct{ name, content, reason string }{
		"a zip bomb":                {"a.xlsx", bomb(t, "x", 300<<20), ""},
		"an xlsx bomb":              {"a.xlsx", bomb(t, "xl/workbook.xml", 300<<20), ""},
		"a zip bomb named csv":      {"a.csv", bomb(t, "x", 300<<20), "looks like application/zip"},
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
