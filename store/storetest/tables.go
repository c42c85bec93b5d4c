package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/query/catalog"
	"github.com/inlet-go/inlet/task"
)

// tables makes a file of each kind that is called Sales.csv, and some others.
func (f *fixture) tables() (volume *task.Volume) {
	f.Helper()
	l := f.begin(once, nil)
	l.load("dir/Sales.csv", "dir/deep/other.json", "dir/picture.png")
	f.begin(once, l).list("dir/waiting.csv") // and never loads it
	f.dataset("d1")
	f.source("s1", "d1", "")
	f.source("s2", "d1", "")
	f.source("s3", "d1", "")
	for _, item := range f.claimKind(dataset.KindSync) {
		r := dataset.SyncResult{Status: dataset.Synched, Key: dataset.SourceKey(item.Payload, item.Fence), Size: 7, SHA256: [32]byte{9}, At: day}
		switch item.Payload {
		case "s1":
			r.Tables = []dataset.Table{{Rows: 3, Columns: []dataset.Column{{Name: "a", Type: "integer"}}}}
		case "s2":
			r.Status, r.Reason = dataset.Invalid, "bad"
		}
		f.ok(f.FinishSync(f.ctx, item.Lease(), item.Payload, r))
	}
	f.sync(filesync.Incremental, "/lake/empty")
	y := f.sync(filesync.Incremental, "/lake/S1.csv")
	y.tell(y.record("one.csv", filesync.Finished))
	v, err := f.Volume(f.ctx, tenant, l.task.VolumeID)
	f.ok(err)
	return v
}

// brief is what a test compares of a file.
type brief struct {
	Kind   catalog.Kind
	Schema string
	Name   string
	Size   int64
	Tables int
	Path   string
	Files  int64
}

func briefs(files []catalog.File) []brief {
	list := []brief{}
	for _, f := range files {
		list = append(list, brief{f.Kind, f.Schema, f.Name, f.Size, len(f.Tables), f.Path, f.Files})
	}
	return list
}

func testNamedFiles(t *testing.T, f *fixture) {
	v := f.tables()
	sales := brief{Kind: catalog.VolumeFile, Schema: v.Name, Name: "Sales.csv", Size: 20}
	other := brief{Kind: catalog.VolumeFile, Schema: v.Name, Name: "other.json", Size: 20}
	source := brief{Kind: catalog.SourceFile, Schema: "Name of d1", Name: "s1.csv", Size: 7, Tables: 1}
	lake := brief{Kind: catalog.LakePath, Name: "S1.csv", Size: 10, Path: "/lake/S1.csv", Files: 1}
	tests := []struct {
		name, tenant, user string
		bases              []string
		want               []brief
	}{
		{"nothing", tenant, "", nil, []brief{}},
		{"unknown", tenant, "", []string{"x", "sales.csv", "\xff", "a\x00"}, []brief{}},
		{"of a volume", tenant, "", []string{"sales", "other"}, []brief{sales, other}},
		{"with case", tenant, "", []string{"Sales"}, []brief{}},
		{"no table", tenant, "", []string{"picture", "picture.png", "waiting", "empty", "s2", "s3"}, []brief{}},
		{"of all kinds", tenant, "", []string{"s1", "s1.csv"}, []brief{source, lake}},
		{"its owner's", tenant, "ann", []string{"s1", "s1.csv"}, []brief{source, lake}},
		{"another user's", tenant, "bob", []string{"s1", "s1.csv"}, []brief{lake}},
		{"another tenant's", stranger, "", []string{"sales", "s1", "s1.csv"}, []brief{}},
	}
	for _, test := range tests {
		got, err := f.NamedFiles(f.ctx, test.tenant, test.user, test.bases, 100)
		f.ok(err)
		if diff := cmp.Diff(test.want, briefs(got)); diff != "" {
			t.Errorf("%s: -want +got\n%s", test.name, diff)
		}
	}
	got, err := f.NamedFiles(f.ctx, tenant, "", []string{"sales", "s1", "s1.csv"}, 2)
	f.ok(err)
	if len(got) != 2 || got[0].Key == "" || got[1].SHA256 == [32]byte{} || got[0].SchemaID == "" {
		t.Errorf("limit 2: got %+v", got)
	}
	got, err = f.NamedFiles(f.ctx, tenant, "", []string{"s1", "s1.csv"}, 9)
	f.ok(err)
	if last := got[1]; last.Generation == 0 || last.UpdatedAt.Equal(time.Time{}) {
		t.Errorf("lake path: got %+v", last)
	}
	got, err = f.NamedFiles(f.ctx, tenant, "", []string{"sales"}, 9)
	f.ok(err)
	f.ok(f.RemoveFiles(f.ctx, tenant, v.ID, []int64{got[0].ID}))
	got, err = f.NamedFiles(f.ctx, tenant, "", []string{"sales"}, 9)
	f.ok(err)
	if len(got) != 0 {
		t.Errorf("a removed file: got %+v", got)
	}
}

func testFilesAfter(t *testing.T, f *fixture) {
	f.tables()
	for kind, want := range map[catalog.Kind][]string{
		catalog.VolumeFile: {"Sales.csv", "other.json"}, catalog.SourceFile: {"s1.csv"}, catalog.LakePath: {"S1.csv"},
	} {
		var got []string
		for after := int64(0); ; {
			page, err := f.FilesAfter(f.ctx, tenant, "", kind, after, 1)
			f.ok(err)
			if len(page) == 0 {
				break
			}
			after = page[0].ID
			got = append(got, page[0].Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("kind %d: -want +got\n%s", kind, diff)
		}
	}
	for _, who := range []struct{ tenant, user string }{{stranger, ""}, {tenant, "bob"}} {
		got, err := f.FilesAfter(f.ctx, who.tenant, who.user, catalog.SourceFile, 0, 10)
		f.ok(err)
		if len(got) != 0 {
			t.Errorf("%v: got %+v", who, got)
		}
	}
}
