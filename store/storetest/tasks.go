package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

func (f *fixture) fullTask() *task.Task {
	v := f.volume("Volume")
	return &task.Task{
		Tenant: tenant, Name: "Näme", ConnectorID: f.connector("c").ID, ConnectorType: connector.S3,
		VolumeID: v.ID, VolumeName: "Volume", Status: task.Paused, Creator: "ann", URIs: []string{"a", "b/<>&"},
		Schedule: task.Schedule{Type: task.Daily, Every: 23, TimeZone: "Asia/Tokyo"}, Revision: 7,
		NextRunAt: day.Add(time.Hour), StartAt: day.Add(time.Minute), EndAt: day.Add(2 * time.Minute),
		CreatedAt: day, UpdatedAt: day.Add(3 * time.Minute),
	}
}

func testTaskRoundTrip(t *testing.T, f *fixture) {
	want := f.fullTask()
	run := &task.Run{
		State: task.RunListing, First: true, ScheduledFor: day, Revision: 6, URIs: []string{"x", "y"},
		Cursor: task.Cursor{URI: 1, After: "x/1"}, Skipped: 4, StartedAt: day.Add(time.Second), EndedAt: day.Add(time.Hour),
	}
	f.ok(f.CreateTask(f.ctx, want, run))
	got, err := f.Task(f.ctx, tenant, want.ID)
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" || want.ID == 0 {
		t.Errorf("task (-want +got):\n%s", diff)
	}
	gotRun, of, err := f.Run(f.ctx, run.ID)
	f.ok(err)
	if diff := cmp.Diff(run, gotRun); diff != "" || run.ID == 0 || run.TaskID != want.ID || run.Tenant != tenant {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, of); diff != "" {
		t.Errorf("the run's task (-want +got):\n%s", diff)
	}
	open, err := f.OpenRuns(f.ctx, tenant, want.ID)
	f.ok(err)
	if diff := cmp.Diff([]int64{run.ID}, open); diff != "" {
		t.Errorf("open runs (-want +got):\n%s", diff)
	}
	_, _, err = f.Run(f.ctx, 1)
	f.is(err, errs.NotFound)
}

func testTaskCreate(t *testing.T, f *fixture) {
	full := f.fullTask()
	noVolume, noConnector, foreign := *full, *full, *full
	noVolume.VolumeID, noConnector.ConnectorID, foreign.Tenant = 1, 1, stranger
	f.is(f.CreateTask(f.ctx, &noVolume, nil), errs.NotFound)
	f.is(f.CreateTask(f.ctx, &noConnector, nil), errs.NotFound)
	f.is(f.CreateTask(f.ctx, &foreign, nil), errs.NotFound)
	f.ok(f.CreateTask(f.ctx, full, nil))
	open, err := f.OpenRuns(f.ctx, tenant, full.ID)
	f.ok(err)
	items, err := f.Claim(f.ctx, "node", []string{task.KindList, task.KindLoad}, 10, time.Minute)
	f.ok(err)
	if len(open) != 0 || len(items) != 0 {
		t.Errorf("a task without a run has runs %v and work %v", open, items)
	}
}

func testTaskList(t *testing.T, f *fixture) {
	full := f.fullTask()
	second := f.connector("d").ID
	for i := range 6 {
		c := *full
		c.Name, c.CreatedAt = fmt.Sprintf("Task %c", 'F'-i), day.Add(time.Duration(i/2)*time.Hour)
		c.UpdatedAt, c.StartAt, c.EndAt = day.Add(time.Duration(i%3)*time.Hour), day.Add(-time.Duration(i)*time.Hour), time.Time{}
		c.Status = []task.Status{task.Executable, task.Paused, task.Completed}[i%3]
		c.Schedule.Type = []task.Interval{task.Once, task.Daily}[i%2]
		if i > 3 {
			c.ConnectorID, c.ConnectorType = second, connector.OSS
		}
		f.ok(f.CreateTask(f.ctx, &c, nil))
	}
	tests := []struct {
		name  string
		q     task.Query
		want  string
		total int
	}{
		{"newest first, then the greatest id", task.Query{}, "ABCDEF", 6},
		{"oldest first", task.Query{Asc: true}, "FEDCBA", 6},
		{"by update", task.Query{OrderBy: task.ByUpdated}, "ADBECF", 6},
		{"by start", task.Query{OrderBy: task.ByStart}, "FEDCBA", 6},
		{"by end, all zero", task.Query{OrderBy: task.ByEnd, Asc: true}, "FEDCBA", 6},
		{"by name", task.Query{OrderBy: task.ByName, Asc: true}, "ABCDEF", 6},
		{"by status", task.Query{OrderBy: task.ByStatus, Asc: true}, "FCEBDA", 6},
		{"page", task.Query{Offset: 2, Limit: 3}, "CDE", 6},
		{"keyword", task.Query{Keyword: "SK c"}, "C", 1},
		{"statuses", task.Query{Statuses: []task.Status{task.Paused, task.Completed}}, "ABDE", 4},
		{"intervals", task.Query{Intervals: []task.Interval{task.Once}}, "BDF", 3},
		{"connectors", task.Query{ConnectorIDs: []int64{second}}, "AB", 2},
		{"types", task.Query{ConnectorTypes: []connector.SourceType{connector.S3}}, "CDEF", 4},
		{"all of them", task.Query{Keyword: "task", Statuses: []task.Status{task.Paused}, Intervals: []task.Interval{task.Daily}}, "E", 1},
		{"nothing", task.Query{Keyword: "xyz"}, "", 0},
	}
	for _, tt := range tests {
		got, total, err := f.Tasks(f.ctx, tenant, tt.q)
		f.ok(err)
		names := ""
		for _, task := range got {
			names += task.Name[len("Task "):]
			if task.VolumeName != "Volume" || len(task.URIs) != 2 {
				t.Errorf("%s: a task is listed with volume %q and URIs %v", tt.name, task.VolumeName, task.URIs)
			}
		}
		if names != tt.want || total != tt.total {
			t.Errorf("%s: %q of %d, want %q of %d", tt.name, names, total, tt.want, tt.total)
		}
	}
}

func testTaskUpdate(t *testing.T, f *fixture) {
	want := f.fullTask()
	f.ok(f.CreateTask(f.ctx, want, nil))
	volume := f.volume("other")
	change := func(got *task.Task) {
		got.Name, got.URIs, got.Status, got.Revision = "new", []string{"z"}, task.Completed, 8
		got.Schedule = task.Schedule{Type: task.Minutely, Every: 5}
		got.NextRunAt, got.StartAt, got.EndAt, got.UpdatedAt = day.Add(9*time.Hour), day.Add(8*time.Hour), time.Time{}, day.Add(7*time.Hour)
		got.VolumeID, got.ConnectorType = volume.ID, connector.OSS
	}
	f.ok(f.UpdateTask(f.ctx, tenant, want.ID, func(got *task.Task) error { change(got); return nil }))
	change(want)
	want.VolumeName = "other"
	got, err := f.Task(f.ctx, tenant, want.ID)
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("task (-want +got):\n%s", diff)
	}
	no := errors.New("no")
	err = f.UpdateTask(f.ctx, tenant, want.ID, func(got *task.Task) error { got.Name = "never stored"; return no })
	if !errors.Is(err, no) {
		t.Errorf("the closure's error came back as %v", err)
	}
	if got, err := f.Task(f.ctx, tenant, want.ID); err != nil || got.Name != "new" {
		t.Errorf("a refused update left %q, %v", got.Name, err)
	}
	f.is(f.UpdateTask(f.ctx, tenant, 1, func(*task.Task) error { return nil }), errs.NotFound)
}

func testPause(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	item := l.claim(task.KindList)
	l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, l.files("dir/a"), 0, task.Cursor{}, nil))
	l.set(task.Pausing)
	lost, err := l.Renew(l.ctx, leases(item), time.Minute)
	l.ok(err)
	if diff := cmp.Diff(leases(item), lost); diff != "" {
		t.Errorf("lost leases of a pausing task (-want +got):\n%s", diff)
	}
	// What a worker did before it noticed is kept.
	l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, l.files("dir/b"), 0, task.Cursor{}, nil))
	l.ok(l.Settle(l.ctx, l.task.ID, day))
	if got := l.status(); got != task.Pausing {
		t.Errorf("with a live lease the task is %d, want pausing", got)
	}
	l.ok(l.Release(l.ctx, item.Lease(), 0))
	l.ok(l.Settle(l.ctx, 0, day))
	if got := l.status(); got != task.Paused {
		t.Errorf("without a lease the task is %d, want paused", got)
	}
	items, err := l.Claim(l.ctx, "node", []string{task.KindList, task.KindLoad}, 10, time.Minute)
	l.ok(err)
	if len(items) != 0 {
		t.Errorf("a paused task gave work: %v", items)
	}
	l.set(task.Executable)
	if again := l.claim(task.KindList); again.ID != item.ID || again.Fence <= item.Fence {
		t.Errorf("resumed with %+v after %+v", again, item)
	}
	items, err = l.Claim(l.ctx, "node", []string{task.KindLoad}, 10, time.Minute)
	l.ok(err)
	if len(items) != 2 {
		t.Errorf("%d chunks are due after the resume, want both", len(items))
	}
}

func testTaskDelete(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	l.list("dir/a", "dir/b")
	item := l.claim(task.KindLoad)
	l.is(l.DeleteTask(l.ctx, stranger, l.task.ID), errs.NotFound)
	l.ok(l.DeleteTask(l.ctx, tenant, l.task.ID))
	l.is(l.DeleteTask(l.ctx, tenant, l.task.ID), errs.NotFound)
	_, err := l.Task(l.ctx, tenant, l.task.ID)
	l.is(err, errs.NotFound)
	_, _, err = l.Run(l.ctx, l.run.ID)
	l.is(err, errs.NotFound)
	_, err = l.Chunk(l.ctx, item.ID)
	l.is(err, errs.NotFound)
	_, err = l.OpenRuns(l.ctx, tenant, l.task.ID)
	l.is(err, errs.NotFound)
	_, _, err = l.TaskFiles(l.ctx, tenant, l.task.ID, task.FileQuery{})
	l.is(err, errs.NotFound)
	lost, err := l.Check(l.ctx, leases(item))
	l.ok(err)
	if diff := cmp.Diff(leases(item), lost); diff != "" {
		t.Errorf("lost leases of a deleted task (-want +got):\n%s", diff)
	}
	l.is(l.CommitFiles(l.ctx, item.Lease(), item.ID, nil, true), errs.Conflict)
	l.ok(l.DeleteConnector(l.ctx, tenant, l.task.ConnectorID))
	l.ok(l.DeleteVolume(l.ctx, tenant, l.task.VolumeID))
}
