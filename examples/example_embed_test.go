package examples_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/open"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// Inlet inside a program: a folder is loaded into a volume. Everything is kept
// in memory here; a file or a server is another first argument.
func Example_embed() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	source, err := os.MkdirTemp("", "source")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(source)
	os.WriteFile(filepath.Join(source, "a.csv"), []byte("x,y\n1,2\n"), 0o644)
	os.WriteFile(filepath.Join(source, "b.csv"), []byte("x,y\n3,4\n"), 0o644)

	// The parts: where metadata is kept, where bytes are kept, and what
	// connectors may reach.
	store, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	bucket := cloud.Memory()
	opener, err := open.New(&open.Options{AllowDir: []string{source}})
	if err != nil {
		log.Fatal(err)
	}

	// The services, and the workers that do what they are asked for.
	dispatcher := work.NewLocal(store, nil)
	connectors := connector.NewService(store, opener, uispec.New(nil), nil)
	tasks := task.NewService(store, connectors, bucket, &task.Options{Dispatcher: dispatcher})
	runner := task.NewRunner(tasks, store, dispatcher, nil)
	collector := blob.NewCollector(bucket, store, nil)
	var workers errgroup.Group
	workers.Go(func() error { return dispatcher.Run(ctx) })
	workers.Go(func() error { return runner.Run(ctx) })
	workers.Go(func() error { return collector.Run(ctx) })

	me := scope.Scope{Tenant: "acme", User: "ann"}
	conn, err := connectors.Create(ctx, me, connector.New{
		Name: "inbox", Type: connector.Folder,
		Config: connector.Config{Folder: &connector.FolderConfig{Path: source}},
	})
	if err != nil {
		log.Fatal(err)
	}
	volume, err := tasks.CreateVolume(ctx, me, "orders")
	if err != nil {
		log.Fatal(err)
	}
	load, err := tasks.Create(ctx, me, task.New{ConnectorID: conn.ID, VolumeID: volume.ID, URIs: []string{"/"}})
	if err != nil {
		log.Fatal(err)
	}
	for p, err := range tasks.Watch(ctx, me, load.ID) {
		if err != nil {
			log.Fatal(err)
		}
		if p.Final {
			fmt.Printf("loaded %d of %d files, %d bytes\n", p.Files.Success, p.Files.Total, p.Bytes)
		}
	}
	files, _, err := tasks.VolumeFiles(ctx, me, volume.ID, task.FileQuery{Limit: 10})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range files {
		fmt.Println(f.URI, f.Size)
	}

	cancel()
	if err := workers.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// loaded 2 of 2 files, 16 bytes
	// a.csv 8
	// b.csv 8
}
