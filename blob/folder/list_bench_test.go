package folder

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/blob"
)

// BenchmarkList lists 20,000 objects, beside what a plain walk of the same
// files with their sizes takes.
func BenchmarkList(b *testing.B) {
	const n = 20_000
	dir := b.TempDir()
	bucket, err := Open(dir, &Options{Relaxed: true})
	if err != nil {
		b.Fatal(err)
	}
	defer bucket.Close()
	for i := range n {
		key := fmt.Sprintf("files/%016x-1", 0x19a3b4c5d6000+i*4096)
		if _, err := bucket.Write(b.Context(), key, strings.NewReader("data"), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			got := 0
			for _, err := range bucket.List(b.Context(), "", nil) {
				if err != nil {
					b.Fatal(err)
				}
				got++
			}
			if got != n {
				b.Fatalf("%d objects", got)
			}
		}
	})
	b.Run("one level", func(b *testing.B) {
		for b.Loop() {
			for _, err := range bucket.List(b.Context(), "", &blob.ListOptions{OneLevel: true}) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("walk", func(b *testing.B) {
		for b.Loop() {
			err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
				if err == nil {
					_, err = d.Info()
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
