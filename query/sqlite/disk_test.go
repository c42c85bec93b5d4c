package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqlite"
)

// TestFullDisk needs a file system of 2 to 16 MiB, such as
// mount -t tmpfs -o size=8m tmpfs DIR.
func TestFullDisk(t *testing.T) {
	small := os.Getenv("INLET_TEST_SMALL_DISK")
	if small == "" {
		t.Skip("INLET_TEST_SMALL_DISK names no folder on a small file system")
	}
	dir := filepath.Join(small, "cache")
	t.Cleanup(func() { os.RemoveAll(dir) })
	e := open(t, &sqlite.Options{Dir: dir})
	c := enginetest.NewCatalog(table("s", "t", 1000), table("s", "large", 300_000))
	for range 2 {
		fails(t, e, c, "SELECT count(*) FROM large", query.StorageFull)
		want(t, e, c, countN, "1000 | 499500")
		fails(t, e, c, "SELECT a.n FROM t a, t b ORDER BY b.n * 7919 % 1009, a.pad || b.pad", query.StorageFull)
		want(t, e, c, countN, "1000 | 499500")
	}
	if paths, _ := tableFiles(t, dir); len(paths) != 1 {
		t.Errorf("files left: %v", paths)
	}
}
