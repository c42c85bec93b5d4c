package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

const csv = "id,name\n1,ann\n2,bob\n"

// csvTables is what is found in csv.
var csvTables = []dataset.Table{{
	Rows: 2, Charset: "utf-8", Delimiter: ",", Columns: []dataset.Column{{Name: "id", Type: "integer"}, {Name: "name", Type: "text"}},
}}

func TestAnUploadBecomesSynched(t *testing.T) {
	e := newEnv(t, nil)
	d := e.dataset("d")
	s := e.source(d.ID, dataset.NewSource{Name: "people.csv", ObjectKey: e.upload("a.csv", csv)})
	if s.Status != dataset.Synching || s.Dataset != d.ID || !strings.HasPrefix(s.ID, "datasource-") {
		t.Errorf("created %+v", s)
	}
	counts := func() dataset.Counts { c, err := e.svc.Counts(t.Context(), e.me, d.ID); e.ok(err); return c }
	if diff := cmp.Diff(dataset.Counts{Synching: 1}, counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	e.drain()
	got := e.state(s)
	if got.Status != dataset.Synched || e.content(got) != csv {
		t.Errorf("it is %s %q", got.Status, got.Reason)
	}
	if diff := cmp.Diff(csvTables, got.Tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(dataset.Counts{Synched: 1}, counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	o, err := e.svc.Overview(t.Context(), e.me, d.ID)
	e.ok(err)
	if want := "1 data source: people.csv (2 columns, 2 rows)."; o.Summary != want {
		t.Errorf("summary %q, want %q", o.Summary, want)
	}
	if diff := cmp.Diff([]string{"id", "name"}, o.Keywords); diff != "" {
		t.Errorf("keywords (-want +got):\n%s", diff)
	}
}

func TestAURLBecomesSynched(t *testing.T) {
	e := newEnv(t, nil)
	s := e.source("", dataset.NewSource{Name: "people.csv", URL: e.web.put("/x", csv)})
	d, err := e.svc.Get(t.Context(), e.me, s.Dataset)
	if err != nil || d.Name != "people.csv" {
		t.Errorf("its dataset: %+v, %v", d, err)
	}
	e.drain()
	if got := e.state(s); got.Status != dataset.Synched || e.content(got) != csv || !cmp.Equal(csvTables, got.Tables) {
		t.Errorf("it is %+v", got)
	}
	if n := e.objects(); n != 1 {
		t.Errorf("%d objects, want 1", n)
	}
}

func TestWhatCannotBeSynchedIsInvalidWithAReason(t *testing.T) {
	e := newEnv(t, func(o *dataset.Options, r *dataset.RunnerOptions) {
		o.MaxSize, r.FetchTime = 1000, time.Second
	})
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x,", 500)); err != nil {
				return
			}
		}
	}
	slow := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(w, "a,")
			http.NewResponseController(w).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	}
	lying := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, csv)
	}
	tests := map[string]struct {
		name   string
		serve  http.HandlerFunc
		reason string
	}{
		"not there":         {"a.csv", nil, "answered 404 Not Found"},
		"empty":             {"a.csv", func(http.ResponseWriter, *http.Request) {}, "the file is empty"},
		"endless":           {"a.csv", endless, "larger than 1000 bytes"},
		"too slow":          {"a.csv", slow, "not read within 1s"},
		"shorter than said": {"a.csv", lying, "ended the file early"},
		"down":              {"a.csv", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "answered 503"},
		"redirects inside": {"a.csv", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.0.0.1/", http.StatusFound)
		}, "may not be reached"},
		"a login page": {"a.csv", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html><body>") }, "looks like text/html"},
		"no csv":       {"a.csv", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a,b\n1,2,3\n") }, "line 2"},
		"no json":      {"a.json", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[{"a":`) }, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := "/" + strings.ReplaceAll(name, " ", "-")
			s := e.source("", dataset.NewSource{Name: tt.name, URL: e.web.serve(path, tt.serve) + "?sig=secret"})
			e.drain()
			got := e.state(s)
			if got.Status != dataset.Invalid || got.Reason == "" || !strings.Contains(got.Reason, tt.reason) || got.Tables != nil {
				t.Errorf("it is %s %q, want invalid with %q", got.Status, got.Reason, tt.reason)
			}
			if strings.Contains(got.Reason, "secret") {
				t.Errorf("the reason %q tells the URL", got.Reason)
			}
		})
	}
}

func TestWhatFailsForAWhileIsTriedAgain(t *testing.T) {
	e := newEnv(t, nil)
	failures := 2
	s := e.source("", dataset.NewSource{Name: "a.csv", URL: e.web.serve("/x", func(w http.ResponseWriter, _ *http.Request) {
		if failures--; failures >= 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		io.WriteString(w, csv)
	})})
	for i := range 2 {
		if _, err := e.step(); !errors.Is(err, errs.Unavailable) {
			t.Errorf("try %d: %v, want Unavailable", i+1, err)
		}
		if got := e.state(s); got.Status != dataset.Synching {
			t.Errorf("after try %d it is %s", i+1, got.Status)
		}
	}
	e.drain()
	if got := e.state(s); got.Status != dataset.Synched {
		t.Errorf("it is %s %q", got.Status, got.Reason)
	}
}

func TestAFullBucketLosesNothing(t *testing.T) {
	e := newEnv(t, nil)
	kept := e.source("", dataset.NewSource{Name: "kept.csv", ObjectKey: e.upload("a.csv", csv)})
	fetched := e.source("", dataset.NewSource{Name: "a.csv", URL: e.web.put("/x", csv)})
	full := errs.New(errs.Unavailable, "storage is full")
	e.bucket.fail(full)
	_, err := e.svc.Upload(t.Context(), e.me, "b.csv", strings.NewReader(csv))
	e.is(err, errs.Unavailable, "full")
	if _, err := e.step(); err != nil { // the upload is there already
		t.Error(err)
	}
	if _, err := e.step(); !errors.Is(err, errs.Unavailable) {
		t.Errorf("fetching into a full bucket: %v", err)
	}
	e.bucket.fail(nil)
	e.drain()
	for _, s := range []*dataset.DataSource{kept, fetched} {
		if got := e.state(s); got.Status != dataset.Synched || e.content(got) != csv {
			t.Errorf("%s is %s %q", s.Name, got.Status, got.Reason)
		}
	}
	if n := e.objects(); n != 2 {
		t.Errorf("%d objects, want 2", n)
	}
}

// claim takes the one item that is due.
func (e *env) claim() work.Item {
	e.Helper()
	items, err := e.store.Claim(e.Context(), "node", []string{dataset.KindSync}, 1, time.Minute)
	e.ok(err)
	if len(items) != 1 {
		e.Fatalf("%d items, want 1", len(items))
	}
	return items[0]
}

func TestAWorkerThatLostItsLeaseChangesNothing(t *testing.T) {
	e := newEnv(t, nil)
	s := e.source("", dataset.NewSource{Name: "a.csv", URL: e.web.put("/x", csv)})
	zombie := e.claim()
	e.ok(e.store.Release(t.Context(), zombie.Lease(), 0)) // its lease ends
	heir := e.claim()
	e.web.put("/x", "other\n1\n")
	e.is(e.handlers[dataset.KindSync](t.Context(), zombie), errs.Conflict, "")
	if got := e.state(s); got.Status != dataset.Synching {
		t.Errorf("the zombie made it %s", got.Status)
	}
	e.web.put("/x", csv)
	e.ok(e.handlers[dataset.KindSync](t.Context(), heir))
	if got := e.state(s); got.Status != dataset.Synched || e.content(got) != csv {
		t.Errorf("it is %s", got.Status)
	}
	if n := e.objects(); n != 1 {
		t.Errorf("%d objects, want the zombie's collected", n)
	}
}

func TestWhatIsBeingFetchedIsNotCollected(t *testing.T) {
	e := newEnv(t, nil)
	e.source("", dataset.NewSource{Name: "a.csv", URL: e.web.put("/x", csv)})
	item := e.claim()
	_, err := e.bucket.Bucket.Write(t.Context(), dataset.SourceKey(item.Payload, item.Fence), strings.NewReader("half"), nil)
	e.ok(err)
	_, err = e.bucket.Bucket.Write(t.Context(), dataset.SourceKey(item.Payload, item.Fence+7), strings.NewReader("stray"), nil)
	e.ok(err)
	if n := e.objects(); n != 1 {
		t.Errorf("%d objects, want the one of the claim", n)
	}
}

func TestDeletingWhileItIsFetched(t *testing.T) {
	e := newEnv(t, nil)
	var s *dataset.DataSource
	url := e.web.serve("/x", func(w http.ResponseWriter, _ *http.Request) {
		e.ok(e.svc.DeleteSource(context.Background(), e.me, s.Dataset, s.ID))
		io.WriteString(w, csv)
	})
	s = e.source("", dataset.NewSource{Name: "a.csv", URL: url})
	_, err := e.step()
	e.is(err, errs.Conflict, "")
	e.drain()
	_, err = e.svc.Source(t.Context(), e.me, s.Dataset, s.ID)
	e.is(err, errs.NotFound, s.ID)
	if n := e.objects(); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}

func TestDeletingADatasetRemovesItsDataSources(t *testing.T) {
	e := newEnv(t, nil)
	d, other := e.dataset("d"), e.dataset("other")
	shared := e.upload("a.csv", csv)
	for i := range 3 {
		e.source(d.ID, dataset.NewSource{Name: fmt.Sprintf("%d.csv", i), URL: e.web.put("/x", csv)})
	}
	e.source(d.ID, dataset.NewSource{Name: "shared.csv", ObjectKey: shared})
	kept := e.source(other.ID, dataset.NewSource{Name: "kept.csv", ObjectKey: shared})
	e.drain()
	e.source(d.ID, dataset.NewSource{Name: "waits.csv", URL: e.web.put("/x", csv)})
	e.ok(e.svc.Delete(t.Context(), e.me, d.ID))
	e.drain()
	if e.web.asked["/x"] != 3 {
		t.Errorf("it was fetched %d times, want 3: what is deleted is not fetched", e.web.asked["/x"])
	}
	if n := e.objects(); n != 1 {
		t.Errorf("%d objects are left, want the shared one", n)
	}
	if got := e.state(kept); e.content(got) != csv {
		t.Error("the shared bytes are gone")
	}
}

func TestNewSourcesAreChecked(t *testing.T) {
	e := newEnv(t, nil)
	d := e.dataset("d")
	key := e.upload("a.csv", csv)
	long := strings.Repeat("n", 200) + ".csv"
	tests := map[string]struct {
		n    dataset.NewSource
		kind error
		text string
	}{
		"no name":       {dataset.NewSource{ObjectKey: key}, errs.Invalid, "name is required"},
		"neither":       {dataset.NewSource{Name: "a.csv"}, errs.Invalid, "url or file_object_key is required"},
		"both":          {dataset.NewSource{Name: "a.csv", ObjectKey: key, URL: "https://h/"}, errs.Invalid, "only one of them"},
		"all at once":   {dataset.NewSource{URL: "x"}, errs.Invalid, "name is required; url is invalid"},
		"extension":     {dataset.NewSource{Name: "a.exe", ObjectKey: key}, dataset.ErrExtension, `".exe"`},
		"no extension":  {dataset.NewSource{Name: "csv", ObjectKey: key}, dataset.ErrExtension, "extension"},
		"control":       {dataset.NewSource{Name: "a\n.csv", ObjectKey: key}, errs.Invalid, "control character"},
		"long":          {dataset.NewSource{Name: strings.Repeat("x", 1025) + ".csv", ObjectKey: key}, errs.Invalid, "longer than 1024 bytes"},
		"unknown key":   {dataset.NewSource{Name: "a.csv", ObjectKey: "/tmp/x"}, errs.NotFound, "/tmp/x"},
		"no URL":        {dataset.NewSource{Name: "a.csv", URL: "://"}, errs.Invalid, "url is invalid"},
		"scheme":        {dataset.NewSource{Name: "a.csv", URL: "file:///etc/passwd"}, errs.Invalid, "must begin with http"},
		"password":      {dataset.NewSource{Name: "a.csv", URL: "https://u:p@h/"}, errs.Invalid, "user or password"},
		"no host":       {dataset.NewSource{Name: "a.csv", URL: "https:///x"}, errs.Invalid, "names no host"},
		"long URL":      {dataset.NewSource{Name: "a.csv", URL: "https://h/" + strings.Repeat("x", 9000)}, errs.Invalid, "longer than 8192"},
		"upper case":    {dataset.NewSource{Name: "A.CSV", ObjectKey: key}, nil, ""},
		"128 and more":  {dataset.NewSource{Name: long, ObjectKey: key}, nil, ""},
		"dots, slashes": {dataset.NewSource{Name: "../a/..\\b.csv", ObjectKey: key}, nil, ""}, // only ever shown
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := e.svc.CreateSource(t.Context(), e.me, d.ID, tt.n)
			if tt.kind != nil {
				e.is(err, tt.kind, tt.text)
				return
			}
			e.ok(err)
			e.drain()
			if got := e.state(s); got.Status != dataset.Synched || got.Name != tt.n.Name || len([]rune(got.DisplayName())) > 128 {
				t.Errorf("%s %q %q", got.Status, got.Name, got.DisplayName())
			}
		})
	}
}

func TestListsOfDataSources(t *testing.T) {
	e := newEnv(t, nil)
	d := e.dataset("d")
	for i := range 3 {
		e.source(d.ID, dataset.NewSource{Name: fmt.Sprintf("%d.csv", i), ObjectKey: e.upload("a.csv", []string{csv, "a\n\"", csv}[i])})
	}
	e.drain()
	e.source(d.ID, dataset.NewSource{Name: "3.csv", URL: e.web.put("/x", csv)})
	tests := map[string]struct {
		q     dataset.SourceQuery
		want  []string
		total int
	}{
		"all":          {dataset.SourceQuery{}, []string{"3.csv synching", "2.csv synched", "1.csv invalid", "0.csv synched"}, 4},
		"a page":       {dataset.SourceQuery{Offset: 1, Limit: 1}, []string{"2.csv synched"}, 4},
		"one status":   {dataset.SourceQuery{Statuses: []dataset.Status{dataset.Invalid}}, []string{"1.csv invalid"}, 1},
		"two statuses": {dataset.SourceQuery{Statuses: []dataset.Status{dataset.Synched, dataset.Synching}, Limit: 2}, []string{"3.csv synching", "2.csv synched"}, 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			list, total, err := e.svc.Sources(t.Context(), e.me, d.ID, tt.q)
			e.ok(err)
			if diff := cmp.Diff(tt.want, names(list)); diff != "" || total != tt.total {
				t.Errorf("%d, want %d (-want +got):\n%s", total, tt.total, diff)
			}
		})
	}
}
