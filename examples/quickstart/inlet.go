package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/open"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/catalog"
	"github.com/inlet-go/inlet/query/export"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// tenant is the one tenant of this program.
const tenant = "quickstart"

// inlet is everything that a program needs, wired.
type inlet struct {
	store      *sqlstore.Store
	bucket     *folder.Bucket
	connectors *connector.Service
	tasks      *task.Service
	dispatcher *work.Local
	runner     *task.Runner
	collector  *blob.Collector
	engine     *sqlite.Engine
	queries    *query.Service
	keeper     *query.Runner
}

// wire keeps metadata in an SQLite file and bytes in a folder, both in dir.
// Connectors may read the folder source.
func wire(ctx context.Context, dir, source string) (*inlet, error) {
	opener, err := open.New(&open.Options{AllowDir: []string{source}})
	if err != nil {
		return nil, err
	}
	bucket, err := folder.Open(filepath.Join(dir, "bucket"), nil)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.Open(ctx, "sqlite:"+filepath.Join(dir, "inlet.db"), &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	in := &inlet{store: store, bucket: bucket}
	in.dispatcher = work.NewLocal(store, &work.Options{Logger: logger})
	in.connectors = connector.NewService(store, opener, uispec.New(nil), &connector.Options{Logger: logger})
	in.tasks = task.NewService(store, in.connectors, bucket, &task.Options{Dispatcher: in.dispatcher, Logger: logger})
	in.runner = task.NewRunner(in.tasks, store, in.dispatcher, nil)
	in.collector = blob.NewCollector(bucket, store, &blob.CollectorOptions{Logger: logger})
	return in, in.wireQueries(dir, logger)
}

// wireQueries adds SQL over what was loaded.
func (in *inlet) wireQueries(dir string, logger *slog.Logger) error {
	reader, err := tabular.New(nil)
	if err == nil {
		in.engine, err = sqlite.New(&sqlite.Options{Dir: filepath.Join(dir, "tables")})
	}
	if err != nil {
		return errors.Join(err, in.store.Close(), in.bucket.Close())
	}
	in.queries = query.NewService(in.store, in.engine, catalog.New(in.store, in.bucket, reader, nil), result.New(in.bucket, nil),
		&query.Options{Exporters: []query.Exporter{export.CSV{}}, Logger: logger})
	in.keeper = query.NewRunner(in.queries, nil)
	return nil
}

func (in *inlet) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(in.queries.Close(ctx), in.engine.Close(), in.store.Close(), in.bucket.Close())
}

// serve answers the REST API on a loopback port until ctx ends.
func (in *inlet) serve(ctx context.Context) error {
	api, err := httpapi.New(httpapi.Config{Connectors: in.connectors, Tasks: in.tasks, Queries: in.queries, Authenticator: httpapi.Open(tenant)})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	fmt.Printf("6. listening on %s; try:\n", url)
	fmt.Printf("   curl %s/connectors/list\n", url)
	fmt.Printf("   curl %s/task/list\n", url)
	fmt.Printf("   curl -d '{}' -H 'Content-Type: application/json' %s/DescribeOriginVolumes\n", url)
	fmt.Printf("   curl -d '{\"workspaceId\":\"w\",\"sql\":\"SELECT * FROM cities\",\"wait\":1000}' -H 'Content-Type: application/json' %s/api/v1/query\n", url)
	server := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
