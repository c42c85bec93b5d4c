package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
)

// inLake returns "sync name" of the files that readers of the path see.
func (f *fixture) inLake(path string) []string {
	f.Helper()
	files, err := f.LakeFiles(f.ctx, tenant, path, 0, "", "", 1000)
	f.ok(err)
	list := []string{}
	for _, file := range files {
		list = append(list, strings.TrimPrefix(fmt.Sprintf("%d %s/%s", file.SyncID, file.Dir, file.Name), "/"))
	}
	paths, err := f.LakePaths(f.ctx, tenant, "", 100)
	f.ok(err)
	for _, p := range paths {
		if p.Path == path && (p.Files != int64(len(files)) || p.Size != int64(10*len(files))) {
			f.Errorf("%s counts %d files of %d bytes, and shows %d", path, p.Files, p.Size, len(files))
		}
	}
	return list
}

func testTrash(t *testing.T, f *fixture) {
	add := f.sync(filesync.Incremental, lakePath)
	add.finish("first", "dir/second")
	two := f.sync(filesync.Full, lakePath)
	two.finish("x")
	two.end()
	f.sync(filesync.Full, lakePath).end() // an empty one
	trash := func() []string {
		found, err := f.Trash(f.ctx, tenant, filesync.TrashQuery{Path: lakePath})
		f.ok(err)
		list := []string{}
		for _, tr := range found {
			list = append(list, fmt.Sprintf("%d: %d files, %d bytes", tr.SyncID, tr.Files, tr.Size))
		}
		return list
	}
	if diff := cmp.Diff([]string{"2: 2 files, 20 bytes", "3: 1 files, 10 bytes"}, trash()); diff != "" {
		t.Errorf("trash (-want +got):\n%s", diff)
	}
	restored, err := f.RestoreTrash(f.ctx, tenant, 2)
	f.ok(err)
	if restored.Path != lakePath || restored.Files != 2 {
		t.Errorf("restored: %+v", restored)
	}
	if diff := cmp.Diff([]string{"1 /first", "1 dir/second"}, f.inLake(lakePath)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2: 0 files, 0 bytes", "3: 1 files, 10 bytes"}, trash()); diff != "" {
		t.Errorf("trash (-want +got):\n%s", diff)
	}
	_, err = f.RestoreTrash(f.ctx, stranger, 2)
	f.is(err, errs.NotFound)
	f.is(f.DropTrash(f.ctx, stranger, 3), errs.NotFound)
	f.ok(f.DropTrash(f.ctx, tenant, 3))
	f.is(f.DropTrash(f.ctx, tenant, 3), errs.NotFound)
	n, err := f.DropOldTrash(f.ctx, time.Now().Add(-time.Hour), 10)
	if err != nil || n != 0 {
		t.Errorf("%d of an hour ago were dropped, %v", n, err)
	}
	n, err = f.DropOldTrash(f.ctx, time.Now().Add(time.Hour), 10)
	if err != nil || n != 1 {
		t.Errorf("%d were dropped, want 1: %v", n, err)
	}
	f.purge(1)
	garbage, err := f.Garbage(f.ctx, time.Now().Add(time.Hour), 10)
	f.ok(err)
	if diff := cmp.Diff([]string{lakeKey(2, 1)}, garbage); diff != "" {
		t.Errorf("garbage (-want +got):\n%s", diff)
	}
	if got := f.inLake(lakePath); len(got) != 2 {
		t.Errorf("a purge left %v", got)
	}
}

// purge removes what was dropped, in steps of limit rows.
func (f *fixture) purge(limit int) {
	f.Helper()
	for range 1000 {
		more, err := f.PurgeDropped(f.ctx, limit)
		f.ok(err)
		if !more {
			return
		}
	}
	f.Fatal("the purge does not end")
}

func testLake(t *testing.T, f *fixture) {
	outer, inner := f.sync(filesync.Incremental, "/data"), f.sync(filesync.Incremental, "/data/db/t")
	outer.finish("top", "db/mid", "db/t/both", "db/t/only outer")
	inner.finish("both", "B", "sub/deep")
	names := func(q filesync.ListQuery) string {
		l, err := f.LakeFolder(f.ctx, tenant, q)
		f.ok(err)
		var list []string
		for _, e := range l.Entries {
			name := e.Name + "/"
			if e.File != nil {
				name = fmt.Sprintf("%d:%s", e.File.SyncID, e.Name)
				if same, err := f.LakeFile(f.ctx, tenant, e.File.Path(), 0); err != nil || !cmp.Equal(same, e.File) {
					t.Errorf("%s alone is %+v, %v", e.File.Path(), same, err)
				}
			}
			list = append(list, name)
		}
		return fmt.Sprintf("%d %s", l.Total, strings.Join(list, ","))
	}
	tests := []struct {
		q    filesync.ListQuery
		want string
	}{
		{filesync.ListQuery{Path: "/"}, "1 data/"},
		{filesync.ListQuery{Path: "/data"}, "2 db/,1:top"},
		{filesync.ListQuery{Path: "/data/db"}, "2 t/,1:mid"},
		{filesync.ListQuery{Path: "/data/db/t"}, "4 sub/,2:B,2:both,1:only outer"},
		{filesync.ListQuery{Path: "/data/db/t", Desc: true}, "4 sub/,1:only outer,2:both,2:B"},
		{filesync.ListQuery{Path: "/data/db/t", OrderBy: filesync.BySize, Limit: 3}, "4 sub/,2:B,2:both"},
		{filesync.ListQuery{Path: "/data/db/t", OrderBy: filesync.ByDate, Offset: 1, Limit: 1}, "4 2:B"},
		{filesync.ListQuery{Path: "/data/db/t", Offset: 3}, "4 1:only outer"},
		{filesync.ListQuery{Path: "/data/db/t", Limit: 1}, "4 sub/"},
		{filesync.ListQuery{Path: "/data/db/t", Search: "b"}, "3 sub/,2:B,2:both"},
		{filesync.ListQuery{Path: "/data/db/t", Search: "%"}, "0 "},
		{filesync.ListQuery{Path: "/data/db/t", OnlyDirs: true}, "1 sub/"},
		{filesync.ListQuery{Path: "/data/db/t", OnlyFiles: true, Limit: 1}, "3 2:B"},
		{filesync.ListQuery{Path: "/data/db/t/sub"}, "1 2:deep"},
	}
	for _, tt := range tests {
		if got := names(tt.q); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.q, got, tt.want)
		}
	}
	for _, gone := range []string{"/dat", "/data/db/t/sub/deep", "/data/db/x"} {
		_, err := f.LakeFolder(f.ctx, tenant, filesync.ListQuery{Path: gone})
		f.is(err, errs.NotFound)
	}
	if _, err := f.LakeFolder(f.ctx, stranger, filesync.ListQuery{Path: "/data"}); !errors.Is(err, errs.NotFound) {
		t.Errorf("a stranger lists the folder: %v", err)
	}
	paths, err := f.LakePaths(f.ctx, tenant, "/data", 10)
	f.ok(err)
	if len(paths) != 1 || paths[0].Path != "/data/db/t" || paths[0].Files != 3 || paths[0].Size != 30 {
		t.Errorf("paths behind the first: %v", paths)
	}
}

// A page of a generation that is no longer current is still there, until it is
// purged.
func testGenerations(t *testing.T, f *fixture) {
	y := f.sync(filesync.Full, lakePath)
	y.finish("a", "b", "dir/c")
	_, err := f.LakeFile(f.ctx, tenant, lakePath+"/a", 0)
	f.is(err, errs.NotFound)
	y.end()
	page, err := f.LakeFiles(f.ctx, tenant, lakePath, 0, "", "", 2)
	f.ok(err)
	gen := page[0].Generation
	next := f.sync(filesync.Full, lakePath)
	next.finish("z")
	next.end()
	rest, err := f.LakeFiles(f.ctx, tenant, lakePath, gen, "", page[1].Name, 2)
	f.ok(err)
	if len(page) != 2 || len(rest) != 1 || rest[0].Path() != lakePath+"/dir/c" {
		t.Errorf("pages %v, %v", page, rest)
	}
	l, err := f.LakeFolder(f.ctx, tenant, filesync.ListQuery{Path: lakePath, Generation: gen})
	f.ok(err)
	if l.Total != 3 || l.Generation != gen {
		t.Errorf("the old folder: %+v", l)
	}
	_, err = f.LakeFile(f.ctx, tenant, lakePath+"/z", gen)
	f.is(err, errs.NotFound)
	_, err = f.LakeFolder(f.ctx, tenant, filesync.ListQuery{Path: "/other", Generation: gen})
	f.is(err, errs.NotFound)
	open := f.sync(filesync.Full, lakePath)
	open.finish("secret")
	_, err = f.LakeFile(f.ctx, tenant, lakePath+"/secret", 0)
	f.is(err, errs.NotFound)
	f.ok(f.DropTrash(f.ctx, tenant, next.ID))
	_, err = f.LakeFiles(f.ctx, tenant, lakePath, gen, "", "", 2)
	f.is(err, errs.NotFound)
}
