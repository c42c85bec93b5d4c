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
		t.Fatalf("%d keys, want 1", len(one))
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
	key := func(file *task.File, fence int64) string { return task.BlobRef{FileID: file.ID, Fence: fence}.Key() }
	keys := []string{
		key(files[0], item.Fence),
		key(files[0], first.Fence), // a stale claim's bytes
		key(files[1], item.Fence),  // being written
		key(files[1], first.Fence),
		key(files[2], item.Fence), // failed half way
		key(files[3], item.Fence), // to be collected
		task.BlobRef{FileID: 1, Fence: 1}.Key(),
		"files/of another form",
	}
	live, err := l.Live(l.ctx, keys)
	l.ok(err)
	if diff := cmp.Diff([]bool{true, false, true, false, false, true, false, true}, live); diff != "" {
		t.Errorf("live (-want +got):\n%s", diff)
	}
	l.ok(l.Release(l.ctx, item.Lease(), 0))
	live, err = l.Live(l.ctx, keys[:3])
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
	key := task.BlobRef{FileID: files[4].ID, Fence: 1}.Key()
	if live, err := l.Live(l.ctx, []string{key}); err != nil || !live[0] {
		t.Errorf("bytes that wait to be collected are live: %v, %v", live, err)
	}
	seen := map[string]bool{}
	for range 10 {
		keys, err := l.Garbage(l.ctx, time.Now().Add(time.Hour), 2)
		l.ok(err)
		if len(keys) > 2 {
			t.Errorf("%d keys, want at most 2", len(keys))
		}
		for _, key := range keys {
			seen[key] = true
		}
		l.ok(l.Collected(l.ctx, keys))
	}
	if len(seen) != 5 {
		t.Errorf("%d files became garbage, want 5", len(seen))
	}
	if live, err := l.Live(l.ctx, []string{key}); err != nil || live[0] {
		t.Errorf("bytes that were collected are live: %v, %v", live, err)
	}
}
