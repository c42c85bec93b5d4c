package task_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// journal is a source that grows: what is new in it are the entries behind a
// number. Each object holds its own key, and can fail once on its way.
type journal struct {
	blob.Source
	mu      sync.Mutex
	entries int
	down    error // after the first new entry
	busy    int   // the number of entries behind which a listing fails once
	faulty  map[string]bool
	opened  map[string]int
	once    bool // the last listing was told that none follows
}

func (j *journal) Open(_ context.Context, key string, _ *blob.OpenOptions) (io.ReadCloser, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.opened == nil {
		j.opened = map[string]int{}
	}
	j.opened[key]++
	if j.faulty[key] {
		delete(j.faulty, key)
		return io.NopCloser(io.MultiReader(strings.NewReader(key[:2]), iotest.ErrReader(errs.New(errs.Unavailable, "gone away")))), nil
	}
	return io.NopCloser(strings.NewReader(key)), nil
}

func (j *journal) Generates()   {}
func (j *journal) Close() error { return nil }

func (j *journal) Stat(context.Context, string) (blob.Object, error) {
	return blob.Object{}, errs.New(errs.NotFound, "this is no entry")
}

func (j *journal) ListSince(_ context.Context, state string, once bool) (iter.Seq2[blob.Object, error], func() string) {
	at := 0
	fmt.Sscan(state, &at)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.once = once
	return func(yield func(blob.Object, error) bool) {
		for at < j.entries {
			at++
			if !yield(blob.Object{Key: fmt.Sprintf("entry-%d", at)}, nil) {
				return
			}
			err := j.down
			if at == j.busy {
				j.busy, err = 0, errs.New(errs.Unavailable, "busy")
			}
			if err != nil {
				yield(blob.Object{}, err)
				return
			}
		}
	}, func() string { return fmt.Sprint(at) }
}

// entries returns what a volume holds of that many.
func entries(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		key := fmt.Sprintf("entry-%d", i+1)
		m[key] = key
	}
	return m
}

func openJournal(t *testing.T, src *journal) *env {
	e := openEnvOver(t, opener{src}, &task.RunnerOptions{Transfer: &blob.TransferOptions{Attempts: 2, Backoff: time.Millisecond}})
	t.Cleanup(e.close)
	return e
}

var errForbidden = errs.New(errs.Forbidden, "no more for you")

type opener struct{ src blob.Source }

func (o opener) Open(context.Context, connector.Config) (blob.Source, error) { return o.src, nil }

func TestAnIncrementalSourceIsListedOnce(t *testing.T) {
	src := &journal{entries: 6, faulty: map[string]bool{"entry-2": true}}
	e := openJournal(t, src)
	id := e.create(task.Schedule{Type: task.Hourly, Every: 1}, "/")
	run := func() {
		e.reconcile(time.Hour)
		e.drain()
	}
	e.drain()
	if diff := cmp.Diff(entries(6), e.visible()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	if got := e.get(id).State; got != "6" || src.once {
		t.Errorf("state = %q; another listing follows: %v", got, !src.once)
	}
	opened := e.statuses(id)
	run()
	if diff := cmp.Diff(opened, e.statuses(id)); diff != "" {
		t.Errorf("a run of nothing new changes files (-want +got):\n%s", diff)
	}

	src.entries, src.down = 9, errForbidden
	run()
	if got := e.get(id).State; got != "7" {
		t.Errorf("state after a listing that failed behind entry 7 = %q", got)
	}
	src.down = nil
	run()
	if diff := cmp.Diff(entries(9), e.visible()); diff != "" {
		t.Errorf("volume after the next runs (-want +got):\n%s", diff)
	}
}

// loadedOnce fails unless the volume has all entries, and each was read once.
func (e *env) loadedOnce(src *journal) {
	e.t.Helper()
	if diff := cmp.Diff(entries(src.entries), e.visible()); diff != "" {
		e.t.Errorf("volume (-want +got):\n%s", diff)
	}
	for key, n := range src.opened {
		if n != 1 {
			e.t.Errorf("%s was loaded %d times", key, n)
		}
	}
}

// A listing that failed goes on where it was when its failed file is retried:
// of a task that runs once, nothing else would list the rest.
func TestRetryListsWhatAFailedListingLeft(t *testing.T) {
	src := &journal{entries: 7, down: errForbidden}
	e := openJournal(t, src)
	id := e.create(task.Schedule{Type: task.Once}, "/")
	e.drain()
	if diff := cmp.Diff([]string{"/ 4 no more for you", "entry-1 5"}, e.statuses(id)); diff != "" || !src.once {
		t.Errorf("files of a listing that failed, the only one: %v (-want +got):\n%s", src.once, diff)
	}
	src.down = nil
	if n, err := e.tasks.Retry(t.Context(), e.me, id, nil); n != 1 || err != nil {
		t.Fatalf("retry of %d files: %v", n, err)
	}
	e.drain()
	e.loadedOnce(src)
	if got := e.get(id); got.Status != task.Completed || got.State != "7" {
		t.Errorf("the task is %d with the state %q", got.Status, got.State)
	}
	if got := len(e.statuses(id)); got != 7 {
		t.Errorf("the task has %d files", got)
	}
}

// Of several failed listings that are retried, one lists what is left.
func TestRetriesOfFailedListingsListOnce(t *testing.T) {
	src := &journal{entries: 9, down: errForbidden}
	e := openJournal(t, src)
	id := e.create(task.Schedule{Type: task.Hourly, Every: 1}, "/")
	e.drain()
	e.reconcile(time.Hour)
	e.drain()
	src.down = nil
	if n, err := e.tasks.Retry(t.Context(), e.me, id, nil); n != 2 || err != nil {
		t.Fatalf("retry of %d files: %v", n, err)
	}
	items := []*work.Item{e.dispatcher.claim(t.Context()), e.dispatcher.claim(t.Context())}
	done := make(chan error)
	for _, item := range items {
		go func() { done <- e.dispatcher.handle(t.Context(), *item) }()
	}
	<-done
	<-done
	e.drain()
	e.loadedOnce(src)
	if diff := cmp.Diff(9, len(e.statuses(id))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// What is in a chunk is not listed again, whatever becomes of the listing.
func TestInterruptedListingGoesOnBehindItsChunks(t *testing.T) {
	for name, interrupt := range map[string]func(e *env, id int64) error{
		"a crash": func(*env, int64) error { return nil },
		"new URIs": func(e *env, id int64) error {
			return e.tasks.Update(context.Background(), e.me, id, task.Change{URIs: []string{"/other"}})
		},
		"a pause": func(e *env, id int64) error {
			if err := e.tasks.Pause(context.Background(), e.me, id); err != nil {
				return err
			}
			return e.tasks.Resume(context.Background(), e.me, id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			src := &journal{entries: 11, busy: 6}
			e := openJournal(t, src)
			id := e.create(task.Schedule{Type: task.Once}, "/")
			item := e.dispatcher.claim(t.Context())
			if err := e.dispatcher.handle(t.Context(), *item); err == nil {
				t.Fatal("the listing did not fail")
			}
			if got := e.get(id).State; got != "4" { // the entries of a chunk
				t.Errorf("the state is %q", got)
			}
			if err := interrupt(e, id); err != nil {
				t.Fatal(err)
			}
			e.drain()
			e.loadedOnce(src)
		})
	}
}
