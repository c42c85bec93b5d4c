package examples_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// A folder pushed into the lake, with progress. Readers see the old files until
// the new ones are all there; the old ones can be brought back.
func Example_push() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "push")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	reports := filepath.Join(dir, "reports")
	os.MkdirAll(filepath.Join(reports, "2026"), 0o755)
	os.WriteFile(filepath.Join(reports, "index.csv"), []byte("year\n2026\n"), 0o644)
	os.WriteFile(filepath.Join(reports, "2026", "01.csv"), []byte("day,sum\n1,10\n"), 0o644)

	store, err := sqlstore.Open(ctx, "sqlite:"+filepath.Join(dir, "inlet.db"), &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	bucket, err := folder.Open(filepath.Join(dir, "bucket"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer bucket.Close()
	syncs := filesync.NewService(store, bucket, nil)
	me := scope.Scope{Tenant: "acme", User: "ann"}

	push := func() int64 {
		var done filesync.Progress
		sync, err := syncs.Push(ctx, me, filesync.New{Name: "reports", Path: "/data/reports", Type: filesync.Full}, os.DirFS(reports),
			&filesync.PushOptions{Progress: func(p filesync.Progress) { done = p }})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("sync %d is %s: %d files, %d bytes\n", sync.ID, sync.Status, done.Files, done.Bytes)
		return sync.ID
	}
	show := func() {
		for f, err := range syncs.Files(ctx, me, "/data/reports") {
			if err != nil {
				log.Fatal(err)
			}
			r, err := syncs.Open(ctx, f, nil)
			if err != nil {
				log.Fatal(err)
			}
			text, err := io.ReadAll(r)
			r.Close()
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s %q\n", f.Path(), text)
		}
	}
	push()
	os.Remove(filepath.Join(reports, "2026", "01.csv"))
	os.WriteFile(filepath.Join(reports, "2026", "02.csv"), []byte("day,sum\n1,20\n"), 0o644)
	second := push()
	show()
	if _, err := syncs.Restore(ctx, me, second); err != nil {
		log.Fatal(err)
	}
	fmt.Println("restored")
	show()
	// Output:
	// sync 1 is Finished: 2 files, 23 bytes
	// sync 2 is Finished: 2 files, 23 bytes
	// /data/reports/index.csv "year\n2026\n"
	// /data/reports/2026/02.csv "day,sum\n1,20\n"
	// restored
	// /data/reports/index.csv "year\n2026\n"
	// /data/reports/2026/01.csv "day,sum\n1,10\n"
}
