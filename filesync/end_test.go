package filesync_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
)

// flight is an upload that a test holds open.
type flight struct {
	w    *io.PipeWriter
	done chan error
}

// take begins an upload through a service, and waits until it has read a byte.
func (e *env) take(svc *filesync.Service, sync int64, name string) *flight {
	e.t.Helper()
	r, w := io.Pipe()
	f := &flight{w, make(chan error, 1)}
	go func() {
		err := svc.Upload(context.Background(), e.me, sync, name, r, nil)
		r.CloseWithError(errors.New("nobody reads"))
		f.done <- err
	}()
	if _, err := io.WriteString(w, "a"); err != nil {
		e.t.Fatalf("the upload does not begin: %v", err)
	}
	return f
}

func (f *flight) finish() error {
	f.w.Close()
	return <-f.done
}

// until waits for a condition.
func (e *env) until(what string, ok func() bool) {
	e.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf("%s does not happen", what)
		}
	}
}

func TestEndWaitsForUploads(t *testing.T) {
	e := newEnv(t, nil)
	ctx := context.Background()
	other := filesync.NewService(e.store, e.bucket, nil) // another node
	id := e.start(filesync.Full, path)
	here, there := e.take(e.svc, id, "here"), e.take(other, id, "there")
	e.until("the announcement of both uploads", func() bool { return len(e.history(id)) == 2 })
	ended := make(chan error, 1)
	go func() { ended <- e.svc.End(ctx, e.me, id) }()
	for _, svc := range []*filesync.Service{e.svc, other} {
		e.until("a refusal", func() bool {
			err := svc.Upload(ctx, e.me, id, "late", strings.NewReader("x"), nil)
			return errors.Is(err, errs.Conflict) && !errors.Is(err, filesync.ErrEnded)
		})
	}
	e.ok(here.finish())
	select {
	case err := <-ended:
		t.Fatalf("the end did not wait for the other node: %v", err)
	case <-time.After(150 * time.Millisecond):
	}
	e.ok(there.finish())
	e.ok(<-ended)
	if got := e.shown(path); got[0] != "here=a" || got[len(got)-1] != "there=a" {
		t.Errorf("files: %q", got)
	}
}

func TestEndGivesUpAndIsCalledAgain(t *testing.T) {
	e := newEnv(t, &filesync.Options{EndWait: 50 * time.Millisecond})
	ctx := context.Background()
	id := e.start(filesync.Full, path)
	f := e.take(e.svc, id, "slow")
	err := e.svc.End(ctx, e.me, id)
	e.is(err, errs.Unavailable)
	if !strings.Contains(errs.Message(err), "1 uploads are still going on") {
		t.Errorf("message: %s", errs.Message(err))
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	e.is(e.svc.End(canceled, e.me, id), errs.Canceled)
	e.is(e.svc.Upload(ctx, e.me, id, "late", strings.NewReader("x"), nil), errs.Conflict)
	if y := e.get(id); y.Status != filesync.Syncing {
		t.Errorf("sync: %+v", y)
	}
	e.ok(f.finish())
	e.end(id)
	e.wants(path, "slow=a")
}

func TestAbortStopsUploads(t *testing.T) {
	e := newEnv(t, nil)
	id := e.start(filesync.Incremental, path)
	f := e.take(e.svc, id, "slow")
	e.until("the announcement", func() bool { return len(e.history(id)) == 1 })
	e.ok(e.svc.Abort(context.Background(), e.me, id))
	for err := error(nil); err == nil; _, err = io.WriteString(f.w, "more") {
	}
	e.is(<-f.done, errs.Conflict)
	if diff := cmp.Diff([]string{"slow Failed the sync was failed: aborted"}, e.history(id)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

// What a node had going on when it died fails: at its restart, or when the
// lease has run out. Its syncs stay open.
func TestCrashedUploadsFail(t *testing.T) {
	e := newEnv(t, nil)
	ctx := context.Background()
	id := e.start(filesync.Full, path)
	crashed := func(name, owner string, lease time.Duration) {
		rec := &filesync.Record{Tenant: e.me.Tenant, SyncID: id, Owner: owner, Status: filesync.Syncing, Name: name, StartAt: time.Now()}
		e.ok(e.store.RecordUploads(ctx, []*filesync.Record{rec}, lease))
		e.ok(rec.Err)
	}
	crashed("mine", "server", time.Hour)
	crashed("lapsed", "elsewhere", -time.Second)
	crashed("alive", "elsewhere", time.Hour)
	svc := filesync.NewService(e.store, e.bucket, &filesync.Options{Owner: "server"})
	ctx, stop := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- filesync.NewRunner(svc, nil).Run(ctx) }()
	want := []string{
		"mine Failed interrupted: the server stopped before the file was whole",
		"lapsed Failed interrupted: the server stopped before the file was whole", "alive Syncing",
	}
	e.until("the failure of the uploads", func() bool { return cmp.Equal(want, e.history(id)) })
	stop()
	e.ok(<-ran)
	if y := e.get(id); y.Status != filesync.Syncing || y.TotalFiles != 2 || y.NumFailed != 2 {
		t.Errorf("sync: %+v", y)
	}
}

// What a process takes before its runner runs is not what one before it left.
func TestRestartSparesNewUploads(t *testing.T) {
	e := newEnv(t, &filesync.Options{Owner: "server"})
	id := e.start(filesync.Full, path)
	rec := &filesync.Record{Tenant: e.me.Tenant, SyncID: id, Owner: "server", Status: filesync.Syncing, Name: "left", StartAt: time.Now()}
	e.ok(e.store.RecordUploads(context.Background(), []*filesync.Record{rec}, time.Hour))
	f := e.take(e.svc, id, "new")
	e.until("the announcement", func() bool { return len(e.history(id)) == 2 })
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- filesync.NewRunner(e.svc, nil).Run(ctx) }()
	want := []string{"left Failed interrupted: the server stopped before the file was whole", "new Syncing"}
	e.until("the failure of the upload that was left", func() bool { return cmp.Equal(want, e.history(id)) })
	stop()
	e.ok(<-ran)
	e.ok(f.finish())
	e.end(id)
	e.wants(path, "new=a")
}

// An upload keeps its lease as long as it goes on, however slow it is.
func TestSlowUploadKeepsItsLease(t *testing.T) {
	e := newEnv(t, &filesync.Options{Lease: 600 * time.Millisecond, Small: 4})
	id := e.start(filesync.Incremental, path)
	small, large := e.take(e.svc, id, "small"), e.take(e.svc, id, "large")
	_, err := io.WriteString(large.w, "more than small")
	e.ok(err)
	for range 4 {
		time.Sleep(400 * time.Millisecond)
		e.ok(filesync.NewRunner(e.svc, nil).Reconcile(context.Background()))
	}
	e.ok(small.finish())
	e.ok(large.finish())
	e.wants(path, "large=amore than small", "small=a")
}

func TestRunnerFailsIdleSyncsAndPurgesOldTrash(t *testing.T) {
	e := newEnv(t, nil)
	first := e.start(filesync.Full, path)
	e.upload(first, "a")
	e.end(first)
	second := e.start(filesync.Full, path)
	e.end(second)
	idle, busy := e.start(filesync.Full, path), e.start(filesync.Full, path)
	f := e.take(e.svc, busy, "slow")
	e.until("the announcement", func() bool { return len(e.history(busy)) == 1 })
	reconcile := func(later time.Duration) {
		now := func() time.Time { return time.Now().Add(later) }
		e.ok(filesync.NewRunner(e.svc, &filesync.RunnerOptions{Now: now}).Reconcile(context.Background()))
	}
	trash := func() int {
		found, err := e.svc.Trash(context.Background(), e.me, filesync.TrashQuery{})
		e.ok(err)
		return len(found)
	}
	reconcile(23 * time.Hour)
	if e.get(idle).Status != filesync.Syncing || trash() != 1 {
		t.Error("something was cleaned up too early")
	}
	reconcile(25 * time.Hour)
	if y := e.get(idle); y.Status != filesync.Failed || y.Reason != "idle for 24h0m0s" {
		t.Errorf("idle: %+v", y)
	}
	if y := e.get(busy); y.Status != filesync.Syncing {
		t.Errorf("busy: %+v", y)
	}
	reconcile(31 * 24 * time.Hour)
	if n := trash(); n != 0 {
		t.Errorf("%d in the trash after 31 days", n)
	}
	e.ok(f.finish())
	if n := e.blobs(); n != 1 {
		t.Errorf("the bucket holds %d objects, want that of the upload", n)
	}
}

// Who reads a file while it is replaced gets the old bytes to their end.
func TestReaderOfReplacedFile(t *testing.T) {
	e := newEnv(t, &filesync.Options{Small: 10})
	ctx := context.Background()
	id := e.start(filesync.Incremental, path)
	old := strings.Repeat("old", 1_000_000)
	e.upload(id, "f="+old)
	f, err := e.svc.File(ctx, e.me, path+"/f", 0)
	e.ok(err)
	r, err := e.svc.Open(ctx, f, nil)
	e.ok(err)
	half := make([]byte, len(old)/2)
	_, err = io.ReadFull(r, half)
	e.ok(err)
	e.upload(id, "f=new")
	e.ok(blob.NewCollector(e.bucket, e.store, nil).Collect(ctx)) // keeps it for an hour
	rest, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || string(half)+string(rest) != old {
		t.Errorf("%d bytes, %v", len(half)+len(rest), err)
	}
	if got, err := e.read(f); err != nil || got != old {
		t.Errorf("the old version, opened again: %v", err)
	}
	e.wants(path, "f=new")
	part, err := e.svc.Open(ctx, f, &blob.OpenOptions{Offset: 3, Length: 4})
	e.ok(err)
	got, err := io.ReadAll(part)
	if err := errors.Join(err, part.Close()); err != nil || string(got) != "oldo" {
		t.Errorf("a part: %q, %v", got, err)
	}
}

// broken is a bucket that takes nothing.
type broken struct{ blob.Bucket }

func (broken) Write(_ context.Context, key string, r io.Reader, _ *blob.WriteOptions) (blob.Written, error) {
	_, _ = io.Copy(io.Discard, r)
	return blob.Written{}, errs.New(errs.Unavailable, "blob %q: no space left", key)
}

func TestBucketThatFails(t *testing.T) {
	e := openEnv(t, broken{cloud.Memory()}, &filesync.Options{Small: 10})
	t.Cleanup(func() { e.store.Close() })
	ctx := context.Background()
	id := e.start(filesync.Full, path)
	for _, content := range []string{"small", "larger than small"} {
		err := e.svc.Upload(ctx, e.me, id, "f", strings.NewReader(content), nil)
		e.is(err, errs.Unavailable)
		if strings.Contains(errs.Message(err), filesync.BlobPrefix) {
			t.Errorf("the message names a key: %s", errs.Message(err))
		}
	}
	want := `f Failed file "f" could not be kept: unavailable`
	if diff := cmp.Diff([]string{want, want}, e.history(id)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestCallerThatGoesAway(t *testing.T) {
	e := newEnv(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	id := e.start(filesync.Incremental, path)
	err := e.svc.Upload(ctx, e.me, id, "f", io.MultiReader(strings.NewReader("begun"), &canceling{cancel}), nil)
	e.is(err, errs.Canceled)
	if diff := cmp.Diff([]string{"f Failed the upload was interrupted"}, e.history(id)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

type canceling struct{ cancel context.CancelFunc }

func (c *canceling) Read(p []byte) (int, error) {
	c.cancel()
	return copy(p, "x"), nil
}
