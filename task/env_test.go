package task_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// tb is what the environment needs of *testing.T and *rapid.T.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// env is real services over the in-memory store and in-memory buckets. Work is
// done one item at a time, when a test asks for it.
type env struct {
	t          tb
	store      *sqlstore.Store
	source     *faulty
	bucket     blob.Bucket
	dispatcher *manual
	tasks      *task.Service
	runner     *task.Runner
	collector  *blob.Collector
	me         scope.Scope
	connector  int64
	volume     int64
	clock      *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newEnv(t testing.TB) *env {
	e := openEnv(t, nil)
	t.Cleanup(e.close)
	return e
}

// openEnv makes an environment whose source holds nothing.
func openEnv(t tb, opts *task.RunnerOptions) *env {
	t.Helper()
	return openEnvOver(t, nil, opts)
}

// openEnvOver makes an environment whose connector opens what opener says; nil
// is the environment's own source.
func openEnvOver(t tb, opener connector.Opener, opts *task.RunnerOptions) *env {
	t.Helper()
	ctx := context.Background()
	store, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	e := &env{
		t: t, store: store, bucket: cloud.Memory(), me: scope.Scope{Tenant: "acme", User: "ann"},
		source: &faulty{Bucket: cloud.Memory(), broken: map[string]error{}},
		clock:  &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
	if opts == nil {
		opts = &task.RunnerOptions{}
	}
	opts.ChunkFiles = 4
	if opts.Transfer == nil {
		opts.Transfer = &blob.TransferOptions{Attempts: 1}
	}
	if opener == nil {
		opener = e
	}
	e.dispatcher = &manual{leases: store, handlers: map[string]work.Handler{}}
	connectors := connector.NewService(store, opener, uispec.New(nil), &connector.Options{Now: e.clock.Now})
	e.tasks = task.NewService(store, connectors, e.bucket, &task.Options{Dispatcher: e.dispatcher, Now: e.clock.Now})
	e.runner = task.NewRunner(e.tasks, store, e.dispatcher, opts)
	e.collector = blob.NewCollector(e.bucket, store, &blob.CollectorOptions{Grace: -1})
	conn, err := connectors.Create(ctx, e.me, connector.New{
		Name: "memory", Type: connector.Folder, Config: connector.Config{Folder: &connector.FolderConfig{Path: "/memory"}},
	})
	if err != nil {
		t.Fatalf("creating the connector: %v", err)
	}
	volume, err := e.tasks.CreateVolume(ctx, e.me, "v")
	if err != nil {
		t.Fatalf("creating the volume: %v", err)
	}
	e.connector, e.volume = conn.ID, volume.ID
	return e
}

func (e *env) close() { e.store.Close() }

// Open implements connector.Opener.
func (e *env) Open(context.Context, connector.Config) (blob.Source, error) { return e.source, nil }

// put stores files in the source; each holds its own name.
func (e *env) put(names ...string) {
	e.t.Helper()
	for _, name := range names {
		if _, err := e.source.Write(context.Background(), name, strings.NewReader(name), nil); err != nil {
			e.t.Fatalf("putting %q: %v", name, err)
		}
	}
}

// create makes a task for the URIs; a nil schedule is once.
func (e *env) create(schedule task.Schedule, uris ...string) int64 {
	e.t.Helper()
	t, err := e.tasks.Create(context.Background(), e.me, task.New{
		ConnectorID: e.connector, VolumeID: e.volume, URIs: uris, Schedule: schedule,
	})
	if err != nil {
		e.t.Fatalf("creating a task: %v", err)
	}
	return t.ID
}

// drain does all work that is due.
func (e *env) drain() {
	e.t.Helper()
	for range 10_000 {
		if !e.dispatcher.step(context.Background()) {
			return
		}
	}
	e.t.Fatalf("the work does not end")
}

func (e *env) get(id int64) *task.Task {
	e.t.Helper()
	t, err := e.tasks.Get(context.Background(), e.me, id)
	if err != nil {
		e.t.Fatalf("getting task %d: %v", id, err)
	}
	return t
}

// visible returns what readers of the volume see, by URI. It fails when a URI
// is there twice or bytes do not match their SHA-256.
func (e *env) visible() map[string]string {
	e.t.Helper()
	ctx := context.Background()
	files, total, err := e.tasks.VolumeFiles(ctx, e.me, e.volume, task.FileQuery{})
	if err != nil {
		e.t.Fatalf("listing the volume: %v", err)
	}
	seen := map[string]string{}
	var size int64
	for _, f := range files {
		r, err := e.tasks.OpenFile(ctx, f, nil)
		if err != nil {
			e.t.Fatalf("file %d %q has no bytes: %v", f.ID, f.URI, err)
		}
		data, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			e.t.Fatalf("reading %q: %v", f.URI, err)
		}
		if sha256.Sum256(data) != f.SHA256 || int64(len(data)) != f.Size {
			e.t.Errorf("%q: bytes do not match size and SHA-256", f.URI)
		}
		if _, twice := seen[f.URI]; twice {
			e.t.Errorf("%q is visible twice", f.URI)
		}
		seen[f.URI] = string(data)
		size += f.Size
	}
	v, err := e.tasks.Volume(ctx, e.me, e.volume)
	if err != nil {
		e.t.Fatalf("getting the volume: %v", err)
	}
	if total != len(files) || v.FileNum != int64(len(files)) || v.Size != size {
		e.t.Errorf("volume counts %d files of %d bytes, total %d; it holds %d of %d", v.FileNum, v.Size, total, len(files), size)
	}
	return seen
}

// blobs returns how many objects the managed bucket holds.
func (e *env) blobs() int {
	e.t.Helper()
	n := 0
	for _, err := range e.bucket.List(context.Background(), "", nil) {
		if err != nil {
			e.t.Fatalf("listing the bucket: %v", err)
		}
		n++
	}
	return n
}

// self returns what a volume holds when each named file holds its own name.
func self(names ...string) map[string]string {
	m := map[string]string{}
	for _, name := range names {
		m[name] = name
	}
	return m
}

// statuses returns "uri status reason" of each of the task's files.
func (e *env) statuses(id int64) []string {
	e.t.Helper()
	files, _, _, err := e.tasks.Files(context.Background(), e.me, id, task.FileQuery{})
	if err != nil {
		e.t.Fatalf("files of task %d: %v", id, err)
	}
	var list []string
	for _, f := range files {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %d %s", f.URI, f.Status, f.Reason)))
	}
	sort.Strings(list)
	return list
}

// faulty is a source whose objects can be made to fail or to hang.
type faulty struct {
	blob.Bucket
	mu     sync.Mutex
	broken map[string]error
	hang   chan struct{} // unless nil, reads block until it is closed or their context ends
	opens  int
}

func (f *faulty) fail(key string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken[key] = err
}

func (f *faulty) Close() error { return nil } // it outlives each use

func (f *faulty) Stat(ctx context.Context, key string) (blob.Object, error) {
	if err := f.err("stat " + key); err != nil {
		return blob.Object{}, err
	}
	return f.Bucket.Stat(ctx, key)
}

func (f *faulty) err(key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken[key]
}

func (f *faulty) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	f.mu.Lock()
	err, hang := f.broken[key], f.hang
	f.opens++
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return f.Bucket.Open(ctx, key, opts)
}

// manual is a dispatcher that works when it is told to.
type manual struct {
	leases   work.Leases
	handlers map[string]work.Handler

	mu      sync.Mutex
	running map[int64][]context.CancelFunc // by group
}

func (m *manual) Handle(kind string, _ int, h work.Handler) { m.handlers[kind] = h }
func (m *manual) Run(ctx context.Context) error             { <-ctx.Done(); return nil }
func (m *manual) Wake(string)                               {}

func (m *manual) StopGroup(group int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, cancel := range m.running[group] {
		cancel()
	}
}

// claim leases one item, of any kind, or returns nil.
func (m *manual) claim(ctx context.Context) *work.Item {
	items, err := m.leases.Claim(ctx, "node", []string{task.KindList, task.KindLoad, task.KindPurge}, 1, time.Minute)
	if err != nil {
		panic(err)
	}
	if len(items) == 0 {
		return nil
	}
	return &items[0]
}

// step does one item of work and reports whether there was one.
func (m *manual) step(ctx context.Context) bool {
	item := m.claim(ctx)
	if item == nil {
		return false
	}
	m.handle(ctx, *item)
	return true
}

// handle does an item as a dispatcher would; a failed one is due again at once.
func (m *manual) handle(ctx context.Context, item work.Item) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.mu.Lock()
	if m.running == nil {
		m.running = map[int64][]context.CancelFunc{}
	}
	m.running[item.Group] = append(m.running[item.Group], cancel)
	m.mu.Unlock()
	err := m.handlers[item.Kind](ctx, item)
	if err != nil {
		if err := m.leases.Release(context.WithoutCancel(ctx), item.Lease(), 0); err != nil && !errors.Is(err, errs.Conflict) {
			panic(err)
		}
	}
	return err
}
