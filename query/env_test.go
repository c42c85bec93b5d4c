package query_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/export"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

const workspace = "444e8753-a4c0-4875-bdc0-834c79061d56"

var me = scope.Scope{Tenant: "acme", User: "ann"}

// scripted is an engine that does what a statement's first word says:
//
//	rows N     gives N rows of a number
//	fail       fails in Prepare
//	break      fails after a row
//	panic      panics
//	hold       runs until let go, and then gives a row
//	deaf       as hold, and ignores its context
//	volatile   gives a row that depends on more than the tables
type scripted struct {
	version  atomic.Value // of the one table
	prepared atomic.Int64
	ran      atomic.Int64
	slept    atomic.Int64
	started  chan string   // gets each statement that is held
	release  chan struct{} // closed or fed to let go of one
}

func newScripted() *scripted {
	e := &scripted{started: make(chan string, 1000), release: make(chan struct{})}
	e.version.Store("v1")
	return e
}

func (e *scripted) Name() string { return "scripted/1" }

func (e *scripted) Close() error { return nil }

func (e *scripted) Sleep(context.Context) error {
	e.slept.Add(1)
	return nil
}

func (e *scripted) Prepare(_ context.Context, st query.Statement) (query.Prepared, error) {
	e.prepared.Add(1)
	if strings.HasPrefix(st.SQL, "fail") {
		return nil, &query.Failure{Name: query.SyntaxError, Message: "mismatched input", Line: 1, Column: 8}
	}
	return &script{engine: e, sql: st.SQL, version: e.version.Load().(string)}, nil
}

type script struct {
	engine       *scripted
	sql, version string
}

func (s *script) Close() error { return nil }

func (s *script) Dependencies() query.Dependencies {
	return query.Dependencies{Versions: map[string]string{"t": s.version}, Volatile: strings.HasPrefix(s.sql, "volatile")}
}

func (s *script) Run(ctx context.Context, out query.Sink, report func(query.Progress)) error {
	s.engine.ran.Add(1)
	p := query.Progress{StatementID: "s1", Nodes: 1, TotalSplits: 1, RunningSplits: 1}
	report(p)
	if err := out.Columns([]query.Column{{Name: "n", Type: "bigint"}}); err != nil {
		return err
	}
	rows := 1
	word, arg, _ := strings.Cut(s.sql, " ")
	switch word {
	case "rows":
		if err := json.Unmarshal([]byte(arg), &rows); err != nil {
			return err
		}
	case "panic":
		panic("a bug")
	case "hold", "deaf":
		s.engine.started <- s.sql
		done := ctx.Done()
		if word == "deaf" {
			done = nil
		}
		select {
		case <-s.engine.release:
		case <-done:
			return ctx.Err()
		}
	}
	for i := range rows {
		if err := out.Row([]tabular.Value{{Type: tabular.Integer, Int: int64(i)}}); err != nil {
			return err
		}
	}
	if word == "break" {
		return &query.Failure{Name: query.DivisionByZero, Message: "Division by zero"}
	}
	p.RunningSplits, p.CompletedSplits, p.ProcessedRows, p.CPU = 0, 1, int64(rows), time.Millisecond
	report(p)
	return nil
}

// env is a service over real storage in memory.
type env struct {
	*testing.T
	*query.Service
	engine *scripted
	store  *sqlstore.Store
	bucket blob.Bucket
	runner *query.Runner
	opts   query.Options
}

func newEnv(t *testing.T, opts query.Options) *env {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	e := &env{T: t, store: store, bucket: cloud.Memory(), engine: newScripted(), opts: opts}
	e.opts.Exporters = []query.Exporter{export.CSV{}}
	e.start()
	return e
}

// start begins a service over the storage, as after a restart.
func (e *env) start() {
	e.Service = query.NewService(e.store, e.engine, nil, result.New(e.bucket, &result.Options{Inline: 1000, Block: 1000}), &e.opts)
	e.runner = query.NewRunner(e.Service, nil)
	svc := e.Service
	e.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := svc.Close(ctx); err != nil && !strings.Contains(e.Name(), "Deaf") {
			e.Errorf("Close: %v", err)
		}
	})
}

func (e *env) execute(sql string) *query.Query {
	e.Helper()
	return e.new(query.New{SQL: sql})
}

func (e *env) new(n query.New) *query.Query {
	e.Helper()
	n.Workspace = workspace
	q, err := e.Execute(e.Context(), me, n)
	if err != nil {
		e.Fatalf("execute %q: %v", n.SQL, err)
	}
	return q
}

func (e *env) get(id string) *query.Query {
	e.Helper()
	q, err := e.Get(e.Context(), me, workspace, id)
	if err != nil {
		e.Fatal(err)
	}
	return q
}

// until waits for a state that ok accepts.
func (e *env) until(id string, ok func(*query.Query) bool) *query.Query {
	e.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		q := e.get(id)
		if ok(q) {
			return q
		}
		if time.Now().After(deadline) {
			e.Fatalf("query %s stays %s", id, q.Status)
		}
	}
}

// done waits for the end of a query.
func (e *env) done(id string) *query.Query {
	e.Helper()
	return e.until(id, func(q *query.Query) bool { return q.Status.Done() })
}

// failed waits for a query that must fail, and returns why.
func (e *env) failed(id string) *query.Failure {
	e.Helper()
	q := e.done(id)
	if q.Status != query.Failed || q.Failure == nil {
		e.Fatalf("query %s is %s, want that it failed", id, q.Status)
	}
	return q.Failure
}

// rows returns the numbers of a part of a result.
func (e *env) rows(id string, offset, limit int64) []int {
	e.Helper()
	p, err := e.Result(e.Context(), me, workspace, id, offset, limit)
	if err != nil {
		e.Fatal(err)
	}
	var out bytes.Buffer
	if err := p.WriteRows(e.Context(), &out); err != nil {
		e.Fatal(err)
	}
	var rows [][]int
	if err := json.Unmarshal([]byte("["+out.String()+"]"), &rows); err != nil {
		e.Fatal(err)
	}
	list := []int{}
	for _, row := range rows {
		list = append(list, row[0])
	}
	return list
}

// held waits until the engine holds n statements.
func (e *env) held(n int) {
	e.Helper()
	for range n {
		select {
		case <-e.engine.started:
		case <-time.After(20 * time.Second):
			e.Fatal("the engine was not asked")
		}
	}
}

// each runs f n times at once.
func each(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// clock is a clock that only moves when it is told to.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time { return time.Unix(0, c.ns.Load()) }

func (c *clock) move(d time.Duration) { c.ns.Add(int64(d)) }
