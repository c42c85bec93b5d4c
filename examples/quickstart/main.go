// Command quickstart shows Inlet at work and needs nothing: it makes a
// connector to a folder of sample files, loads them into a volume, asks them
// with SQL, and says step by step what it did.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -serve
package main

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/task"
)

//go:embed samples
var samples embed.FS

func main() {
	serve := flag.Bool("serve", false, "stay up as a server and print curl lines to try")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *serve); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, serve bool) error {
	dir, err := os.MkdirTemp("", "inlet-quickstart-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files, err := fs.Sub(samples, "samples")
	if err != nil {
		return err
	}
	source := filepath.Join(dir, "source")
	if err := os.CopyFS(source, files); err != nil {
		return err
	}
	inlet, err := wire(ctx, dir, source)
	if err != nil {
		return err
	}
	defer inlet.close()

	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return inlet.dispatcher.Run(ctx) })
	group.Go(func() error { return inlet.runner.Run(ctx) })
	group.Go(func() error { return inlet.collector.Run(ctx) })
	group.Go(func() error { return inlet.keeper.Run(ctx) })
	group.Go(func() error {
		defer cancel()
		if err := inlet.tour(ctx, source); err != nil || !serve {
			return err
		}
		return inlet.serve(ctx)
	})
	return group.Wait()
}

// tour does what a user would do, and prints it.
func (in *inlet) tour(ctx context.Context, source string) error {
	me := scope.Scope{Tenant: tenant, User: "you"}

	conn, err := in.connectors.Create(ctx, me, connector.New{
		Name: "samples", Type: connector.Folder,
		Config: connector.Config{Folder: &connector.FolderConfig{Path: source}},
	})
	if err != nil {
		return err
	}
	verdict, err := in.connectors.Validate(ctx, me, connector.Check{ID: conn.ID})
	if err != nil {
		return err
	}
	fmt.Printf("1. connector %d %q to a folder, valid: %t\n", conn.ID, conn.Name, verdict.Valid)

	volume, err := in.tasks.CreateVolume(ctx, me, "first")
	if err != nil {
		return err
	}
	fmt.Printf("2. volume %d %q\n", volume.ID, volume.Name)

	t, err := in.tasks.Create(ctx, me, task.New{ConnectorID: conn.ID, VolumeID: volume.ID, URIs: []string{"/"}})
	if err != nil {
		return err
	}
	start := time.Now()
	var last task.Progress
	for p, err := range in.tasks.Watch(ctx, me, t.ID) {
		if err != nil {
			return err
		}
		last = p
	}
	fmt.Printf("3. task %d loaded %d of %d files, %d bytes, in %d ms\n",
		t.ID, last.Files.Success, last.Files.Total, last.Bytes, time.Since(start).Milliseconds())
	if last.Files.Success != last.Files.Total {
		return fmt.Errorf("%d files failed", last.Files.Failed)
	}

	files, total, err := in.tasks.VolumeFiles(ctx, me, volume.ID, task.FileQuery{Limit: 100})
	if err != nil {
		return err
	}
	fmt.Printf("4. the volume holds %d files:\n", total)
	for _, f := range files {
		fmt.Printf("   %6d bytes  sha256 %x…  %s\n", f.Size, f.SHA256[:6], f.URI)
	}
	return in.ask(ctx, me)
}

// ask sums up one of the files.
func (in *inlet) ask(ctx context.Context, me scope.Scope) error {
	const text = "SELECT customer, count(*) AS orders, sum(total) AS total FROM orders GROUP BY customer ORDER BY customer"
	q, err := in.queries.Execute(ctx, me, query.New{Workspace: "quickstart", SQL: text, Wait: time.Minute})
	if err != nil {
		return err
	}
	if q.Failure != nil {
		return fmt.Errorf("%s: %w", text, q.Failure)
	}
	page, err := in.queries.Page(q, 0, 100)
	if err != nil {
		return err
	}
	fmt.Printf("5. %s\n   %d rows in %d ms:\n", text, page.Total, q.Stats(time.Now()).Elapsed.Milliseconds())
	return page.Each(ctx, func(row []any) error {
		fmt.Println(append([]any{"  "}, row...)...)
		return nil
	})
}
