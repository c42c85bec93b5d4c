package catalog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/catalog"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/xlsx"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

var me = scope.Scope{Tenant: "acme", User: "ann"}

// env is a catalog over files that a test puts in.
type env struct {
	*testing.T
	*catalog.Catalog
	bucket  blob.Bucket
	files   []catalog.File
	lake    map[string][]*filesync.File
	asked   []string // base names
	opened  int
	changed time.Time
}

func newEnv(t *testing.T) *env {
	t.Helper()
	reader, err := tabular.New(&tabular.Options{Formats: []tabular.Format{xlsx.Format{}}})
	if err != nil {
		t.Fatal(err)
	}
	e := &env{T: t, bucket: cloud.Memory(), lake: map[string][]*filesync.File{}, changed: time.Now().Add(-time.Hour)}
	e.Catalog = catalog.New(e, counted{e.bucket, &e.opened}, reader, nil)
	return e
}

// counted counts what is opened.
type counted struct {
	blob.Bucket
	n *int
}

func (c counted) Open(ctx context.Context, key string, o *blob.OpenOptions) (io.ReadCloser, error) {
	*c.n++
	return c.Bucket.Open(ctx, key, o)
}

// NamedFiles implements [catalog.Store].
func (e *env) NamedFiles(_ context.Context, tenant, _ string, bases []string, limit int) ([]catalog.File, error) {
	e.asked = bases
	var found []catalog.File
	for _, f := range e.files {
		base := strings.ToLower(f.Name)
		if f.Kind != catalog.LakePath {
			base = strings.TrimSuffix(base, path.Ext(base))
		}
		if tenant == me.Tenant && slices.Contains(bases, base) && len(found) < limit {
			found = append(found, f)
		}
	}
	return found, nil
}

// FilesAfter implements [catalog.Store].
func (e *env) FilesAfter(_ context.Context, _, _ string, kind catalog.Kind, after int64, limit int) ([]catalog.File, error) {
	var found []catalog.File
	for _, f := range e.files {
		if f.Kind == kind && f.ID > after && len(found) < limit {
			found = append(found, f)
		}
	}
	return found, nil
}

// LakeFiles implements [catalog.Store].
func (e *env) LakeFiles(_ context.Context, _, path string, generation int64, dir, name string, limit int) ([]*filesync.File, error) {
	if generation != 1 {
		return nil, errs.New(errs.NotFound, "generation %d does not exist", generation)
	}
	var found []*filesync.File
	for _, f := range e.lake[path] {
		if (f.Dir > dir || f.Dir == dir && f.Name > name) && len(found) < limit {
			found = append(found, f)
		}
	}
	return found, nil
}

func (e *env) write(key string, data []byte) blob.Written {
	e.Helper()
	w, err := e.bucket.Write(e.Context(), key, bytes.NewReader(data), nil)
	if err != nil {
		e.Fatal(err)
	}
	return w
}

// file puts a file into a schema.
func (e *env) file(kind catalog.Kind, schema, name string, data []byte) {
	e.Helper()
	id := int64(len(e.files) + 1)
	key := fmt.Sprint("k", id)
	w := e.write(key, data)
	e.files = append(e.files, catalog.File{
		Kind: kind, ID: id, Schema: schema, SchemaID: schema + "-id", Name: name, Key: key, Size: w.Size, SHA256: w.SHA256,
	})
}

// path puts files, as name and content, into a lake path. All of them are in
// one pack.
func (e *env) path(path string, files ...string) {
	e.Helper()
	pack := []byte("before")
	key := "pack" + path
	var total int64
	for i := 0; i < len(files); i += 2 {
		data := []byte(files[i+1])
		e.lake[path] = append(e.lake[path], &filesync.File{
			LakePath: path, Generation: 1, Name: files[i], Size: int64(len(data)), SHA256: sha256.Sum256(data),
			Place: filesync.Place{Key: key, Packed: true, Offset: int64(len(pack))},
		})
		pack = append(append(pack, data...), "between"...)
		total += int64(len(data))
	}
	e.write(key, pack)
	e.files = append(e.files, catalog.File{
		Kind: catalog.LakePath, ID: int64(len(e.files) + 1), Name: path[strings.LastIndexByte(path, '/')+1:], Path: path, Generation: 1,
		Files: int64(len(files) / 2), Size: total, UpdatedAt: e.changed,
	})
}

// find returns the tables that a name means, as schema.table.
func (e *env) find(names ...string) map[string]query.Table {
	e.Helper()
	found, err := e.Find(e.Context(), me, names)
	if err != nil {
		e.Fatal(err)
	}
	tables := map[string]query.Table{}
	for _, t := range found {
		tables[t.Schema+"."+t.Name] = t
	}
	return tables
}

// one returns the only table that a name means.
func (e *env) one(name string) query.Table {
	e.Helper()
	for _, t := range e.find(name) {
		return t
	}
	e.Fatalf("%s means nothing", name)
	return query.Table{}
}

// read returns the columns and rows of a table as text.
func read(t *testing.T, table query.Table) (columns []string, rows []string, err error) {
	t.Helper()
	d, err := table.Source.Describe(t.Context())
	if err != nil {
		return nil, nil, err
	}
	for _, c := range d.Columns {
		columns = append(columns, fmt.Sprintf("%s %s %t", c.Name, c.Type, c.Nullable))
	}
	r, err := table.Source.Open(t.Context())
	if err != nil {
		return columns, nil, err
	}
	defer r.Close()
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			if int64(len(rows)) != d.Rows {
				t.Errorf("%d rows, described as %d", len(rows), d.Rows)
			}
			return columns, rows, nil
		}
		if err != nil {
			return columns, rows, err
		}
		var texts []string
		for i, v := range row {
			if v.Type != tabular.Null && v.Type != d.Columns[i].Type {
				t.Errorf("column %s: a value is %s", columns[i], v.Type)
			}
			texts = append(texts, string(v.Append(nil)))
		}
		rows = append(rows, strings.Join(texts, "|"))
	}
}

func workbook(t *testing.T, sheets ...string) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, name := range sheets {
		if i == 0 {
			if err := f.SetSheetName("Sheet1", name); err != nil {
				t.Fatal(err)
			}
		} else if _, err := f.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		for cell, v := range map[string]any{"A1": "n", "A2": i + 1} {
			if err := f.SetCellValue(name, cell, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestNames(t *testing.T) {
	e := newEnv(t)
	e.file(catalog.VolumeFile, "vol", "Orders.csv", []byte("a\n1\n"))
	e.file(catalog.VolumeFile, "vol", "orders.json", []byte(`[{"a":2}]`))
	e.file(catalog.SourceFile, "set", "orders.tsv", []byte("a\tb\n3\t4\n"))
	e.file(catalog.VolumeFile, "vol", "one.xlsx", workbook(t, "First"))
	e.file(catalog.VolumeFile, "vol", "two.xlsx", workbook(t, "First", "Next one"))
	e.file(catalog.VolumeFile, "vol", "a_b.ndjson", []byte(`{"x":1}`))
	e.file(catalog.VolumeFile, "vol", "picture.png", []byte("x"))
	e.path("/data/orders", "1.csv", "a\n5\n")
	e.file(catalog.VolumeFile, "vol", "表.csv", []byte("a\n1\n"))
	tests := []struct {
		names []string
		want  []string
	}{
		{[]string{"orders"}, []string{"lake.orders", "set.orders", "vol.Orders", "vol.orders"}},
		{[]string{"ORDERS.CSV"}, []string{"vol.Orders"}},
		{[]string{"orders.csv", "orders.tsv"}, []string{"set.orders", "vol.Orders"}},
		{[]string{"one"}, []string{"vol.one"}},
		{[]string{"two"}, nil},
		{[]string{"two_first"}, []string{"vol.two_First"}},
		{[]string{"Two_Next one", "select", "a"}, []string{"vol.two_Next one"}},
		{[]string{"a_b", "a"}, []string{"vol.a_b"}},
		{[]string{"表"}, []string{"vol.表"}},
		{[]string{"picture", "picture.png", "", "x"}, nil},
	}
	for _, test := range tests {
		var got []string
		for name := range e.find(test.names...) {
			got = append(got, name)
		}
		slices.Sort(got)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: -want +got\n%s", test.names, diff)
		}
	}
	var all []string
	for table, err := range e.Tables(t.Context(), me) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, table.Schema+"."+table.Name)
	}
	want := []string{"vol.Orders", "vol.orders", "vol.one", "vol.two_First", "vol.two_Next one", "vol.a_b", "vol.表", "set.orders", "lake.orders"}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("all tables: -want +got\n%s", diff)
	}
	if got, err := e.Find(t.Context(), scope.Scope{Tenant: "other"}, []string{"orders"}); err != nil || len(got) > 0 {
		t.Errorf("another tenant finds %v, %v", got, err)
	}
	if _, err := e.Find(t.Context(), scope.Scope{}, []string{"orders"}); !errors.Is(err, errs.Unauthorized) {
		t.Errorf("nobody: got %v", err)
	}
	if _, err := e.Find(t.Context(), me, make([]string, 6000)); !errors.Is(err, errs.TooLarge) {
		t.Errorf("too many names: got %v", err)
	}
}

func TestFiles(t *testing.T) {
	e := newEnv(t)
	e.file(catalog.VolumeFile, "vol", "t.csv", []byte("a,b\n1,x\n2,\n"))
	e.file(catalog.VolumeFile, "vol", "two.xlsx", workbook(t, "First", "Next"))
	e.file(catalog.SourceFile, "set", "known.csv", []byte("a\n7\n"))
	e.files[2].Tables = []dataset.Table{{Rows: 1, Charset: "utf-8", Delimiter: ",", Columns: []dataset.Column{{Name: "a", Type: "integer"}}}}
	tests := []struct {
		name          string
		columns, rows []string
		opened        int
	}{
		{"t", []string{"a integer false", "b text true"}, []string{"1|x", "2|"}, 2},
		{"t", []string{"a integer false", "b text true"}, []string{"1|x", "2|"}, 1}, // it is known by now
		{"known", []string{"a integer false"}, []string{"7"}, 1},
		{"two_next", []string{"n integer false"}, []string{"2"}, -1},
	}
	for _, test := range tests {
		table := e.one(test.name)
		before := e.opened
		columns, rows, err := read(t, table)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{test.columns, test.rows}, [][]string{columns, rows}); diff != "" {
			t.Errorf("%s: -want +got\n%s", test.name, diff)
		}
		if n := e.opened - before; test.opened >= 0 && n != test.opened {
			t.Errorf("%s: the bucket was asked %d times, want %d", test.name, n, test.opened)
		}
	}
	if a, b := e.one("two_first"), e.one("two_next"); a.Version == b.Version {
		t.Errorf("both sheets have the version %s", a.Version)
	}
}

func TestVersions(t *testing.T) {
	e := newEnv(t)
	e.file(catalog.VolumeFile, "one", "a.csv", []byte("a\n1\n"))
	e.file(catalog.VolumeFile, "two", "b.csv", []byte("a\n1\n"))
	e.file(catalog.VolumeFile, "two", "c.csv", []byte("a\n2\n"))
	e.file(catalog.VolumeFile, "two", "d.tsv", []byte("a\n1\n"))
	e.path("/lake/p", "1.csv", "a\n1\n")
	if a, b := e.one("a").Version, e.one("b").Version; a != b {
		t.Errorf("equal files have the versions %s and %s", a, b)
	}
	for _, name := range []string{"c", "d", "p"} {
		if e.one(name).Version == e.one("a").Version {
			t.Errorf("%s has the version of another content or format", name)
		}
	}
	first := e.one("p").Version
	if e.one("p").Version != first {
		t.Error("a lake path at rest has two versions")
	}
	e.files[4].UpdatedAt = e.changed.Add(time.Millisecond)
	if e.one("p").Version == first {
		t.Error("a lake path that changed has the version of before")
	}
	e.files[4].UpdatedAt = time.Now()
	if first = e.one("p").Version; e.one("p").Version == first {
		t.Error("a lake path that may be changing has one version")
	}
}

func TestLakePath(t *testing.T) {
	e := newEnv(t)
	e.path("/lake/p",
		"1.csv", "id,name\n1,a\n2,b\n",
		"2.csv", "ID,price\n3,0.5\n",
		"3.json", `[{"name":"c","id":4}]`,
		"README.md", "# nothing",
		"empty.csv", "",
		"z.tsv", "price\n12\n",
	)
	for range 2 { // the second from memory, as far as columns go
		columns, rows, err := read(t, e.one("p"))
		if err != nil {
			t.Fatal(err)
		}
		want := [][]string{{"id integer true", "name text true", "price decimal true"}, {"1|a|", "2|b|", "3||0.5", "4|c|", "||12"}}
		if diff := cmp.Diff(want, [][]string{columns, rows}); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	if got := e.one("/lake/p"); got.Name != "p" || got.Schema != catalog.LakeSchema {
		t.Errorf("got %+v", got)
	}
}

// TestManyFiles has more files than one page of a listing.
func TestManyFiles(t *testing.T) {
	e := newEnv(t)
	var files []string
	for i := range 1201 {
		files = append(files, fmt.Sprintf("%04d.csv", i), fmt.Sprintf("a\n%d\n", i))
	}
	e.path("/lake/many", files...)
	_, rows, err := read(t, e.one("many"))
	if err != nil || len(rows) != 1201 || rows[1200] != "1200" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	e := newEnv(t)
	e.file(catalog.VolumeFile, "vol", "bad.csv", []byte("a\n\"x\n"))
	e.file(catalog.VolumeFile, "vol", "bad.xlsx", []byte("no workbook"))
	e.path("/lake/conflict", "1.csv", "a,b\n1,2\n", "2.csv", "a,b\nx,3\n")
	e.path("/lake/sheets", "book.xlsx", string(workbook(t, "One", "Two")))
	e.path("/lake/broken", "1.csv", "a\n1\n", "2.json", `[{"a":`)
	e.path("/lake/none", "a.md", "x")
	e.path("/lake/gone", "1.csv", "a\n1\n")
	e.files[len(e.files)-1].Generation = 2
	tests := []struct {
		name string
		kind errs.Kind
		want []string // all in the message
	}{
		{"bad.csv", errs.Invalid, []string{"vol/bad.csv"}},
		{"bad.xlsx", errs.Invalid, []string{"vol/bad.xlsx"}},
		{"conflict", errs.Invalid, []string{"a", "/lake/conflict/1.csv", "/lake/conflict/2.csv", "integer", "text"}},
		{"sheets", errs.Invalid, []string{"/lake/sheets/book.xlsx", "2 tables"}},
		{"broken", errs.Invalid, []string{"/lake/broken/2.json"}},
		{"none", errs.Invalid, []string{"/lake/none", ".csv"}},
		{"gone", errs.NotFound, []string{"2"}},
	}
	for _, test := range tests {
		_, _, err := read(t, e.one(test.name))
		if !errors.Is(err, test.kind) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.kind)
			continue
		}
		for _, part := range test.want {
			if !strings.Contains(errs.Message(err), part) {
				t.Errorf("%s: %q does not say %q", test.name, errs.Message(err), part)
			}
		}
	}
}

func TestRowsEnd(t *testing.T) {
	e := newEnv(t)
	e.path("/lake/p", "1.csv", "a\n1\n", "2.csv", "a\n2\n")
	r, err := e.one("p").Source.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := r.Next(); err == nil {
		t.Error("there are rows after Close")
	}
}
