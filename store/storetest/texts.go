package storetest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// Another tenant's things do not exist.
func testStrangers(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.load("a")
	v, id := l.task.VolumeID, l.task.ID
	calls := map[string]func() error{
		"connector": func() error { _, err := f.Connector(f.ctx, stranger, l.task.ConnectorID); return err },
		"update connector": func() error {
			return f.UpdateConnector(f.ctx, stranger, l.task.ConnectorID, func(*connector.Connector) error { return nil })
		},
		"delete connector":  func() error { return f.DeleteConnector(f.ctx, stranger, l.task.ConnectorID) },
		"volume":            func() error { _, err := f.Volume(f.ctx, stranger, v); return err },
		"delete volume":     func() error { return f.DeleteVolume(f.ctx, stranger, v) },
		"volume files":      func() error { _, _, err := f.VolumeFiles(f.ctx, stranger, v, task.FileQuery{}); return err },
		"volume file":       func() error { _, err := f.VolumeFile(f.ctx, stranger, v, files[0].ID); return err },
		"remove files":      func() error { return f.RemoveFiles(f.ctx, stranger, v, []int64{files[0].ID}) },
		"remove no files":   func() error { return f.RemoveFiles(f.ctx, stranger, v, nil) },
		"task":              func() error { _, err := f.Task(f.ctx, stranger, id); return err },
		"update task":       func() error { return f.UpdateTask(f.ctx, stranger, id, func(*task.Task) error { return nil }) },
		"delete task":       func() error { return f.DeleteTask(f.ctx, stranger, id) },
		"open runs":         func() error { _, err := f.OpenRuns(f.ctx, stranger, id); return err },
		"task files":        func() error { _, _, err := f.TaskFiles(f.ctx, stranger, id, task.FileQuery{}); return err },
		"task counts":       func() error { _, err := f.TaskCounts(f.ctx, stranger, id); return err },
		"retry files":       func() error { _, err := f.RetryFiles(f.ctx, stranger, id, nil); return err },
		"volume of another": func() error { _, err := f.VolumeFile(f.ctx, tenant, v+1, files[0].ID); return err },
	}
	for name, call := range calls {
		if err := call(); err == nil || errs.KindOf(err) != errs.NotFound {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
	if volumes, total, err := f.Volumes(f.ctx, stranger, task.VolumeQuery{}); err != nil || len(volumes) != 0 || total != 0 {
		t.Errorf("a stranger lists %d volumes of %d, %v", len(volumes), total, err)
	}
	if tasks, total, err := f.Tasks(f.ctx, stranger, task.Query{}); err != nil || len(tasks) != 0 || total != 0 {
		t.Errorf("a stranger lists %d tasks of %d, %v", len(tasks), total, err)
	}
	if list, total, err := f.Connectors(f.ctx, stranger, connector.Query{}); err != nil || len(list) != 0 || total != 0 {
		t.Errorf("a stranger lists %d connectors of %d, %v", len(list), total, err)
	}
	if diff := cmp.Diff([]string{"a"}, l.shown()); diff != "" {
		t.Errorf("after all that (-want +got):\n%s", diff)
	}
}

// Names that differ in case, in accents' encoding or in blanks are different.
var similar = []string{"name", "Name", "NAME", "name ", "na\u0308me", "n\u00e4me"}

func testCaseSensitive(t *testing.T, f *fixture) {
	for _, name := range similar {
		f.connector(name)
		f.volume(name)
	}
	for _, name := range similar {
		f.is(f.CreateVolume(f.ctx, &task.Volume{Tenant: tenant, Name: name}), errs.Exists)
		f.is(f.CreateConnector(f.ctx, &connector.Connector{Tenant: tenant, Name: name, Type: connector.Folder}), errs.Exists)
	}
	f.ok(f.CreateVolume(f.ctx, &task.Volume{Tenant: strings.ToUpper(tenant), Name: "name"}))
	if _, total, err := f.Volumes(f.ctx, tenant, task.VolumeQuery{}); err != nil || total != len(similar) {
		t.Errorf("%d volumes, want %d: tenants differ by case, too; %v", total, len(similar), err)
	}
	l := f.begin(once, nil)
	l.load(similar...)
	if got := l.shown(); len(got) != len(similar) {
		t.Errorf("%d of %d URIs are visible: %q", len(got), len(similar), got)
	}
}

func testByteOrder(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	want := []string{"A", "B/1", "B0", "a", "a-b", "a/b", "ab", "\u00e4", "\uffff", "\U0001f600"}
	l.load("ab", "\U0001f600", "a", "\uffff", "B0", "\u00e4", "A", "a/b", "B/1", "a-b")
	if diff := cmp.Diff(want, l.shown()); diff != "" {
		t.Errorf("order of URIs (-want +got):\n%s", diff)
	}
}

func testUnstorable(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	item := l.claim(task.KindList)
	for _, bad := range []string{"a\x00b", "a\xffb"} {
		f.is(f.CreateVolume(f.ctx, &task.Volume{Tenant: tenant, Name: bad}), errs.Invalid)
		f.is(f.CreateConnector(f.ctx, &connector.Connector{Tenant: tenant, Name: bad, Type: connector.Folder}), errs.Invalid)
		named := *l.task
		named.Name = bad
		f.is(f.CreateTask(f.ctx, &named, nil), errs.Invalid)
		f.is(f.UpdateTask(f.ctx, tenant, l.task.ID, func(t *task.Task) error { t.URIs = []string{bad}; return nil }), errs.Invalid)
		f.is(f.AppendChunk(f.ctx, item.Lease(), l.run.ID, l.files("ok", bad), 0, task.Cursor{}, nil), errs.Invalid)
		_, err := f.Enqueue(f.ctx, work.New{Kind: "k", Payload: bad})
		f.is(err, errs.Invalid)
	}
	f.is(f.AppendChunk(f.ctx, item.Lease(), l.run.ID, l.files(strings.Repeat("x", 2049)), 0, task.Cursor{}, nil), errs.Invalid)
	files := l.files(strings.Repeat("x", 2048), "b")
	l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, files, 0, task.Cursor{}, nil))
	load := l.claim(task.KindLoad)
	results := append(success(files[0]), failure(files[1])...)
	results[0].ETag = "e\x00\xff"
	results[1].Reason = "why\x00\xff" + strings.Repeat("\u00e4", 10_000)
	l.ok(l.CommitFiles(l.ctx, load.Lease(), load.ID, results, true)) // what only explains is mended
	page, _, err := l.TaskFiles(l.ctx, tenant, l.task.ID, task.FileQuery{Statuses: []task.FileStatus{task.Failed}})
	l.ok(err)
	if len(page) != 1 || !strings.HasPrefix(page[0].Reason, "why\ufffd\ufffd\u00e4") || len(page[0].Reason) > 5000 {
		t.Errorf("the reason became %d bytes", len(page[0].Reason))
	}
	asked := l.files(files[0].URI)
	asked[0].Size, asked[0].ETag = 20, "e\x00\xff"
	same, err := l.Unchanged(l.ctx, l.task.VolumeID, l.task.ConnectorID, asked)
	l.ok(err)
	if !same[0] {
		t.Error("a mended ETag no longer matches the source's")
	}
}

// Ids sort by time, fit a float64 and never repeat.
func testIDs(t *testing.T, f *fixture) {
	l := f.begin(once, nil)
	files := l.list("a", "b")
	m := f.begin(once, nil)
	ids := []int64{l.task.VolumeID, l.task.ID, l.run.ID, files[0].ChunkID, files[0].ID, files[1].ID, m.task.VolumeID, m.task.ID, m.run.ID}
	for i, id := range ids {
		if i > 0 && id <= ids[i-1] {
			t.Errorf("id %d is %d, not greater than %d", i, id, ids[i-1])
		}
		if id <= 0 || id >= 1<<53 {
			t.Errorf("id %d is %d, not of 53 bits", i, id)
		}
	}
}
