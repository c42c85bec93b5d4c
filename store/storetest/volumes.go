package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

func testVolumeRoundTrip(t *testing.T, f *fixture) {
	want := &task.Volume{
		Tenant: tenant, Name: "v", Owner: "ann", Size: 5, FileNum: 6, CreatedAt: day, UpdatedAt: day.Add(time.Hour),
	}
	f.ok(f.CreateVolume(f.ctx, want))
	got, err := f.Volume(f.ctx, tenant, want.ID)
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" || want.ID == 0 {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	f.is(f.CreateVolume(f.ctx, &task.Volume{Tenant: tenant, Name: "v"}), errs.Exists)
	f.ok(f.CreateVolume(f.ctx, &task.Volume{Tenant: stranger, Name: "v"}))
	_, err = f.Volume(f.ctx, tenant, 1)
	f.is(err, errs.NotFound)
}

func testVolumeList(t *testing.T, f *fixture) {
	for i, hours := range []int{1, 3, 2, 2} {
		v := &task.Volume{Tenant: tenant, Name: fmt.Sprint(i), CreatedAt: day.Add(time.Duration(hours) * time.Hour)}
		f.ok(f.CreateVolume(f.ctx, v))
	}
	names := func(q task.VolumeQuery) (list []string) {
		volumes, total, err := f.Volumes(f.ctx, tenant, q)
		f.ok(err)
		if total != 4 {
			t.Errorf("total %d, want 4", total)
		}
		for _, v := range volumes {
			list = append(list, v.Name)
		}
		return list
	}
	if diff := cmp.Diff([]string{"1", "3", "2", "0"}, names(task.VolumeQuery{})); diff != "" {
		t.Errorf("newest first, then the greatest id (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"3", "2"}, names(task.VolumeQuery{Offset: 1, Limit: 2})); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

func testVolumeDelete(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	f.is(f.DeleteVolume(f.ctx, tenant, l.task.VolumeID), errs.Conflict)
	files := l.load("dir/a", "dir/b")
	f.ok(f.DeleteVolume(f.ctx, tenant, l.task.VolumeID))
	f.is(f.DeleteVolume(f.ctx, tenant, l.task.VolumeID), errs.NotFound)
	_, _, err := f.VolumeFiles(f.ctx, tenant, l.task.VolumeID, task.FileQuery{})
	f.is(err, errs.NotFound)
	_, err = f.VolumeFile(f.ctx, tenant, l.task.VolumeID, files[0].ID)
	f.is(err, errs.NotFound)
	_, err = f.RetryFiles(f.ctx, tenant, l.task.ID, nil)
	f.is(err, errs.NotFound)
	got, err := f.Task(f.ctx, tenant, l.task.ID)
	f.ok(err)
	if got.VolumeName != "" || got.VolumeID != l.task.VolumeID {
		t.Errorf("the task shows volume %d %q", got.VolumeID, got.VolumeName)
	}
	_, total, err := f.TaskFiles(f.ctx, tenant, l.task.ID, task.FileQuery{})
	f.ok(err)
	if total != 2 {
		t.Errorf("the task's history has %d files, want 2", total)
	}
}

func testVolumeFiles(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	l.load("dir/d", "dir/b", "dir/a")
	m := f.begin(once, l)
	m.task.ConnectorID = f.connector("another").ID
	f.ok(f.UpdateTask(f.ctx, tenant, m.task.ID, func(t *task.Task) error {
		t.ConnectorID = m.task.ConnectorID
		return nil
	}))
	m.load("dir/c", "dir/b") // another connector's file of the same URI is another file
	want := []string{"dir/a", "dir/b", "dir/b", "dir/c", "dir/d"}
	if diff := cmp.Diff(want, l.shown()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}

	var walked []string
	for q := (task.FileQuery{Limit: 2}); ; {
		page, total, err := f.VolumeFiles(f.ctx, tenant, l.task.VolumeID, q)
		f.ok(err)
		if total != 5 {
			t.Errorf("total %d, want 5", total)
		}
		for _, file := range page {
			walked = append(walked, file.URI)
			q.After, q.AfterURI = file.ID, file.URI
		}
		if len(page) == 0 {
			break
		}
	}
	if diff := cmp.Diff(want, walked); diff != "" {
		t.Errorf("walked by key (-want +got):\n%s", diff)
	}
	page, _, err := f.VolumeFiles(f.ctx, tenant, l.task.VolumeID, task.FileQuery{Offset: 3, Limit: 1})
	f.ok(err)
	if len(page) != 1 || page[0].URI != "dir/c" {
		t.Errorf("page at 3: %v", page)
	}
	one, err := f.VolumeFile(f.ctx, tenant, l.task.VolumeID, page[0].ID)
	f.ok(err)
	if diff := cmp.Diff(page[0], one); diff != "" {
		t.Errorf("the file alone (-listed +got):\n%s", diff)
	}
}

func testRemoveFiles(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.load("dir/a", "dir/b", "dir/c")
	ids := []int64{files[0].ID, files[2].ID}
	f.is(f.RemoveFiles(f.ctx, tenant, l.task.VolumeID, append(ids, 1)), errs.NotFound)
	if got := l.shown(); len(got) != 3 {
		t.Errorf("a refused removal left %v", got)
	}
	f.ok(f.RemoveFiles(f.ctx, tenant, l.task.VolumeID, ids))
	if diff := cmp.Diff([]string{"dir/b"}, l.shown()); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	f.is(f.RemoveFiles(f.ctx, tenant, l.task.VolumeID, ids[:1]), errs.NotFound)
	garbage, err := f.Garbage(f.ctx, time.Now().Add(time.Hour), 10)
	f.ok(err)
	want := []string{task.BlobRef{FileID: ids[0], Fence: 1}.Key(), task.BlobRef{FileID: ids[1], Fence: 1}.Key()}
	if diff := cmp.Diff(want, garbage); diff != "" {
		t.Errorf("garbage (-want +got):\n%s", diff)
	}
	if c := l.counts(); c.Success != 3 || c.Total != 3 {
		t.Errorf("the task's history counts %+v", c)
	}
}
