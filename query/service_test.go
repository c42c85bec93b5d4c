package query_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

func TestQuery(t *testing.T) {
	e := newEnv(t, query.Options{})
	for _, rows := range []int{0, 3, 5000} { // nothing, inline, an object
		q := e.execute(fmt.Sprintf(" rows %d ; ", rows))
		if q.ID == "" || q.Status.Done() && q.EndedAt.IsZero() || q.StartedAt.IsZero() {
			t.Errorf("got %+v", q)
		}
		q = e.done(q.ID)
		if q.Status != query.Finished || q.Result.Rows != int64(rows) || q.StatementID != "s1" {
			t.Errorf("got %s with %d rows of statement %q, want %d rows: %v", q.Status, q.Result.Rows, q.StatementID, rows, q.Failure)
		}
		if diff := cmp.Diff([]query.Column{{Name: "n", Type: "bigint"}}, q.Columns); diff != "" {
			t.Errorf("columns: -want +got\n%s", diff)
		}
		s := q.Stats(time.Now())
		want := query.Stats{
			State: query.Finished, Scheduled: true, Nodes: 1, TotalSplits: 1, CompletedSplits: 1, CPU: time.Millisecond, ProcessedRows: int64(rows),
			Wall: s.Wall, QueuedTime: s.QueuedTime, Elapsed: s.Elapsed,
		}
		if diff := cmp.Diff(want, s); diff != "" {
			t.Errorf("statistics: -want +got\n%s", diff)
		}
		if s.Elapsed != s.Wall+s.QueuedTime {
			t.Errorf("elapsed %v, want the sum of %v and %v", s.Elapsed, s.Wall, s.QueuedTime)
		}
		want3 := []int{}
		for i := range min(3, max(rows-1, 0)) {
			want3 = append(want3, i+1)
		}
		if diff := cmp.Diff(want3, e.rows(q.ID, 1, 3)); diff != "" {
			t.Errorf("rows: -want +got\n%s", diff)
		}
		if got := e.rows(q.ID, int64(rows), 3); len(got) != 0 {
			t.Errorf("behind the end: got %v", got)
		}
	}
	list, total, err := e.List(t.Context(), me, workspace, 1, 1)
	if err != nil || total != 3 || len(list) != 1 || strings.TrimSpace(list[0].SQL) != "rows 3 ;" {
		t.Errorf("list: got %d of %d, %v; want the second of three", len(list), total, err)
	}
}

func TestBadInput(t *testing.T) {
	e := newEnv(t, query.Options{MaxSQL: 100})
	tests := []struct {
		name  string
		scope scope.Scope
		new   query.New
		want  errs.Kind
	}{
		{"no tenant", scope.Scope{}, query.New{Workspace: workspace, SQL: "rows 1"}, errs.Unauthorized},
		{"no workspace", me, query.New{SQL: "rows 1"}, errs.Invalid},
		{"long workspace", me, query.New{Workspace: strings.Repeat("w", 200), SQL: "rows 1"}, errs.Invalid},
		{"no statement", me, query.New{Workspace: workspace, SQL: " \n "}, errs.Invalid},
		{"long statement", me, query.New{Workspace: workspace, SQL: "rows " + strings.Repeat("1", 100)}, errs.Invalid},
		{"NUL", me, query.New{Workspace: workspace, SQL: "rows 1\x00"}, errs.Invalid},
		{"not UTF-8", me, query.New{Workspace: workspace, SQL: "rows \xff"}, errs.Invalid},
		{"negative TTL", me, query.New{Workspace: workspace, SQL: "rows 1", Cache: &query.CachePolicy{TTL: -1}}, errs.Invalid},
		{"negative wait", me, query.New{Workspace: workspace, SQL: "rows 1", Wait: -1}, errs.Invalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := e.Execute(t.Context(), test.scope, test.new); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if n := e.engine.prepared.Load(); n != 0 {
		t.Errorf("the engine was asked %d times", n)
	}
}

func TestOthersQueriesDoNotExist(t *testing.T) {
	e := newEnv(t, query.Options{})
	q := e.done(e.execute("rows 1").ID)
	held := e.execute("hold")
	e.held(1)
	for _, id := range []string{q.ID, held.ID, "nothing", "a\x00b", ""} {
		for name, call := range map[string]func(sc scope.Scope, workspace string) error{
			"get":    func(sc scope.Scope, ws string) error { _, err := e.Get(t.Context(), sc, ws, id); return err },
			"cancel": func(sc scope.Scope, ws string) error { _, err := e.Cancel(t.Context(), sc, ws, id); return err },
			"result": func(sc scope.Scope, ws string) error {
				_, err := e.Result(t.Context(), sc, ws, id, 0, 1)
				return err
			},
		} {
			if err := call(scope.Scope{Tenant: "other"}, workspace); !errors.Is(err, errs.NotFound) {
				t.Errorf("%s of %q by another tenant: got %v", name, id, err)
			}
			if err := call(me, "other"); !errors.Is(err, errs.NotFound) {
				t.Errorf("%s of %q in another workspace: got %v", name, id, err)
			}
		}
	}
	if q := e.get(held.ID); q.Status != query.Running {
		t.Errorf("somebody else's cancel made it %s", q.Status)
	}
}

func TestFailures(t *testing.T) {
	tests := []struct {
		sql  string
		opts query.Options
		want query.Failure
	}{
		{"fail", query.Options{}, query.Failure{Name: query.SyntaxError, Message: "mismatched input", Line: 1, Column: 8}},
		{"break", query.Options{}, query.Failure{Name: query.DivisionByZero, Message: "Division by zero"}},
		{"panic", query.Options{}, query.Failure{Name: query.GenericInternal, Type: query.InternalError, Message: "internal error"}},
		{"hold", query.Options{MaxRunTime: 20 * time.Millisecond}, query.Failure{Name: query.ExceededTimeLimit, Type: query.InsufficientResources,
			Message: "Query exceeded the maximum run time limit of 20ms"}},
		{"rows 11", query.Options{MaxRows: 10}, query.Failure{Name: query.ExceededLimit, Type: query.InsufficientResources,
			Message: "The result exceeds the limit of 10 rows"}},
		{"rows 1000", query.Options{MaxBytes: 100}, query.Failure{Name: query.ExceededLimit, Type: query.InsufficientResources,
			Message: "The result exceeds the limit of 100 bytes"}},
	}
	for _, test := range tests {
		t.Run(test.sql, func(t *testing.T) {
			e := newEnv(t, test.opts)
			q := e.execute(test.sql)
			if diff := cmp.Diff(&test.want, e.failed(q.ID)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			_, err := e.Result(t.Context(), me, workspace, q.ID, 0, 1)
			var f *query.Failure
			if !errors.Is(err, query.ErrFailed) || !errors.As(err, &f) || f.Message != test.want.Message {
				t.Errorf("result: got %v", err)
			}
			for obj, err := range e.bucket.List(t.Context(), "", nil) {
				t.Errorf("the bucket holds %q, %v", obj.Key, err)
			}
			if got := e.done(e.execute("rows 2").ID); got.Status != query.Finished {
				t.Errorf("the next query is %s", got.Status)
			}
		})
	}
}

// TestDeafEngine has a deadline that the engine does not notice: its query
// ends all the same, and the engine's place is free only when it lets go.
func TestDeafEngine(t *testing.T) {
	e := newEnv(t, query.Options{MaxRunTime: 30 * time.Millisecond, Running: 1})
	start := time.Now()
	q := e.execute("deaf")
	if f := e.failed(q.ID); f.Name != query.ExceededTimeLimit || time.Since(start) > time.Second {
		t.Errorf("got %v after %v", f, time.Since(start))
	}
	next := e.execute("rows 1")
	if got := e.get(next.ID); got.Status != query.Queued {
		t.Errorf("the next query is %s while the engine is busy", got.Status)
	}
	e.engine.release <- struct{}{}
	if got := e.done(next.ID); got.Status != query.Finished {
		t.Errorf("the next query is %s", got.Status)
	}
	if got := e.get(q.ID); got.Status != query.Failed {
		t.Errorf("the late answer made it %s", got.Status)
	}
}

func TestIdenticalQueriesRunOnce(t *testing.T) {
	e := newEnv(t, query.Options{})
	ids := make([]string, 100)
	each(len(ids), func(i int) { ids[i] = e.execute("hold").ID })
	e.held(1)
	each(99, func(i int) {
		q, err := e.Cancel(t.Context(), me, workspace, ids[i])
		if err != nil || q.Status != query.Failed || q.Failure.Name != query.UserCanceled {
			t.Errorf("cancel: got %v, %v", q, err)
		}
	})
	close(e.engine.release)
	if q := e.done(ids[99]); q.Status != query.Finished || q.Result.Rows != 1 {
		t.Errorf("the hundredth is %s: %v", q.Status, q.Failure)
	}
	if diff := cmp.Diff([]int{0}, e.rows(ids[99], 0, 10)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if n := e.engine.ran.Load(); n != 1 {
		t.Errorf("the engine ran %d times", n)
	}
}

// TestChangedTableIsNotShared has a table that changes while an old answer is
// in the making.
func TestChangedTableIsNotShared(t *testing.T) {
	e := newEnv(t, query.Options{})
	old := e.execute("hold")
	e.held(1)
	e.engine.version.Store("v2")
	young := e.execute("hold")
	e.held(1)
	close(e.engine.release)
	for _, q := range []*query.Query{old, young} {
		if got := e.done(q.ID); got.Status != query.Finished {
			t.Errorf("got %s", got.Status)
		}
	}
	if n := e.engine.ran.Load(); n != 2 {
		t.Errorf("the engine ran %d times, want once for each version", n)
	}
}

func TestCancel(t *testing.T) {
	e := newEnv(t, query.Options{Running: 1})
	running, waiting := e.execute("hold"), e.execute("rows 1")
	e.held(1)
	for _, id := range []string{waiting.ID, running.ID, running.ID} {
		q, err := e.Cancel(t.Context(), me, workspace, id)
		if err != nil || q.Status != query.Failed || q.Failure.Name != query.UserCanceled || q.Failure.Message == "" || q.EndedAt.IsZero() {
			t.Errorf("got %+v, %v", q, err)
		}
	}
	finished := e.done(e.execute("rows 1").ID)
	if q, err := e.Cancel(t.Context(), me, workspace, finished.ID); err != nil || q.Status != query.Finished {
		t.Errorf("cancel of a finished query: %v, %v; want that it stays", q, err)
	}
	if n := e.engine.ran.Load(); n != 2 {
		t.Errorf("the engine ran %d times, want not what was canceled in the queue", n)
	}
}

func TestQueue(t *testing.T) {
	e := newEnv(t, query.Options{Running: 2, RunningPerWorkspace: 1, MaxQueued: 3, QueuedPerWorkspace: 2})
	first := e.execute("hold 1")
	e.held(1)
	second, third := e.execute("hold 2"), e.execute("hold 3")
	if _, err := e.Execute(t.Context(), me, query.New{Workspace: workspace, SQL: "hold 4"}); !errors.Is(err, errs.RateLimited) {
		t.Errorf("a third in the workspace's queue: got %v", err)
	}
	// The other workspace's does not wait behind those.
	other, err := e.Execute(t.Context(), me, query.New{Workspace: "other", SQL: "hold 5"})
	if err != nil {
		t.Fatal(err)
	}
	e.held(1)
	if s := e.get(second.ID).Stats(time.Now()); s.State != query.Queued || !s.Queued || s.Scheduled || s.QueuedSplits != 1 {
		t.Errorf("got %+v, want that it waits", s)
	}
	for range 4 {
		e.engine.release <- struct{}{}
	}
	for _, id := range []string{first.ID, second.ID, third.ID} {
		if q := e.done(id); q.Status != query.Finished {
			t.Errorf("got %s", q.Status)
		}
	}
	for {
		q, err := e.Get(t.Context(), me, "other", other.ID)
		if err != nil {
			t.Fatal(err)
		}
		if q.Status == query.Finished {
			break
		}
		time.Sleep(time.Millisecond)
	}
}

func TestCache(t *testing.T) {
	clock := newClock()
	e := newEnv(t, query.Options{Now: clock.now})
	run := func(sql string, cache *query.CachePolicy) *query.Query {
		t.Helper()
		return e.done(e.new(query.New{SQL: sql, Cache: cache}).ID)
	}
	hour := &query.CachePolicy{TTL: time.Hour}
	first := run("rows 3000", nil)
	steps := []struct {
		name  string
		do    func()
		sql   string
		cache *query.CachePolicy
		hit   bool
	}{
		{"without a policy", nil, "rows 3000", nil, false},
		{"within the time", nil, " rows 3000;\n", hour, true},
		{"refreshed", nil, "rows 3000", &query.CachePolicy{TTL: time.Hour, Refresh: true}, false},
		{"another text", nil, "rows  3000", hour, false},
		{"later", func() { clock.move(30 * time.Minute) }, "rows 3000", hour, true},
		{"a shorter time", nil, "rows 3000", &query.CachePolicy{TTL: time.Minute}, false},
		{"after the time", func() { clock.move(61 * time.Minute) }, "rows 3000", hour, false},
		{"another version", func() { e.engine.version.Store("v2") }, "rows 3000", hour, false},
		{"that version again", nil, "rows 3000", hour, true},
		{"volatile", nil, "volatile", hour, false},
		{"volatile again", nil, "volatile", hour, false},
	}
	for _, step := range steps {
		if step.do != nil {
			step.do()
		}
		before := e.engine.ran.Load()
		q := run(step.sql, step.cache)
		if q.Status != query.Finished || q.FromCache != step.hit || e.engine.ran.Load() == before != step.hit {
			t.Errorf("%s: got %s, from cache %t, the engine ran %d times", step.name, q.Status, q.FromCache, e.engine.ran.Load()-before)
		}
		if step.hit {
			if diff := cmp.Diff(e.rows(first.ID, 2990, 20), e.rows(q.ID, 2990, 20)); diff != "" {
				t.Errorf("%s: -first +got\n%s", step.name, diff)
			}
		}
	}
	for _, sc := range []scope.Scope{{Tenant: "acme", User: "bob"}, {Tenant: "other", User: "ann"}} {
		q, err := e.Execute(t.Context(), sc, query.New{Workspace: workspace, SQL: "rows 3000", Cache: hour, Wait: time.Minute})
		if err != nil || q.FromCache {
			t.Errorf("%v got another's answer: %v", sc, err)
		}
	}
}

func TestWait(t *testing.T) {
	e := newEnv(t, query.Options{})
	q := e.new(query.New{SQL: "rows 3", Wait: time.Minute})
	if q.Status != query.Finished || q.Result.Rows != 3 {
		t.Errorf("got %s with %d rows", q.Status, q.Result.Rows)
	}
	if kept, err := e.store.Query(t.Context(), me.Tenant, workspace, q.ID); err != nil || kept.Status != query.Finished {
		t.Errorf("kept: %v, %v", kept, err)
	}
	q = e.new(query.New{SQL: "hold", Wait: time.Millisecond})
	if q.Status.Done() {
		t.Errorf("got %s, want that it goes on", q.Status)
	}
	if kept, err := e.store.Query(t.Context(), me.Tenant, workspace, q.ID); err != nil || kept.Status.Done() {
		t.Errorf("kept: %v, %v", kept, err)
	}
	e.engine.release <- struct{}{}
	if q := e.done(q.ID); q.Status != query.Finished {
		t.Errorf("got %s", q.Status)
	}
	// A caller that goes away before it knows the id leaves nothing behind.
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-e.engine.started // the one above
		<-e.engine.started
		cancel()
	}()
	if _, err := e.Execute(ctx, me, query.New{Workspace: workspace, SQL: "hold again", Wait: time.Minute}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRestart leaves a query running when the node dies.
// TestTwoNodes cancels and looks at a query of another node.
// full is a bucket without space.
func TestSavedSQL(t *testing.T) {
	e := newEnv(t, query.Options{})
	for _, bad := range []query.NewSQL{
		{Title: "t", SQL: "rows 1"}, {Workspace: workspace, SQL: "rows 1"}, {Workspace: workspace, Title: "t"},
		{Workspace: workspace, Title: strings.Repeat("t", 256), SQL: "rows 1"},
	} {
		if _, err := e.SaveSQL(t.Context(), me, bad); !errors.Is(err, errs.Invalid) {
			t.Errorf("%+v: got %v", bad, err)
		}
	}
	s, err := e.SaveSQL(t.Context(), me, query.NewSQL{Workspace: workspace, Title: "Three", Description: "d", SQL: "rows 3"})
	if err != nil {
		t.Fatal(err)
	}
	if _, last, err := e.SQL(t.Context(), me, workspace, s.ID); err != nil || last != nil {
		t.Errorf("last run: got %v, %v", last, err)
	}
	q, err := e.RunSQL(t.Context(), me, workspace, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	if q = e.done(q.ID); q.Result.Rows != 3 || q.SavedSQL != s.ID {
		t.Errorf("got %+v", q)
	}
	if _, last, err := e.SQL(t.Context(), me, workspace, s.ID); err != nil || last == nil || last.ID != q.ID {
		t.Errorf("last run: got %v, %v", last, err)
	}
	title, empty := "Four", ""
	if _, err := e.ChangeSQL(t.Context(), me, workspace, s.ID, query.SQLChange{Title: &empty}); !errors.Is(err, errs.Invalid) {
		t.Errorf("an empty title: got %v", err)
	}
	if _, err := e.ChangeSQL(t.Context(), me, workspace, s.ID, query.SQLChange{Title: &title, Description: &empty}); err != nil {
		t.Fatal(err)
	}
	list, err := e.SQLs(t.Context(), me, workspace)
	if err != nil || len(list) != 1 || list[0].Title != "Four" || list[0].Description != "" || list[0].SQL != "rows 3" {
		t.Errorf("got %v, %v", list, err)
	}
	if err := e.DeleteSQL(t.Context(), scope.Scope{Tenant: "other"}, workspace, s.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("another tenant's delete: got %v", err)
	}
	if err := e.DeleteSQL(t.Context(), me, workspace, s.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := e.RunSQL(t.Context(), me, workspace, s.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("run of a deleted one: got %v", err)
	}
}

func TestExporters(t *testing.T) {
	e := newEnv(t, query.Options{})
	if _, err := e.Exporter("doc"); !errors.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "csv") {
		t.Errorf("got %v", err)
	}
	if x, err := e.Exporter("csv"); err != nil || x.Format() != "csv" {
		t.Errorf("got %v, %v", x, err)
	}
}
