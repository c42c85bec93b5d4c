package sqlite_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// slow are rows that wait for a signal.
type slow struct {
	tabular.Rows
	started chan struct{}
	once    *sync.Once
	gate    chan struct{}
}

func (s slow) Next() ([]tabular.Value, error) {
	s.once.Do(func() { close(s.started) })
	<-s.gate
	return s.Rows.Next()
}

func slowTable(n int) (enginetest.Table, slow) {
	t := table("s", "t", n)
	s := slow{started: make(chan struct{}), once: &sync.Once{}, gate: make(chan struct{})}
	inner := t.Open
	t.Open = func() tabular.Rows {
		s := s
		s.Rows = inner()
		return s
	}
	return t, s
}

func TestConcurrentStatementsLoadOnce(t *testing.T) {
	e := open(t, &sqlite.Options{Dir: t.TempDir(), Connections: 32})
	tb, s := slowTable(1000)
	c := enginetest.NewCatalog(tb)
	// Describe reads the table as well.
	waiting, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			ctx := t.Context()
			if i%2 == 0 {
				ctx = waiting
			}
			a, err := enginetest.Ask(ctx, e, statement(c, countN))
			switch {
			case i%2 == 0 && !errors.Is(err, context.Canceled):
				t.Errorf("a cancelled statement ended with %v", err)
			case i%2 == 1 && (err != nil || show(a) != "1000 | 499500"):
				t.Errorf("%v, %v", show(a), err)
			}
		})
	}
	<-s.started
	for c.Opens.Load() == 0 && len(s.gate) == 0 {
		select {
		case s.gate <- struct{}{}:
		default:
			time.Sleep(time.Millisecond)
		}
	}
	cancel()
	close(s.gate)
	wg.Wait()
	if n := c.Opens.Load(); n != 1 {
		t.Errorf("the table was read %d times", n)
	}
}

func TestLoadStopsWhenNobodyWaits(t *testing.T) {
	dir := t.TempDir()
	e := open(t, &sqlite.Options{Dir: dir})
	c := enginetest.NewCatalog(table("s", "t", 2_000_000))
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		start := time.Now()
		_, err := enginetest.Ask(ctx, e, statement(c, countN))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 1300*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if paths, _ := tableFiles(t, dir); len(paths) != 0 {
		t.Errorf("files left: %v", paths)
	}
}

// broken are rows that end with an error behind n of them.
type broken struct {
	tabular.Rows
	n   int
	err error
}

func (b *broken) Next() ([]tabular.Value, error) {
	if b.n == 0 {
		return nil, b.err
	}
	b.n--
	return b.Rows.Next()
}

func TestTablesThatCannotBeRead(t *testing.T) {
	e := open(t, nil)
	inner := table("s", "t", 1000)
	fault := errs.New(errs.Invalid, "t.csv: row 501: too many fields")
	halfway := inner
	halfway.Open = func() tabular.Rows {
		if fault == nil {
			return inner.Open()
		}
		return &broken{inner.Open(), 500, fault}
	}
	described := table("s", "u", 10)
	described.DescribeErr = errs.New(errs.Invalid, "u.csv: not UTF-8")
	c := enginetest.NewCatalog(halfway, described, table("s", "good", 10))

	f := fails(t, e, c, countN, query.InvalidData)
	if !strings.Contains(f.Message, "s.t") || !strings.Contains(f.Message, "t.csv: row 501") {
		t.Errorf("message %q", f.Message)
	}
	if f := fails(t, e, c, "SELECT * FROM u", query.InvalidData); !strings.Contains(f.Message, "u.csv: not UTF-8") {
		t.Errorf("message %q", f.Message)
	}
	want(t, e, c, "SELECT count(*) FROM good", "10")
	want(t, e, c, "SELECT table_name, count(*) FROM information_schema.columns GROUP BY 1 ORDER BY 1", "good | 2")
	want(t, e, c, "SELECT count(*) FROM information_schema.tables", "3")
}
