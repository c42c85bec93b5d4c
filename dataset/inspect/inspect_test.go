package inspect_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/dataset/inspect"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

func file(name, content string) dataset.File {
	return dataset.File{Name: name, Size: int64(len(content)), Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
		rest := content[min(int(offset), len(content)):]
		if length > 0 {
			rest = rest[:min(int(length), len(rest))]
		}
		return io.NopCloser(strings.NewReader(rest)), nil
	}}
}

func inspector(t *testing.T) *inspect.Inspector {
	t.Helper()
	r, err := tabular.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return inspect.New(r)
}

func TestTables(t *testing.T) {
	got, err := inspector(t).Inspect(t.Context(), file("Orders.CSV", "id, name,\n1,x,007\n2,,010\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []dataset.Table{{
		Rows: 2, Charset: "utf-8", Delimiter: ",", Columns: []dataset.Column{
			{Name: "id", Type: "integer"},
			{Name: "name", Original: " name", Type: "text", Nullable: true},
			{Name: "col_3", Original: "", Type: "text"},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if got, err := inspector(t).Inspect(t.Context(), file("a.md", "# hello")); err != nil || got != nil {
		t.Errorf("a text without tables: %v, %v", got, err)
	}
}

// zipped is an empty archive with a file of the name.
func zipped(t *testing.T, name string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if _, err := w.Create(name); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestVeto(t *testing.T) {
	const (
		exe  = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"
		elf  = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00"
		html = "<!DOCTYPE html><html><body>Sign in</body></html>"
		gzip = "\x1f\x8b\x08\x00\x00\x00\x00\x00"
		pdf  = "%PDF-1.7\n"
		ole  = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
		png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
		gbk  = "\xd0\xd5\xc3\xfb,\xb3\xc7\xca\xd0\n\xd5\xc5,\xb1\xb1\xbe\xa9\n"
	)
	utf16 := "\xff\xfea\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x00"
	tests := map[string]struct {
		name, content string
		refused       string // a part of the message; "" when it is taken
	}{
		"csv":                   {"a.csv", "a,b\n1,2\n", ""},
		"csv in GBK":            {"a.csv", gbk, ""},
		"csv in UTF-16":         {"a.csv", utf16, ""},
		"UTF-16 without a mark": {"a.csv", utf16[2:], ""},
		"json":                  {"a.json", `[{"a":1}]`, ""},
		"program":               {"a.csv", exe, "is a program"},
		"program for Linux":     {"a.txt", elf, "is a program"},
		"program as a document": {"a.doc", exe, "is a program"},
		"login page":            {"a.csv", html, "looks like text/html"},
		"login page as json":    {"a.json", html, "looks like text/html"},
		"html in markdown":      {"a.md", html, ""},
		"gzip":                  {"a.csv", gzip, "looks like application/gzip"},
		"picture":               {"a.tsv", png, "looks like image/png"},
		"pdf":                   {"a.pdf", pdf, ""},
		"text as pdf":           {"a.pdf", "hello", "looks like text/plain"},
		"pdf as text":           {"a.txt", pdf + "\x00\x01\x02\xff", "looks like application/pdf"},
		"docx":                  {"a.docx", zipped(t, "word/document.xml"), ""},
		"docx with a password":  {"a.docx", ole, ""},
		"text as docx":          {"a.docx", "hello", "looks like text/plain"},
		"old Word":              {"a.doc", ole, ""},
		"anything as old Excel": {"a.xls", html, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := inspector(t).Inspect(t.Context(), file(tt.name, tt.content))
			if tt.refused == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, errs.Invalid) || !strings.Contains(errs.Message(err), tt.refused) {
				t.Errorf("%v, want Invalid with %q", err, tt.refused)
			}
		})
	}
}

func TestAFileThatCannotBeReadKeepsItsKind(t *testing.T) {
	f := file("a.csv", "a")
	f.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
		return nil, errs.New(errs.Unavailable, "bucket is down")
	}
	if _, err := inspector(t).Inspect(t.Context(), f); !errors.Is(err, errs.Unavailable) {
		t.Errorf("%v, want Unavailable", err)
	}
}
