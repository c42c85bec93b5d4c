package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
)

const lakePath = "/data/db/transactions"

// syncing is a sync on its way through the store.
type syncing struct {
	*fixture
	*filesync.Sync
	keys int
}

func (f *fixture) sync(typ filesync.SyncType, path string) *syncing {
	f.Helper()
	y := &filesync.Sync{Tenant: tenant, Name: "n", Path: path, Type: typ, Status: filesync.Syncing, Creator: "me"}
	f.ok(f.CreateSync(f.ctx, y))
	return &syncing{fixture: f, Sync: y}
}

// record is an upload of a file with an object of its own; the name may have a
// directory.
func (y *syncing) record(name string, status filesync.Status) *filesync.Record {
	y.keys++
	dir, base := "", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir, base = name[:i], name[i+1:]
	}
	return &filesync.Record{
		Tenant: tenant, SyncID: y.ID, Owner: "node", Instance: "process", Status: status, Dir: dir, Name: base, StartAt: day, EndAt: day.Add(time.Second),
		Size: 10, SHA256: [32]byte{byte(y.ID), byte(y.keys)}, Place: filesync.Place{Key: lakeKey(y.ID, y.keys)},
	}
}

func lakeKey(a int64, b int) string { return fmt.Sprintf("%s%014x-%016x", filesync.BlobPrefix, a, b) }

// tell records one upload that must be taken.
func (y *syncing) tell(r *filesync.Record) *filesync.Record {
	y.Helper()
	y.ok(y.RecordUploads(y.ctx, []*filesync.Record{r}, time.Minute))
	y.ok(r.Err)
	return r
}

func (y *syncing) finish(names ...string) {
	y.Helper()
	var all []*filesync.Record
	for _, name := range names {
		all = append(all, y.record(name, filesync.Finished))
	}
	y.ok(y.RecordUploads(y.ctx, all, time.Minute))
	for _, r := range all {
		y.ok(r.Err)
	}
}

func (y *syncing) end() {
	y.Helper()
	outcome, err := y.EndSync(y.ctx, tenant, y.ID, filesync.EndOptions{})
	y.ok(err)
	if outcome != (filesync.Outcome{}) {
		y.Fatalf("the end of sync %d came to %+v", y.ID, outcome)
	}
}

func testSyncRoundTrip(t *testing.T, f *fixture) {
	before := time.Now().Add(-time.Minute)
	y := f.sync(filesync.Full, lakePath)
	got, err := f.Sync(f.ctx, tenant, y.ID)
	f.ok(err)
	if diff := cmp.Diff(y.Sync, got); diff != "" {
		t.Errorf("sync (-want +got):\n%s", diff)
	}
	if got.ID != 1 || got.StartAt.Before(before) || !got.EndAt.IsZero() || got.ActiveAt != got.StartAt {
		t.Errorf("the first sync: %+v", got)
	}
	for i := range 4 {
		if y := f.sync(filesync.Incremental, lakePath); y.ID != int64(i+2) {
			t.Errorf("sync %d has the id %d", i+2, y.ID)
		}
	}
	page, err := f.Syncs(f.ctx, tenant, filesync.SyncQuery{Offset: 1, Limit: 2})
	f.ok(err)
	if len(page) != 2 || page[0].ID != 2 || page[1].ID != 3 {
		t.Errorf("page: %v", page)
	}
	f.is(f.CreateSync(f.ctx, &filesync.Sync{Tenant: tenant, Name: "a\x00", Path: lakePath, Type: filesync.Full}), errs.Invalid)
}

func testUploads(t *testing.T, f *fixture) {
	y := f.sync(filesync.Incremental, lakePath)
	slow := y.tell(y.record("dir/slow", filesync.Syncing))
	y.finish("b", "a", "dir/c", "a")
	if diff := cmp.Diff([]string{"1 /a", "1 /b", "1 dir/c"}, f.inLake(lakePath)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	bad := y.record("bad", filesync.Failed)
	bad.Message = "why\x00"
	y.tell(bad)
	slow.Status = filesync.Finished
	y.tell(slow)
	y.finish("dir/slow")

	history, err := f.SyncHistory(f.ctx, tenant, filesync.HistoryQuery{SyncID: y.ID})
	f.ok(err)
	var got []string
	for i, h := range history {
		if h.ID != int64(i+1) || h.SyncID != y.ID || h.StartAt != day || h.EndAt != day.Add(time.Second) {
			t.Errorf("upload %d: %+v", i+1, h)
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", h.FileName, h.Status, h.Message)))
	}
	want := []string{"dir/slow Finished", "b Finished", "a Finished", "dir/c Finished", "a Finished", "bad Failed why\ufffd", "dir/slow Finished"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	now, err := f.Sync(f.ctx, tenant, y.ID)
	f.ok(err)
	if now.TotalFiles != 7 || now.NumFailed != 1 {
		t.Errorf("counts: %+v", now)
	}
	garbage, err := f.Garbage(f.ctx, time.Now().Add(time.Hour), 10)
	f.ok(err)
	slices.Sort(garbage)
	if diff := cmp.Diff([]string{lakeKey(1, 1), lakeKey(1, 3)}, garbage); diff != "" {
		t.Errorf("garbage (-want +got):\n%s", diff)
	}
	live, err := f.Live(f.ctx, []string{lakeKey(1, 1), lakeKey(1, 2), lakeKey(9, 9), "lake/of another form"})
	f.ok(err)
	if diff := cmp.Diff([]bool{true, true, false, true}, live); diff != "" {
		t.Errorf("live (-want +got):\n%s", diff)
	}
	f.ok(f.Collected(f.ctx, garbage))
	if live, err = f.Live(f.ctx, garbage); err != nil || live[0] || live[1] {
		t.Errorf("collected objects are live: %v, %v", live, err)
	}
}

// A pack is garbage when the last of its files is replaced, and not before.
func testPacks(t *testing.T, f *fixture) {
	y := f.sync(filesync.Incremental, lakePath)
	var all []*filesync.Record
	for i, name := range []string{"a", "b", "c"} {
		r := y.record(name, filesync.Finished)
		r.Place = filesync.Place{Key: lakeKey(7, 7), Packed: true, Offset: int64(10 * i)}
		all = append(all, r)
	}
	f.ok(f.RecordUploads(f.ctx, all, time.Minute))
	file, err := f.LakeFile(f.ctx, tenant, lakePath+"/c", 0)
	f.ok(err)
	if diff := cmp.Diff(all[2].Place, file.Place); diff != "" || file.SHA256 != all[2].SHA256 || file.Size != 10 {
		t.Errorf("the third of the pack: %+v", file)
	}
	garbage := func() []string {
		keys, err := f.Garbage(f.ctx, time.Now().Add(time.Hour), 10)
		f.ok(err)
		return keys
	}
	y.finish("a", "b")
	if got := garbage(); len(got) != 0 {
		t.Errorf("garbage while a file is left: %v", got)
	}
	y.finish("c")
	if diff := cmp.Diff([]string{lakeKey(7, 7)}, garbage()); diff != "" {
		t.Errorf("garbage (-want +got):\n%s", diff)
	}
}

func testUploadsRefused(t *testing.T, f *fixture) {
	open, closed, ended := f.sync(filesync.Incremental, lakePath), f.sync(filesync.Incremental, lakePath), f.sync(filesync.Incremental, lakePath)
	early := closed.tell(closed.record("announced", filesync.Syncing))
	f.ok(f.CloseSync(f.ctx, tenant, closed.ID, "another process"))
	ended.end()
	stranger, unknown := open.record("stranger", filesync.Finished), open.record("unknown", filesync.Finished)
	stranger.Tenant, unknown.SyncID = "stranger", 99
	late, gone := closed.record("late", filesync.Finished), ended.record("gone", filesync.Finished)
	given := open.record("given up", filesync.Finished)
	given.ID = 99
	early.Status = filesync.Finished
	good := open.record("good", filesync.Finished)
	f.ok(f.RecordUploads(f.ctx, []*filesync.Record{stranger, unknown, late, gone, given, early, good}, time.Minute))
	f.is(stranger.Err, errs.NotFound)
	f.is(unknown.Err, errs.NotFound)
	f.is(late.Err, errs.Conflict)
	f.is(gone.Err, filesync.ErrEnded)
	f.is(given.Err, errs.Conflict)
	f.ok(early.Err)
	f.ok(good.Err)
	if diff := cmp.Diff([]string{"2 /announced", "1 /good"}, f.inLake(lakePath)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	own := closed.record("own", filesync.Finished)
	own.Instance = "another process"
	closed.tell(own)
}

func testEndSync(t *testing.T, f *fixture) {
	y := f.sync(filesync.Full, lakePath)
	y.finish("a")
	going := y.tell(y.record("going", filesync.Syncing))
	outcome, err := f.EndSync(f.ctx, tenant, y.ID, filesync.EndOptions{})
	f.ok(err)
	if outcome.Open != 1 {
		t.Errorf("the end came to %+v, want one upload that goes on", outcome)
	}
	f.ok(f.RenewUploads(f.ctx, []int64{going.ID}, -time.Minute)) // its node died
	y.end()
	f.is(f.CloseSync(f.ctx, tenant, y.ID, "p"), filesync.ErrEnded)
	_, err = f.EndSync(f.ctx, tenant, y.ID, filesync.EndOptions{})
	f.is(err, filesync.ErrEnded)
	f.is(f.FailSync(f.ctx, tenant, y.ID, "no"), filesync.ErrEnded)
	f.is(f.CloseSync(f.ctx, tenant, 99, "p"), errs.NotFound)
	f.is(f.CloseSync(f.ctx, stranger, y.ID, "p"), errs.NotFound)
	_, err = f.EndSync(f.ctx, stranger, y.ID, filesync.EndOptions{})
	f.is(err, errs.NotFound)
	got, err := f.Sync(f.ctx, tenant, y.ID)
	f.ok(err)
	if got.Status != filesync.Finished || got.EndAt.IsZero() || got.TotalFiles != 2 || got.NumFailed != 1 {
		t.Errorf("ended: %+v", got)
	}
	if diff := cmp.Diff([]string{"1 /a"}, f.inLake(lakePath)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}

	empty := f.sync(filesync.Full, lakePath)
	f.ok(f.CloseSync(f.ctx, tenant, empty.ID, "p"))
	outcome, err = f.EndSync(f.ctx, tenant, empty.ID, filesync.EndOptions{RefuseEmpty: true})
	f.ok(err)
	if !outcome.Empty {
		t.Errorf("the end of an empty sync came to %+v", outcome)
	}
	empty.finish("b") // it is open again
	empty.end()
	if diff := cmp.Diff([]string{"2 /b"}, f.inLake(lakePath)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func testFailSync(t *testing.T, f *fixture) {
	y := f.sync(filesync.Full, lakePath)
	y.finish("a", "b", "dir/c")
	going := y.tell(y.record("going", filesync.Syncing))
	if live, err := f.Live(f.ctx, []string{going.Place.Key}); err != nil || !live[0] {
		t.Errorf("what is being written is not live: %v", err)
	}
	f.is(f.FailSync(f.ctx, stranger, y.ID, "no"), errs.NotFound)
	f.ok(f.FailSync(f.ctx, tenant, y.ID, "because"))
	if live, err := f.Live(f.ctx, []string{going.Place.Key}); err != nil || live[0] {
		t.Errorf("what was given up is live: %v", err)
	}
	going.Status = filesync.Finished
	f.ok(f.RecordUploads(f.ctx, []*filesync.Record{going}, time.Minute))
	f.is(going.Err, filesync.ErrEnded)
	got, err := f.Sync(f.ctx, tenant, y.ID)
	f.ok(err)
	if got.Status != filesync.Failed || got.Reason != "because" || got.EndAt.IsZero() || got.TotalFiles != 4 || got.NumFailed != 1 {
		t.Errorf("failed: %+v", got)
	}
	_, err = f.LakeFiles(f.ctx, tenant, lakePath, 0, "", "", 10)
	f.is(err, errs.NotFound)
	f.purge(2)
	garbage, err := f.Garbage(f.ctx, time.Now().Add(time.Hour), 10)
	f.ok(err)
	if len(garbage) != 3 {
		t.Errorf("garbage: %v", garbage)
	}
}

func testOrphans(t *testing.T, f *fixture) {
	y, idle := f.sync(filesync.Full, lakePath), f.sync(filesync.Full, lakePath)
	alive := y.tell(y.record("alive", filesync.Syncing))
	dead := y.tell(y.record("dead", filesync.Syncing))
	mine := y.record("mine", filesync.Syncing)
	mine.Owner, mine.Instance = "restarted", "old"
	y.tell(mine)
	latest := y.record("latest", filesync.Syncing)
	latest.Owner, latest.Instance = "restarted", "new"
	y.tell(latest)
	f.ok(f.RenewUploads(f.ctx, []int64{dead.ID}, -time.Minute))
	f.ok(f.RenewUploads(f.ctx, []int64{alive.ID}, time.Hour))
	n, err := f.FailUploads(f.ctx, "", "new", "crashed")
	if err != nil || n != 1 {
		t.Errorf("%d uploads failed, want 1: %v", n, err)
	}
	n, err = f.FailUploads(f.ctx, "restarted", "new", "crashed")
	if err != nil || n != 1 {
		t.Errorf("%d uploads failed, want 1: %v", n, err)
	}
	history, err := f.SyncHistory(f.ctx, tenant, filesync.HistoryQuery{Offset: 1, Limit: 2})
	f.ok(err)
	for _, h := range history {
		if h.Status != filesync.Failed || h.Message != "crashed" || h.EndAt.IsZero() {
			t.Errorf("upload: %+v", h)
		}
	}
	found, err := f.IdleSyncs(f.ctx, time.Now().Add(time.Hour), 10)
	f.ok(err)
	if len(history) != 2 || len(found) != 1 || found[0].ID != idle.ID {
		t.Errorf("%d uploads; idle are %v, want only the sync without uploads", len(history), found)
	}
	if found, err = f.IdleSyncs(f.ctx, time.Now().Add(-time.Hour), 10); err != nil || len(found) != 0 {
		t.Errorf("idle for an hour: %v, %v", found, err)
	}
}

func testConcurrentSyncs(t *testing.T, f *fixture) {
	const n = 8
	ids := make([]int64, n)
	f.ok(errors.Join(together(n, func(i int) error {
		y := &filesync.Sync{Tenant: tenant, Name: "n", Path: lakePath, Type: filesync.Full}
		if i%2 == 1 {
			y.Type = filesync.Incremental
		}
		err := f.CreateSync(f.ctx, y)
		ids[i] = y.ID
		return err
	})...))
	of := make([]*syncing, n)
	for i, id := range ids {
		of[i] = &syncing{fixture: f, Sync: &filesync.Sync{ID: id}}
	}
	f.ok(errors.Join(together(n, func(i int) error {
		a, b := of[i].record("same", filesync.Finished), of[i].record(fmt.Sprint(i), filesync.Finished)
		if err := f.RecordUploads(f.ctx, []*filesync.Record{a, b}, time.Minute); err != nil {
			return err
		}
		if _, err := f.EndSync(f.ctx, tenant, ids[i], filesync.EndOptions{}); err != nil {
			return err
		}
		return errors.Join(a.Err, b.Err)
	})...))
	trash, err := f.Trash(f.ctx, tenant, filesync.TrashQuery{})
	f.ok(err)
	slices.Sort(ids)
	if len(slices.Compact(ids)) != n || ids[0] != 1 || ids[n-1] != n {
		t.Errorf("ids %v", ids)
	}
	if len(trash) < n/2-1 || len(f.inLake(lakePath)) < 2 {
		t.Errorf("%d in the trash after %d full syncs, %v is there", len(trash), n/2, f.inLake(lakePath))
	}
	history, err := f.SyncHistory(f.ctx, tenant, filesync.HistoryQuery{})
	f.ok(err)
	for i, h := range history {
		if h.ID != int64(i+1) {
			t.Errorf("upload %d has the id %d", i+1, h.ID)
		}
	}
}
