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
	"github.com/inlet-go/inlet/task"
)

// journal is a source that grows: what is new in it are the entries behind a
// number. Each object holds its own key, and can fail once on its way.
type journal struct {
	blob.Source
	mu      sync.Mutex
	entries int
	down    bool // after the first new entry
	faulty  map[string]bool
}

func (j *journal) Open(_ context.Context, key string, _ *blob.OpenOptions) (io.ReadCloser, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.faulty[key] {
		delete(j.faulty, key)
		return io.NopCloser(io.MultiReader(strings.NewReader(key[:2]), iotest.ErrReader(errs.New(errs.Unavailable, "gone away")))), nil
	}
	return io.NopCloser(strings.NewReader(key)), nil
}

func (j *journal) Generates()   {}
func (j *journal) Close() error { return nil }

func (j *journal) ListSince(_ context.Context, state, after string) (iter.Seq2[blob.Object, error], func() string) {
	at := 0
	fmt.Sscan(state, &at)
	fmt.Sscanf(after, "entry-%d", &at)
	return func(yield func(blob.Object, error) bool) {
		for ; at < j.entries; at++ {
			if !yield(blob.Object{Key: fmt.Sprintf("entry-%d", at+1)}, nil) {
				return
			}
			if j.down {
				at++
				yield(blob.Object{}, errs.New(errs.Forbidden, "no more for you"))
				return
			}
		}
	}, func() string { return fmt.Sprint(at) }
}

type opener struct{ src blob.Source }

func (o opener) Open(context.Context, connector.Config) (blob.Source, error) { return o.src, nil }

func TestAnIncrementalSourceIsListedOnce(t *testing.T) {
	src := &journal{entries: 6, faulty: map[string]bool{"entry-2": true}}
	e := openEnvOver(t, opener{src}, &task.RunnerOptions{Transfer: &blob.TransferOptions{Attempts: 2, Backoff: time.Millisecond}})
	t.Cleanup(e.close)
	id := e.create(task.Schedule{Type: task.Hourly, Every: 1}, "/")
	run := func() {
		e.reconcile(time.Hour)
		e.drain()
	}
	e.drain()
	want := self("entry-1", "entry-2", "entry-3", "entry-4", "entry-5", "entry-6")
	if diff := cmp.Diff(want, e.visible()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	if got := e.get(id).State; got != "6" {
		t.Errorf("state = %q", got)
	}
	opened := e.statuses(id)
	run()
	if diff := cmp.Diff(opened, e.statuses(id)); diff != "" {
		t.Errorf("a run of nothing new changes files (-want +got):\n%s", diff)
	}

	src.entries, src.down = 9, true
	run()
	if got := e.get(id).State; got != "7" {
		t.Errorf("state after a listing that failed behind entry 7 = %q", got)
	}
	src.down = false
	run()
	want["entry-7"], want["entry-8"], want["entry-9"] = "entry-7", "entry-8", "entry-9"
	if diff := cmp.Diff(want, e.visible()); diff != "" {
		t.Errorf("volume after the next runs (-want +got):\n%s", diff)
	}
}
