package enginetest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

var statementCases = []testCase{
	{name: "Columns", test: testColumns},
	{name: "OrderAndLimit", test: testOrder},
	{name: "Joins", test: testJoins},
	{name: "Aggregates", test: testAggregates},
	{name: "CommonTableExpressions", test: testCTE},
	{name: "Wrapping", test: testWrapping},
	{name: "ExpressionsKeepTheirTypes", test: testExpressions},
	{name: "Dependencies", test: testDependencies, skip: func(h *Harness) string {
		if h.Traits.NoDependencies {
			return "the engine cannot tell which tables a statement reads"
		}
		return ""
	}},
	{name: "Figures", test: testFigures},
	{name: "MillionRowsInBoundedMemory", test: testMillion},
}

func testColumns(t *testing.T, b *bench) {
	b.create(t, orders(), people())
	a := b.ask(t, "SELECT id, price AS Cost, id AS id, note "+b.Dialect.Quote("a \"b\" 日本")+" FROM shop.orders ORDER BY 1 LIMIT 1")
	want := []string{"id bigint", "Cost decimal", "id bigint", "a \"b\" 日本 varchar"}
	got := heads(a.Columns)
	if len(got) == len(want) {
		got[1] = strings.Replace(got[1], "cost", "Cost", 1) // PostgreSQL folds names
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := cmp.Diff([][]string{{"1", "9.50", "1", "first"}}, a.Rows); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func testOrder(t *testing.T, b *bench) {
	b.create(t, numbers(1000))
	b.want(t, "SELECT n FROM shop.numbers ORDER BY n DESC LIMIT 3", "999", "998", "997")
	b.want(t, "SELECT n FROM shop.numbers ORDER BY n LIMIT 2 OFFSET 500", "500", "501")
	b.want(t, "SELECT n FROM shop.numbers WHERE n IN (7, 5, 2000) ORDER BY 1", "5", "7")
}

func testJoins(t *testing.T, b *bench) {
	b.create(t, orders(), people())
	b.want(t, "SELECT o.id, p.name FROM shop.orders o JOIN shop.people p ON p.id = o.person ORDER BY o.id",
		"1 | Ada", "2 | Bob", "3 | Ada")
	b.want(t, "SELECT o.id, p.name FROM shop.orders o LEFT JOIN shop.people AS p ON p.id = o.person WHERE p.id IS NULL",
		"4 | "+Null)
	b.want(t, "SELECT count(*) FROM shop.orders, shop.people", "12")
	b.want(t, "SELECT a.id FROM shop.orders a JOIN shop.orders b USING (id) ORDER BY 1", "1", "2", "3", "4")
	b.want(t, "SELECT name FROM shop.people p WHERE NOT EXISTS (SELECT 1 FROM shop.orders o WHERE o.person = p.id)", "Cid")
	b.want(t, "SELECT id FROM shop.orders WHERE id > 2 UNION SELECT id FROM shop.people ORDER BY 1", "1", "2", "3", "4")
}

func testAggregates(t *testing.T, b *bench) {
	b.create(t, orders(), people(), numbers(1000))
	b.want(t, "SELECT count(*), count(note), min(id), max(note) FROM shop.orders WHERE id < 3", "2 | 1 | 1 | first")
	b.want(t, "SELECT person, count(*) AS n FROM shop.orders GROUP BY person HAVING count(*) > 1", "1 | 2")
	b.want(t, "SELECT count(DISTINCT person) FROM shop.orders", "2")
	b.want(t, "SELECT sum(n) FROM shop.numbers", "499500")
	b.want(t, "SELECT id, row_number() OVER (ORDER BY id DESC) AS r FROM shop.people ORDER BY id", "1 | 3", "2 | 2", "3 | 1")
}

func testCTE(t *testing.T, b *bench) {
	b.create(t, orders(), people())
	b.want(t, "WITH few AS (SELECT id FROM shop.people WHERE id < 3) SELECT count(*) FROM few", "2")
	b.want(t, "WITH people AS (SELECT 7 AS id) SELECT id FROM people", "7")
	b.want(t, "WITH people AS (SELECT id FROM shop.people WHERE id = 2) SELECT id FROM people", "2")
}

func testWrapping(t *testing.T, b *bench) {
	b.create(t, orders())
	for _, sql := range []string{
		"SELECT 1 AS one;", " \n\tSELECT 1 AS one ; \n", "-- a comment; with a semicolon\nSELECT 1 AS one -- and one more",
		"/* a; b */ SELECT 1 AS one /* c */;", "SELECT 1 AS one; -- done",
	} {
		b.want(t, sql, "1")
	}
	b.want(t, "SELECT ';' AS semicolon", ";")
	b.want(t, "SELECT count(*) FROM shop . orders", "4")
}

func testExpressions(t *testing.T, b *bench) {
	b.create(t, orders())
	a := b.ask(t, "SELECT id + 1 AS a, count(*) AS n, CASE WHEN id > 1 THEN 'x' ELSE note END AS s FROM shop.orders WHERE id = 1 GROUP BY id, note")
	if got := []string{a.Columns[0].Type, a.Columns[1].Type}; got[0] != "bigint" || got[1] != "bigint" {
		t.Errorf("integers are %v", got)
	}
	if d := cmp.Diff([][]string{{"2", "1", "first"}}, a.Rows); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if a.Types[0] != tabular.Integer || a.Types[2] != tabular.Text {
		t.Errorf("values of types %v", a.Types)
	}
}

func testDependencies(t *testing.T, b *bench) {
	b.create(t, orders(), people())
	for _, c := range []struct {
		sql    string
		tables []string
	}{
		{"SELECT count(*) FROM shop.orders", []string{"orders"}},
		{"SELECT o.id FROM shop.orders o JOIN shop.people USING (id)", []string{"orders", "people"}},
		{"SELECT 1 AS one WHERE EXISTS (SELECT 1 FROM shop.people)", []string{"people"}},
		{"WITH orders AS (SELECT 1 AS id) SELECT * FROM orders", nil},
		{"SELECT 'shop.orders' AS people", nil},
	} {
		a := b.ask(t, c.sql)
		want := map[string]string{}
		for _, name := range c.tables {
			want["shop."+name] = b.catalog.Version("shop", name)
		}
		got := a.Dependencies.Versions
		if b.Create != nil { // an engine with its own tables knows no versions of the catalog's
			for name := range got {
				got[name] = want[name]
			}
		}
		if d := cmp.Diff(want, got, cmp.Transformer("nil", func(m map[string]string) string { return fmt.Sprint(m) })); d != "" {
			t.Errorf("%s (-want +got)\n%s", c.sql, d)
		}
		if a.Dependencies.Volatile {
			t.Errorf("%s is volatile", c.sql)
		}
	}
	if a := b.ask(t, "SELECT "+b.Dialect.Random+" AS r FROM shop.people"); !a.Dependencies.Volatile {
		t.Error("a random number is not volatile")
	}
	if a := b.ask(t, "SELECT CURRENT_TIMESTAMP AS now"); !a.Dependencies.Volatile {
		t.Error("the time is not volatile")
	}
}

func testFigures(t *testing.T, b *bench) {
	b.create(t, orders(), numbers(1000))
	a := b.ask(t, "SELECT sum(a.n * b.n) FROM shop.numbers a CROSS JOIN shop.numbers b")
	if a.Last.Nodes < 1 || a.Last.TotalSplits < 1 || a.Last.CompletedSplits != a.Last.TotalSplits || a.Last.RunningSplits != 0 {
		t.Errorf("at the end: %+v", a.Last)
	}
	if !b.Traits.NoFigures && (a.Last.ProcessedRows < 1000 || a.Last.ProcessedBytes < 1000) {
		t.Errorf("read %d rows, %d bytes", a.Last.ProcessedRows, a.Last.ProcessedBytes)
	}
	other := b.ask(t, "SELECT 1 AS one")
	if a.Last.StatementID != "" && a.Last.StatementID == other.Last.StatementID {
		t.Errorf("two statements of the id %s", other.Last.StatementID)
	}
}

// measure counts rows and watches the heap.
type measure struct {
	rows, sum int64
	peak      uint64
}

func (m *measure) Columns([]query.Column) error { return nil }

func (m *measure) Row(row []tabular.Value) error {
	m.rows++
	m.sum += row[0].Int
	if m.rows%100_000 == 0 {
		m.peak = max(m.peak, heap())
	}
	return nil
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func testMillion(t *testing.T, b *bench) {
	b.create(t, numbers(1000))
	before := heap()
	m := &measure{}
	const n = 1_000_000
	sql := "SELECT a.n * 1000 + b.n AS n, '" + strings.Repeat("x", 200) + "' AS pad FROM shop.numbers a CROSS JOIN shop.numbers b"
	start := time.Now()
	if _, _, _, err := run(t.Context(), b.Engine, b.statement(sql), m); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in %v, heap up to %d KiB", m.rows, time.Since(start).Round(time.Millisecond), (m.peak-min(m.peak, before))>>10)
	if m.rows != n || m.sum != n*(n-1)/2 {
		t.Errorf("%d rows of sum %d", m.rows, m.sum)
	}
	if m.peak > before+32<<20 {
		t.Errorf("the heap grew by %d MiB", (m.peak-before)>>20)
	}
}
