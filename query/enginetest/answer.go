package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// Null stands for a missing value among texts.
const Null = "∅"

// Answer is what a statement gave, as text.
type Answer struct {
	Columns      []query.Column
	Rows         [][]string
	Types        []tabular.Type // of the last value of each column that is not null
	Dependencies query.Dependencies
	Last         query.Progress
	Reports      int
}

// collector fills an answer.
type collector struct {
	*Answer
	calls int
}

func (c *collector) Columns(columns []query.Column) error {
	c.calls++
	c.Answer.Columns = append([]query.Column(nil), columns...)
	c.Types = make([]tabular.Type, len(columns))
	return nil
}

func (c *collector) Row(row []tabular.Value) error {
	if c.calls != 1 {
		return fmt.Errorf("a row after %d calls of Columns", c.calls)
	}
	texts := make([]string, len(row))
	for i, v := range row {
		if v.Type == tabular.Null {
			texts[i] = Null
			continue
		}
		c.Types[i] = v.Type
		texts[i] = string(v.Append(nil))
	}
	c.Rows = append(c.Rows, texts)
	return nil
}

// Ask prepares and runs a statement, and checks what holds for every run.
func Ask(ctx context.Context, e query.Engine, st query.Statement) (*Answer, error) {
	a := &Answer{}
	out := &collector{Answer: a}
	deps, last, reports, err := run(ctx, e, st, out)
	a.Dependencies, a.Last, a.Reports = deps, last, reports
	if err == nil && out.calls != 1 {
		err = fmt.Errorf("columns were given %d times", out.calls)
	}
	return a, err
}

func run(ctx context.Context, e query.Engine, st query.Statement, out query.Sink) (
	deps query.Dependencies, last query.Progress, reports int, err error,
) {
	p, err := e.Prepare(ctx, st)
	if err != nil {
		return deps, last, 0, err
	}
	defer func() { err = errors.Join(err, p.Close(), p.Close()) }()
	deps = p.Dependencies()
	var busy, ended atomic.Bool
	var wrong atomic.Value
	err = p.Run(ctx, out, func(now query.Progress) {
		if ended.Load() {
			wrong.Store("report was called after Run returned")
		}
		if !busy.CompareAndSwap(false, true) {
			wrong.Store("report was called while it ran")
		}
		last = now
		reports++
		busy.Store(false)
	})
	ended.Store(true)
	if text, ok := wrong.Load().(string); ok {
		return deps, last, reports, errors.New(text)
	}
	if reports == 0 {
		return deps, last, reports, errors.Join(errors.New("no report"), err)
	}
	return deps, last, reports, err
}

// ask runs a statement that must succeed.
func (b *bench) ask(t *testing.T, sql string) *Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a, err := Ask(ctx, b.Engine, b.statement(sql))
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	return a
}

// want checks the rows of a statement, of which each is one text with the
// values separated by " | ".
func (b *bench) want(t *testing.T, sql string, rows ...string) *Answer {
	t.Helper()
	a := b.ask(t, sql)
	var got []string
	for _, row := range a.Rows {
		got = append(got, strings.Join(row, " | "))
	}
	if d := cmp.Diff(rows, got); d != "" {
		t.Errorf("%s\n(-want +got)\n%s", sql, d)
	}
	return a
}

// fail runs a statement that must fail by its own fault, for one of the reasons.
func (b *bench) fail(t *testing.T, sql string, names ...string) {
	t.Helper()
	_ = b.failure(t, sql, names...)
}

// failure is fail, and returns the failure.
func (b *bench) failure(t *testing.T, sql string, names ...string) *query.Failure {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := Ask(ctx, b.Engine, b.statement(sql))
	if err == nil {
		t.Fatalf("%s\nno error", sql)
	}
	var f *query.Failure
	if !errors.As(err, &f) {
		t.Fatalf("%s\nnot a failure: %v", sql, err)
	}
	for _, name := range names {
		if f.Name == name {
			return f
		}
	}
	t.Errorf("%s\nfailed with %s (%v), want %s", sql, f.Name, f, strings.Join(names, " or "))
	return f
}

// heads shows columns as "name type", the type without its arguments.
func heads(columns []query.Column) []string {
	var all []string
	for _, c := range columns {
		base, rest, ok := strings.Cut(c.Type, "(")
		if ok {
			_, rest, _ = strings.Cut(rest, ")")
		}
		all = append(all, c.Name+" "+base+rest)
	}
	return all
}
