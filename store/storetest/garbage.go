package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/task"
)

func testCollected(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.load("a", "b", "c")
	l.ok(l.RemoveFiles(l.ctx, tenant, l.task.VolumeID, []int64{files[0].ID, files[1].ID}))
	none, err := l.Garbage(l.ctx, time.Now().Add(-time.Hour), 10)
	l.ok(err)
	if len(none) != 0 {
		t.Errorf("garbage of an hour ago: %v", none)
	}
	one, err := l.Garbage(l.ctx, time.Now().Add(time.Hour), 1)
	l.ok(err)
	if len(one) != 1 {
		t.Fatalf("%d refs, want 1", len(one))
	}
	l.ok(l.Collected(l.ctx, one))
	l.ok(l.Collected(l.ctx, one)) // a second node
	rest, err := l.Garbage(l.ctx, time.Now().Add(time.Hour), 10)
	l.ok(err)
	if len(rest) != 1 || rest[0] == one[0] {
		t.Errorf("after %v was collected: %v", one, rest)
	}
}

func testLive(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.list("visible", "open", "failed", "removed")
	first := l.claim(task.KindLoad)
	l.ok(l.Release(l.ctx, first.Lease(), 0))
	item := l.claim(task.KindLoad)
	l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, append(success(files[0], files[3]), failure(files[2])...), false))
	l.ok(l.RemoveFiles(l.ctx, tenant, l.task.VolumeID, []int64{files[3].ID}))
	refs := []task.BlobRef{
		{FileID: files[0].ID, Fence: item.Fence},
		{FileID: files[0].ID, Fence: first.Fence}, // a stale claim's bytes
		{FileID: files[1].ID, Fence: item.Fence},  // being written
		{FileID: files[1].ID, Fence: first.Fence},
		{FileID: files[2].ID, Fence: item.Fence}, // failed half way
		{FileID: files[3].ID, Fence: item.Fence}, // to be collected
		{FileID: 1, Fence: 1},
	}
	live, err := l.Live(l.ctx, refs)
	l.ok(err)
	if diff := cmp.Diff([]bool{true, false, true, false, false, true, false}, live); diff != "" {
		t.Errorf("live (-want +got):\n%s", diff)
	}
	l.ok(l.Release(l.ctx, item.Lease(), 0))
	live, err = l.Live(l.ctx, refs[:3])
	l.ok(err)
	if diff := cmp.Diff([]bool{true, false, false}, live); diff != "" {
		t.Errorf("live after the release (-want +got):\n%s", diff)
	}
}

func testDeletedVolume(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.load("a", "b", "c", "d", "e")
	l.ok(l.DeleteVolume(l.ctx, tenant, l.task.VolumeID))
	none, err := l.Garbage(l.ctx, time.Now().Add(-time.Hour), 2)
	l.ok(err)
	if len(none) != 0 {
		t.Errorf("garbage of an hour ago: %v", none)
	}
	ref := task.BlobRef{FileID: files[4].ID, Fence: 1}
	if live, err := l.Live(l.ctx, []task.BlobRef{ref}); err != nil || !live[0] {
		t.Errorf("bytes that wait to be collected are live: %v, %v", live, err)
	}
	seen := map[task.BlobRef]bool{}
	for range 10 {
		refs, err := l.Garbage(l.ctx, time.Now().Add(time.Hour), 2)
		l.ok(err)
		if len(refs) > 2 {
			t.Errorf("%d refs, want at most 2", len(refs))
		}
		for _, r := range refs {
			seen[r] = true
		}
		l.ok(l.Collected(l.ctx, refs))
	}
	if len(seen) != 5 {
		t.Errorf("%d files became garbage, want 5", len(seen))
	}
	if live, err := l.Live(l.ctx, []task.BlobRef{ref}); err != nil || live[0] {
		t.Errorf("bytes that were collected are live: %v, %v", live, err)
	}
}
