package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// together runs f n times at once and returns the errors in the order of i.
func together(n int, f func(i int) error) []error {
	failed := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			failed[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	return failed
}

func testConcurrentUpdates(t *testing.T, f *fixture) {
	const n = 100
	l := f.begin(once, nil)
	wrote := make([]int64, n)
	err := errors.Join(together(n, func(i int) error {
		return f.UpdateTask(f.ctx, tenant, l.task.ID, func(t *task.Task) error {
			t.Revision++
			wrote[i] = t.Revision
			return nil
		})
	})...)
	f.ok(err)
	slices.Sort(wrote)
	for i, revision := range wrote {
		if revision != int64(i+2) {
			t.Fatalf("revisions written are %v, want 2 to %d", wrote, n+1)
		}
	}
	got, err := f.Task(f.ctx, tenant, l.task.ID)
	f.ok(err)
	if got.Revision != n+1 {
		t.Errorf("revision %d, want %d", got.Revision, n+1)
	}
}

func testConcurrentConnectorUpdates(t *testing.T, f *fixture) {
	const n = 20
	c := fullConnectors()[0]
	c.Config.S3.Region = ""
	f.ok(f.CreateConnector(f.ctx, c))
	f.ok(errors.Join(together(n, func(i int) error {
		return f.UpdateConnector(f.ctx, tenant, c.ID, func(c *connector.Connector) error {
			c.Config.S3.Region += "x"
			c.Config.S3.AccessKeySecret = connector.Secret("of " + c.Config.S3.Region)
			return nil
		})
	})...))
	got, err := f.Connector(f.ctx, tenant, c.ID)
	f.ok(err)
	if len(got.Config.S3.Region) != n || got.Config.S3.AccessKeySecret.Reveal() != "of "+got.Config.S3.Region {
		t.Errorf("after %d updates: %q", n, got.Config.S3.Region)
	}
}

func testConcurrentPublishers(t *testing.T, f *fixture) {
	const n = 8
	var all []*loading
	for i := range n {
		if i == 0 {
			all = append(all, f.begin(once, nil))
		} else {
			all = append(all, f.begin(once, all[0]))
		}
	}
	var files [][]*task.File
	var items []work.Item
	for i, l := range all {
		files = append(files, l.list("same", fmt.Sprintf("own %d", i)))
		items = append(items, l.claim(task.KindLoad))
	}
	f.ok(errors.Join(together(n, func(i int) error {
		return f.CommitFiles(f.ctx, items[i].Lease(), items[i].ID, success(files[i]...), true)
	})...))
	if got := all[0].shown(); len(got) != n+1 {
		t.Errorf("%d files are visible, want each one's own and one that is the same: %q", len(got), got)
	}
	garbage, err := f.Garbage(f.ctx, time.Now().Add(time.Hour), 100)
	f.ok(err)
	if len(garbage) != n-1 {
		t.Errorf("the bytes of %d files are garbage, want those of %d", len(garbage), n-1)
	}
}

// Whoever finishes the last chunk ends the run, also when several do at once.
func testConcurrentLastChunks(t *testing.T, f *fixture) {
	for range 5 {
		l := f.begin(once, nil)
		item := l.claim(task.KindList)
		for i := range 4 {
			l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, l.files(fmt.Sprint(i)), 0, task.Cursor{}, nil))
		}
		l.ok(l.EndListing(l.ctx, item.Lease(), l.run.ID))
		items, err := l.Claim(l.ctx, "node", []string{task.KindLoad}, 4, time.Minute)
		l.ok(err)
		l.ok(errors.Join(together(4, func(i int) error {
			files, err := l.ChunkFiles(l.ctx, items[i].ID)
			if err != nil {
				return err
			}
			return l.CommitFiles(l.ctx, items[i].Lease(), items[i].ID, failure(files...), true)
		})...))
		if got := l.status(); got != task.Completed {
			t.Errorf("with all chunks finished the task is %d", got)
		}
	}
}

func testConcurrentStartRun(t *testing.T, f *fixture) {
	of := f.scheduled(day, task.Executable)
	runs := make([]*task.Run, 8)
	var mu sync.Mutex
	started := 0
	f.ok(errors.Join(together(len(runs), func(i int) error {
		runs[i] = &task.Run{ScheduledFor: day}
		ok, err := f.StartRun(f.ctx, of.ID, day, day.Add(time.Hour), runs[i])
		mu.Lock()
		defer mu.Unlock()
		if ok {
			started++
		}
		return err
	})...))
	open, err := f.OpenRuns(f.ctx, tenant, of.ID)
	f.ok(err)
	if started != 1 || len(open) != 1 {
		t.Errorf("%d nodes started the run, %d are open, want 1", started, len(open))
	}
}

func testConcurrentNames(t *testing.T, f *fixture) {
	failed := together(8, func(int) error { return f.CreateVolume(f.ctx, &task.Volume{Tenant: tenant, Name: "one"}) })
	made := 0
	for _, err := range failed {
		switch {
		case err == nil:
			made++
		case !errors.Is(err, errs.Exists):
			t.Errorf("a name that is taken: %v", err)
		}
	}
	volumes, _, err := f.Volumes(f.ctx, tenant, task.VolumeQuery{})
	f.ok(err)
	if made != 1 || len(volumes) != 1 {
		t.Errorf("%d were made, %d are there, want 1", made, len(volumes))
	}
}
