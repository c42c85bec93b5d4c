package task_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

var once = task.Schedule{Type: task.Once}

func TestLoadOnce(t *testing.T) {
	tests := map[string]struct {
		files, uris, want []string
	}{
		"one file":                      {[]string{"a.csv", "b.csv"}, []string{"a.csv"}, []string{"a.csv"}},
		"a directory at any depth":      {[]string{"d/1", "d/e/2", "d2/3"}, []string{"d"}, []string{"d/1", "d/e/2"}},
		"a directory with its slash":    {[]string{"d/1", "d"}, []string{"d/"}, []string{"d/1"}},
		"everything":                    {[]string{"a", "d/1"}, []string{"/"}, []string{"a", "d/1"}},
		"an object before a directory":  {[]string{"d", "d/1"}, []string{"d"}, []string{"d"}},
		"what is named twice, once":     {[]string{"d/1", "d/e/2"}, []string{"d/e", "d", "d/1", "d/", "d/e/2"}, []string{"d/1", "d/e/2"}},
		"names that need care":          {[]string{"红楼梦 (a+b)%2F.pdf", "..%2f", "tab\tkey"}, []string{"/"}, []string{"红楼梦 (a+b)%2F.pdf", "..%2f", "tab\tkey"}},
		"more than one chunk":           {[]string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, []string{"/"}, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}},
		"an empty source, wholly asked": {nil, []string{"/"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.put(tt.files...)
			id := e.create(once, tt.uris...)
			e.clock.advance(time.Second)
			e.drain()
			if diff := cmp.Diff(self(tt.want...), e.visible()); diff != "" {
				t.Errorf("volume (-want +got):\n%s", diff)
			}
			got := e.get(id)
			if got.Status != task.Completed || got.StartAt.IsZero() || got.EndAt.IsZero() {
				t.Errorf("task is %d, started %v, ended %v", got.Status, got.StartAt, got.EndAt)
			}
			_, _, counts, err := e.tasks.Files(context.Background(), e.me, id, task.FileQuery{})
			if err != nil {
				t.Fatal(err)
			}
			want := task.Counts{Total: int64(len(tt.want)), Success: int64(len(tt.want)), Listed: true}
			for _, name := range tt.want {
				want.Bytes += int64(len(name))
				want.Loaded += int64(len(name))
			}
			if diff := cmp.Diff(want, counts); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailedFilesSayWhyAndCanBeRetried(t *testing.T) {
	e := newEnv(t)
	ctx := context.Background()
	e.put("a", "b", "c", "gone/x")
	e.source.fail("b", errs.New(errs.Forbidden, `access to "b" is denied`))
	e.source.fail("c", errs.New(errs.Unavailable, "source is down"))
	id := e.create(once, "a", "b", "c", "missing")
	e.drain()
	want := []string{
		"a 5", `b 4 access to "b" is denied`, "c 4 source is down", `missing 4 "missing" not exists in the source`,
	}
	if diff := cmp.Diff(want, e.statuses(id)); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	if got := e.get(id).Status; got != task.Completed {
		t.Errorf("status = %d, want completed though files failed", got)
	}

	if _, err := e.tasks.Retry(ctx, e.me, id, []int64{12345}); !errors.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "12345") {
		t.Errorf("retry of an unknown file: %v", err)
	}
	e.source.fail("b", nil)
	e.source.fail("c", nil)
	e.put("missing/1", "missing/2")
	n, err := e.tasks.Retry(ctx, e.me, id, nil)
	if err != nil || n != 3 {
		t.Fatalf("retry: %d, %v", n, err)
	}
	if got := e.get(id).Status; got != task.Executable {
		t.Errorf("status while retrying = %d", got)
	}
	e.drain()
	if diff := cmp.Diff([]string{"a 5", "b 5", "c 5", "missing/1 5", "missing/2 5"}, e.statuses(id)); diff != "" {
		t.Errorf("files after the retry (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(self("a", "b", "c", "missing/1", "missing/2"), e.visible()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	if got := e.get(id).Status; got != task.Completed {
		t.Errorf("status after the retry = %d", got)
	}
}

func TestAnUnavailableSourceIsTriedAgain(t *testing.T) {
	e := newEnv(t)
	e.put("a", "b")
	e.source.fail("stat a", errs.New(errs.Unavailable, "no answer"))
	e.source.fail("b", errs.New(errs.RateLimited, "slow down"))
	id := e.create(once, "a", "b")
	if !e.dispatcher.step(context.Background()) {
		t.Fatal("nothing to do")
	}
	e.source.fail("stat a", nil)
	e.dispatcher.step(context.Background()) // lists
	e.dispatcher.step(context.Background()) // loads a, leaves b
	if diff := cmp.Diff(self("a"), e.visible()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	e.source.fail("b", nil)
	e.drain()
	if diff := cmp.Diff([]string{"a 5", "b 5"}, e.statuses(id)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestLaterRunsLoadWhatChanged(t *testing.T) {
	e := newEnv(t)
	ctx := context.Background()
	e.put("d/a", "d/b")
	id := e.create(task.Schedule{Type: task.Minutely, Every: 10}, "d")
	e.drain()
	opens := e.source.opens
	if got := e.get(id).Status; got != task.Executable {
		t.Errorf("a periodic task is %d between its runs", got)
	}

	if _, err := e.source.Write(ctx, "d/b", strings.NewReader("newer"), nil); err != nil {
		t.Fatal(err)
	}
	e.put("d/c")
	e.tick(9 * time.Minute)
	if e.source.opens != opens {
		t.Error("it ran too early")
	}
	e.tick(time.Minute)
	if diff := cmp.Diff(map[string]string{"d/a": "d/a", "d/b": "newer", "d/c": "d/c"}, e.visible()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	if n := e.source.opens - opens; n != 2 {
		t.Errorf("the second run read %d files, want the 2 that changed", n)
	}
	_, _, counts, err := e.tasks.Files(ctx, e.me, id, task.FileQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if counts.Skipped != 1 || counts.Success != 4 {
		t.Errorf("counts = %+v, want 4 loaded over both runs and 1 skipped", counts)
	}
	if n := e.blobs(); n != 4 {
		t.Errorf("the bucket holds %d objects before the collection, want 4", n)
	}
	e.collect()
	if n := e.blobs(); n != 3 {
		t.Errorf("the bucket holds %d objects after the collection, want 3", n)
	}
	e.visible()
}

func TestOverlappingAndMissedRuns(t *testing.T) {
	e := newEnv(t)
	e.put("a")
	id := e.create(task.Schedule{Type: task.Minutely, Every: 1}, "/")
	e.reconcile(time.Minute) // due, but the first run has not even begun
	e.drain()
	if n := e.source.opens; n != 1 {
		t.Errorf("%d reads, want 1", n)
	}
	if _, err := e.source.Write(context.Background(), "a", strings.NewReader("2"), nil); err != nil {
		t.Fatal(err)
	}
	e.tick(72 * time.Hour) // three days down
	e.tick(time.Second)
	if n := e.source.opens; n != 2 {
		t.Errorf("%d reads, want one more for all that was missed", n)
	}
	if next := e.get(id).NextRunAt; !next.After(e.clock.Now()) || next.Sub(e.clock.Now()) > time.Minute {
		t.Errorf("next run at %v, now %v", next, e.clock.Now())
	}
}

func TestWhatAWorkerLeftIsCollected(t *testing.T) {
	e := newEnv(t)
	ctx := context.Background()
	e.put("a")
	id := e.create(once, "a")
	e.drain()
	stray := task.BlobRef{FileID: 4711, Fence: 1}
	if _, err := e.bucket.Write(ctx, stray.Key(), strings.NewReader("x"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := e.bucket.Write(ctx, "files/not-ours", strings.NewReader("x"), nil); err != nil {
		t.Fatal(err)
	}
	if err := e.collector.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := e.blobs(); n != 2 {
		t.Errorf("%d objects after the sweep, want the file and the foreign one", n)
	}
	e.visible()

	if err := e.tasks.Delete(ctx, e.me, id); err != nil {
		t.Fatal(err)
	}
	e.drain()
	if diff := cmp.Diff(self("a"), e.visible()); diff != "" {
		t.Errorf("volume after the task was deleted (-want +got):\n%s", diff)
	}
}

func TestAWorkerThatLostItsLeasePublishesNothing(t *testing.T) {
	e := newEnv(t)
	ctx := context.Background()
	e.put("a", "b")
	id := e.create(once, "/")
	e.dispatcher.step(ctx) // list
	zombie := e.dispatcher.claim(ctx)
	if zombie == nil {
		t.Fatal("no chunk")
	}
	// Its lease ends, and another node takes the chunk over.
	if err := e.store.Release(ctx, zombie.Lease(), 0); err != nil {
		t.Fatal(err)
	}
	heir := e.dispatcher.claim(ctx)
	if heir == nil || heir.Fence <= zombie.Fence {
		t.Fatalf("heir %+v of %+v", heir, zombie)
	}
	if err := e.dispatcher.handle(ctx, *zombie); !errors.Is(err, errs.Conflict) {
		t.Errorf("the zombie's error is %v, want Conflict", err)
	}
	if n := len(e.visible()); n != 0 {
		t.Errorf("the zombie published %d files", n)
	}
	if err := e.dispatcher.handle(ctx, *heir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(self("a", "b"), e.visible()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	if err := e.collector.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := e.blobs(); n != 2 {
		t.Errorf("%d objects, want the zombie's collected", n)
	}
	if got := e.get(id).Status; got != task.Completed {
		t.Errorf("status %d", got)
	}
}

func TestWatchYieldsUntilFinal(t *testing.T) {
	e := newEnv(t)
	for i := range 9 {
		e.put(fmt.Sprintf("f%d", i))
	}
	id := e.create(once, "/")
	go e.drain()
	var last task.Progress
	for p, err := range e.tasks.Watch(context.Background(), e.me, id) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Bytes < last.Bytes || p.Files.Success < last.Files.Success {
			t.Errorf("progress went back: %+v after %+v", p, last)
		}
		last = p
	}
	if !last.Final || last.Files.Success != 9 || last.Bytes != 18 {
		t.Errorf("last progress: %+v", last)
	}
	for _, err := range e.tasks.Watch(context.Background(), e.me, 1) {
		if !errors.Is(err, errs.NotFound) {
			t.Errorf("watching an unknown task: %v", err)
		}
	}
}

// tick advances the clock, starts what is due and does it.
func (e *env) tick(d time.Duration) {
	e.t.Helper()
	e.reconcile(d)
	e.drain()
}

// reconcile advances the clock and starts what is due.
func (e *env) reconcile(d time.Duration) {
	e.t.Helper()
	e.clock.advance(d)
	if err := task.Reconcile(context.Background(), e.runner); err != nil {
		e.t.Fatalf("reconciling: %v", err)
	}
}

func (e *env) collect() {
	e.t.Helper()
	e.clock.advance(time.Second)
	if err := e.collector.Collect(context.Background()); err != nil {
		e.t.Fatalf("collecting: %v", err)
	}
}
