package filesync_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

const path = "/data/db/transactions"

func (e *env) wants(path string, want ...string) {
	e.t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, e.shown(path)); diff != "" {
		e.t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestIncrementalSyncAddsAndReplaces(t *testing.T) {
	e := newEnv(t, nil)
	id := e.start(filesync.Incremental, path)
	e.upload(id, "a", "b", "a=new", "A")
	e.wants(path, "A=A", "a=new", "b=b")
	e.end(id)
	e.wants(path, "A=A", "a=new", "b=b")
	more := e.start(filesync.Incremental, path)
	e.upload(more, "b=newer")
	e.wants(path, "A=A", "a=new", "b=newer")
	if diff := cmp.Diff([]string{"a Finished", "b Finished", "a Finished", "A Finished"}, e.history(id)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	y := e.get(id)
	if y.ID != 1 || y.Status != filesync.Finished || y.TotalFiles != 4 || y.NumFailed != 0 || y.EndAt.IsZero() || y.StartAt.After(y.EndAt) {
		t.Errorf("sync: %+v", y)
	}
	if n := e.blobs(); n != 3 {
		t.Errorf("the bucket holds %d objects, want one for each of three files", n)
	}
}

func TestFullSyncSwapsAtItsEnd(t *testing.T) {
	e := newEnv(t, nil)
	ctx := context.Background()
	first := e.start(filesync.Full, path)
	e.upload(first, "a=1", "b=1")
	if _, err := e.svc.List(ctx, e.me, filesync.ListQuery{Path: path}); !errors.Is(err, errs.NotFound) {
		t.Errorf("before the first end there is no folder: %v", err)
	}
	e.end(first)
	e.wants(path, "a=1", "b=1")
	second := e.start(filesync.Full, path)
	other := e.start(filesync.Full, path)
	e.upload(second, "a=2", "c=2")
	e.upload(other, "d=3")
	add := e.start(filesync.Incremental, path)
	e.upload(add, "late=1")
	e.wants(path, "a=1", "b=1", "late=1")
	e.end(other)
	e.wants(path, "d=3")
	e.end(second)
	e.wants(path, "a=2", "c=2")
	e.end(add)

	trash := func() []string {
		found, err := e.svc.Trash(ctx, e.me, filesync.TrashQuery{Path: path})
		e.ok(err)
		list := []string{}
		for _, tr := range found {
			list = append(list, fmt.Sprintf("%d %s %d %d", tr.SyncID, tr.Path, tr.Files, tr.Size))
		}
		return list
	}
	if diff := cmp.Diff([]string{"2 " + path + " 1 1", "3 " + path + " 3 3"}, trash()); diff != "" {
		t.Errorf("trash (-want +got):\n%s", diff)
	}
	for range 2 { // a restore, and its undoing
		_, err := e.svc.Restore(ctx, e.me, other)
		e.ok(err)
	}
	e.wants(path, "a=2", "c=2")
	_, err := e.svc.Restore(ctx, e.me, other)
	e.ok(err)
	e.wants(path, "a=1", "b=1", "late=1")
	e.ok(e.svc.Purge(ctx, e.me, other))
	e.is(e.svc.Purge(ctx, e.me, other), errs.NotFound)
	_, err = e.svc.Restore(ctx, e.me, other)
	e.is(err, errs.NotFound)
	if n := e.blobs(); n != 4 {
		t.Errorf("the bucket holds %d objects, want 4", n)
	}
}

func TestEmptyFullSync(t *testing.T) {
	e := newEnv(t, nil)
	ctx := context.Background()
	first := e.start(filesync.Full, path)
	e.upload(first, "a")
	e.end(first)
	e.end(e.start(filesync.Full, path))
	e.wants(path)
	l, err := e.svc.List(ctx, e.me, filesync.ListQuery{Path: path})
	if err != nil || l.Total != 0 {
		t.Errorf("an emptied path: %+v, %v", l, err)
	}

	e = newEnv(t, &filesync.Options{RefuseEmpty: true})
	id := e.start(filesync.Full, path)
	e.is(e.svc.End(ctx, e.me, id), errs.Invalid)
	e.upload(id, "a") // it is still open
	e.end(id)
	e.wants(path, "a=a")
}

func TestAbortChangesNothing(t *testing.T) {
	e := newEnv(t, nil)
	ctx := context.Background()
	first := e.start(filesync.Full, path)
	e.upload(first, "a")
	e.end(first)
	full, add := e.start(filesync.Full, path), e.start(filesync.Incremental, path)
	e.upload(full, "b")
	e.upload(add, "c")
	e.ok(e.svc.Abort(ctx, e.me, full))
	e.ok(e.svc.Abort(ctx, e.me, add))
	e.wants(path, "a=a", "c=c")
	for _, id := range []int64{first, full, add} {
		e.is(e.svc.Abort(ctx, e.me, id), filesync.ErrEnded)
		e.is(e.svc.End(ctx, e.me, id), filesync.ErrEnded)
		e.is(e.svc.Upload(ctx, e.me, id, "x", strings.NewReader("x"), nil), filesync.ErrEnded)
	}
	if y := e.get(full); y.Status != filesync.Failed || y.EndAt.IsZero() || y.Reason != "aborted" {
		t.Errorf("aborted: %+v", y)
	}
	if n := e.blobs(); n != 2 {
		t.Errorf("the bucket holds %d objects, want 2", n)
	}
}

func TestLargeFilesAndFilesBelow(t *testing.T) {
	e := newEnv(t, &filesync.Options{Small: 1000})
	ctx := context.Background()
	id := e.start(filesync.Full, path)
	for _, n := range []int{0, 1, 999, 1000, 1001, 300_000} {
		body := make([]byte, n)
		rand.Read(body)
		err := e.svc.Upload(ctx, e.me, id, fmt.Sprint(n), strings.NewReader(string(body)), &filesync.UploadOptions{Path: path + "/sub/dir"})
		e.ok(err)
	}
	e.upload(id, "top")
	e.end(id)
	if got := e.shown(path); len(got) != 7 || got[0] != "top=top" || got[1] != "sub/dir/0=" {
		t.Errorf("%d files", len(got))
	}
	l, err := e.svc.List(ctx, e.me, filesync.ListQuery{Path: path + "/sub/dir", OrderBy: filesync.BySize, Desc: true, Limit: 2})
	e.ok(err)
	if l.Total != 6 || l.Entries[0].Name != "300000" || l.Entries[0].File.Place.Packed || l.Entries[1].File.Size != 1001 {
		t.Errorf("listing: %+v", l)
	}
	f, err := e.svc.Stat(ctx, e.me, path+"/sub/dir/999")
	e.ok(err)
	if !f.Place.Packed || f.Dir != "sub/dir" || f.SyncID != id {
		t.Errorf("file: %+v", f)
	}
	if f, err := e.svc.Stat(ctx, e.me, path+"/sub"); f != nil || err != nil {
		t.Errorf("a folder: %v, %v", f, err)
	}
	_, err = e.svc.Stat(ctx, e.me, path+"/nothing")
	e.is(err, errs.NotFound)
}

func TestBatch(t *testing.T) {
	e := newEnv(t, nil)
	ctx := context.Background()
	id := e.start(filesync.Incremental, path)
	b, err := e.svc.NewBatch(ctx, e.me, id, nil)
	e.ok(err)
	var want []string
	for i := range 100 {
		e.ok(b.Add(fmt.Sprintf("f%03d", i), strings.NewReader(fmt.Sprint(i))))
		want = append(want, fmt.Sprintf("f%03d=%d", i, i))
	}
	e.ok(b.Add("f000", strings.NewReader("again")))
	e.ok(b.Wait())
	want[0] = "f000=again"
	e.wants(path, want...)
	if y := e.get(id); y.TotalFiles != 101 {
		t.Errorf("%d uploads, want 101", y.TotalFiles)
	}
	if n := e.blobs(); n > 30 {
		t.Errorf("%d objects for 100 small files", n)
	}
}

// TestManyAtOnce uploads more files than one transaction takes.
func TestManyAtOnce(t *testing.T) {
	e := newEnv(t, nil)
	id := e.start(filesync.Full, path)
	const callers, each = 8, 700
	var all errgroup.Group
	for c := range callers {
		all.Go(func() error {
			b, err := e.svc.NewBatch(context.Background(), e.me, id, nil)
			if err != nil {
				return err
			}
			for i := range each {
				err = errors.Join(err, b.Add(fmt.Sprintf("%d-%d", c, i), strings.NewReader("x")))
			}
			return errors.Join(err, b.Wait())
		})
	}
	e.ok(all.Wait())
	e.end(id)
	if n := len(e.shown(path)); n != callers*each {
		t.Errorf("%d files, want %d", n, callers*each)
	}
}

// A body that stops midway leaves nothing visible and a Failed history.
func TestBodyThatStops(t *testing.T) {
	e := newEnv(t, &filesync.Options{Small: 100, MaxFile: 10_000})
	ctx := context.Background()
	id := e.start(filesync.Incremental, path)
	stops := func(n int) io.Reader {
		return io.MultiReader(strings.NewReader(strings.Repeat("x", n)), &failing{io.ErrUnexpectedEOF})
	}
	e.is(e.svc.Upload(ctx, e.me, id, "small", stops(10), nil), errs.Invalid)
	e.is(e.svc.Upload(ctx, e.me, id, "large", stops(5000), nil), errs.Invalid)
	e.is(e.svc.Upload(ctx, e.me, id, "huge", strings.NewReader(strings.Repeat("x", 10_001)), nil), errs.TooLarge)
	e.is(e.svc.Upload(ctx, e.me, id, "kind", &failing{errs.New(errs.Unavailable, "the source is away")}, nil), errs.Unavailable)
	want := []string{
		`small Failed file "small" is invalid: the upload ended early`, `large Failed file "large" is invalid: the upload ended early`,
		`huge Failed file "huge" is larger than 10000 bytes`, "kind Failed the source is away",
	}
	if diff := cmp.Diff(want, e.history(id)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if y := e.get(id); y.TotalFiles != 4 || y.NumFailed != 4 {
		t.Errorf("sync: %+v", y)
	}
	if _, err := e.svc.List(ctx, e.me, filesync.ListQuery{Path: path}); !errors.Is(err, errs.NotFound) {
		t.Errorf("something is visible: %v", err)
	}
	if n := e.blobs(); n != 0 {
		t.Errorf("the bucket holds %d objects", n)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestBadInput(t *testing.T) {
	e := newEnv(t, nil)
	ctx := context.Background()
	for _, p := range []string{
		"", "data", "./data", "/", "//", "/.", "/a/../b", "/..", "/tmp", "/tmp/x", "/home/u/.Trash", "/.Trash/x", "/a\x00b", "/a\nb", "/a\xffb",
		"/" + strings.Repeat("x", 256), "/" + strings.Repeat("abc/", 300),
	} {
		_, err := e.svc.Start(ctx, e.me, filesync.New{Name: "n", Path: p, Type: filesync.Full})
		if !errors.Is(err, errs.Invalid) || !strings.Contains(errs.Message(err), "path is invalid: ") {
			t.Errorf("path %.20q: %v", p, err)
		}
	}
	y, err := e.svc.Start(ctx, e.me, filesync.New{Name: "数据 sync 06/12/21", Path: "//data/./库//x/", Type: filesync.Incremental})
	if err != nil || y.Path != "/data/库/x" {
		t.Fatalf("%+v, %v", y, err)
	}
	_, err = e.svc.Start(ctx, e.me, filesync.New{})
	for _, field := range []string{"name", "path", "sync_type"} {
		if !strings.Contains(errs.Message(err), field+" is invalid") {
			t.Errorf("nothing given: %v does not name %s", err, field)
		}
	}
	for _, name := range []string{"", ".", "..", "a/..", "a/", `a\`, "a\x00b", "a\x7f", "\xff", strings.Repeat("x", 256), strings.Repeat("数", 86)} {
		err := e.svc.Upload(ctx, e.me, y.ID, name, strings.NewReader("x"), nil)
		if !errors.Is(err, errs.Invalid) || !strings.Contains(errs.Message(err), "file name is invalid: ") {
			t.Errorf("name %.20q: %v", name, err)
		}
	}
	e.upload(y.ID, "/etc/passwd=1", `C:\dir\win.txt=2`, "红楼梦.pdf=3", strings.Repeat("数", 85)+"=4", "%41=5", "case=6", "CASE=7", " =8")
	e.wants(y.Path, " =8", "%41=5", "CASE=7", "case=6", "passwd=1", "win.txt=2", strings.Repeat("数", 85)+"=4", "红楼梦.pdf=3")
	for _, p := range []string{"/data/库", "/data/库/xy", "/other", "relative", "/data/库/x/../y", "/tmp/data/库/x"} {
		err := e.svc.Upload(ctx, e.me, y.ID, "n", strings.NewReader("x"), &filesync.UploadOptions{Path: p})
		if !errors.Is(err, errs.Invalid) {
			t.Errorf("upload to %q: %v", p, err)
		}
	}
}

// Another tenant's things do not exist, and an id opens nothing.
func TestStrangers(t *testing.T) {
	e := newEnv(t, nil)
	ctx := context.Background()
	full := e.start(filesync.Full, path)
	e.upload(full, "a")
	e.end(full)
	again, open := e.start(filesync.Full, path), e.start(filesync.Incremental, path)
	e.end(again)
	for _, who := range []scope.Scope{{Tenant: "globex"}, {}} {
		kind := errs.NotFound
		if who.Tenant == "" {
			kind = errs.Unauthorized
		}
		e.is(e.svc.Upload(ctx, who, open, "x", strings.NewReader("x"), nil), kind)
		e.is(e.svc.End(ctx, who, open), kind)
		e.is(e.svc.Abort(ctx, who, open), kind)
		e.is(e.svc.Purge(ctx, who, again), kind)
		_, err := e.svc.Restore(ctx, who, again)
		e.is(err, kind)
		_, err = e.svc.Get(ctx, who, open)
		e.is(err, kind)
		_, err = e.svc.List(ctx, who, filesync.ListQuery{Path: path})
		e.is(err, kind)
		_, err = e.svc.File(ctx, who, path+"/a", 0)
		e.is(err, kind)
		if who.Tenant == "" {
			continue
		}
		syncs, err := e.svc.Syncs(ctx, who, filesync.SyncQuery{})
		e.ok(err)
		history, err := e.svc.History(ctx, who, filesync.HistoryQuery{SyncID: full})
		e.ok(err)
		trash, err := e.svc.Trash(ctx, who, filesync.TrashQuery{})
		e.ok(err)
		if len(syncs)+len(history)+len(trash) != 0 {
			t.Errorf("a stranger sees %d syncs, %d uploads and %d in the trash", len(syncs), len(history), len(trash))
		}
	}
	e.upload(open, "still open")
}
