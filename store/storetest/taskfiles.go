package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

func leases(items ...work.Item) []work.Lease {
	list := make([]work.Lease, len(items))
	for i, item := range items {
		list[i] = item.Lease()
	}
	return list
}

// say returns the URIs and statuses of the task's files that q selects.
func (l *loading) say(q task.FileQuery) ([]string, int) {
	l.Helper()
	files, total, err := l.TaskFiles(l.ctx, tenant, l.task.ID, q)
	l.ok(err)
	list := []string{}
	for _, f := range files {
		list = append(list, fmt.Sprintf("%s %d", f.URI, f.Status))
	}
	return list, total
}

// chunked is a task of three chunks in all states: the first is done, the
// second has one file in flight, of the third nobody has started.
func (f *fixture) chunked() *loading {
	f.Helper()
	l := f.begin(once, nil)
	item := l.claim(task.KindList)
	chunks := [][]*task.File{l.files("a", "b"), l.files("c", "d", "e"), l.files("f", "g")}
	for _, files := range chunks {
		l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, files, 1, task.Cursor{}, nil))
	}
	l.ok(l.EndListing(l.ctx, item.Lease(), l.run.ID))
	items, err := l.Claim(l.ctx, "node", []string{task.KindLoad}, 3, time.Minute)
	l.ok(err)
	one, two := chunks[0], chunks[1]
	l.ok(l.CommitFiles(l.ctx, items[0].Lease(), items[0].ID, append(success(one[0]), failure(one[1])...), true))
	l.ok(l.CommitFiles(l.ctx, items[1].Lease(), items[1].ID, append(success(two[0]),
		task.FileResult{FileID: two[1].ID, Status: task.Uploading, StartAt: day}), false))
	for _, item := range items[1:] {
		l.ok(l.Release(l.ctx, item.Lease(), 0))
	}
	return l
}

func testTaskFiles(t *testing.T, f *fixture) {
	l := f.chunked()
	all := []string{"a 5", "b 4", "c 5", "d 2", "e 1", "f 1", "g 1"}
	tests := []struct {
		name  string
		q     task.FileQuery
		want  []string
		total int
	}{
		{"all", task.FileQuery{}, all, 7},
		{"over chunks", task.FileQuery{Offset: 1, Limit: 5}, all[1:6], 7},
		{"the end", task.FileQuery{Offset: 6, Limit: 5}, all[6:], 7},
		{"behind the end", task.FileQuery{Offset: 7, Limit: 5}, []string{}, 7},
		{"waiting", task.FileQuery{Statuses: []task.FileStatus{task.Waiting}}, []string{"e 1", "f 1", "g 1"}, 3},
		{"waiting, a page", task.FileQuery{Statuses: []task.FileStatus{task.Waiting}, Offset: 1, Limit: 1}, []string{"f 1"}, 3},
		{"finished", task.FileQuery{Statuses: []task.FileStatus{task.Failed, task.Success}}, all[:3], 3},
		{"finished, a page", task.FileQuery{Statuses: []task.FileStatus{task.Failed, task.Success}, Offset: 1, Limit: 2}, all[1:3], 3},
		{"uploading", task.FileQuery{Statuses: []task.FileStatus{task.Uploading}}, []string{"d 2"}, 1},
		{"paused", task.FileQuery{Statuses: []task.FileStatus{task.FilePaused}}, []string{}, 0},
		{"retrying", task.FileQuery{Statuses: []task.FileStatus{task.Retrying}}, []string{}, 0},
	}
	for _, tt := range tests {
		got, total := l.say(tt.q)
		if diff := cmp.Diff(tt.want, got); diff != "" || total != tt.total {
			t.Errorf("%s: total %d, want %d (-want +got):\n%s", tt.name, total, tt.total, diff)
		}
	}
	for _, limit := range []int{1, 2, 3, 10} {
		walked := []string{}
		for q := (task.FileQuery{Limit: limit}); ; {
			page, _, err := l.TaskFiles(l.ctx, tenant, l.task.ID, q)
			l.ok(err)
			for _, f := range page {
				walked = append(walked, fmt.Sprintf("%s %d", f.URI, f.Status))
				q.After = f.ID
			}
			if len(page) == 0 {
				break
			}
		}
		if diff := cmp.Diff(all, walked); diff != "" {
			t.Errorf("walked by key, %d at a time (-want +got):\n%s", limit, diff)
		}
	}
	want := task.Counts{Total: 7, Success: 2, Failed: 1, Skipped: 3, Bytes: 90, Loaded: 40, Listed: true}
	if diff := cmp.Diff(want, l.counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func testPausedFiles(t *testing.T, f *fixture) {
	l := f.chunked()
	for _, status := range []task.Status{task.Pausing, task.Paused} {
		l.set(status)
		want := []string{"a 5", "b 4", "c 5", "d 3", "e 3", "f 3", "g 3"}
		if got, total := l.say(task.FileQuery{}); cmp.Diff(want, got) != "" || total != 7 {
			t.Errorf("files of a task in state %d: %v of %d", status, got, total)
		}
		got, total := l.say(task.FileQuery{Statuses: []task.FileStatus{task.FilePaused}, Offset: 1, Limit: 2})
		if diff := cmp.Diff([]string{"e 3", "f 3"}, got); diff != "" || total != 4 {
			t.Errorf("paused files, total %d (-want +got):\n%s", total, diff)
		}
		if got, total := l.say(task.FileQuery{Statuses: []task.FileStatus{task.Waiting, task.Uploading}}); len(got) != 0 || total != 0 {
			t.Errorf("a paused task shows %v as waiting, of %d", got, total)
		}
	}
	l.set(task.Executable)
	if got, _ := l.say(task.FileQuery{Statuses: []task.FileStatus{task.Uploading}}); len(got) != 1 {
		t.Errorf("a resumed task shows %v as uploading, want d", got)
	}
}

func testRetry(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.list("a", "b", "c")
	first := l.claim(task.KindLoad)
	l.ok(l.CommitFiles(l.ctx, first.Lease(), first.ID, append(success(files[0]), failure(files[1:]...)...), true))
	if got := l.status(); got != task.Completed {
		t.Errorf("a one-off task is %d after its run, want completed", got)
	}
	n, err := l.RetryFiles(l.ctx, tenant, l.task.ID, []int64{files[1].ID})
	l.ok(err)
	if got, _ := l.say(task.FileQuery{}); n != 1 || cmp.Diff([]string{"a 5", "b 6", "c 4"}, got) != "" {
		t.Errorf("retrying %d: %v", n, got)
	}
	if got := l.status(); got != task.Executable {
		t.Errorf("a retried task is %d, want executable", got)
	}
	open, err := l.OpenRuns(l.ctx, tenant, l.task.ID)
	l.ok(err)
	if diff := cmp.Diff([]int64{l.run.ID}, open); diff != "" {
		t.Errorf("open runs (-want +got):\n%s", diff)
	}
	_, err = l.RetryFiles(l.ctx, tenant, l.task.ID, nil)
	l.is(err, errs.Conflict)

	second := l.claim(task.KindLoad)
	if second.ID != first.ID || second.Fence <= first.Fence {
		t.Errorf("the retry is claimed as %+v after %+v: fences name bytes and must grow", second, first)
	}
	l.is(l.CommitFiles(l.ctx, first.Lease(), first.ID, success(files[1]), true), errs.Conflict)
	left, err := l.ChunkFiles(l.ctx, second.ID)
	l.ok(err)
	if len(left) != 1 || left[0].ID != files[1].ID || left[0].Reason != "" || !left[0].EndAt.IsZero() {
		t.Errorf("to retry: %+v", left)
	}
	l.ok(l.CommitFiles(l.ctx, second.Lease(), second.ID, success(files[1]), true))
	n, err = l.RetryFiles(l.ctx, tenant, l.task.ID, nil)
	l.ok(err)
	third := l.claim(task.KindLoad)
	l.ok(l.CommitFiles(l.ctx, third.Lease(), third.ID, success(files[2]), true))
	if diff := cmp.Diff([]string{"a", "b", "c"}, l.shown()); diff != "" || n != 1 || l.status() != task.Completed {
		t.Errorf("in the end, %d retried (-want +got):\n%s", n, diff)
	}
	n, err = l.RetryFiles(l.ctx, tenant, l.task.ID, nil)
	l.ok(err)
	if n != 0 || l.status() != task.Completed {
		t.Errorf("with nothing to retry: %d, and the task is %d", n, l.status())
	}
}

func testRetryRefused(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.list("a", "b")
	item := l.claim(task.KindLoad)
	l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, append(success(files[0]), failure(files[1])...), true))
	for _, ids := range [][]int64{{files[1].ID, files[0].ID}, {files[1].ID, 1}} {
		_, err := l.RetryFiles(l.ctx, tenant, l.task.ID, ids)
		l.is(err, errs.Invalid)
	}
	other := f.begin(once, l)
	other.load("x")
	_, err := l.RetryFiles(l.ctx, tenant, other.task.ID, []int64{files[1].ID})
	l.is(err, errs.Invalid)
	_, err = l.RetryFiles(l.ctx, stranger, l.task.ID, nil)
	l.is(err, errs.NotFound)
	if got, _ := l.say(task.FileQuery{}); cmp.Diff([]string{"a 5", "b 4"}, got) != "" {
		t.Errorf("after refused retries: %v", got)
	}
}

func testReplaceRun(t *testing.T, f *fixture) {
	l := f.chunked()
	held := l.claimAll()
	next := &task.Run{ScheduledFor: l.run.ScheduledFor, Revision: 2, URIs: []string{"new/"}}
	l.ok(l.ReplaceRun(l.ctx, tenant, l.task.ID, func(t *task.Task) (*task.Run, error) {
		t.URIs, t.Revision = []string{"new/"}, 2
		return next, nil
	}))
	open, err := l.OpenRuns(l.ctx, tenant, l.task.ID)
	l.ok(err)
	if diff := cmp.Diff([]int64{next.ID}, open); diff != "" || next.ID == 0 {
		t.Errorf("open runs (-want +got):\n%s", diff)
	}
	for _, item := range held {
		l.is(l.CommitFiles(l.ctx, item.Lease(), item.ID, nil, false), errs.Conflict)
	}
	if got, total := l.say(task.FileQuery{}); cmp.Diff([]string{"a 5", "b 4", "c 5"}, got) != "" || total != 3 {
		t.Errorf("what is left: %v of %d", got, total)
	}
	want := task.Counts{Total: 3, Success: 2, Failed: 1, Skipped: 3, Bytes: 50, Loaded: 40}
	if diff := cmp.Diff(want, l.counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	l.run = next
	l.load("new/x")
	n, err := l.RetryFiles(l.ctx, tenant, l.task.ID, nil)
	l.ok(err)
	if got, _ := l.say(task.FileQuery{}); n != 1 || cmp.Diff([]string{"a 5", "b 6", "c 5", "new/x 5"}, got) != "" {
		t.Errorf("%d retried: %v", n, got)
	}
	l.is(l.ReplaceRun(l.ctx, stranger, l.task.ID, func(*task.Task) (*task.Run, error) { return nil, nil }), errs.NotFound)
}

// claimAll takes everything that is due.
func (l *loading) claimAll() []work.Item {
	l.Helper()
	items, err := l.Claim(l.ctx, "node", []string{task.KindList, task.KindLoad, task.KindPurge}, 100, time.Minute)
	l.ok(err)
	return items
}
