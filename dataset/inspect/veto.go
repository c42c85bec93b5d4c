package inspect

import (
	"bytes"
	"slices"

	"github.com/gabriel-vasile/mimetype"

	"github.com/inlet-go/inlet/store/errs"
)

// programs are what no data source may be, whatever its name says.
var programs = []string{
	"application/vnd.microsoft.portable-executable", "application/x-elf", "application/x-object", "application/x-executable",
	"application/x-sharedlib", "application/x-coredump", "application/x-mach-binary", "application/java-archive",
	"application/x-java-applet", "application/x-ms-installer", "application/vnd.android.package-archive", "application/wasm",
}

// expected says for an extension which types a file may be of, besides those
// that derive from them; none is any but programs. A type only vetoes: which
// format is read is the extension's affair.
var expected = map[string][]string{
	".csv": {"text/plain"}, ".tsv": {"text/plain"}, ".json": {"text/plain"}, ".ndjson": {"text/plain"}, ".jsonl": {"text/plain"},
	".md": {"text/plain"}, ".mdx": {"text/plain"}, ".txt": {"text/plain"},
	".pdf":  {"application/pdf"},
	".xlsx": {"application/zip"},
	// Files of Office that are locked with a password are in the old container.
	".docx": {"application/zip", "application/x-ole-storage"}, ".pptx": {"application/zip", "application/x-ole-storage"},
	".parquet": {"application/vnd.apache.parquet"},
}

// notTables are texts that are no table: what a server sends in the place of a
// file, most of the time.
var notTables = []string{"text/html", "text/xml", "application/pdf", "text/rtf"}

// veto returns an Invalid error when the first bytes of a file are not those
// of one with that extension.
func veto(ext string, head []byte) error {
	found := mimetype.Detect(head)
	if isOne(found, programs) || bytes.HasPrefix(head, []byte("\xfe\xed\xfa")) {
		return errs.New(errs.Invalid, "the file is a program, not a %s file", ext)
	}
	want := expected[ext]
	if len(want) == 0 {
		return nil
	}
	isTable := slices.Contains([]string{".csv", ".tsv", ".json", ".ndjson", ".jsonl"}, ext)
	fits := isOne(found, want) || want[0] == "text/plain" && wide(head)
	if !fits || isTable && isOne(found, notTables) {
		return errs.New(errs.Invalid, "the file is not a %s file: it looks like %s", ext, found.String())
	}
	return nil
}

// isOne reports whether a type is, or derives from, one of the names.
func isOne(m *mimetype.MIME, names []string) bool {
	for ; m != nil; m = m.Parent() {
		for _, name := range names {
			if m.Is(name) {
				return true
			}
		}
	}
	return false
}

// wide reports whether bytes look like UTF-16 without a mark: they are then
// not told from binary data.
func wide(head []byte) bool {
	even, odd := 0, 0
	for i, b := range head {
		if b == 0 && i%2 == 0 {
			even++
		} else if b == 0 {
			odd++
		}
	}
	pairs := len(head) / 2
	return pairs > 0 && (even == 0 && odd > pairs/2 || odd == 0 && even > pairs/2)
}
