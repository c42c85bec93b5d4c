package query_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/store/errs"
)

// saved tells whether a query is in the database.
func (e *env) saved(id string) bool {
	e.Helper()
	_, err := e.store.Query(e.Context(), me.Tenant, workspace, id)
	if err != nil && !errors.Is(err, errs.NotFound) {
		e.Fatal(err)
	}
	return err == nil
}

// early runs a statement that is answered before it is saved.
func (e *env) early(sql string) *query.Query {
	e.Helper()
	q := e.new(query.New{SQL: sql, Wait: time.Minute})
	if !q.Status.Done() || e.saved(q.ID) {
		e.Errorf("%s: got %s, saved: %t; want an early answer", sql, q.Status, e.saved(q.ID))
	}
	return q
}

// TestEarlyAnswers looks at queries that were answered and are not saved yet:
// their node treats them as any other.
func TestEarlyAnswers(t *testing.T) {
	e := newEnv(t, query.Options{SaveWithin: time.Hour})
	q := e.early("rows 3")
	if got := e.get(q.ID); got.Status != query.Finished {
		t.Errorf("get: got %s", got.Status)
	}
	if diff := cmp.Diff([]int{1, 2}, e.rows(q.ID, 1, 5)); diff != "" {
		t.Errorf("rows: -want +got\n%s", diff)
	}
	if got, err := e.Cancel(t.Context(), me, workspace, q.ID); err != nil || got.Status != query.Finished {
		t.Errorf("cancel: got %v, %v", got, err)
	}
	if got := e.early("fail"); got.Failure == nil || got.Failure.Name != query.SyntaxError {
		t.Errorf("fail: got %v", got.Failure)
	}
	again := e.new(query.New{SQL: "rows 3", Wait: time.Minute, Cache: &query.CachePolicy{TTL: time.Hour}})
	if !again.FromCache || !e.saved(q.ID) {
		t.Errorf("the cache does not know the answer: %+v", again)
	}
	last := e.early("rows 4")
	list, total, err := e.List(t.Context(), me, workspace, 0, 1)
	if err != nil || total != 4 || len(list) != 1 || list[0].ID != last.ID {
		t.Errorf("list: got %d of %d, %v; want the last of four", len(list), total, err)
	}
}

// TestSavedFirst has queries whose callers will ask for them once more, maybe
// on another node.
func TestSavedFirst(t *testing.T) {
	e := newEnv(t, query.Options{SaveWithin: time.Hour})
	e.Service = query.NewService(e.store, e.engine, nil, result.New(e.bucket, &result.Options{Inline: 8000}), &e.opts)
	defer e.Close(t.Context())
	e.early("rows 1000")
	for _, n := range []query.New{
		{SQL: "rows 3"},
		{SQL: "rows 1001", Wait: time.Minute},
		{SQL: "rows 3000", Wait: time.Minute}, // in the bucket
		{SQL: "hold", Wait: time.Millisecond},
	} {
		q := e.new(n)
		if !e.saved(q.ID) {
			t.Errorf("%+v was answered before it was saved", n)
		}
		if n.SQL == "hold" {
			e.engine.release <- struct{}{}
		}
		e.done(q.ID)
		if kept, err := e.store.Query(t.Context(), me.Tenant, workspace, q.ID); err != nil || !kept.Status.Done() {
			t.Errorf("%+v: the end was told and is not saved: %v, %v", n, kept, err)
		}
	}
}

func TestEarlyAnswersAfterTheEnd(t *testing.T) {
	e := newEnv(t, query.Options{SaveWithin: time.Hour})
	q := e.early("rows 3")
	first := e.Service
	e.start() // as another node, or after a crash
	if _, err := e.Get(t.Context(), me, workspace, q.ID); !errors.Is(err, errs.NotFound) {
		t.Errorf("another node: got %v", err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.get(q.ID); got.Status != query.Finished {
		t.Errorf("after Close: got %s", got.Status)
	}
}

// diary is a repository that notes when it saves how many queries.
type diary struct {
	query.Repository

	mu    sync.Mutex
	start time.Time
	fails int // how many transactions will fail
	saves []save
}

// save is what was saved at one time, in one transaction or several.
type save struct {
	After   time.Duration
	Queries int
	Failed  bool
}

func (d *diary) SaveQueries(_ context.Context, _ query.Owner, _ time.Duration, queries []*query.Query) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	if d.fails > 0 {
		d.fails--
		err = errs.New(errs.Unavailable, "no space left")
	}
	now := save{time.Since(d.start), len(queries), err != nil}
	if last := len(d.saves) - 1; last >= 0 && d.saves[last].After == now.After && d.saves[last].Failed == now.Failed {
		d.saves[last].Queries += now.Queries
	} else {
		d.saves = append(d.saves, now)
	}
	return err
}

// TestHeldBack tells when queries are saved that are answered before.
func TestHeldBack(t *testing.T) {
	const within = 50 * time.Millisecond
	wide := "volatile " + strings.Repeat("x", 1<<20-100)
	tests := []struct {
		name  string
		fails int
		do    func(ask func(n int, sql string, wait time.Duration))
		want  []save
	}{
		{"together", 0, func(ask func(int, string, time.Duration)) {
			ask(3, "volatile", time.Minute)
			time.Sleep(20 * time.Millisecond)
			ask(2, "volatile", time.Minute)
			time.Sleep(time.Second)
			ask(1, "volatile", time.Minute)
		}, []save{{50 * time.Millisecond, 5, false}, {1070 * time.Millisecond, 1, false}}},
		{"with one that is not held back", 0, func(ask func(int, string, time.Duration)) {
			ask(3, "volatile", time.Minute)
			time.Sleep(20 * time.Millisecond)
			ask(1, "hold", time.Millisecond)
			time.Sleep(time.Second)
		}, []save{{21 * time.Millisecond, 4, false}}},
		{"many at once", 0, func(ask func(int, string, time.Duration)) {
			ask(300, "volatile", time.Minute)
		}, []save{{0, 256, false}, {50 * time.Millisecond, 44, false}}},
		{"no more than fits", 0, func(ask func(int, string, time.Duration)) {
			ask(5, wide, time.Minute)
		}, []save{{0, 4, false}, {50 * time.Millisecond, 1, false}}},
		{"again when it failed", 2, func(ask func(int, string, time.Duration)) {
			ask(1, "volatile", time.Minute)
			time.Sleep(time.Minute)
		}, []save{{50 * time.Millisecond, 1, true}, {1050 * time.Millisecond, 1, true}, {3050 * time.Millisecond, 1, false}}},
		{"no more than fits while they cannot be saved", 1, func(ask func(int, string, time.Duration)) {
			ask(3, wide, time.Minute)
			time.Sleep(60 * time.Millisecond)
			ask(1, wide, time.Minute)
			time.Sleep(time.Second)
		}, []save{{50 * time.Millisecond, 3, true}, {60 * time.Millisecond, 1, false}, {1050 * time.Millisecond, 3, false}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &diary{start: time.Now(), fails: test.fails}
				engine := newScripted()
				s := query.NewService(d, engine, nil, result.New(cloud.Memory(), nil), &query.Options{SaveWithin: within, MaxSQL: 2 << 20})
				n := 0
				test.do(func(count int, sql string, wait time.Duration) {
					for range count {
						n++
						q, err := s.Execute(t.Context(), me, query.New{Workspace: workspace, SQL: fmt.Sprint(sql, " ", n), Wait: wait})
						if err != nil || q.Status.Done() != (wait == time.Minute) {
							t.Errorf("got %v, %v", q, err)
						}
					}
				})
				time.Sleep(within + time.Millisecond)
				synctest.Wait()
				if diff := cmp.Diff(test.want, d.saves); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
				close(engine.release)
				if err := s.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
