package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

func testListing(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	item := l.claim(task.KindList)
	if c := l.counts(); c.Listed {
		t.Error("a run that lists counts as listed")
	}
	files := l.files("a", "b", "c")
	files[1].Status, files[1].Reason, files[1].Size, files[1].EndAt = task.Failed, "bad name", task.UnknownSize, day
	l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, files, 2, task.Cursor{URI: 0, After: "c"}, nil))
	l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, nil, 5, task.Cursor{URI: 1}, nil))
	if files[0].ID == 0 || files[1].ID != files[0].ID+1 || files[2].ID != files[0].ID+2 {
		t.Errorf("ids %d, %d, %d do not follow each other", files[0].ID, files[1].ID, files[2].ID)
	}
	run, _, err := l.Run(l.ctx, l.run.ID)
	l.ok(err)
	if diff := cmp.Diff(task.Cursor{URI: 1}, run.Cursor); diff != "" || run.Skipped != 7 || run.State != task.RunListing {
		t.Errorf("run is %+v", run)
	}
	stored, total, err := l.TaskFiles(l.ctx, tenant, l.task.ID, task.FileQuery{})
	l.ok(err)
	if diff := cmp.Diff(files, stored, cmpopts.IgnoreFields(task.File{}, "ChunkID")); diff != "" || total != 3 {
		t.Errorf("files, total %d (-want +got):\n%s", total, diff)
	}
	l.ok(l.EndListing(l.ctx, item.Lease(), l.run.ID))
	l.is(l.EndListing(l.ctx, item.Lease(), l.run.ID), errs.Conflict)

	load := l.claim(task.KindLoad)
	chunk, err := l.Chunk(l.ctx, load.ID)
	l.ok(err)
	want := &task.Chunk{ID: load.ID, RunID: l.run.ID, Task: chunk.Task, Total: 3, Failed: 1}
	if diff := cmp.Diff(want, chunk); diff != "" || chunk.Task.ID != l.task.ID {
		t.Errorf("chunk (-want +got):\n%s", diff)
	}
	open, err := l.ChunkFiles(l.ctx, load.ID)
	l.ok(err)
	if len(open) != 2 || open[0].URI != "a" || open[1].URI != "c" || open[0].ChunkID != load.ID {
		t.Errorf("unfinished files: %+v", open)
	}
}

// A task's state moves with the chunks that are behind it, or not at all.
func testState(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	item := l.claim(task.KindList)
	state := func() string {
		t.Helper()
		_, of, err := l.Run(l.ctx, l.run.ID)
		l.ok(err)
		return of.State
	}
	move := func(item work.Item, from, to string, uris ...string) error {
		return l.AppendChunk(l.ctx, item.Lease(), l.run.ID, l.files(uris...), 0, task.Cursor{}, &task.StateMove{From: from, To: to})
	}
	l.ok(move(item, "", "behind a", "a"))
	l.is(move(item, "", "behind b", "b"), errs.Conflict)
	l.is(move(item, "behind b", "behind c"), errs.Conflict)
	l.is(move(work.Item{ID: item.ID, Fence: item.Fence + 1}, "behind a", "of nobody", "b"), errs.Conflict)
	l.is(move(item, "behind a", "no text: \x00", "b"), errs.Invalid)
	if got := state(); got != "behind a" {
		t.Errorf("after refused chunks the state is %q", got)
	}
	if c := l.counts(); c.Total != 1 {
		t.Errorf("refused chunks have files: %+v", c)
	}
	l.ok(move(item, "behind a", "the end"))
	l.ok(l.EndListing(l.ctx, item.Lease(), l.run.ID))
	load := l.claim(task.KindLoad)
	l.ok(move(load, "the end", "behind d", "d")) // a retry lists what a failed listing left
	if got, c := state(), l.counts(); got != "behind d" || c.Total != 2 {
		t.Errorf("in the end the state is %q, of %+v", got, c)
	}

	// What is in a chunk is not listed again: new URIs leave its run alone.
	l.ok(l.ReplaceRun(l.ctx, tenant, l.task.ID, func(of *task.Task) (*task.Run, error) {
		of.URIs = []string{"new/"}
		return &task.Run{ScheduledFor: day, URIs: of.URIs}, nil
	}))
	open, err := l.OpenRuns(l.ctx, tenant, l.task.ID)
	l.ok(err)
	if diff := cmp.Diff([]int64{l.run.ID}, open); diff != "" {
		t.Errorf("open runs (-want +got):\n%s", diff)
	}
	chunk, err := l.ChunkFiles(l.ctx, load.ID)
	l.ok(err)
	l.ok(l.CommitFiles(l.ctx, load.Lease(), load.ID, success(chunk...), true))
	if diff := cmp.Diff([]string{"a"}, l.shown()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
}

// A run of which nothing has to be loaded ends with its listing.
func testEmpty(f *fixture, files []*task.File) {
	l := f.begin(once, nil)
	item := l.claim(task.KindList)
	for _, file := range files {
		file.VolumeID, file.ConnectorID, file.TaskID = l.task.VolumeID, l.task.ConnectorID, l.task.ID
	}
	l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, files, 0, task.Cursor{URI: 1}, nil))
	l.ok(l.EndListing(l.ctx, item.Lease(), l.run.ID))
	run, of, err := l.Run(l.ctx, l.run.ID)
	l.ok(err)
	if run.State != task.RunDone || run.EndedAt.IsZero() || of.Status != task.Completed || of.EndAt.IsZero() {
		f.Errorf("with %d files: run is %+v, task %d", len(files), run, of.Status)
	}
	if items := l.claimAll(); len(items) != 0 {
		f.Errorf("with %d files work is left: %v", len(files), items)
	}
}

func testCommit(t *testing.T, f *fixture) {
	testEmpty(f, nil)
	testEmpty(f, []*task.File{{URI: "x", Status: task.Failed, Size: task.UnknownSize, Reason: "no"}})

	l := f.begin(once, nil)
	files := l.list("a", "b")
	item := l.claim(task.KindLoad)
	result := success(files[0])[0]
	result.ETag, result.ModTime = "new etag", day.Add(5*time.Hour)
	l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, []task.FileResult{result}, false))
	want := *files[0]
	want.ChunkID, want.Status, want.Published, want.Fence = item.ID, task.Success, true, item.Fence
	want.Size, want.ETag, want.ModTime, want.SHA256 = result.Size, result.ETag, result.ModTime, result.SHA256
	want.StartAt, want.EndAt = result.StartAt, result.EndAt
	got, err := l.VolumeFile(l.ctx, tenant, l.task.VolumeID, files[0].ID)
	l.ok(err)
	if diff := cmp.Diff(&want, got, cmpopts.IgnoreFields(task.File{}, "UpdatedAt")); diff != "" {
		t.Errorf("loaded file (-want +got):\n%s", diff)
	}
	if got.UpdatedAt.Equal(day) {
		t.Error("its update has no time")
	}
	if l.status() != task.Executable {
		t.Errorf("with an open file the task is %d", l.status())
	}
	l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, failure(files[1]), true))
	page, _, err := l.TaskFiles(l.ctx, tenant, l.task.ID, task.FileQuery{Statuses: []task.FileStatus{task.Failed}})
	l.ok(err)
	if len(page) != 1 || page[0].Reason != "no such key" || page[0].Published || page[0].Size != 10 || page[0].EndAt.IsZero() {
		t.Errorf("failed: %+v", page)
	}
	run, of, err := l.Run(l.ctx, l.run.ID)
	l.ok(err)
	if run.State != task.RunDone || run.EndedAt.IsZero() || of.Status != task.Completed || of.EndAt.IsZero() {
		t.Errorf("in the end: run is %+v, task %d, ended %v", run, of.Status, of.EndAt)
	}
	counts := task.Counts{Total: 2, Success: 1, Failed: 1, Bytes: 30, Loaded: 20, Listed: true}
	if diff := cmp.Diff(counts, l.counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a"}, l.shown()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
}

// A worker whose answer was lost sends the same again.
func testCommitAgain(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.list("a", "b", "c")
	item := l.claim(task.KindLoad)
	results := append(success(files[0]), failure(files[1])...)
	for range 2 {
		l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, results, false))
	}
	l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, failure(files[0]), false)) // it is loaded: too late to fail
	if diff := cmp.Diff([]string{"a"}, l.shown()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	want := task.Counts{Total: 3, Success: 1, Failed: 1, Bytes: 40, Loaded: 20, Listed: true}
	if diff := cmp.Diff(want, l.counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	garbage, err := l.Garbage(l.ctx, time.Now().Add(time.Hour), 10)
	l.ok(err)
	if len(garbage) != 0 {
		t.Errorf("garbage: %v", garbage)
	}
}

func testCommitRefused(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.list("a", "b")
	item := l.claim(task.KindLoad)
	other := f.begin(once, l)
	others := other.list("x")
	l.is(l.CommitFiles(l.ctx, item.Lease(), item.ID, success(files[0]), true), errs.Invalid)
	l.is(l.CommitFiles(l.ctx, item.Lease(), item.ID, success(files[0], others[0]), false), errs.Invalid)
	l.is(l.CommitFiles(l.ctx, item.Lease(), item.ID, []task.FileResult{{FileID: files[0].ID, Status: task.Waiting}}, false), errs.Invalid)
	l.is(l.CommitFiles(l.ctx, item.Lease(), others[0].ChunkID, success(others[0]), true), errs.Conflict)
	l.is(l.CommitFiles(l.ctx, work.Lease{ID: item.ID, Fence: item.Fence + 1}, item.ID, success(files...), true), errs.Conflict)
	l.is(l.CommitFiles(l.ctx, work.Lease{ID: item.ID}, item.ID, success(files...), true), errs.Conflict)
	l.is(l.AppendChunk(l.ctx, item.Lease(), other.run.ID, other.files("y"), 0, task.Cursor{}, nil), errs.Conflict)
	l.is(l.EndListing(l.ctx, item.Lease(), l.run.ID), errs.Conflict)
	if got := l.shown(); len(got) != 0 {
		t.Errorf("refused commits published %v", got)
	}
	if c := l.counts(); c.Success != 0 || c.Total != 2 {
		t.Errorf("refused commits count: %+v", c)
	}
}

func testSupersede(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	old := l.load("dir/a", "dir/b")
	m := f.begin(once, l)
	fresh := m.load("dir/b", "dir/c")
	if diff := cmp.Diff([]string{"dir/a", "dir/b", "dir/c"}, l.shown()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	_, err := l.VolumeFile(l.ctx, tenant, l.task.VolumeID, old[1].ID)
	l.is(err, errs.NotFound)
	if _, err := l.VolumeFile(l.ctx, tenant, l.task.VolumeID, fresh[0].ID); err != nil {
		t.Error(err)
	}
	garbage, err := l.Garbage(l.ctx, time.Now().Add(time.Hour), 10)
	l.ok(err)
	if diff := cmp.Diff([]string{task.BlobRef{FileID: old[1].ID, Fence: 1}.Key()}, garbage); diff != "" {
		t.Errorf("garbage (-want +got):\n%s", diff)
	}
	if got, _ := l.say(task.FileQuery{}); cmp.Diff([]string{"dir/a 5", "dir/b 5"}, got) != "" {
		t.Errorf("the first task's history: %v", got)
	}
}

func testSameURITwice(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.list("a", "b", "a", "a")
	item := l.claim(task.KindLoad)
	l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, success(files...), true))
	if diff := cmp.Diff([]string{"a", "b"}, l.shown()); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	if _, err := l.VolumeFile(l.ctx, tenant, l.task.VolumeID, files[3].ID); err != nil {
		t.Errorf("the last result is not the visible one: %v", err)
	}
	garbage, err := l.Garbage(l.ctx, time.Now().Add(time.Hour), 10)
	l.ok(err)
	if len(garbage) != 2 {
		t.Errorf("garbage: %v, want the bytes of two", garbage)
	}
	if c := l.counts(); c.Success != 4 {
		t.Errorf("counts: %+v", c)
	}
}

func testDrop(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.list("a", "b", "c")
	item := l.claim(task.KindLoad)
	l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, l.files("b/1", "b/2"), 1, task.Cursor{URI: 7}, nil))
	run, _, err := l.Run(l.ctx, l.run.ID)
	l.ok(err)
	if run.Cursor.URI != 1 || run.Skipped != 1 {
		t.Errorf("a worker who lists again changed the run to %+v", run)
	}
	drop := task.FileResult{FileID: files[1].ID, Drop: true}
	l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, append(success(files[0]), drop), false))
	if got, total := l.say(task.FileQuery{Offset: 1, Limit: 3}); cmp.Diff([]string{"c 1", "b/1 1", "b/2 1"}, got) != "" || total != 4 {
		t.Errorf("after the drop: %v of %d", got, total)
	}
	l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, append(success(files[2]), drop), true))
	if c := l.counts(); c.Total != 4 || c.Success != 2 || l.status() != task.Executable {
		t.Errorf("counts %+v, task %d", c, l.status())
	}
}

func testUnchanged(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.load("a", "b", "c", "d", "e")
	l.ok(l.RemoveFiles(l.ctx, tenant, l.task.VolumeID, []int64{files[4].ID}))
	asked := l.files("a", "b", "c", "d", "e", "new")
	for _, f := range asked {
		f.Size = 20
	}
	asked[1].Size = 21
	asked[2].ETag = "other"
	asked[3].ModTime = day.Add(time.Second)
	same, err := l.Unchanged(l.ctx, l.task.VolumeID, l.task.ConnectorID, asked)
	l.ok(err)
	if diff := cmp.Diff([]bool{true, false, false, false, false, false}, same); diff != "" {
		t.Errorf("unchanged (-want +got):\n%s", diff)
	}
	for _, at := range [][2]int64{{l.task.VolumeID, 1}, {1, l.task.ConnectorID}} {
		same, err = l.Unchanged(l.ctx, at[0], at[1], asked[:1])
		l.ok(err)
		if same[0] {
			t.Errorf("unchanged in volume %d from connector %d", at[0], at[1])
		}
	}
}

// A node that was stopped and goes on after its lease was taken changes nothing.
func testZombie(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	take := func(kind string) (zombie, now work.Item) {
		zombie = l.claim(kind)
		l.ok(l.Release(l.ctx, zombie.Lease(), 0))
		return zombie, l.claim(kind)
	}
	zombie, now := take(task.KindList)
	stale := map[string]func() error{
		"append": func() error {
			return l.AppendChunk(l.ctx, zombie.Lease(), l.run.ID, l.files("z"), 1, task.Cursor{URI: 9}, nil)
		},
		"skip":    func() error { return l.AppendChunk(l.ctx, zombie.Lease(), l.run.ID, nil, 1, task.Cursor{URI: 9}, nil) },
		"end":     func() error { return l.EndListing(l.ctx, zombie.Lease(), l.run.ID) },
		"finish":  func() error { return l.Finish(l.ctx, zombie.Lease()) },
		"release": func() error { return l.Release(l.ctx, zombie.Lease(), time.Hour) },
	}
	for name, call := range stale {
		if err := call(); errs.KindOf(err) != errs.Conflict {
			t.Errorf("%s by a zombie: %v, want a conflict", name, err)
		}
	}
	files := l.files("a")
	l.ok(l.AppendChunk(l.ctx, now.Lease(), l.run.ID, files, 0, task.Cursor{URI: 1}, nil))
	l.ok(l.EndListing(l.ctx, now.Lease(), l.run.ID))
	zombie, now = take(task.KindLoad)
	for _, done := range []bool{true, false} {
		l.is(l.CommitFiles(l.ctx, zombie.Lease(), zombie.ID, success(files...), done), errs.Conflict)
	}
	if got := l.shown(); len(got) != 0 {
		t.Errorf("a zombie published %v", got)
	}
	l.ok(l.CommitFiles(l.ctx, now.Lease(), now.ID, success(files...), true))
	l.is(l.CommitFiles(l.ctx, now.Lease(), now.ID, success(files...), true), errs.Conflict)

	l.ok(l.DeleteTask(l.ctx, tenant, l.task.ID))
	items := l.claimAll()
	if len(items) != 1 || items[0].Kind != task.KindPurge {
		t.Fatalf("work of a deleted task: %v", items)
	}
	l.ok(l.Release(l.ctx, items[0].Lease(), 0))
	_, err := l.PurgeTask(l.ctx, items[0].Lease(), l.task.ID, 10)
	l.is(err, errs.Conflict)
}

func testPurge(t *testing.T, f *fixture) {
	l := f.chunked()
	l.ok(l.DeleteTask(l.ctx, tenant, l.task.ID))
	items := l.claimAll()
	if len(items) != 1 || items[0].Kind != task.KindPurge {
		t.Fatalf("work of a deleted task: %v", items)
	}
	_, err := l.PurgeTask(l.ctx, items[0].Lease(), l.task.ID+1, 10)
	l.is(err, errs.Conflict)
	calls := 0
	for more := true; more; calls++ {
		more, err = l.PurgeTask(l.ctx, items[0].Lease(), l.task.ID, 2)
		l.ok(err)
	}
	if calls < 3 {
		t.Errorf("9 rows were removed in %d calls of 2", calls)
	}
	l.is(l.Finish(l.ctx, items[0].Lease()), errs.Conflict)
	if diff := cmp.Diff([]string{"a", "c"}, l.shown()); diff != "" {
		t.Errorf("what stays in the volume (-want +got):\n%s", diff)
	}
	files, _, err := l.VolumeFiles(l.ctx, tenant, l.task.VolumeID, task.FileQuery{})
	l.ok(err)
	for _, file := range files { // also where nobody's history keeps the row
		l.ok(l.RemoveFiles(l.ctx, tenant, l.task.VolumeID, []int64{file.ID}))
	}
	if got := l.shown(); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}
