package dataset_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/dataset/fetch"
	"github.com/inlet-go/inlet/dataset/inspect"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
)

// env is a real service over the in-memory store and an in-memory bucket, with
// a web server to fetch from. Work is done when a test asks for it.
type env struct {
	*testing.T
	store     *sqlstore.Store
	bucket    *failing
	svc       *dataset.Service
	runner    *dataset.Runner
	collector *blob.Collector
	handlers  map[string]work.Handler
	me        scope.Scope
	web       *web

	mu  sync.Mutex
	now time.Time
}

// failing is a bucket that can be made to fail.
type failing struct {
	blob.Bucket
	err atomic.Pointer[error]
}

func (b *failing) fail(err error) { b.err.Store(&err) }

func (b *failing) Write(ctx context.Context, key string, r io.Reader, opts *blob.WriteOptions) (blob.Written, error) {
	if err := b.err.Load(); err != nil && *err != nil {
		return blob.Written{}, *err
	}
	return b.Bucket.Write(ctx, key, r, opts)
}

// web serves files by their paths.
type web struct {
	url   string
	mu    sync.Mutex
	files map[string]http.HandlerFunc
	asked map[string]int
}

func newWeb(t *testing.T) *web {
	w := &web{files: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	ts := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		h := w.files[r.URL.Path]
		w.asked[r.URL.Path]++
		w.mu.Unlock()
		if h == nil {
			h = http.NotFound
		}
		h(rw, r)
	}))
	t.Cleanup(ts.Close)
	w.url = ts.URL
	return w
}

// put serves a text, and returns its URL.
func (w *web) put(path, text string) string {
	return w.serve(path, func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, text) })
}

func (w *web) serve(path string, h http.HandlerFunc) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files[path] = h
	return w.url + path
}

func newEnv(t *testing.T, change func(*dataset.Options, *dataset.RunnerOptions)) *env {
	t.Helper()
	store, err := sqlstore.Open(context.Background(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return newEnvOn(t, store, cloud.Memory(), change)
}

func newEnvOn(t *testing.T, store *sqlstore.Store, bucket blob.Bucket, change func(*dataset.Options, *dataset.RunnerOptions)) *env {
	t.Helper()
	e := &env{
		T: t, store: store, bucket: &failing{Bucket: bucket}, handlers: map[string]work.Handler{}, web: newWeb(t),
		me: scope.Scope{Tenant: "acme", User: "ann"}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	opts := &dataset.Options{Dispatcher: e, Now: e.clock, PartSize: 10}
	runnerOpts := &dataset.RunnerOptions{Attempts: 3}
	if change != nil {
		change(opts, runnerOpts)
	}
	reader, err := tabular.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var managed blob.Bucket = e.bucket
	if _, ok := bucket.(blob.PartTaker); ok {
		managed = bucket
	}
	e.svc = dataset.NewService(store, managed, opts)
	fetcher := fetch.New(&fetch.Options{AllowNet: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Second})
	e.runner = dataset.NewRunner(e.svc, store, e, fetcher, inspect.New(reader), runnerOpts)
	e.collector = blob.NewCollector(bucket, store, &blob.CollectorOptions{Grace: -1})
	return e
}

func (e *env) clock() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *env) advance(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = e.now.Add(d)
}

// An env is the dispatcher of its runner.

func (e *env) Handle(kind string, _ int, h work.Handler) { e.handlers[kind] = h }
func (e *env) Run(ctx context.Context) error             { <-ctx.Done(); return nil }
func (e *env) Wake(string)                               {}
func (e *env) StopGroup(int64)                           {}

// step does one item of work and returns whether there was one, and how it
// ended. A failed item is due again at once.
func (e *env) step() (bool, error) {
	e.Helper()
	ctx := context.Background()
	items, err := e.store.Claim(ctx, "node", []string{dataset.KindSync, dataset.KindPurge}, 1, time.Minute)
	if err != nil {
		e.Fatal(err)
	}
	if len(items) == 0 {
		return false, nil
	}
	err = e.handlers[items[0].Kind](ctx, items[0])
	if err != nil && !errors.Is(err, errs.Conflict) {
		e.ok(e.store.Release(ctx, items[0].Lease(), 0))
	}
	return true, err
}

// drain does all work that is due.
func (e *env) drain() {
	e.Helper()
	for range 1000 {
		if more, _ := e.step(); !more {
			return
		}
	}
	e.Fatal("the work does not end")
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// is fails unless err is of the kind and its message holds the text.
func (e *env) is(err error, kind error, text string) {
	e.Helper()
	if !errors.Is(err, kind) || !strings.Contains(errs.Message(err), text) {
		e.Errorf("error %v, want %v with %q", err, kind, text)
	}
}

func (e *env) dataset(name string) *dataset.Dataset {
	e.Helper()
	d, err := e.svc.Create(e.Context(), e.me, dataset.New{Name: name})
	e.ok(err)
	return d
}

// upload uploads a text and returns its object key.
func (e *env) upload(name, text string) string {
	e.Helper()
	u, err := e.svc.Upload(e.Context(), e.me, name, strings.NewReader(text))
	e.ok(err)
	return u.ObjectKey
}

func (e *env) source(dataset string, n dataset.NewSource) *dataset.DataSource {
	e.Helper()
	s, err := e.svc.CreateSource(e.Context(), e.me, dataset, n)
	e.ok(err)
	return s
}

// state returns a data source as it is now.
func (e *env) state(s *dataset.DataSource) *dataset.DataSource {
	e.Helper()
	got, err := e.svc.Source(e.Context(), e.me, s.Dataset, s.ID)
	e.ok(err)
	return got
}

// content reads the bytes of a data source, and fails when they do not match
// its size and hash.
func (e *env) content(s *dataset.DataSource) string {
	e.Helper()
	r, err := e.svc.OpenSource(e.Context(), s, nil)
	e.ok(err)
	defer r.Close()
	data, err := io.ReadAll(r)
	e.ok(err)
	if sha256.Sum256(data) != s.SHA256 || int64(len(data)) != s.Size {
		e.Errorf("data source %s: %d bytes do not match its size %d and hash", s.Name, len(data), s.Size)
	}
	return string(data)
}

// objects returns how many objects are left in the bucket after everything was
// collected that can be.
func (e *env) objects() int {
	e.Helper()
	e.ok(e.collector.Sweep(e.Context()))
	e.ok(e.collector.Collect(e.Context()))
	n := 0
	for _, err := range e.bucket.List(e.Context(), "", nil) {
		e.ok(err)
		n++
	}
	return n
}

func names(sources []*dataset.DataSource) []string {
	list := []string{}
	for _, s := range sources {
		list = append(list, fmt.Sprintf("%s %s", s.Name, s.Status))
	}
	return list
}
