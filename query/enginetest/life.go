package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

var cancelCases = []testCase{
	{name: "WhileComputing", test: func(t *testing.T, b *bench) {
		b.create(t, orders())
		b.cancelled(t, b.Dialect.Endless)
	}},
	{name: "WhileSorting", test: func(t *testing.T, b *bench) {
		b.create(t, numbers(1000))
		b.cancelled(t, "SELECT a.n FROM shop.numbers a, shop.numbers b, shop.numbers c ORDER BY (a.n * 7919 + b.n * 104729 + c.n) % 1000003, b.n")
	}},
	{name: "WhileReading", test: testCancelReading},
	{name: "BehindTheFirstRow", test: func(t *testing.T, b *bench) {
		b.create(t, numbers(1000))
		b.cancelled(t, "SELECT n FROM shop.numbers WHERE n = 0 UNION ALL SELECT count(*) FROM shop.numbers a, shop.numbers b, "+
			"shop.numbers c, shop.numbers d, shop.numbers e")
	}},
	{name: "Deadline", test: testDeadline},
	{name: "BeforePrepare", test: func(t *testing.T, b *bench) {
		b.create(t, orders())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Ask(ctx, b.Engine, b.statement("SELECT id FROM shop.orders")); !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v", err)
		}
	}},
	{name: "BetweenPrepareAndRun", test: testCancelBetween},
}

// cancelled runs a statement that does not end by itself, and stops it.
func (b *bench) cancelled(t *testing.T, sql string) {
	t.Helper()
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(200*time.Millisecond, cancel)
		start := time.Now()
		_, err := Ask(ctx, b.Engine, b.statement(sql))
		took := time.Since(start)
		timer.Stop()
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v", err)
		}
		if took > 1200*time.Millisecond {
			t.Errorf("ended %v after the start", took)
		}
		b.want(t, "SELECT 1 AS one", "1")
	}
}

// stop is a sink that calls a function with each row.
type stop struct{ row func() error }

func (s stop) Columns([]query.Column) error { return nil }
func (s stop) Row([]tabular.Value) error    { return s.row() }

const crossJoin = "SELECT a.n FROM shop.numbers a CROSS JOIN shop.numbers b CROSS JOIN shop.numbers c"

func testCancelReading(t *testing.T, b *bench) {
	b.create(t, numbers(1000))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows := 0
	var at time.Time
	_, _, _, err := run(ctx, b.Engine, b.statement(crossJoin), stop{func() error {
		if rows++; rows == 5000 {
			at = time.Now()
			cancel()
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) || time.Since(at) > time.Second {
		t.Errorf("%v, %v after the cancel", err, time.Since(at))
	}
	b.want(t, "SELECT count(*) FROM shop.numbers", "1000")

	own := errors.New("the sink is full")
	_, _, _, err = run(t.Context(), b.Engine, b.statement(crossJoin), stop{func() error { return own }})
	if !errors.Is(err, own) {
		t.Errorf("the sink's error became %v", err)
	}
	b.want(t, "SELECT count(*) FROM shop.numbers", "1000")
}

func testDeadline(t *testing.T, b *bench) {
	b.create(t, orders())
	_, took, err := b.within(t, b.Dialect.Endless, 300*time.Millisecond)
	if !errors.Is(err, context.DeadlineExceeded) || took > 1300*time.Millisecond {
		t.Errorf("%v after %v", err, took)
	}
	b.want(t, "SELECT count(*) FROM shop.orders", "4")
}

func testCancelBetween(t *testing.T, b *bench) {
	b.create(t, orders())
	ctx, cancel := context.WithCancel(t.Context())
	p, err := b.Engine.Prepare(ctx, b.statement("SELECT id FROM shop.orders"))
	if err != nil {
		t.Fatal(err)
	}
	cancel() // bounds Prepare, not what it returned
	rows := 0
	if err := p.Run(t.Context(), stop{func() error { rows++; return nil }}, func(query.Progress) {}); err != nil || rows != 4 {
		t.Errorf("%d rows, %v", rows, err)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
}

var lifeCases = []testCase{
	{name: "Name", test: func(t *testing.T, b *bench) {
		name := b.Engine.Name()
		if b.create(t, orders()); name == "" || b.Engine.Name() != name {
			t.Errorf("the name was %q and is %q", name, b.Engine.Name())
		}
	}},
	{name: "EightAtOnce", test: testConcurrent},
	{name: "ManyPrepared", test: testManyPrepared},
	{name: "Sleep", test: func(t *testing.T, b *bench) {
		b.create(t, orders())
		s, ok := b.Engine.(query.Sleeper)
		if !ok {
			t.Skip("the engine does not sleep")
		}
		for range 3 {
			b.want(t, "SELECT count(*) FROM shop.orders", "4")
			if err := s.Sleep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.want(t, "SELECT count(*) FROM shop.orders", "4")
	}},
	{name: "Close", test: testClose},
}

func testConcurrent(t *testing.T, b *bench) {
	b.create(t, orders(), people(), numbers(1000))
	type result struct {
		sql string
		err error
	}
	results := make(chan result, 400)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 12 {
				sql, want := "SELECT count(*) FROM shop.numbers a JOIN shop.numbers b ON a.n = b.n", "1000"
				switch (g + i) % 4 {
				case 0:
					sql, want = fmt.Sprintf("SELECT n FROM shop.numbers WHERE n = %d", g*100+i), fmt.Sprint(g*100+i)
				case 1:
					sql, want = "SELECT missing FROM shop.orders", ""
				case 2:
					if i < 4 {
						sql, want = b.Dialect.Endless, ""
					}
				}
				limit := 20 * time.Second
				if sql == b.Dialect.Endless {
					limit = 50 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				a, err := Ask(ctx, b.Engine, b.statement(sql))
				cancel()
				switch {
				case want == "" && err == nil:
					err = errors.New("no error")
				case want == "":
					err = nil
				case err == nil && (len(a.Rows) != 1 || a.Rows[0][0] != want):
					err = fmt.Errorf("got %v, want %s", a.Rows, want)
				}
				results <- result{sql, err}
			}
		})
	}
	wg.Wait()
	close(results)
	for r := range results {
		if r.err != nil {
			t.Errorf("%s\n%v", r.sql, r.err)
		}
	}
}

// testManyPrepared holds statements prepared that are not run: a queue may do
// that with as many as its clients send.
func testManyPrepared(t *testing.T, b *bench) {
	b.create(t, orders())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var prepared []query.Prepared
	for range 50 {
		p, err := b.Engine.Prepare(ctx, b.statement("SELECT id FROM shop.orders"))
		if err != nil {
			t.Fatalf("after %d: %v", len(prepared), err)
		}
		prepared = append(prepared, p)
	}
	b.want(t, "SELECT count(*) FROM shop.orders", "4")
	for _, p := range prepared {
		rows := 0
		if err := p.Run(ctx, stop{func() error { rows++; return nil }}, func(query.Progress) {}); err != nil || rows != 4 {
			t.Fatalf("%d rows, %v", rows, err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func testClose(t *testing.T, b *bench) {
	b.create(t, orders())
	started := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		p, err := b.Engine.Prepare(t.Context(), b.statement(b.Dialect.Endless))
		close(started)
		if err == nil {
			err = p.Run(t.Context(), stop{func() error { return nil }}, func(query.Progress) {})
			err = errors.Join(err, p.Close())
		}
		ended <- err
	}()
	<-started
	if err := b.Engine.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the statement that ran has no error")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the statement still runs")
	}
	_, err := b.Engine.Prepare(t.Context(), b.statement("SELECT 1 AS one"))
	if err == nil || strings.Contains(err.Error(), "panic") {
		t.Errorf("a statement after Close: %v", err)
	}
}
