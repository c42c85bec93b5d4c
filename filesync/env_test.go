package filesync_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// tb is what the environment needs of *testing.T and *rapid.T.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// env is a real service over the in-memory store and an in-memory bucket.
type env struct {
	t         tb
	store     *sqlstore.Store
	bucket    blob.Bucket
	svc       *filesync.Service
	collector *blob.Collector
	me        scope.Scope
}

func newEnv(t testing.TB, opts *filesync.Options) *env {
	e := openEnv(t, cloud.Memory(), opts)
	t.Cleanup(func() { e.store.Close() })
	return e
}

func openEnv(t tb, bucket blob.Bucket, opts *filesync.Options) *env {
	t.Helper()
	store, err := sqlstore.Open(context.Background(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	return &env{
		t: t, store: store, bucket: bucket, svc: filesync.NewService(store, bucket, opts), me: scope.Scope{Tenant: "acme", User: "ann"},
		collector: blob.NewCollector(bucket, store, &blob.CollectorOptions{Grace: -1}),
	}
}

func (e *env) ok(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatalf("%v", err)
	}
}

// is fails unless err is of the kind.
func (e *env) is(err, kind error) {
	e.t.Helper()
	if !errors.Is(err, kind) {
		e.t.Fatalf("error is %v, want %v", err, kind)
	}
}

func (e *env) start(typ filesync.SyncType, path string) int64 {
	e.t.Helper()
	y, err := e.svc.Start(context.Background(), e.me, filesync.New{Name: "s", Path: path, Type: typ})
	if err != nil {
		e.t.Fatalf("starting a sync of %s: %v", path, err)
	}
	return y.ID
}

// upload uploads files; each is "name=content" or, holding its own name, "name".
func (e *env) upload(sync int64, files ...string) {
	e.t.Helper()
	for _, f := range files {
		name, content, ok := strings.Cut(f, "=")
		if !ok {
			content = name
		}
		if err := e.svc.Upload(context.Background(), e.me, sync, name, strings.NewReader(content), nil); err != nil {
			e.t.Fatalf("uploading %q: %v", name, err)
		}
	}
}

func (e *env) end(sync int64) {
	e.t.Helper()
	if err := e.svc.End(context.Background(), e.me, sync); err != nil {
		e.t.Fatalf("ending sync %d: %v", sync, err)
	}
}

// shown returns what readers see below a lake path, as "path=content" in order.
func (e *env) shown(path string) []string {
	e.t.Helper()
	list := []string{}
	for f, err := range e.svc.Files(context.Background(), e.me, path) {
		if err != nil {
			e.t.Fatalf("files of %s: %v", path, err)
		}
		content, err := e.read(f)
		if err != nil {
			e.t.Fatalf("%v", err)
		}
		list = append(list, strings.TrimPrefix(f.Path(), path+"/")+"="+content)
	}
	return list
}

// read returns a file's bytes, and an error where they are not those of its row.
func (e *env) read(f *filesync.File) (string, error) {
	r, err := e.svc.Open(context.Background(), f, nil)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return "", err
	}
	if sha256.Sum256(data) != f.SHA256 || int64(len(data)) != f.Size {
		return "", fmt.Errorf("%s: bytes do not match size and SHA-256", f.Path())
	}
	return string(data), nil
}

func (e *env) get(sync int64) *filesync.Sync {
	e.t.Helper()
	y, err := e.svc.Get(context.Background(), e.me, sync)
	if err != nil {
		e.t.Fatalf("%v", err)
	}
	return y
}

// history returns "name status message" of each of the sync's uploads.
func (e *env) history(sync int64) []string {
	e.t.Helper()
	found, err := e.svc.History(context.Background(), e.me, filesync.HistoryQuery{SyncID: sync})
	if err != nil {
		e.t.Fatalf("%v", err)
	}
	list := []string{}
	for _, h := range found {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", h.FileName, h.Status, h.Message)))
	}
	return list
}

// blobs returns how many objects the bucket holds after everything that can be
// collected was.
func (e *env) blobs() int {
	e.t.Helper()
	ctx := context.Background()
	e.ok(filesync.NewRunner(e.svc, nil).Reconcile(ctx))
	e.ok(e.collector.Collect(ctx))
	e.ok(e.collector.Sweep(ctx))
	n := 0
	for _, err := range e.bucket.List(ctx, "", nil) {
		e.ok(err)
		n++
	}
	return n
}
