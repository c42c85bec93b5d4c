package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

var hourly = task.Schedule{Type: task.Hourly, Every: 1}

// scheduled is a task without a run that is due at the time.
func (f *fixture) scheduled(due time.Time, status task.Status) *task.Task {
	f.Helper()
	t := &task.Task{
		Tenant: tenant, Status: status, URIs: []string{"dir/"}, Schedule: hourly, NextRunAt: due,
		ConnectorID: f.connector(due.String() + string(rune('0'+status))).ID, CreatedAt: day, UpdatedAt: day,
	}
	t.VolumeID = f.volume(due.String() + string(rune('0'+status))).ID
	f.ok(f.CreateTask(f.ctx, t, nil))
	return t
}

func testDue(t *testing.T, f *fixture) {
	late := f.scheduled(day.Add(time.Minute), task.Executable)
	later := f.scheduled(day.Add(2*time.Minute), task.Executable)
	f.scheduled(day.Add(3*time.Minute), task.Executable)
	f.scheduled(time.Time{}, task.Executable)
	f.scheduled(day, task.Paused)
	due := func(limit int) (ids []int64) {
		tasks, err := f.DueTasks(f.ctx, day.Add(2*time.Minute), limit)
		f.ok(err)
		for _, t := range tasks {
			ids = append(ids, t.ID)
		}
		return ids
	}
	if diff := cmp.Diff([]int64{late.ID, later.ID}, due(10)); diff != "" {
		t.Errorf("due, the longest first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{late.ID}, due(1)); diff != "" {
		t.Errorf("one of them (-want +got):\n%s", diff)
	}
}

func testStartRun(t *testing.T, f *fixture) {
	of := f.scheduled(day, task.Executable)
	next := day.Add(time.Hour)
	start := func(due, next time.Time) (*task.Run, bool) {
		run := &task.Run{First: true, ScheduledFor: due, URIs: of.URIs}
		started, err := f.StartRun(f.ctx, of.ID, due, next, run)
		f.ok(err)
		return run, started
	}
	run, started := start(day, next)
	if !started || run.ID == 0 || run.TaskID != of.ID || run.Tenant != tenant {
		t.Fatalf("started %v: %+v", started, run)
	}
	if _, started := start(day, next); started {
		t.Error("the same time started twice")
	}
	got, err := f.Task(f.ctx, tenant, of.ID)
	f.ok(err)
	if !got.NextRunAt.Equal(next) || got.StartAt.IsZero() {
		t.Errorf("next run at %v, started at %v", got.NextRunAt, got.StartAt)
	}
	if _, started := start(next, next.Add(time.Hour)); started {
		t.Error("a run was started beside one that is open")
	}
	l := &loading{f, of, run}
	item := l.claim(task.KindList)
	l.ok(l.EndListing(l.ctx, item.Lease(), run.ID))
	if l.status() != task.Executable {
		t.Errorf("a periodic task is %d between its runs", l.status())
	}
	if run, started := start(next.Add(time.Hour), next.Add(2*time.Hour)); !started || run.ID == 0 {
		t.Error("the run after that was not started")
	}
	l.set(task.Paused)
	if _, started := start(next.Add(2*time.Hour), next.Add(3*time.Hour)); started {
		t.Error("a paused task was started")
	}
	_, err = f.StartRun(f.ctx, 1, day, next, &task.Run{})
	f.is(err, errs.NotFound)
}

func testSettle(t *testing.T, f *fixture) {
	a, b := f.begin(once, nil), f.begin(once, nil)
	a.set(task.Pausing)
	b.set(task.Pausing)
	f.ok(f.Settle(f.ctx, a.task.ID, day))
	if a.status() != task.Paused || b.status() != task.Pausing {
		t.Errorf("after settling one: %d and %d", a.status(), b.status())
	}
	got, err := f.Task(f.ctx, tenant, a.task.ID)
	f.ok(err)
	if !got.UpdatedAt.Equal(day) {
		t.Errorf("updated at %v, want the time given", got.UpdatedAt)
	}
	f.ok(f.Settle(f.ctx, 0, day))
	if b.status() != task.Paused {
		t.Errorf("after settling all: %d", b.status())
	}
	c := f.begin(once, nil)
	c.set(task.Pausing)
	c.set(task.Executable)
	f.ok(f.Settle(f.ctx, 0, day))
	if c.status() != task.Executable {
		t.Errorf("settling made an executable task %d", c.status())
	}
}
