package sqlite_test

import (
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/tabular"
)

// sleeper is a sink that sleeps for each 10,000 rows.
type sleeper struct {
	rows  int
	slept time.Duration
}

func (s *sleeper) Columns([]query.Column) error { return nil }

func (s *sleeper) Row([]tabular.Value) error {
	if s.rows++; s.rows%10_000 == 0 {
		start := time.Now()
		time.Sleep(5 * time.Millisecond)
		s.slept += time.Since(start)
	}
	return nil
}

// TestCPUTime has statements of which one is over before anybody looks, one
// computes, and one waits for whoever takes its rows.
func TestCPUTime(t *testing.T) {
	e := open(t, nil)
	for _, test := range []struct {
		name, sql string
		least     time.Duration
	}{
		{"short", "SELECT 1", 1},
		{"computes", "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT max(i) FROM n", 10 * time.Millisecond},
		{"waits", "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 500000) SELECT i FROM n", 5 * time.Millisecond},
		{"views", "SELECT count(*) FROM information_schema.tables", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := e.Prepare(t.Context(), statement(enginetest.NewCatalog(), test.sql))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			var last query.Progress
			sink := &sleeper{}
			start := time.Now()
			if err := p.Run(t.Context(), sink, func(p query.Progress) { last = p }); err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			// To sleep takes a little, too, and the two clocks are not the same.
			if last.CPU < test.least || last.CPU > took-sink.slept/2+10*time.Millisecond {
				t.Errorf("%v of CPU time in %v, of which it slept %v", last.CPU, took, sink.slept)
			}
		})
	}
}
