package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/blob/oss"
	"github.com/inlet-go/inlet/blob/s3"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/archive"
	"github.com/inlet-go/inlet/connector/database"
	"github.com/inlet-go/inlet/connector/database/mysql"
	"github.com/inlet-go/inlet/connector/database/postgres"
	"github.com/inlet-go/inlet/connector/open"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/dataset/fetch"
	"github.com/inlet-go/inlet/dataset/inspect"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/catalog"
	"github.com/inlet-go/inlet/query/export"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/parquet"
	"github.com/inlet-go/inlet/query/tabular/xlsx"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// app is the wired server.
type app struct {
	handler    http.Handler
	dispatcher *work.Local
	runner     *task.Runner
	sources    *dataset.Runner
	syncs      *filesync.Runner
	queries    *query.Runner
	collector  *blob.Collector
	token      string // to be printed; "" when the user gave one or wants none
	closers    []func() error
}

func (a *app) close() error {
	var problems []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		problems = append(problems, a.closers[i]())
	}
	return errors.Join(problems...)
}

// wire opens the store and the bucket and puts the services on top.
func wire(ctx context.Context, c config, logger *slog.Logger) (_ *app, err error) {
	a := &app{}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return nil, err
	}
	keys, err := loadKeys(ctx, c.data)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, keys.keeper.Close)
	bucket, err := openBucket(ctx, c.bucket)
	if err != nil {
		return nil, fmt.Errorf("-bucket: %w", err)
	}
	a.closers = append(a.closers, bucket.Close)
	store, err := sqlstore.Open(ctx, c.db, &sqlstore.Options{Sealer: seal.New(keys.keeper, nil), Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("-db: %w", err)
	}
	a.closers = append(a.closers, store.Close)
	files, err := open.New(&open.Options{AllowNet: c.allowNet, AllowDir: c.allowDir})
	if err != nil {
		return nil, err
	}
	opener := database.NewOpener(files, []database.Driver{postgres.Driver{}, mysql.Driver{}}, &database.Options{AllowNet: c.allowNet})

	owner := ""
	if strings.HasPrefix(c.db, "sqlite:") {
		owner = "server" // the only one on this file: it goes on at once after a crash
	}
	a.dispatcher = work.NewLocal(store, &work.Options{Owner: owner, Logger: logger})
	forms := uispec.New(nil)
	definitions := connector.NewDefinitions(store, bucket, archive.New(nil), forms, &connector.DefinitionOptions{
		BuiltIn: []*connector.Definition{database.Definition()}, Logger: logger,
	})
	connectors := connector.NewService(store, opener, forms, &connector.Options{Definitions: definitions, Logger: logger})
	tasks := task.NewService(store, connectors, bucket, &task.Options{Dispatcher: a.dispatcher, Logger: logger})
	a.runner = task.NewRunner(tasks, store, a.dispatcher, nil)
	tables, err := tabular.New(&tabular.Options{Formats: []tabular.Format{parquet.Format{}, xlsx.Format{}}})
	if err != nil {
		return nil, err
	}
	datasets := dataset.NewService(store, bucket, &dataset.Options{Dispatcher: a.dispatcher, Logger: logger})
	fetcher := fetch.New(&fetch.Options{AllowNet: c.allowNet})
	a.sources = dataset.NewRunner(datasets, store, a.dispatcher, fetcher, inspect.New(tables), nil)
	syncs := filesync.NewService(store, bucket, &filesync.Options{Owner: owner, Logger: logger})
	a.syncs = filesync.NewRunner(syncs, nil)
	engine, err := openEngine(filepath.Join(c.data, "tables"))
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, engine.Close)
	queries := query.NewService(store, engine, catalog.New(store, bucket, tables, nil), result.New(bucket, nil), &query.Options{
		Node: owner, SaveWithin: c.saveWithin, Exporters: []query.Exporter{export.CSV{}, export.Parquet{}}, Logger: logger,
	})
	a.closers = append(a.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		return queries.Close(ctx)
	})
	a.queries = query.NewRunner(queries, nil)
	a.collector = blob.NewCollector(bucket, store, &blob.CollectorOptions{Logger: logger})
	api, err := httpapi.New(httpapi.Config{
		Connectors: connectors, Tasks: tasks, Datasets: datasets, FileSync: syncs, Definitions: definitions, Queries: queries,
		Logger: logger, LinkKey: keys.links,
		Authenticator: a.authenticator(c), Prefix: c.prefix,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	api.Mount(mux)
	health(mux, store, bucket)
	a.handler = mux
	return a, nil
}

// openEngine opens the engine on a folder that no other server on this machine
// has: servers that share a database may share -data too.
func openEngine(dir string) (*sqlite.Engine, error) {
	for n := 1; ; n++ {
		engine, err := sqlite.New(&sqlite.Options{Dir: fmt.Sprintf("%s-%d", dir, n)})
		if !errors.Is(err, errs.Exists) {
			return engine, err
		}
	}
}

// authenticator takes the one credential for the one tenant.
func (a *app) authenticator(c config) httpapi.Authenticator {
	if c.open {
		return httpapi.Open(tenant)
	}
	token := c.token
	if token == "" {
		token = rand.Text()
		a.token = token
	}
	return httpapi.Tokens(map[string]scope.Scope{token: {Tenant: tenant}})
}

// tenant owns everything on this server.
const tenant = "default"

// health adds the routes that say whether the process runs, and whether its
// store and bucket answer.
func health(mux *http.ServeMux, store *sqlstore.Store, bucket blob.Bucket) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		err := store.Ping(r.Context())
		for _, listed := range bucket.List(r.Context(), task.BlobPrefix, &blob.ListOptions{PageSize: 1}) {
			err = errors.Join(err, listed)
			break
		}
		if err != nil {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
}

// openBucket opens the managed bucket that a URL names. Credentials come from
// the environment, as each provider's own tools take them.
func openBucket(ctx context.Context, name string) (blob.Bucket, error) {
	if name == "mem:" {
		return cloud.Memory(), nil
	}
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, err
		}
		return folder.Open(path, nil)
	}
	u, err := url.Parse(name)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	q := u.Query()
	switch u.Scheme {
	case "s3":
		return s3.Open(ctx, s3.Config{
			Endpoint: q.Get("endpoint"), Region: q.Get("region"), Bucket: u.Host, PathStyle: q.Get("path_style") == "true",
			AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
		}, nil)
	case "oss":
		return oss.Open(ctx, oss.Config{
			Endpoint: q.Get("endpoint"), Region: q.Get("region"), Bucket: u.Host,
			AccessKeyID: os.Getenv("OSS_ACCESS_KEY_ID"), AccessKeySecret: os.Getenv("OSS_ACCESS_KEY_SECRET"),
			SecurityToken: os.Getenv("OSS_SESSION_TOKEN"),
		}, nil)
	}
	return nil, fmt.Errorf("%q is none of mem:, file:PATH, s3://BUCKET?endpoint=…, oss://BUCKET?endpoint=… here", u.Scheme)
}
