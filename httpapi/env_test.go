package httpapi_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// env is the API over real services, the in-memory store, and sources that are
// local folders whatever their type: a bucket is the folder of its name.
type env struct {
	t        *testing.T
	api      *httpapi.API
	store    *sqlstore.Store
	bucket   blob.Bucket
	dir      string // holds the sources
	prefix   string // of the API
	syncs    *filesync.Service
	handlers map[string]work.Handler
}

// maxUpload is the most bytes of a file that can be uploaded.
const maxUpload = 1 << 20

// The tokens of env: two tenants, and callers whom something happens to.
var tokens = map[string]scope.Scope{"xxxx": {Tenant: "acme"}, "other": {Tenant: "globex"}}

func authenticate(ctx context.Context, c httpapi.Credentials) (scope.Scope, error) {
	switch c.Token + c.APIKey {
	case "expired":
		return scope.Scope{}, httpapi.ErrCredentialsExpired
	case "forbidden":
		return scope.Scope{}, errs.New(errs.Forbidden, "permission denied")
	case "limited":
		return scope.Scope{}, errs.New(errs.RateLimited, "asked too often")
	case "down":
		return scope.Scope{}, errs.New(errs.Unavailable, "directory is down")
	case "broken":
		return scope.Scope{}, io.ErrUnexpectedEOF
	}
	return httpapi.Tokens(tokens)(ctx, c)
}

func newEnv(t *testing.T, change func(*httpapi.Config)) *env {
	t.Helper()
	store, err := sqlstore.Open(context.Background(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return newEnvOn(t, store, cloud.Memory(), change)
}

func newEnvOn(t *testing.T, store *sqlstore.Store, bucket blob.Bucket, change func(*httpapi.Config)) *env {
	t.Helper()
	e := &env{t: t, store: store, bucket: bucket, dir: t.TempDir(), handlers: map[string]work.Handler{}}
	if err := os.Mkdir(filepath.Join(e.dir, "xxxx"), 0o700); err != nil {
		t.Fatal(err)
	}
	definitions := connector.NewDefinitions(store, bucket, archive.New(nil), uispec.New(nil), nil)
	connectors := connector.NewService(store, e, uispec.New(nil), &connector.Options{Definitions: definitions})
	tasks := task.NewService(store, connectors, bucket, &task.Options{Dispatcher: e, PauseWait: time.Millisecond})
	task.NewRunner(tasks, store, e, &task.RunnerOptions{Transfer: &blob.TransferOptions{Attempts: 1}})
	datasets := dataset.NewService(store, bucket, &dataset.Options{Dispatcher: e, PartSize: 10, MaxSize: maxUpload})
	fetcher := fetch.New(&fetch.Options{AllowNet: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	reader, err := tabular.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	dataset.NewRunner(datasets, store, e, fetcher, inspect.New(reader), &dataset.RunnerOptions{Attempts: 1})
	e.syncs = filesync.NewService(store, bucket, &filesync.Options{MaxFile: 1 << 20, EndWait: -1})
	cfg := httpapi.Config{
		Connectors: connectors, Tasks: tasks, Datasets: datasets, FileSync: e.syncs, Definitions: definitions, Authenticator: authenticate,
		LinkKey: []byte("0123456789abcdef"), Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	api, err := httpapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.api = api
	return e
}

// Open implements connector.Opener.
func (e *env) Open(_ context.Context, c connector.Config) (blob.Source, error) {
	switch {
	case c.OSS != nil:
		return folder.OpenSource(filepath.Join(e.dir, c.OSS.BucketName), nil)
	case c.S3 != nil:
		return folder.OpenSource(filepath.Join(e.dir, c.S3.BucketName), nil)
	}
	if c.Folder == nil {
		return nil, errs.New(errs.Unsupported, "nothing opens that here")
	}
	return folder.OpenSource(c.Folder.Path, nil)
}

// An env is the dispatcher of its runner: work is done when a test drains it.

func (e *env) Handle(kind string, _ int, h work.Handler) { e.handlers[kind] = h }
func (e *env) Run(ctx context.Context) error             { <-ctx.Done(); return nil }
func (e *env) Wake(string)                               {}
func (e *env) StopGroup(int64)                           {}

// drain does all work that is due.
func (e *env) drain() {
	e.t.Helper()
	ctx := context.Background()
	for range 1000 {
		items, err := e.store.Claim(ctx, "test", slices.Collect(maps.Keys(e.handlers)), 1, time.Minute)
		if err != nil {
			e.t.Fatal(err)
		}
		if len(items) == 0 {
			return
		}
		if err := e.handlers[items[0].Kind](ctx, items[0]); err != nil {
			e.t.Fatalf("%s: %v", items[0].Kind, err)
		}
	}
	e.t.Fatal("the work does not end")
}

// put writes a file of the bucket "xxxx".
func (e *env) put(name, text string) {
	e.t.Helper()
	path := filepath.Join(e.dir, "xxxx", filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

// uid is what the documents' samples send.
const uid = "91a2234e-0a06-4d84-815e-840e379d9e1c-0194dfaa-3eda-7ea5-b47c-b4f4f594xxxx:admin:accountadmin"

// do sends a request as the samples do; headers are alternately names and
// values, added to theirs or in their place.
func (e *env) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	if strings.HasPrefix(target, "/") {
		target = e.prefix + target
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("user-id", "0194dfaa-3eda-7ea5-b47c-b4f4f594xxxx")
	r.Header.Set("Access-Token", "xxxx")
	r.Header.Set("uid", uid)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	e.api.ServeHTTP(w, r)
	return w
}

// ok sends a request that must succeed and returns the body.
func (e *env) ok(method, target, body string) string {
	e.t.Helper()
	w := e.do(method, target, body)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), `{"code":"OK"`) {
		e.t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	return w.Body.String()
}

// id sends a request that makes something and returns its id.
func (e *env) id(target, body string) string {
	e.t.Helper()
	text := e.ok("POST", target, body)
	_, id, _ := strings.Cut(text, `id":`)
	return strings.Trim(id, "\"}\n")
}

// The samples' connectors.
const (
	ossBody = `{"name":"oss-test2","source_type":4,"config":{"oss":{"endpoint":"xxxx","access_key_id":"xxxx","access_key_secret":"xxxx","bucket_name":"xxxx"}}}`
	s3Body  = `{"name":"s3-test","source_type":5,"config":{"s3":{"endpoint":"xxxx","access_key_id":"xxxx","access_key_secret":"xxxx","bucket_name":"xxxx","region":"xxxx"}}}`
)

// loaded makes a connector, a volume and a completed task for the URIs, and
// returns their ids.
func (e *env) loaded(uris string) (conn, volume, id string) {
	e.t.Helper()
	conn = e.id("/connectors", ossBody)
	volume = e.id("/CreateOriginVolume", `{"name":"b-vol2"}`)
	id = e.id("/task", `{"source_connector_id":`+conn+`,"volume_id":"`+volume+
		`","source_config":{"common_file_task_config":{"load_mode_config":{"load_interval_type":4},"uris":`+uris+`}},"config_type":1}`)
	e.drain()
	return conn, volume, id
}
