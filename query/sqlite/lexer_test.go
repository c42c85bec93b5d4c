package sqlite

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query"
)

func TestReferences(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"SELECT a FROM t", "t"},
		{"SELECT t.a, s.t.a FROM s.t", "col s.t; s.t"},
		{"SELECT * FROM s.t, u JOIN v ON v.a = u.a, w x", "s.t; u; v; w (alias)"},
		{"SELECT * FROM t AS x LEFT JOIN s.u y USING (a, b), z WHERE a IN (c, d) ORDER BY e, f", "t (alias); s.u (alias); z"},
		{"SELECT * FROM (SELECT a, b FROM t) x, (u), (SELECT 1)", "t; u"},
		{"SELECT (SELECT max(a) FROM u), b FROM t WHERE EXISTS (SELECT 1 FROM s . v)", "u; t; s.v"},
		{"SELECT s.t FROM u AS s", "u (alias)"},
		{"SELECT a IS NOT DISTINCT FROM b, c FROM t", "t"},
		{"SELECT a IN t, b IN s.u, c IN (d, e) FROM v", "t (alias); s.u (alias); v"},
		{"WITH t AS (SELECT * FROM s.t) SELECT * FROM t, u", "s.t; u"},
		{"WITH RECURSIVE r(n, m) AS (SELECT 1, 2 UNION ALL SELECT n + 1, m FROM r, t), q AS NOT MATERIALIZED (SELECT 1) SELECT * FROM r, q", "t"},
		{"SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) JOIN t", "t"},
		{"SELECT * FROM json_each('[1]'), t", "t"},
		{`SELECT * FROM "a b"."c.d" -- FROM x`, `"a b"."c.d"`},
		{"SELECT * FROM [a b] x, `c` /* , d */, 'e'", "[a b] (alias); `c`; 'e'"},
		{"SELECT 'FROM x', \"FROM\" FROM t", "t"},
		{"SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY 1, 2", "t; u"},
		{"SELECT s.t.* FROM s.t", "col s.t; s.t"},
		{"VALUES (1, 2), (3, (SELECT a FROM t))", "t"},
		{"EXPLAIN QUERY PLAN WITH x AS (SELECT 1) SELECT * FROM x, y", "y"},
		{"SELECT sum(a) OVER (PARTITION BY b, c ORDER BY d) FROM t WINDOW w AS (ORDER BY e)", "t"},
		{"SELECT count(*) FILTER (WHERE a > 1), b FROM t NATURAL JOIN u", "t; u"},
	} {
		tokens := scan(c.sql)
		var got []string
		found, _ := references(tokens)
		for _, r := range found {
			text := ""
			if !r.from {
				text = "col "
			}
			if r.schema >= 0 {
				text += c.sql[tokens[r.schema].start:tokens[r.schema].end] + "."
			}
			text += c.sql[tokens[r.table].start:tokens[r.table].end]
			if r.alias {
				text += " (alias)"
			}
			got = append(got, text)
		}
		if d := cmp.Diff(c.want, strings.Join(got, "; ")); d != "" {
			t.Errorf("%s (-want +got)\n%s", c.sql, d)
		}
	}
}

func TestRewrite(t *testing.T) {
	tokens := scan("SELECT s.t.a, b FROM s . t WHERE c")
	one := &target{table: query.Table{Schema: "s", Name: "t"}}
	refs, _ := references(tokens)
	r := &resolved{refs: refs, targets: []*target{one, one}}
	const sql = "SELECT s.t.a, b FROM s . t WHERE c"
	w := rewrite(sql, tokens, r, map[*target]location{one: {"D", "T"}})
	if want := `SELECT "D".t.a, b FROM "D"."T" AS "t" WHERE c`; w.sql != want {
		t.Fatalf("rewritten to\n%s, want\n%s", w.sql, want)
	}
	for _, mark := range []string{"SELECT", "b FROM", "WHERE", "c"} {
		if got, want := w.original(strings.LastIndex(w.sql, mark)), strings.LastIndex(sql, mark); got != want {
			t.Errorf("%q is at %d of the original, want %d", mark, got, want)
		}
	}
	if got := w.original(strings.Index(w.sql, `"T"`)); got != strings.Index(sql, "s .") {
		t.Errorf("the table is at %d", got)
	}
}

func TestPlaceCountsCharacters(t *testing.T) {
	for _, c := range []struct {
		sql          string
		at           int
		line, column int
	}{{"abc", 0, 1, 1}, {"a\nbc", 3, 2, 2}, {"日本x", 6, 1, 3}, {"a", 9, 1, 2}} {
		if line, column := place(c.sql, c.at); line != c.line || column != c.column {
			t.Errorf("%q at %d: %d:%d, want %d:%d", c.sql, c.at, line, column, c.line, c.column)
		}
	}
}

// FuzzScan checks that tokens cover the text in order, without its blanks, and
// that no text makes the search for tables fail.
func FuzzScan(f *testing.F) {
	for _, sql := range []string{"SELECT 'a''b', \"c\", [d], `e`, x'00', 1.5e+3, 0x1f, ?1 -- f\n/* g */ FROM s.t", "WITH a AS (", "'", "/*", "((((", "\ufeffSELECT 1", "日本.語", "in in", "with with as"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		at := 0
		tokens := scan(sql)
		for _, tok := range tokens {
			if tok.start < at || tok.end <= tok.start || tok.end > len(sql) {
				t.Fatalf("token %+v behind %d of %q", tok, at, sql)
			}
			for between := sql[at:tok.start]; between != ""; {
				n := blank(between)
				if n <= 0 {
					t.Fatalf("%q of %q is in no token", between, sql)
				}
				between = between[n:]
			}
			at = tok.end
		}
		if _, err := parse(sql); err != nil {
			return
		} else if !utf8.ValidString(sql) {
			t.Fatalf("%q was accepted", sql)
		}
		found, _ := references(tokens)
		for _, r := range found {
			if r.table >= len(tokens) || r.schema >= r.table || !r.from && r.schema < 0 {
				t.Fatalf("reference %+v of %q", r, sql)
			}
		}
	})
}
