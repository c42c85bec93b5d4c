package query_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/store/errs"
)

func TestRestart(t *testing.T) {
	e := newEnv(t, query.Options{Node: "server"})
	q := e.execute("hold")
	e.held(1)
	finished := e.done(e.execute("rows 2000").ID)
	e.start() // the first service never gets to say anything
	if err := e.runner.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := e.failed(q.ID); f.Name != query.ServerStopped {
		t.Errorf("got %v", f)
	}
	if diff := cmp.Diff([]int{1999}, e.rows(finished.ID, 1999, 5)); diff != "" {
		t.Errorf("what was finished: -want +got\n%s", diff)
	}
	// What the old process says now does not count.
	close(e.engine.release)
	time.Sleep(20 * time.Millisecond)
	if f := e.failed(q.ID); f.Name != query.ServerStopped {
		t.Errorf("got %v", f)
	}
}

func TestTwoNodes(t *testing.T) {
	e := newEnv(t, query.Options{})
	q := e.execute("hold")
	e.held(1)
	first := e.runner
	e.start()
	if err := first.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.until(q.ID, func(q *query.Query) bool { return q.Status == query.Running && q.StatementID == "s1" })
	if _, err := e.Cancel(t.Context(), me, workspace, q.ID); err != nil {
		t.Fatal(err)
	}
	if err := first.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := e.failed(q.ID); f.Name != query.UserCanceled {
		t.Errorf("got %v", f)
	}
}

func TestRetention(t *testing.T) {
	clock := newClock()
	e := newEnv(t, query.Options{Now: clock.now, Retention: 8 * time.Hour})
	q := e.done(e.execute("rows 3000").ID)
	clock.move(5 * time.Hour)
	cached := e.done(e.new(query.New{SQL: "rows 3000", Cache: &query.CachePolicy{TTL: 24 * time.Hour}}).ID)
	if !cached.FromCache || cached.Result.Key != q.Result.Key {
		t.Fatalf("got %+v, want the first one's answer", cached)
	}
	clean := func(want ...string) {
		t.Helper()
		if err := e.runner.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		garbage, err := e.store.Garbage(t.Context(), time.Now().Add(time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, garbage); diff != "" {
			t.Errorf("garbage: -want +got\n%s", diff)
		}
	}
	clock.move(4 * time.Hour)
	clean() // the second still has the rows
	if _, err := e.Get(t.Context(), me, workspace, q.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("the first: got %v", err)
	}
	if diff := cmp.Diff([]int{2999}, e.rows(cached.ID, 2999, 5)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	clock.move(5 * time.Hour)
	clean(q.Result.Key)
	if live, err := e.store.Live(t.Context(), []string{q.Result.Key, query.ResultPrefix + "strange"}); err != nil || !live[0] || !live[1] {
		t.Errorf("live: %v, %v; want what waits to be collected and what is not ours", live, err)
	}
	if err := e.store.Collected(t.Context(), []string{q.Result.Key}); err != nil {
		t.Fatal(err)
	}
	if live, err := e.store.Live(t.Context(), []string{q.Result.Key}); err != nil || live[0] {
		t.Errorf("live: %v, %v; want an orphan", live, err)
	}
}

type full struct{ blob.Bucket }

func (full) Write(_ context.Context, _ string, r io.Reader, _ *blob.WriteOptions) (blob.Written, error) {
	_, _ = io.CopyN(io.Discard, r, 100)
	return blob.Written{}, blob.ErrFull
}

func TestFullBucketFailsTheQuery(t *testing.T) {
	e := newEnv(t, query.Options{})
	e.Service = query.NewService(e.store, e.engine, nil, result.New(full{e.bucket}, nil), nil)
	defer e.Close(t.Context())
	if f := e.failed(e.execute("rows 1000000").ID); f.Name != query.StorageFull || f.Type != query.InsufficientResources {
		t.Errorf("got %+v", f)
	}
}

func TestEngineSleeps(t *testing.T) {
	clock := newClock()
	e := newEnv(t, query.Options{Now: clock.now, MaxIdle: time.Minute})
	status := func(want string) {
		t.Helper()
		st, err := e.Engine(t.Context(), me, query.EngineService)
		if err != nil || st.Status != want || st.MaxIdle != time.Minute || st.ID == "" {
			t.Errorf("got %+v, %v; want %s", st, err, want)
		}
	}
	set := func(awake bool) {
		t.Helper()
		if _, err := e.SetEngine(t.Context(), me, query.EngineService, awake); err != nil {
			t.Fatal(err)
		}
	}
	status(query.EngineRunning)
	clock.move(59 * time.Second)
	e.runner.Rest(t.Context())
	status(query.EngineRunning)
	clock.move(time.Second)
	e.runner.Rest(t.Context())
	e.runner.Rest(t.Context())
	status(query.EngineStopped)
	if n := e.engine.slept.Load(); n != 1 {
		t.Errorf("it was put to sleep %d times", n)
	}
	before := e.done(e.execute("rows 1").ID)
	status(query.EngineRunning)
	q := e.execute("hold")
	e.held(1)
	set(false)
	status(query.EngineStopping)
	e.engine.release <- struct{}{}
	e.done(q.ID)
	for range 1000 {
		if e.engine.slept.Load() == 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	status(query.EngineStopped)
	if _, err := e.store.ExpireQueries(t.Context(), clock.now().Add(time.Hour), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Get(t.Context(), me, workspace, before.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("it still remembers queries: %v", err)
	}
	set(true)
	status(query.EngineRunning)
	if _, err := e.Engine(t.Context(), me, "OTHER"); !errors.Is(err, errs.NotFound) {
		t.Errorf("another service: got %v", err)
	}
}

func TestClose(t *testing.T) {
	e := newEnv(t, query.Options{})
	q := e.execute("hold")
	e.held(1)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := e.failed(q.ID); f.Name != query.ServerStopped {
		t.Errorf("got %v", f)
	}
	if _, err := e.Execute(t.Context(), me, query.New{Workspace: workspace, SQL: "rows 1"}); !errors.Is(err, errs.Unavailable) {
		t.Errorf("after the end: got %v", err)
	}
}
