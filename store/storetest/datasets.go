package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

func (f *fixture) dataset(id string) *dataset.Dataset {
	f.Helper()
	d := &dataset.Dataset{ID: id, Tenant: tenant, Owner: "ann", Name: "Name of " + id, Description: "text", CreatedAt: day, UpdatedAt: day.Add(time.Hour)}
	f.ok(f.CreateDataset(f.ctx, d))
	return d
}

// source creates a data source whose fields are all set.
func (f *fixture) source(id, of, upload string) *dataset.DataSource {
	f.Helper()
	s := &dataset.DataSource{
		ID: id, Dataset: of, Tenant: tenant, Owner: "ann", Name: id + ".csv", Upload: upload, Key: "", Size: 7, SHA256: [32]byte{1, 2},
		Status: dataset.Synching, CreatedAt: day, UpdatedAt: day.Add(time.Hour),
	}
	if upload != "" {
		s.Key = dataset.UploadKey(upload)
	}
	f.ok(f.CreateSource(f.ctx, s, nil, ""))
	return s
}

func (f *fixture) upload(id string) *dataset.Upload {
	f.Helper()
	u := &dataset.Upload{
		ID: id, Tenant: tenant, Owner: "ann", ObjectKey: "temp/" + id, Name: "a.csv", Size: 7, SHA256: [32]byte{3}, Key: dataset.UploadKey(id),
		Provider: "p", PartSize: 5, State: dataset.Complete, CreatedAt: day, ExpiresAt: day.Add(time.Hour),
	}
	f.ok(f.CreateUpload(f.ctx, u))
	return u
}

// claimKind takes all items of a kind that are due.
func (f *fixture) claimKind(kind string) []work.Item {
	f.Helper()
	items, err := f.Claim(f.ctx, "node", []string{kind}, 1000, time.Minute)
	f.ok(err)
	return items
}

// finishAll makes every data source that waits Synched, with bytes of its own
// unless it has those of an upload.
func (f *fixture) finishAll() {
	f.Helper()
	for _, item := range f.claimKind(dataset.KindSync) {
		s, _, _, err := f.SyncSource(f.ctx, item.Payload)
		f.ok(err)
		r := dataset.SyncResult{Status: dataset.Synched, Key: s.Key, Size: 7, At: day}
		if r.Key == "" {
			r.Key = dataset.SourceKey(s.ID, item.Fence)
		}
		f.ok(f.FinishSync(f.ctx, item.Lease(), s.ID, r))
	}
}

// garbage returns the keys that wait to be collected.
func (f *fixture) garbage() []string {
	f.Helper()
	keys, err := f.Garbage(f.ctx, time.Now().Add(time.Hour), 1000)
	f.ok(err)
	return append([]string{}, keys...)
}

func testDatasetRoundTrip(t *testing.T, f *fixture) {
	want := f.dataset("d1")
	got, err := f.Dataset(f.ctx, tenant, "d1")
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dataset (-want +got):\n%s", diff)
	}
	f.is(f.CreateDataset(f.ctx, want), errs.Exists)
	f.ok(f.UpdateDataset(f.ctx, tenant, "d1", func(d *dataset.Dataset) error {
		d.Name, d.Description, d.UpdatedAt = "New", "other", day.Add(2*time.Hour)
		return nil
	}))
	want.Name, want.Description, want.UpdatedAt = "New", "other", day.Add(2*time.Hour)
	got, err = f.Dataset(f.ctx, tenant, "d1")
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("updated (-want +got):\n%s", diff)
	}
	f.is(f.UpdateDataset(f.ctx, tenant, "d1", func(*dataset.Dataset) error { return errs.New(errs.Forbidden, "no") }), errs.Forbidden)
	for _, id := range []string{"d1", "\x00", "\xff", ""} {
		who := tenant
		if id == "d1" {
			who = stranger
		}
		_, err = f.Dataset(f.ctx, who, id)
		f.is(err, errs.NotFound)
		f.is(f.UpdateDataset(f.ctx, who, id, func(*dataset.Dataset) error { return nil }), errs.NotFound)
		f.is(f.DeleteDataset(f.ctx, who, id), errs.NotFound)
		_, err = f.SourceCounts(f.ctx, who, id)
		f.is(err, errs.NotFound)
		_, _, err = f.Sources(f.ctx, who, id, dataset.SourceQuery{})
		f.is(err, errs.NotFound)
		f.is(f.CreateSource(f.ctx, &dataset.DataSource{ID: "s" + id, Dataset: id, Tenant: who}, nil, ""), map[bool]errs.Kind{true: errs.NotFound, false: errs.Invalid}[id == "d1" || id == ""])
	}
}

func testDatasetList(t *testing.T, f *fixture) {
	for i := range 4 {
		d := f.dataset(fmt.Sprintf("d%d", i))
		if i == 2 {
			f.ok(f.UpdateDataset(f.ctx, tenant, d.ID, func(d *dataset.Dataset) error { d.Description = "ÜBER 100%"; return nil }))
		}
	}
	f.ok(f.CreateDataset(f.ctx, &dataset.Dataset{ID: "b", Tenant: tenant, Owner: "bob", Name: "Name of d1"}))
	f.ok(f.CreateDataset(f.ctx, &dataset.Dataset{ID: "s", Tenant: stranger, Owner: "ann", Name: "Name of d1"}))
	tests := []struct {
		q     dataset.Query
		want  []string
		total int
	}{
		{dataset.Query{}, []string{"d3", "d2", "d1", "d0"}, 4},
		{dataset.Query{Offset: 1, Limit: 2}, []string{"d2", "d1"}, 4},
		{dataset.Query{Search: "OF D1"}, []string{"d1"}, 1},
		{dataset.Query{Search: "über 100%"}, []string{"d2"}, 1},
		{dataset.Query{Search: "d_"}, nil, 0},
	}
	for _, tt := range tests {
		list, total, err := f.Datasets(f.ctx, tenant, "ann", tt.q)
		f.ok(err)
		var ids []string
		for _, d := range list {
			ids = append(ids, d.ID)
		}
		if diff := cmp.Diff(tt.want, ids); diff != "" || total != tt.total {
			t.Errorf("%+v: total %d (-want +got):\n%s", tt.q, total, diff)
		}
	}
}

func testSourceRoundTrip(t *testing.T, f *fixture) {
	f.upload("u1")
	d := &dataset.Dataset{ID: "d1", Tenant: tenant, Owner: "ann", Name: "made"}
	want := &dataset.DataSource{
		ID: "s1", Dataset: "d1", Tenant: tenant, Owner: "ann", Name: "名 a.csv", Upload: "u1", Key: dataset.UploadKey("u1"), Size: 7, SHA256: [32]byte{9},
		Status: dataset.Synching, CreatedAt: day, UpdatedAt: day.Add(time.Hour),
	}
	f.ok(f.CreateSource(f.ctx, want, d, "https://h/x?sig=1"))
	for _, of := range []string{"d1", ""} {
		got, err := f.Source(f.ctx, tenant, of, "s1")
		f.ok(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("data source (-want +got):\n%s", diff)
		}
	}
	listed, total, err := f.Sources(f.ctx, tenant, "d1", dataset.SourceQuery{})
	f.ok(err)
	if diff := cmp.Diff([]*dataset.DataSource{want}, listed); diff != "" || total != 1 {
		t.Errorf("listed %d (-want +got):\n%s", total, diff)
	}
	item := f.claimKind(dataset.KindSync)[0]
	got, url, segments, err := f.SyncSource(f.ctx, item.Payload)
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" || url != "https://h/x?sig=1" || segments != nil {
		t.Errorf("to be synched: %q %v (-want +got):\n%s", url, segments, diff)
	}
	r := dataset.SyncResult{
		Status: dataset.Invalid, Reason: "no\x00table", Key: "sources/k", Size: 70, SHA256: [32]byte{8}, At: day.Add(3 * time.Hour),
		Tables: []dataset.Table{{Name: "t", Rows: 5, Charset: "utf-8", Delimiter: ";", Columns: []dataset.Column{{Name: "a", Original: " a", Type: "integer", Nullable: true}}}},
	}
	f.is(f.FinishSync(f.ctx, work.Lease{ID: item.ID, Fence: item.Fence + 1}, "s1", r), errs.Conflict)
	f.is(f.FinishSync(f.ctx, item.Lease(), "s2", r), errs.Conflict)
	f.ok(f.FinishSync(f.ctx, item.Lease(), "s1", r))
	f.is(f.FinishSync(f.ctx, item.Lease(), "s1", r), errs.Conflict)
	want.Upload, want.Key, want.Size, want.SHA256, want.Status, want.Reason = "", r.Key, r.Size, r.SHA256, r.Status, "no\uFFFDtable"
	want.Tables, want.UpdatedAt = r.Tables, r.At
	got, err = f.Source(f.ctx, tenant, "d1", "s1")
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("finished (-want +got):\n%s", diff)
	}
	_, _, _, err = f.SyncSource(f.ctx, "s1")
	f.is(err, errs.NotFound)
	if items := f.claimKind(dataset.KindSync); len(items) > 0 {
		t.Errorf("its work goes on: %+v", items)
	}
	for _, at := range [][3]string{{stranger, "d1", "s1"}, {tenant, "d2", "s1"}, {tenant, "d1", "s2"}, {tenant, "d1", "\x00"}} {
		_, err = f.Source(f.ctx, at[0], at[1], at[2])
		f.is(err, errs.NotFound)
		f.is(f.DeleteSource(f.ctx, at[0], at[1], at[2]), errs.NotFound)
	}
	f.is(f.CreateSource(f.ctx, &dataset.DataSource{ID: "s3", Dataset: "d1", Tenant: tenant, Upload: "gone"}, nil, ""), errs.NotFound)
	f.is(f.CreateSource(f.ctx, &dataset.DataSource{ID: "s1", Dataset: "d1", Tenant: tenant}, nil, ""), errs.Exists)
}

func testSourceList(t *testing.T, f *fixture) {
	f.dataset("d")
	f.dataset("other")
	f.source("s0", "d", "")
	f.source("s1", "d", "")
	f.source("x", "other", "")
	f.finishAll()
	f.source("s2", "d", "")
	tests := []struct {
		q     dataset.SourceQuery
		want  []string
		total int
	}{
		{dataset.SourceQuery{}, []string{"s2", "s1", "s0"}, 3},
		{dataset.SourceQuery{Offset: 1, Limit: 1}, []string{"s1"}, 3},
		{dataset.SourceQuery{Statuses: []dataset.Status{dataset.Synching}}, []string{"s2"}, 1},
		{dataset.SourceQuery{Statuses: []dataset.Status{dataset.Synching, dataset.Synched}, Limit: 2}, []string{"s2", "s1"}, 3},
		{dataset.SourceQuery{Statuses: []dataset.Status{dataset.Invalid}}, nil, 0},
	}
	for _, tt := range tests {
		list, total, err := f.Sources(f.ctx, tenant, "d", tt.q)
		f.ok(err)
		var ids []string
		for _, s := range list {
			ids = append(ids, s.ID)
		}
		if diff := cmp.Diff(tt.want, ids); diff != "" || total != tt.total {
			t.Errorf("%+v: total %d (-want +got):\n%s", tt.q, total, diff)
		}
	}
	c, err := f.SourceCounts(f.ctx, tenant, "d")
	f.ok(err)
	if diff := cmp.Diff(dataset.Counts{Synched: 2, Synching: 1}, c); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func testSourceDelete(t *testing.T, f *fixture) {
	f.dataset("d")
	f.source("s1", "d", "")
	f.finishAll()
	f.source("s2", "d", "") // its work waits
	for _, id := range []string{"s1", "s2"} {
		f.ok(f.DeleteSource(f.ctx, tenant, "d", id))
		f.is(f.DeleteSource(f.ctx, tenant, "d", id), errs.NotFound)
	}
	if items := f.claimKind(dataset.KindSync); len(items) > 0 {
		t.Errorf("the work of deleted data sources: %+v", items)
	}
	if diff := cmp.Diff([]string{dataset.SourceKey("s1", 1)}, f.garbage()); diff != "" {
		t.Errorf("garbage (-want +got):\n%s", diff)
	}
}

func testDatasetPurge(t *testing.T, f *fixture) {
	f.dataset("d")
	f.dataset("other")
	for i := range 5 {
		f.source(fmt.Sprintf("s%d", i), "d", "")
	}
	f.source("kept", "other", "")
	f.finishAll()
	f.source("waits", "d", "")
	f.ok(f.DeleteDataset(f.ctx, tenant, "d"))
	_, err := f.Source(f.ctx, tenant, "", "s1")
	f.is(err, errs.NotFound)
	if _, _, _, err := f.SyncSource(f.ctx, "waits"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("a data source of a deleted dataset is still to be synched: %v", err)
	}
	item := f.claimKind(dataset.KindPurge)[0]
	_, err = f.PurgeDataset(f.ctx, work.Lease{ID: item.ID, Fence: item.Fence + 1}, 2)
	f.is(err, errs.Conflict)
	rounds := 0
	for more := true; more; rounds++ {
		more, err = f.PurgeDataset(f.ctx, item.Lease(), 2)
		f.ok(err)
	}
	if got := f.garbage(); len(got) != 5 || rounds != 4 {
		t.Errorf("after %d rounds the bytes of %d data sources are garbage, want 5", rounds, len(got))
	}
	if items := f.claimKind(dataset.KindSync); len(items) > 0 {
		t.Errorf("work is left: %+v", items)
	}
	if _, err := f.Source(f.ctx, tenant, "other", "kept"); err != nil {
		t.Error(err)
	}
}

func testUploadRoundTrip(t *testing.T, f *fixture) {
	want := f.upload("u1")
	for name, get := range map[string]func() (*dataset.Upload, error){
		"by key": func() (*dataset.Upload, error) { return f.Upload(f.ctx, tenant, "temp/u1") },
		"by id":  func() (*dataset.Upload, error) { return f.UploadByID(f.ctx, tenant, "u1") },
	} {
		got, err := get()
		f.ok(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, key := range []string{"temp/u1", "temp/u2", "\x00", ""} {
		who := map[bool]string{true: stranger, false: tenant}[key == "temp/u1"]
		_, err := f.Upload(f.ctx, who, key)
		f.is(err, errs.NotFound)
		_, err = f.UploadByID(f.ctx, who, key)
		f.is(err, errs.NotFound)
	}
	again := *want
	again.ID = "u2"
	f.is(f.CreateUpload(f.ctx, &again), errs.Exists)
	again.ID, again.Tenant = "u3", stranger
	f.ok(f.CreateUpload(f.ctx, &again))
}

func testUploadParts(t *testing.T, f *fixture) {
	u := &dataset.Upload{ID: "u", Tenant: tenant, ObjectKey: "k", Key: dataset.UploadKey("u"), State: dataset.Open, Size: 7, PartSize: 5, ExpiresAt: day}
	f.ok(f.CreateUpload(f.ctx, u))
	part := func(n int, key string) dataset.Part {
		return dataset.Part{Number: n, Size: int64(n), ETag: "e" + key, Key: "parts/u/" + key}
	}
	for _, p := range []dataset.Part{part(2, "b"), part(1, "a"), part(2, "c")} {
		f.ok(f.PutPart(f.ctx, "u", p))
	}
	got, err := f.Parts(f.ctx, "u")
	f.ok(err)
	if diff := cmp.Diff([]dataset.Part{part(1, "a"), part(2, "c")}, got); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"parts/u/b"}, f.garbage()); diff != "" {
		t.Errorf("garbage (-want +got):\n%s", diff)
	}
	live, err := f.Live(f.ctx, []string{"parts/u/a", "parts/u/b", "parts/u/x", dataset.UploadKey("u"), dataset.UploadKey("x"), dataset.SourceKey("x", 1), "sources/x", "strange"})
	f.ok(err)
	if diff := cmp.Diff([]bool{true, true, false, true, false, false, false, true}, live); diff != "" {
		t.Errorf("live (-want +got):\n%s", diff)
	}
	f.ok(f.CompleteUpload(f.ctx, "u", day.Add(time.Hour)))
	f.is(f.CompleteUpload(f.ctx, "u", day), errs.Conflict)
	f.is(f.PutPart(f.ctx, "u", part(1, "d")), errs.Conflict)
	f.is(f.PutPart(f.ctx, "none", part(1, "d")), errs.NotFound)
	f.dataset("d")
	s := &dataset.DataSource{ID: "s", Dataset: "d", Tenant: tenant, Upload: "u", Status: dataset.Synching}
	f.ok(f.CreateSource(f.ctx, s, nil, ""))
	_, _, segments, err := f.SyncSource(f.ctx, "s")
	f.ok(err)
	if diff := cmp.Diff([]dataset.Segment{{Key: "parts/u/a", Size: 1}, {Key: "parts/u/c", Size: 2}}, segments); diff != "" {
		t.Errorf("segments (-want +got):\n%s", diff)
	}
}

func testUploadExpiry(t *testing.T, f *fixture) {
	f.dataset("d")
	f.upload("unused")
	f.upload("shared")
	f.source("s1", "d", "shared")
	f.source("s2", "d", "shared")
	f.finishAll()
	due := func(at time.Time) (ids []string) {
		list, err := f.ExpiringUploads(f.ctx, at, 10)
		f.ok(err)
		for _, u := range list {
			ids = append(ids, u.ID)
		}
		return ids
	}
	if got := due(day); len(got) > 0 {
		t.Errorf("expiring too early: %v", got)
	}
	f.is(f.ExpireUpload(f.ctx, "unused", day), errs.Conflict)
	f.ok(f.ForgetUpload(f.ctx, "unused")) // not expired: nothing happens
	late := day.Add(2 * time.Hour)
	for _, id := range due(late) {
		f.ok(f.ExpireUpload(f.ctx, id, late))
		_, err := f.UploadByID(f.ctx, tenant, id)
		f.is(err, errs.NotFound)
		f.is(f.CreateSource(f.ctx, &dataset.DataSource{ID: "late", Dataset: "d", Tenant: tenant, Upload: id}, nil, ""), errs.NotFound)
	}
	if got := due(late); len(got) != 2 {
		t.Errorf("a crash before they are forgotten leaves %v, want both", got)
	}
	for _, id := range []string{"unused", "shared", "unused"} {
		f.ok(f.ForgetUpload(f.ctx, id))
	}
	if got := due(late); len(got) > 0 {
		t.Errorf("%v come again", got)
	}
	if diff := cmp.Diff([]string{dataset.UploadKey("unused")}, f.garbage()); diff != "" {
		t.Errorf("garbage (-want +got):\n%s", diff)
	}
	f.ok(f.DeleteSource(f.ctx, tenant, "d", "s1"))
	if got := f.garbage(); len(got) != 1 {
		t.Errorf("bytes that another data source shares are garbage: %v", got)
	}
	f.ok(f.DeleteSource(f.ctx, tenant, "d", "s2"))
	if got := f.garbage(); len(got) != 2 {
		t.Errorf("garbage %v, want the shared bytes, too", got)
	}
}

// Of two that end the last uses of an upload at the same time, one makes its
// bytes garbage.
func testConcurrentForgetting(t *testing.T, f *fixture) {
	f.dataset("d")
	for i := range 20 {
		id := fmt.Sprintf("u%d", i)
		f.upload(id)
		f.source("a"+id, "d", id)
		f.source("b"+id, "d", id)
		f.finishAll()
		f.ok(f.ExpireUpload(f.ctx, id, day.Add(2*time.Hour)))
		var all sync.WaitGroup
		for _, end := range []func() error{
			func() error { return f.DeleteSource(f.ctx, tenant, "d", "a"+id) },
			func() error { return f.DeleteSource(f.ctx, tenant, "d", "b"+id) },
			func() error { return f.ForgetUpload(f.ctx, id) },
		} {
			all.Go(func() {
				if err := end(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := f.garbage(); len(got) != i+1 {
			t.Fatalf("%d uploads are garbage, want %d", len(got), i+1)
		}
	}
}
