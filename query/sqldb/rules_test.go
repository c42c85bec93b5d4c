package sqldb_test

import (
	"strings"
	"testing"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/sqldb"
)

// What the servers are asked to refuse in the suite is refused before it is
// sent, so that no setting of an account matters for it.
func TestHostileStatementsAreNotSent(t *testing.T) {
	for name, c := range map[string]struct {
		dialect sqldb.Dialect
		hostile []string
	}{
		"postgresql": {sqldb.PostgreSQL{}, postgresHostile},
		"mysql":      {sqldb.MySQL{}, mysqlHostile},
	} {
		for _, text := range c.hostile {
			if text == "SELECT pg_read_/* */file('%s/secret.csv')" || text == "SELECT 1 --1; DROP TABLE shop.orders" && name == "postgresql" {
				continue // the one calls nothing, the other is a comment
			}
			if _, refused := c.dialect.Check(text); refused == nil {
				t.Errorf("%s: %q would be sent", name, text)
			}
		}
	}
}

func TestStatementsThatReadAreSent(t *testing.T) {
	for _, c := range []struct {
		dialect  sqldb.Dialect
		text     string
		volatile bool
	}{
		{sqldb.PostgreSQL{}, "SELECT 1", false},
		{sqldb.PostgreSQL{}, "  -- a comment; more\n((SELECT 1)) ;; ", false},
		{sqldb.PostgreSQL{}, "WITH x AS (SELECT 1) SELECT * FROM x", false},
		{sqldb.PostgreSQL{}, "VALUES (1), (2)", false},
		{sqldb.PostgreSQL{}, "TABLE orders", false},
		{sqldb.PostgreSQL{}, "EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1", true},
		{sqldb.PostgreSQL{}, "EXPLAIN VERBOSE SELECT 1", true},
		{sqldb.PostgreSQL{}, "SHOW server_version", true},
		{sqldb.PostgreSQL{}, "SELECT now()", true},
		{sqldb.PostgreSQL{}, "SELECT now FROM t", false},
		{sqldb.PostgreSQL{}, "SELECT 'now()'", false},
		{sqldb.PostgreSQL{}, `SELECT "current_date" FROM t`, false},
		{sqldb.PostgreSQL{}, "SELECT current_date", true},
		{sqldb.PostgreSQL{}, "SELECT RANDOM ( )", true},
		{sqldb.PostgreSQL{}, "SELECT a->'b' ? 'c', a @> b, $$x;y$$, E'\\';', b'1' FROM t WHERE x::int4 <> 1", false},
		{sqldb.PostgreSQL{}, "SELECT substring(a FROM 1 FOR 2), replace(a, 'b', 'c'), (replace(a, 'b', 'c')) FROM t", false},
		{sqldb.PostgreSQL{}, "SELECT insert, delete, http FROM t", false},
		{sqldb.PostgreSQL{}, "SELECT relname FROM pg_catalog.pg_class", false},
		{sqldb.PostgreSQL{}, "SELECT 日本語, \"a;b\", a$b FROM \"select\"", false},
		{sqldb.PostgreSQL{}, "SELECT /* a /* nested; */ one */ 1", false},
		{sqldb.MySQL{}, "SELECT `a;b`, \"a;b\", 'a\\';b' FROM t # end;", false},
		{sqldb.MySQL{}, "SELECT 1--1", false},
		{sqldb.MySQL{}, "SELECT 1 -- 1; 2", false},
		{sqldb.MySQL{}, "SELECT /*+ NO_INDEX_MERGE(t) */ 1 FROM t", false},
		{sqldb.MySQL{}, "SELECT insert('abc', 1, 1, 'x'), sleep FROM t", false},
		{sqldb.MySQL{}, "SHOW TABLES", true},
		{sqldb.MySQL{}, "SHOW COLUMNS FROM t", true},
		{sqldb.MySQL{}, "EXPLAIN FORMAT=JSON SELECT 1", true},
		{sqldb.MySQL{}, "SELECT rand()", true},
		{sqldb.MySQL{}, "SELECT table_name FROM information_schema.tables", false},
		{sqldb.MySQL{}, "TABLE orders", false},
	} {
		volatile, refused := c.dialect.Check(c.text)
		if refused != nil || volatile != c.volatile {
			t.Errorf("%s: %q: volatile %v, %v", c.dialect.Name(), c.text, volatile, refused)
		}
	}
}

func TestRefusalsTellThePlace(t *testing.T) {
	for _, c := range []struct {
		dialect      sqldb.Dialect
		text, name   string
		line, column int
	}{
		{sqldb.PostgreSQL{}, "SELECT '日本語',\n  pg_read_file('x')", query.PermissionDenied, 2, 3},
		{sqldb.PostgreSQL{}, "SELECT 1;\nSELECT 2", query.NotSupported, 1, 9},
		{sqldb.PostgreSQL{}, "SELECT 'a", query.SyntaxError, 1, 8},
		{sqldb.PostgreSQL{}, "SELECT $x$ a", query.SyntaxError, 1, 8},
		{sqldb.PostgreSQL{}, "SELECT 1 /* a", query.SyntaxError, 1, 10},
		{sqldb.PostgreSQL{}, "  UPDATE t SET a = 1", query.NotSupported, 1, 3},
		{sqldb.PostgreSQL{}, "GIVE ME", query.SyntaxError, 1, 1},
		{sqldb.PostgreSQL{}, "SELECT '\xff'", query.SyntaxError, 0, 0},
		{sqldb.PostgreSQL{}, "SELECT 1, repeat('x', (9) + 900000000)", query.ExceededLimit, 1, 11},
		{sqldb.PostgreSQL{}, "SELECT lpad('x', 1e9::int)", query.ExceededLimit, 1, 8},
		{sqldb.MySQL{}, "SELECT space(99999999999999999999999)", query.ExceededLimit, 1, 8},
		{sqldb.MySQL{}, "SELECT a FROM mysql.user", query.PermissionDenied, 1, 21},
		{sqldb.MySQL{}, "SELECT a FROM t\nFOR UPDATE", query.NotSupported, 2, 1},
	} {
		_, refused := c.dialect.Check(c.text)
		if refused == nil {
			t.Errorf("%q is not refused", c.text)
			continue
		}
		if refused.Name != c.name || refused.Line != c.line || refused.Column != c.column {
			t.Errorf("%q: %s at %d:%d, want %s at %d:%d", c.text, refused.Name, refused.Line, refused.Column, c.name, c.line, c.column)
		}
	}
}

// FuzzCheck looks for texts that hide a second statement: whatever is put in
// front of it as one token of the language, the rest is still seen.
func FuzzCheck(f *testing.F) {
	for _, text := range append(append([]string(nil), postgresHostile...), mysqlHostile...) {
		f.Add(text)
	}
	dialects := []sqldb.Dialect{sqldb.PostgreSQL{}, sqldb.MySQL{}}
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range dialects {
			_, refused := d.Check(text)
			if refused == nil && !strings.ContainsAny(text, "-#") {
				if _, refused := d.Check(text + "; DROP TABLE t"); refused == nil {
					t.Errorf("%s: a statement behind %q is not seen", d.Name(), text)
				}
			}
			if refused != nil && refused.Line > 0 && refused.Line > strings.Count(text, "\n")+1 {
				t.Errorf("%s: %q is refused on line %d", d.Name(), text, refused.Line)
			}
		}
	})
}
