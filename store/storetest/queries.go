package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
)

var (
	nodeA = query.Owner{Node: "a", Process: "a1"}
	nodeB = query.Owner{Node: "b", Process: "b1"}
)

// queryID returns ids that sort by their number.
func queryID(n int) string { return fmt.Sprintf("019a0000-0000-7000-8000-%012d", n) }

// newQuery returns a query whose fields are all set, as far as it is waiting.
func newQuery(n int) *query.Query {
	return &query.Query{
		ID: queryID(n), Tenant: tenant, User: "ann", Workspace: "w", SQL: "select 1", SavedSQL: "saved", Status: query.Queued,
		StartedAt: day.Add(time.Duration(n) * time.Second),
	}
}

// finished returns a query whose fields are all set.
func finished(n int, key string) *query.Query {
	q := newQuery(n)
	q.Status, q.StatementID, q.RunAt, q.EndedAt = query.Finished, "s1", q.StartedAt.Add(time.Second), q.StartedAt.Add(2*time.Second)
	q.Progress = query.Progress{
		StatementID: "s1", Nodes: 1, TotalSplits: 2, QueuedSplits: 3, RunningSplits: 4, CompletedSplits: 5, CPU: 6, ProcessedRows: 7,
		ProcessedBytes: 8, PeakMemory: 9, Spilled: 10,
	}
	q.Columns = []query.Column{{Name: "a", Type: "bigint"}, {Name: "日本", Type: "varchar"}}
	q.Result = query.Result{Rows: 3, Size: 30, Key: key, Inline: []byte("[1]\n")}
	q.CacheKey = "key"
	return q
}

func (f *fixture) keep(o query.Owner, queries ...*query.Query) {
	f.Helper()
	f.ok(f.SaveQueries(f.ctx, o, time.Minute, queries))
}

func (f *fixture) queryStatus(n int) query.Status {
	f.Helper()
	q, err := f.Query(f.ctx, tenant, "w", queryID(n))
	f.ok(err)
	return q.Status
}

func testQueryRoundTrip(t *testing.T, f *fixture) {
	failed := newQuery(3)
	failed.Status, failed.EndedAt = query.Failed, day.Add(time.Hour)
	failed.Failure = &query.Failure{Name: "N", Type: query.UserError, Message: "m", Line: 1, Column: 2, Code: 3}
	cached := finished(4, query.ResultPrefix+"k")
	cached.FromCache = true
	want := []*query.Query{newQuery(1), finished(2, query.ResultPrefix+"k"), failed, cached}
	f.keep(nodeA, want...)
	for _, q := range want {
		for _, workspace := range []string{"w", ""} {
			got, err := f.Query(f.ctx, tenant, workspace, q.ID)
			f.ok(err)
			if diff := cmp.Diff(q, got); diff != "" {
				t.Errorf("query: -want +got\n%s", diff)
			}
		}
	}
	for _, bad := range [][3]string{{"other", "w", queryID(1)}, {tenant, "v", queryID(1)}, {tenant, "w", queryID(9)}, {tenant, "w", "a\x00"}, {tenant, "\xff", queryID(1)}} {
		if _, err := f.Query(f.ctx, bad[0], bad[1], bad[2]); !errors.Is(err, errs.NotFound) {
			t.Errorf("%q: got %v, want NotFound", bad, err)
		}
	}
}

func testQueryList(t *testing.T, f *fixture) {
	elsewhere := newQuery(9)
	elsewhere.Workspace = "v"
	f.keep(nodeA, finished(1, ""), finished(2, ""), finished(3, ""), elsewhere)
	list, total, err := f.Queries(f.ctx, tenant, "w", 1, 5)
	f.ok(err)
	want := []*query.Query{finished(2, ""), finished(1, "")}
	for _, q := range want {
		q.Result.Inline = nil
	}
	if diff := cmp.Diff(want, list); diff != "" || total != 3 {
		t.Errorf("total %d; -want +got\n%s", total, diff)
	}
}

// testQueryOwners has rows that change only as long as their owner has them.
func testQueryOwners(t *testing.T, f *fixture) {
	f.keep(nodeA, newQuery(1), finished(2, ""))
	stolen := finished(1, "")
	f.keep(nodeB, stolen)
	if got := f.queryStatus(1); got != query.Queued {
		t.Errorf("another node made it %s", got)
	}
	again := newQuery(2)
	f.keep(nodeA, again)
	if got := f.queryStatus(2); got != query.Finished {
		t.Errorf("a finished query became %s", got)
	}
	f.keep(nodeA, finished(1, ""))
	if got := f.queryStatus(1); got != query.Finished {
		t.Errorf("its own node could not finish it: %s", got)
	}
}

func testQueryAbandon(t *testing.T, f *fixture) {
	why := &query.Failure{Name: query.ServerStopped, Message: "stopped"}
	abandon := func(o query.Owner, limit, want int) {
		t.Helper()
		n, err := f.AbandonQueries(f.ctx, o, why, limit)
		f.ok(err)
		if n != want {
			t.Errorf("%v ended %d queries, want %d", o, n, want)
		}
	}
	f.keep(nodeA, newQuery(1), newQuery(2), finished(3, ""))
	abandon(nodeB, 10, 0) // they have their lease
	abandon(query.Owner{Process: "c"}, 10, 0)
	abandon(nodeA, 10, 0)
	abandon(query.Owner{Node: "a", Process: "a2"}, 1, 1) // the node restarted
	abandon(query.Owner{Node: "a", Process: "a2"}, 10, 1)
	q, err := f.Query(f.ctx, tenant, "w", queryID(1))
	f.ok(err)
	if diff := cmp.Diff(why, q.Failure); diff != "" || q.Status != query.Failed || q.EndedAt.IsZero() {
		t.Errorf("got %s, ended at %v; -want +got\n%s", q.Status, q.EndedAt, diff)
	}
	f.ok(f.SaveQueries(f.ctx, nodeA, -time.Second, []*query.Query{newQuery(4), newQuery(5)}))
	_, err = f.RenewQueries(f.ctx, nodeB, time.Minute)
	f.ok(err)
	abandon(nodeB, 1, 1)
	_, err = f.RenewQueries(f.ctx, nodeA, time.Minute)
	f.ok(err)
	abandon(nodeB, 10, 0) // renewed in time
}

func testQueryCancel(t *testing.T, f *fixture) {
	f.keep(nodeA, newQuery(1), newQuery(2), finished(3, ""))
	for _, n := range []int{2, 3} {
		f.ok(f.CancelQuery(f.ctx, tenant, "w", queryID(n)))
	}
	for _, bad := range [][3]string{{"other", "w", queryID(1)}, {tenant, "v", queryID(1)}, {tenant, "w", queryID(9)}} {
		if err := f.CancelQuery(f.ctx, bad[0], bad[1], bad[2]); !errors.Is(err, errs.NotFound) {
			t.Errorf("%q: got %v, want NotFound", bad, err)
		}
	}
	for o, want := range map[query.Owner][]string{nodeA: {queryID(2)}, nodeB: nil} {
		got, err := f.RenewQueries(f.ctx, o, time.Minute)
		f.ok(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: -want +got\n%s", o, diff)
		}
	}
}

func testQueryCache(t *testing.T, f *fixture) {
	other, cached, failed := finished(4, ""), finished(5, ""), newQuery(6)
	other.CacheKey, cached.FromCache = "other", true
	failed.Status, failed.EndedAt, failed.CacheKey = query.Failed, day.Add(time.Hour), "key"
	plain := finished(7, "")
	plain.CacheKey = ""
	f.keep(nodeA, finished(1, ""), finished(2, ""), other, cached, failed, plain)
	got, err := f.CachedQuery(f.ctx, tenant, "key", finished(2, "").EndedAt)
	f.ok(err)
	if got.ID != queryID(2) || got.Result.Inline == nil {
		t.Errorf("got %s with %q, want the second with its rows", got.ID, got.Result.Inline)
	}
	for name, ask := range map[string]func() error{
		"too old": func() error {
			_, err := f.CachedQuery(f.ctx, tenant, "key", finished(2, "").EndedAt.Add(time.Millisecond))
			return err
		},
		"other tenant":  func() error { _, err := f.CachedQuery(f.ctx, "other", "key", day); return err },
		"no key":        func() error { _, err := f.CachedQuery(f.ctx, tenant, "", day); return err },
		"last, unknown": func() error { _, err := f.LastRun(f.ctx, tenant, "unknown"); return err },
		"last, none":    func() error { _, err := f.LastRun(f.ctx, tenant, ""); return err },
		"last, other":   func() error { _, err := f.LastRun(f.ctx, "other", "saved"); return err },
	} {
		if err := ask(); !errors.Is(err, errs.NotFound) {
			t.Errorf("%s: got %v, want NotFound", name, err)
		}
	}
	last, err := f.LastRun(f.ctx, tenant, "saved")
	f.ok(err)
	if last.ID != queryID(7) {
		t.Errorf("the last run is %s", last.ID)
	}
}

func testQueryExpire(t *testing.T, f *fixture) {
	one, shared := query.ResultPrefix+"one", query.ResultPrefix+"shared"
	f.keep(nodeA, finished(1, one), finished(2, shared), finished(3, shared), newQuery(0))
	expire := func(before time.Time, limit, want int, garbage ...string) {
		t.Helper()
		n, err := f.ExpireQueries(f.ctx, before, limit)
		f.ok(err)
		keys, err := f.Garbage(f.ctx, time.Now().Add(time.Hour), 10)
		f.ok(err)
		slices.Sort(keys)
		if diff := cmp.Diff(garbage, keys); diff != "" || n != want {
			t.Errorf("removed %d, want %d; garbage: -want +got\n%s", n, want, diff)
		}
	}
	expire(finished(1, "").EndedAt, 10, 0)
	expire(finished(3, "").EndedAt, 1, 1, one)
	expire(finished(3, "").EndedAt, 10, 1, one)
	expire(day.Add(time.Hour), 10, 1, one, shared)
	if got := f.queryStatus(0); got != query.Queued {
		t.Errorf("the one that waits is %s", got)
	}
}

func testSavedSQL(t *testing.T, f *fixture) {
	saved := func(n int) *query.SavedSQL {
		return &query.SavedSQL{
			ID: queryID(n), Tenant: tenant, User: "ann", Workspace: "w", Title: "t", Description: "d", SQL: "select 1",
			CreatedAt: day, UpdatedAt: day.Add(time.Hour),
		}
	}
	for n := range 3 {
		f.ok(f.CreateSQL(f.ctx, saved(n)))
	}
	if err := f.CreateSQL(f.ctx, saved(1)); !errors.Is(err, errs.Exists) {
		t.Errorf("an id twice: got %v", err)
	}
	list, err := f.SQLs(f.ctx, tenant, "w", 2)
	f.ok(err)
	if diff := cmp.Diff([]*query.SavedSQL{saved(0), saved(1)}, list); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	f.ok(f.UpdateSQL(f.ctx, tenant, "w", queryID(1), func(s *query.SavedSQL) error {
		s.Title, s.Description, s.SQL, s.UpdatedAt = "T", "", "select 2", day.Add(2*time.Hour)
		return nil
	}))
	if err := f.UpdateSQL(f.ctx, tenant, "w", queryID(1), func(*query.SavedSQL) error { return errs.Invalid }); !errors.Is(err, errs.Invalid) {
		t.Errorf("a refused update: got %v", err)
	}
	want := saved(1)
	want.Title, want.Description, want.SQL, want.UpdatedAt = "T", "", "select 2", day.Add(2*time.Hour)
	got, err := f.SQL(f.ctx, tenant, "w", queryID(1))
	f.ok(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	nothing := func(*query.SavedSQL) error { return nil }
	for _, bad := range [][3]string{{"other", "w", queryID(1)}, {tenant, "v", queryID(1)}, {tenant, "w", queryID(9)}, {tenant, "w", "a\x00"}} {
		_, err := f.SQL(f.ctx, bad[0], bad[1], bad[2])
		for _, err := range []error{err, f.UpdateSQL(f.ctx, bad[0], bad[1], bad[2], nothing), f.DeleteSQL(f.ctx, bad[0], bad[1], bad[2])} {
			if !errors.Is(err, errs.NotFound) {
				t.Errorf("%q: got %v, want NotFound", bad, err)
			}
		}
	}
	f.ok(f.DeleteSQL(f.ctx, tenant, "w", queryID(1)))
	if _, err := f.SQL(f.ctx, tenant, "w", queryID(1)); !errors.Is(err, errs.NotFound) {
		t.Errorf("a deleted one: got %v", err)
	}
}
