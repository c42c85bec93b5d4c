package contract

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/archive"
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
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// server is the API over real services, an in-memory store and a local folder
// as the source, with a client whose calls are judged.
type server struct {
	t        *testing.T
	judge    *judge
	client   *http.Client
	url      string
	source   string
	store    *failingStore
	bucket   *failing
	handlers map[string]work.Handler
	queries  *query.Service
}

// maxBody is the limit of bodies in the tests.
const maxBody = 4096

// failing is a bucket that can be made to fail.
type failing struct {
	blob.Bucket
	down, full atomic.Bool
}

func (b *failing) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	if b.down.Load() {
		return nil, errs.New(errs.Unavailable, "bucket is down")
	}
	return b.Bucket.Open(ctx, key, opts)
}

func (b *failing) Write(ctx context.Context, key string, r io.Reader, opts *blob.WriteOptions) (blob.Written, error) {
	switch {
	case b.down.Load():
		return blob.Written{}, errs.New(errs.Unavailable, "bucket is down")
	case b.full.Load():
		return blob.Written{}, blob.ErrFull
	}
	return b.Bucket.Write(ctx, key, r, opts)
}

// failingStore is a store that can be made to refuse data sources.
type failingStore struct {
	*sqlstore.Store
	down atomic.Bool
}

func (f *failingStore) CreateSource(ctx context.Context, s *dataset.DataSource, d *dataset.Dataset, url string) error {
	if f.down.Load() {
		return errs.New(errs.Unavailable, "store is down")
	}
	return f.Store.CreateSource(ctx, s, d, url)
}

func newServer(t *testing.T) *server {
	t.Helper()
	store, err := sqlstore.Open(context.Background(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	s := &server{
		t: t, judge: newJudge(t), source: t.TempDir(), store: &failingStore{Store: store},
		bucket: &failing{Bucket: cloud.Memory()}, handlers: map[string]work.Handler{},
	}
	s.client = &http.Client{Transport: s.judge}
	definitions := connector.NewDefinitions(s.store, s.bucket, archive.New(nil), uispec.New(nil), nil)
	connectors := connector.NewService(store, s, uispec.New(nil), &connector.Options{Definitions: definitions})
	tasks := task.NewService(store, connectors, s.bucket, &task.Options{Dispatcher: s, PauseWait: time.Millisecond})
	task.NewRunner(tasks, store, s, &task.RunnerOptions{Transfer: &blob.TransferOptions{Attempts: 1}})
	datasets := dataset.NewService(s.store, s.bucket, &dataset.Options{Dispatcher: s, PartSize: 10})
	reader, err := tabular.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dataset.NewRunner(datasets, store, s, fetch.New(nil), inspect.New(reader), &dataset.RunnerOptions{Attempts: 1})
	engine, err := sqlite.New(&sqlite.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	s.queries = query.NewService(s.store, engine, catalog.New(store, s.bucket, reader, nil), result.New(s.bucket, nil),
		&query.Options{Exporters: []query.Exporter{export.CSV{}, export.Parquet{}}})
	t.Cleanup(func() { s.queries.Close(context.Background()) })
	api, err := httpapi.New(httpapi.Config{
		Queries: s.queries, Connectors: connectors, Tasks: tasks, Datasets: datasets, FileSync: filesync.NewService(store, s.bucket, nil), Definitions: definitions,
		Authenticator: authenticate, MaxBody: maxBody,
	})
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(api)
	t.Cleanup(ts.Close)
	s.url = ts.URL
	return s
}

// setKey sets the header in which a target's dialect has its key.
func setKey(h http.Header, target, key string) {
	switch {
	case strings.Contains(target, "/api/lake/"), strings.Contains(target, "/api/ingestion/"):
		h.Set("x-api-key", key)
	case strings.Contains(target, "/api/v1/"):
		h.Set("Authorization", "Token "+key)
	case strings.Contains(target, "/v2/team/"):
		h.Set("x-pd-api-key", key)
	case strings.Contains(target, "/v2/connector"):
		h.Set("Authorization", "Bearer "+key)
	default:
		h.Set("Access-Token", key)
	}
}

// authenticate knows one good token, and one for each thing that can happen.
func authenticate(_ context.Context, c httpapi.Credentials) (scope.Scope, error) {
	switch c.Token + c.APIKey {
	case "good":
		return scope.Scope{Tenant: "acme"}, nil
	case "":
		return scope.Scope{}, httpapi.ErrCredentialsMissing
	case "expired":
		return scope.Scope{}, httpapi.ErrCredentialsExpired
	case "403":
		return scope.Scope{}, errs.New(errs.Forbidden, "permission denied")
	case "429":
		return scope.Scope{}, errs.New(errs.RateLimited, "asked too often")
	case "500":
		return scope.Scope{}, errors.New("broken")
	case "503":
		return scope.Scope{}, errs.New(errs.Unavailable, "directory is down")
	}
	return scope.Scope{}, errs.New(errs.Unauthorized, "credentials are invalid")
}

// Open implements connector.Opener: every connector leads to the one source.
func (s *server) Open(context.Context, connector.Config) (blob.Source, error) {
	return folder.OpenSource(s.source, nil)
}

// A server is the dispatcher of its runner: work is done when a test drains it.

func (s *server) Handle(kind string, _ int, h work.Handler) { s.handlers[kind] = h }
func (s *server) Run(ctx context.Context) error             { <-ctx.Done(); return nil }
func (s *server) Wake(string)                               {}
func (s *server) StopGroup(int64)                           {}

// drain does all work that is due.
func (s *server) drain() {
	s.t.Helper()
	ctx := context.Background()
	for range 1000 {
		items, err := s.store.Claim(ctx, "test", []string{task.KindList, task.KindLoad, task.KindPurge}, 1, time.Minute)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(items) == 0 {
			return
		}
		if err := s.handlers[items[0].Kind](ctx, items[0]); err != nil {
			s.t.Fatalf("%s: %v", items[0].Kind, err)
		}
	}
	s.t.Fatal("the work does not end")
}

func (s *server) put(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.source, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// do sends a request with the token and returns the answer's body. The status
// must be the wanted one.
func (s *server) do(want int, token, method, target, body string, headers ...string) string {
	s.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = s.url + target
	}
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		setKey(r.Header, target, token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != want {
		s.t.Errorf("%s %s: %d %s, want %d", method, target, resp.StatusCode, text, want)
	}
	return string(text)
}
