package logictest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqlite"
)

// -write makes the files anew, with the answers of the embedded engine. They
// count once another engine has given the same.
var write = flag.Bool("write", false, "write the files of statements anew")

// TestSQLite runs the files on the embedded engine.
func TestSQLite(t *testing.T) {
	e, err := sqlite.New(&sqlite.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if *write {
		generate(t, e)
		t.Skip("the files are written: they are embedded with the next build")
	}
	Run(t, e)
}

// kinds are the files, each with what makes a statement of it.
var kinds = []struct {
	name string
	n    int
	make func(g *gen) (types, mode, sql string)
}{
	{"expressions", 600, (*gen).expression},
	{"filters", 500, (*gen).filter},
	{"aggregates", 450, (*gen).aggregate},
	{"joins", 350, (*gen).join},
	{"sets", 200, (*gen).set},
	{"windows", 150, (*gen).window},
}

func generate(t *testing.T, e query.Engine) {
	t.Helper()
	st := query.Statement{Scope: enginetest.Scope, Catalog: enginetest.NewCatalog(Tables()...)}
	for i, kind := range kinds {
		g := &gen{rand.New(rand.NewPCG(uint64(i), 11))}
		var out strings.Builder
		fmt.Fprintf(&out, "# Made by go test ./query/enginetest/logictest -write\n\n")
		for n := 0; n < kind.n; {
			types, mode, sql := kind.make(g)
			st.SQL = sql
			got, err := answer(t.Context(), e, st, types, mode)
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			if len(got) > 40 {
				got = []string{hashed(got)}
			}
			fmt.Fprintf(&out, "query %s %s\n%s\n----\n", types, mode, sql)
			for _, v := range got {
				out.WriteString(v + "\n")
			}
			out.WriteString("\n")
			n++
		}
		if err := os.WriteFile(filepath.Join("testdata", kind.name+".slt"), []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// gen makes statements that mean the same in every dialect: no division, which
// is of whole numbers here and of doubles there, no LIKE, whose case differs,
// no truth values in answers, and an order for nulls.
type gen struct{ *rand.Rand }

func (g *gen) pick(list ...string) string { return list[g.IntN(len(list))] }

// number is an expression of whole numbers.
func (g *gen) number(depth int, q string) string {
	if depth == 0 {
		return g.pick(q+"a", q+"b", q+"id", fmt.Sprint(g.IntN(20)-5))
	}
	x, y := g.number(depth-1, q), g.number(depth-1, q)
	switch g.IntN(9) {
	case 0:
		return fmt.Sprintf("(%s %s %s)", x, g.pick("+", "-", "*"), y)
	case 1:
		return fmt.Sprintf("abs(%s)", x)
	case 2:
		return fmt.Sprintf("coalesce(%s, %s)", x, y)
	case 3:
		return fmt.Sprintf("nullif(%s, %s)", x, y)
	case 4:
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", g.condition(depth-1, q), x, y)
	case 5:
		return fmt.Sprintf("length(%s)", g.text(depth-1, q))
	case 6:
		return fmt.Sprintf("(%s %% %d)", x, 2+g.IntN(7))
	case 7:
		return fmt.Sprintf("-(%s)", x)
	default:
		return fmt.Sprintf("(%s + %d)", x, g.IntN(10))
	}
}

// real is an expression of doubles.
func (g *gen) real(depth int, q string) string {
	if depth == 0 {
		return q + "x"
	}
	return g.pick(
		fmt.Sprintf("(%s + %s)", g.real(depth-1, q), g.number(0, q)),
		fmt.Sprintf("(%s * 0.5)", g.real(depth-1, q)),
		fmt.Sprintf("coalesce(%s, 0.25)", g.real(depth-1, q)),
		fmt.Sprintf("abs(%s)", g.real(depth-1, q)),
	)
}

// text is an expression of texts.
func (g *gen) text(depth int, q string) string {
	if depth == 0 {
		return g.pick(q+"s", q+"s", "'abc'", "''", "'x''y'")
	}
	x := g.text(depth-1, q)
	return g.pick(
		fmt.Sprintf("(%s || %s)", x, g.text(depth-1, q)),
		fmt.Sprintf("upper(%s)", x), fmt.Sprintf("lower(%s)", x), fmt.Sprintf("trim(%s)", x),
		fmt.Sprintf("substr(%s, %d, %d)", x, 1+g.IntN(3), g.IntN(4)),
		fmt.Sprintf("replace(%s, 'a', 'bb')", x),
		fmt.Sprintf("coalesce(%s, 'none')", x),
		fmt.Sprintf("nullif(%s, 'abc')", x),
	)
}

// condition is a truth value.
func (g *gen) condition(depth int, q string) string {
	if depth > 0 && g.IntN(2) == 0 {
		x, y := g.condition(depth-1, q), g.condition(depth-1, q)
		return g.pick("("+x+" AND "+y+")", "("+x+" OR "+y+")", "NOT ("+x+")")
	}
	d := max(0, depth-1)
	n := g.number(d, q)
	switch g.IntN(8) {
	case 0:
		return fmt.Sprintf("%s BETWEEN %d AND %d", n, g.IntN(5)-3, g.IntN(10))
	case 1:
		return fmt.Sprintf("%s IN (%d, %d, %d)", n, g.IntN(9), g.IntN(9), g.IntN(99))
	case 2:
		return n + g.pick(" IS NULL", " IS NOT NULL")
	case 3:
		return fmt.Sprintf("%s %s %s", g.text(d, q), g.pick("=", "<>", "<", ">="), g.text(0, q))
	case 4:
		return fmt.Sprintf("%s %s %d.5", g.real(d, q), g.pick("<", ">", "<=", ">="), g.IntN(40)-10)
	default:
		return fmt.Sprintf("%s %s %s", n, g.pick("=", "<>", "<", ">", "<=", ">="), g.number(d, q))
	}
}

func (g *gen) table() string { return g.pick("t1", "t2", "t3", "logic.t1", "logic.t2") }

func (g *gen) expression() (types, mode, sql string) {
	table := g.table()
	return "ITR", "rowsort", fmt.Sprintf("SELECT %s, %s, %s FROM %s", g.number(2+g.IntN(2), ""), g.text(1+g.IntN(2), ""), g.real(1+g.IntN(2), ""), table)
}

func (g *gen) filter() (types, mode, sql string) {
	sql = fmt.Sprintf("SELECT id, a, s FROM %s WHERE %s", g.table(), g.condition(2+g.IntN(2), ""))
	if g.IntN(2) == 0 {
		return "IIT", "rowsort", sql
	}
	key := g.pick("a", "b", "x", "s", g.number(1, "")+" + 0")
	sql += fmt.Sprintf(" ORDER BY %s %s NULLS %s, id", key, g.pick("ASC", "DESC"), g.pick("FIRST", "LAST"))
	if g.IntN(2) == 0 {
		sql += fmt.Sprintf(" LIMIT %d OFFSET %d", 1+g.IntN(8), g.IntN(5))
	}
	return "IIT", "nosort", sql
}

func (g *gen) aggregate() (types, mode, sql string) {
	list := "count(*), " + g.pick("sum", "min", "max", "count", "count(DISTINCT a) + sum") + "(" + g.number(1, "") + "), avg(" + g.pick("a", "b", "x") + "), max(s)"
	sql = "SELECT " + list + " FROM " + g.table()
	if g.IntN(2) == 0 {
		sql += " WHERE " + g.condition(1, "")
	}
	if g.IntN(3) == 0 {
		return "IIRT", "rowsort", sql
	}
	key := g.pick("a", "s", "length(s)", "a % 3")
	sql += " GROUP BY " + key
	if g.IntN(2) == 0 {
		sql += " HAVING " + g.pick("count(*) > 1", "min(b) < 300", "sum(a) IS NOT NULL", "max(x) > 5")
	}
	return "IIRT", "rowsort", sql
}

func (g *gen) join() (types, mode, sql string) {
	switch g.IntN(5) {
	case 0:
		return "II", "rowsort", fmt.Sprintf("SELECT l.id, l.a FROM t1 l WHERE %s (SELECT 1 FROM t2 r WHERE r.a = l.a AND %s)",
			g.pick("EXISTS", "NOT EXISTS"), g.condition(1, "r."))
	case 1:
		return "II", "rowsort", fmt.Sprintf("SELECT id, (SELECT count(*) FROM t2 r WHERE r.a <= l.a AND %s) FROM t1 l WHERE %s",
			g.condition(1, "r."), g.condition(1, "l."))
	case 2:
		return "II", "rowsort", fmt.Sprintf("WITH w AS (SELECT a, count(*) AS n FROM t1 WHERE %s GROUP BY a) SELECT r.id, w.n FROM t2 r %s w ON w.a = r.a",
			g.condition(1, ""), g.pick("JOIN", "LEFT JOIN"))
	case 3:
		return "III", "rowsort", fmt.Sprintf("SELECT l.id, m.id, r.id FROM t1 l JOIN t2 m ON l.a = m.a JOIN t3 r ON r.a = m.a AND %s", g.condition(1, "l."))
	}
	return "IITT", "rowsort", fmt.Sprintf("SELECT l.id, r.id, l.s, r.s FROM t1 l %s t2 r ON l.%s = r.%s AND %s WHERE %s",
		g.pick("JOIN", "LEFT JOIN", "INNER JOIN"), "a", "a", g.condition(1, "r."), g.condition(1, "l."))
}

func (g *gen) set() (types, mode, sql string) {
	part := func(table string) string {
		return fmt.Sprintf("SELECT a, s FROM %s WHERE %s", table, g.condition(1, ""))
	}
	return "IT", "rowsort", part("t1") + " " + g.pick("UNION", "UNION ALL", "INTERSECT", "EXCEPT") + " " + part("t2")
}

func (g *gen) window() (types, mode, sql string) {
	f := g.pick("row_number() OVER", "rank() OVER", "dense_rank() OVER", "count(*) OVER", "sum(b) OVER", "min(b) OVER", "lag(b, 1, 0) OVER", "first_value(b) OVER")
	order := "ORDER BY id"
	if strings.HasPrefix(f, "rank") || strings.HasPrefix(f, "dense") {
		order = "ORDER BY a NULLS FIRST"
	}
	return "II", "rowsort", fmt.Sprintf("SELECT id, %s (PARTITION BY %s %s) FROM t1 WHERE %s", f, g.pick("a % 2", "length(s)", "s"), order, g.condition(1, ""))
}
