package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/archive"
	"github.com/inlet-go/inlet/connector/archive/archivetest"
	"github.com/inlet-go/inlet/store/errs"
)

// stored puts an archive into a bucket.
func stored(t testing.TB, name string, text []byte) connector.Archive {
	t.Helper()
	bucket := cloud.Memory()
	t.Cleanup(func() { bucket.Close() })
	if _, err := bucket.Write(t.Context(), "a", bytes.NewReader(text), nil); err != nil {
		t.Fatal(err)
	}
	return connector.Archive{Bucket: bucket, Key: "a", Size: int64(len(text)), Name: name}
}

var distribution = []archivetest.File{
	{"x-1.0/", ""},
	{"x-1.0/lib/deep/metadata.json", "another"},
	{"x-1.0/b/metadata.json", "b"},
	{"x-1.0/a/ui-config.json", "a"},
	{"x-1.0/lib/big.jar", strings.Repeat("0123456789abcdef", 20_000)},
	{"x-1.0/metadata.json", "the one"},
	{"x-1.0/b/ui-config.json", "b"},
	{"x-1.0/icons/icon.svg", "<svg/>"},
	{"README", "read me"},
}

// bzipped is the distribution as bzip2 packs it: Go can only unpack that.
func bzipped(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "distribution.tar.bz2"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFindInEveryFormat(t *testing.T) {
	plain := archivetest.Tar(distribution...)
	tests := map[string]struct {
		name  string
		build func(t *testing.T) []byte
	}{
		"tar":                {"x-1.0.tar", func(*testing.T) []byte { return plain }},
		"tar.gz":             {"x-1.0.tar.gz", func(*testing.T) []byte { return archivetest.Gzip(plain) }},
		"tar.bz2":            {"x-1.0.tar.bz2", func(t *testing.T) []byte { return bzipped(t) }},
		"tar.xz":             {"x-1.0.tar.xz", func(*testing.T) []byte { return archivetest.XZ(plain) }},
		"zip":                {"x-1.0.zip", func(*testing.T) []byte { return archivetest.Zip(distribution...) }},
		"zip in capitals":    {"X.ZIP", func(*testing.T) []byte { return archivetest.Zip(distribution...) }},
		"zip by its content": {"x.whl", func(*testing.T) []byte { return archivetest.Zip(distribution...) }},
		"tar without a name": {"", func(*testing.T) []byte { return archivetest.Gzip(plain) }},
		"gzip in two parts": {"x.tgz", func(*testing.T) []byte {
			return append(archivetest.Gzip(plain[:1000]), archivetest.Gzip(plain[1000:])...)
		}},
		"xz in two streams": {"x.txz", func(*testing.T) []byte {
			return append(append(archivetest.XZ(plain[:1000]), 0, 0, 0, 0), archivetest.XZ(plain[1000:])...)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			names := []string{"metadata.json", "ui-config.json", "icons/icon.svg", "con.svg", "no.json"}
			got, err := archive.New(nil).Find(t.Context(), stored(t, tt.name, tt.build(t)), names, 1000)
			if err != nil {
				t.Fatal(err)
			}
			want := &connector.Found{
				Files: map[string][]byte{
					"metadata.json": []byte("the one"), "ui-config.json": []byte("a"), "icons/icon.svg": []byte("<svg/>"),
				},
				Folders: map[string]bool{"x-1.0": true},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// What tools make besides files and folders, and that does no harm.
func TestHarmlessEntries(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []*tar.Header{
		{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "a commit"}},
		{Typeflag: tar.TypeDir, Name: "./"},
		{Typeflag: tar.TypeDir, Name: "./x-1/"},
		{Typeflag: tar.TypeDir, Name: "./x-1/"},
		{Typeflag: tar.TypeReg, Name: "./x-1/" + strings.Repeat("long/", 40) + "名.txt"},
		{Typeflag: tar.TypeReg, Name: "./x-1/..data/..."},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	got, err := archive.New(nil).Find(t.Context(), stored(t, "x.tar", b.Bytes()), []string{"名.txt"}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Files) != 1 || !got.Folders["x-1"] || len(got.Folders) != 1 {
		t.Errorf("found %+v", got)
	}
}

// sick is a source whose reads fail after a while.
type sick struct {
	blob.Source
	fail error
}

func (s sick) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	r, err := s.Source.Open(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	r.Close()
	return io.NopCloser(io.MultiReader(bytes.NewReader([]byte("\x1f\x8b")[:1]), iotest.ErrReader(s.fail))), nil
}

// What goes wrong in the bucket is not blamed on the archive.
func TestErrorsOfTheBucket(t *testing.T) {
	for name, text := range map[string][]byte{"x.tar": archivetest.Tar(distribution...), "x.tgz": archivetest.Gzip(archivetest.Tar(distribution...)), "x.xz": archivetest.XZ(archivetest.Tar(distribution...))} {
		for want, fail := range map[errs.Kind]error{errs.Unavailable: errors.New("reset"), errs.Forbidden: errs.New(errs.Forbidden, "no"), errs.Conflict: errs.New(errs.Conflict, "changed")} {
			a := stored(t, name, text)
			a.Bucket = sick{a.Bucket, fail}
			if _, err := archive.New(nil).Find(t.Context(), a, nil, 10); !errors.Is(err, want) {
				t.Errorf("%s: err = %v, want %v", name, err, want)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := archive.New(nil).Find(ctx, stored(t, name, text), nil, 10); errs.KindOf(err) != errs.Canceled {
			t.Errorf("%s: err = %v, want Canceled", name, err)
		}
	}
}

func FuzzFind(f *testing.F) {
	small := []archivetest.File{{"x-1/", ""}, {"x-1/metadata.json", "{}"}, {"x-1/ui-config.json", "{}"}}
	f.Add("x.tar", archivetest.Tar(small...))
	f.Add("x.tgz", archivetest.Gzip(archivetest.Tar(small...)))
	f.Add("x.txz", archivetest.XZ(archivetest.Tar(small...)))
	f.Add("x.zip", archivetest.Zip(small...))
	f.Add("x.tbz", bzipped(f))
	r := archive.New(&archive.Options{MaxEntries: 100, MaxTotal: 1 << 20, MaxDictionary: 1 << 20})
	bucket := cloud.Memory()
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		if _, err := bucket.Write(t.Context(), "a", bytes.NewReader(text), nil); err != nil {
			t.Fatal(err)
		}
		a := connector.Archive{Bucket: bucket, Key: "a", Size: int64(len(text)), Name: name}
		found, err := r.Find(t.Context(), a, []string{"metadata.json", "ui-config.json"}, 1<<10)
		if err != nil {
			if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.TooLarge {
				t.Fatalf("err = %v", err)
			}
			return
		}
		for name, content := range found.Files {
			if len(content) > 1<<10 {
				t.Errorf("%s has %d bytes", name, len(content))
			}
		}
	})
}
