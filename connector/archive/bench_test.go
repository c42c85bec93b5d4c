package archive_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/inlet-go/inlet/connector/archive"
	"github.com/inlet-go/inlet/connector/archive/archivetest"
)

// BenchmarkFind compares looking through an archive of 64 MiB with what the
// standard library alone takes to go through it.
func BenchmarkFind(b *testing.B) {
	files := []archivetest.File{{"x-1/metadata.json", "{}"}, {"x-1/ui-config.json", "{}"}}
	source := rand.NewChaCha8([32]byte{})
	for i := range 64 {
		content := make([]byte, 1<<20)
		source.Read(content[:len(content)/2]) // packs to half
		files = append(files, archivetest.File{fmt.Sprintf("x-1/lib/%d.jar", i), string(content)})
	}
	a := stored(b, "x.tar.gz", archivetest.Gzip(archivetest.Tar(files...)))
	b.Run("archive", func(b *testing.B) {
		b.SetBytes(64 << 20)
		b.ReportAllocs()
		for b.Loop() {
			found, err := archive.New(nil).Find(b.Context(), a, []string{"metadata.json", "ui-config.json"}, 1<<20)
			if err != nil || len(found.Files) != 2 {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.SetBytes(64 << 20)
		b.ReportAllocs()
		for b.Loop() {
			raw, err := a.Bucket.Open(b.Context(), a.Key, nil)
			if err != nil {
				b.Fatal(err)
			}
			plain, err := gzip.NewReader(raw)
			if err != nil {
				b.Fatal(err)
			}
			for r := tar.NewReader(plain); err == nil; {
				_, err = r.Next()
			}
			if !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
			raw.Close()
		}
	})
}
