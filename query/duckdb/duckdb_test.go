package duckdb_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/duckdb"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

func open(t *testing.T, opts *duckdb.Options) *duckdb.Engine {
	t.Helper()
	if opts == nil {
		opts = &duckdb.Options{Dir: t.TempDir()}
	}
	e, err := duckdb.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func ask(t *testing.T, e query.Engine, c query.Catalog, text string) (*enginetest.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return enginetest.Ask(ctx, e, query.Statement{Scope: enginetest.Scope, SQL: text, Catalog: c})
}

func numbers(schema, name string, n int) enginetest.Table {
	return enginetest.Generated(schema, name, []enginetest.Column{enginetest.Col("n", tabular.Integer)}, n, func(i int, row []tabular.Value) {
		row[0] = tabular.Value{Type: tabular.Integer, Int: int64(i)}
	})
}

// None of these may succeed, and none may tell of what the instance has.
func TestNoWayOut(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(numbers("s", "t", 3))
	if _, err := ask(t, e, c, "SELECT * FROM s.t"); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("a\nSECRET\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_databases()", "SELECT * FROM duckdb_settings()",
		"SELECT * FROM duckdb_secrets()", "SELECT * FROM duckdb_temporary_files()", "SELECT * FROM pragma_database_list",
		"SELECT * FROM pragma_database_list()", "SELECT * FROM pg_catalog.pg_class", "SELECT * FROM pg_tables",
		"SELECT * FROM sqlite_master", "SELECT * FROM information_schema.schemata", "SELECT * FROM system.information_schema.tables",
		"SELECT * FROM \"inlet\x010\".main.t", "SELECT * FROM \"inlet\x010\".t", "SELECT * FROM \"inlet\x01\".s.t", "SELECT * FROM tem_.t", "SELECT * FROM main.t", "SHOW TABLES",
		"SHOW ALL TABLES", "DESCRIBE s.t", "SUMMARIZE s.t", "SHOW DATABASES", "FROM duckdb_tables()", "TABLE duckdb_settings",
		"PRAGMA database_list", "CALL pragma_version()", "SELECT getenv('HOME')", "SELECT current_setting('temp_directory')",
		"SELECT getvariable('x')", "SELECT nextval('x')", "SELECT current_query()",
		"SELECT json_serialize_plan('SELECT * FROM duckdb_tables()')", "FROM duckdb_tables", "SELECT (FROM duckdb_settings() LIMIT 1)",
		"SELECT * FROM s.t WHERE n = (SELECT count(*) FROM duckdb_tables())", "SELECT list_transform([1], x -> getenv('HOME'))",
		"SELECT n FROM s.t ORDER BY getenv('HOME')", "SELECT sum(n) FILTER (getenv('HOME') <> '') FROM s.t",
		"SELECT row_number() OVER (ORDER BY getenv('HOME')) FROM s.t", "FROM s.t SELECT COLUMNS(c -> getenv(c) IS NULL)",
		"FROM range((SELECT count(*) FROM duckdb_tables())::INT)", "VALUES (getenv('HOME'))", "SELECT 1 LIMIT (SELECT count(*) FROM duckdb_tables())",
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r, duckdb_tables()) SELECT * FROM r",
		"SELECT * FROM s.t GROUP BY n HAVING getenv('HOME') <> ''", "SELECT CASE WHEN true THEN getenv('HOME') END",
		"SELECT CAST(getenv('HOME') AS VARCHAR)", "SELECT \"getenv\"('HOME')", "SELECT main.getenv('HOME')", "SELECT 'HOME'.getenv()",
		"SELECT * FROM query('SELECT * FROM duckdb_tables()')", "SELECT * FROM query_table('duckdb_tables')",
		"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
		"SELECT * FROM read_csv_auto('" + secret + "')", "SELECT * FROM read_json('" + secret + "')", "FROM '" + secret + "'",
		"SELECT * FROM read_parquet('" + secret + "')", "SELECT * FROM sniff_csv('" + secret + "')", "SELECT * FROM parquet_metadata('" + secret + "')",
		"SELECT (SELECT a FROM read_csv('" + secret + "'))", "WITH x AS (SELECT * FROM read_text('" + secret + "')) SELECT * FROM x",
		"SELECT 1 WHERE EXISTS (FROM glob('/*'))", "SELECT * FROM s.t WHERE n IN (SELECT 1 FROM duckdb_tables())",
		"SELECT * FROM s.t, LATERAL (SELECT * FROM duckdb_tables())", "PIVOT duckdb_tables() ON schema_name USING count(*)",
		"SELECT system.main.repeat('x', 900000000)", "SELECT main.repeat('x', 900000000)", "SELECT repeat('x', 900000000)",
		"SELECT format('{:900000000}', 1)", "SELECT printf('%*d', 900000000, 1)", "SELECT list_sum(range(900000000))",
		"SET memory_limit = '10GB'", "RESET memory_limit", "SET VARIABLE x = 1", "USE s", "ATTACH ':memory:' AS x", "DETACH memory",
		"INSTALL httpfs", "LOAD httpfs", "COPY s.t TO '" + secret + ".out'", "EXPORT DATABASE '" + secret + ".out'", "CHECKPOINT",
		"CREATE MACRO x() AS 1", "CREATE SECRET (TYPE s3)", "EXPLAIN DELETE FROM s.t", "EXPLAIN ANALYZE COPY s.t TO '" + secret + ".out'",
		"EXPLAIN SELECT * FROM duckdb_settings()", "EXPLAIN EXPLAIN SELECT 1", "SELECT ?", "SELECT $1", "SELECT 1; SELECT 2",
		"INSERT INTO s.t VALUES (1) RETURNING n", "UPDATE s.t SET n = 1", "DELETE FROM s.t", "DROP VIEW s.t",
	} {
		a, err := ask(t, e, c, text)
		if err == nil {
			t.Errorf("%s gave %v", text, a.Rows)
			continue
		}
		var f *query.Failure
		if !errors.As(err, &f) {
			t.Errorf("%s: not a failure: %v", text, err)
		}
		if strings.Contains(err.Error(), "inlet-duckdb") {
			t.Errorf("%s: the message has a path: %v", text, err)
		}
	}
	if _, err := os.Stat(secret + ".out"); err == nil {
		t.Error("a file was written")
	}
	if a, err := ask(t, e, c, "SELECT count(*) FROM s.t"); err != nil || a.Rows[0][0] != "3" {
		t.Errorf("%v, %v", a, err)
	}
}

func TestATableIsLoadedOnce(t *testing.T) {
	e := open(t, &duckdb.Options{Dir: t.TempDir(), Connections: 4})
	table := numbers("s", "t", 1000)
	table.Version = "v1"
	c := enginetest.NewCatalog(table)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if a, err := ask(t, e, c, "SELECT count(*) FROM s.t"); err != nil || a.Rows[0][0] != "1000" {
				t.Errorf("%v, %v", a, err)
			}
		})
	}
	wg.Wait()
	if n := c.Opens.Load(); n != 1 {
		t.Errorf("it was opened %d times", n)
	}
	other := numbers("elsewhere", "u", 5) // equal versions mean equal rows
	other.Version = "v1"
	again := enginetest.NewCatalog(other)
	if a, err := ask(t, e, again, "SELECT count(*) FROM u"); err != nil || a.Rows[0][0] != "1000" || again.Opens.Load() != 0 {
		t.Errorf("%v, %v", a, err)
	}
	next := numbers("s", "t", 7)
	next.Version = "v2"
	if a, err := ask(t, e, enginetest.NewCatalog(next), "SELECT count(*) FROM s.t"); err != nil || a.Rows[0][0] != "7" {
		t.Errorf("%v, %v", a, err)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	e := open(t, &duckdb.Options{Dir: dir, CacheBytes: 1})
	for range 3 {
		c := enginetest.NewCatalog(numbers("s", "t", 10))
		if a, err := ask(t, e, c, "SELECT sum(n) FROM s.t"); err != nil || a.Rows[0][0] != "45" {
			t.Errorf("%v, %v", a, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

func TestTheFolderIsTidy(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"inlet-duckdb-old": "x", "notes.txt": "the host's own"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e, err := duckdb.New(&duckdb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, e, enginetest.NewCatalog(numbers("s", "t", 10)), "SELECT sum(n) FROM s.t"); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
	if _, err := duckdb.New(&duckdb.Options{Dir: filepath.Join(dir, "notes.txt")}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a file as the folder: %v", err)
	}
}

// A result that is larger than the memory streams, a sort of it spills, and
// what fits nowhere fails.
func TestMemoryIsBounded(t *testing.T) {
	e := open(t, &duckdb.Options{Dir: t.TempDir(), MemoryBytes: 64 << 20, TempBytes: 128 << 20})
	c := enginetest.NewCatalog(numbers("s", "t", 1000))
	a, err := ask(t, e, c, "SELECT count(*) FROM (SELECT a.n, row_number() OVER (ORDER BY (a.n * b.n) % 1009, b.n) AS r FROM s.t a, s.t b)")
	if err != nil || a.Rows[0][0] != "1000000" {
		t.Errorf("a sort: %v, %v", a.Rows, err)
	}
	_, err = ask(t, e, c, "SELECT list(a.n::VARCHAR || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' || b.n || ' ' || c.n) FROM s.t a, s.t b, s.t c")
	var f *query.Failure
	if !errors.As(err, &f) || f.Type != query.InsufficientResources {
		t.Errorf("a list of all: %v", err)
	}
	if a, err := ask(t, e, c, "SELECT count(*) FROM s.t"); err != nil || a.Rows[0][0] != "1000" {
		t.Errorf("afterwards: %v, %v", a, err)
	}
}

// The functions that are bounded do what they did.
func TestBoundedFunctions(t *testing.T) {
	e := open(t, nil)
	for expression, want := range map[string]string{
		"repeat('ab', 3)": "ababab", "repeat(NULL, 3)": enginetest.Null, "repeat([1, 2], 2)": "[1,2,1,2]",
		"lpad('a', 3, 'b')": "bba", "rpad('a', 3, 'b')": "abb", "replace('abcabc', 'b', 'xy')": "axycaxyc", "replace('', 'b', 'x')": "",
		"contains('abc', 'b')": "true", "contains([1, 2], 2)": "true", "strpos('abc', 'c')": "3", "instr('abc', 'x')": "0",
		"position('b' IN 'abc')": "2", "levenshtein('duck', 'db')": "3", "printf('%5.2f|%s', 3.14159, 'x')": " 3.14|x",
		"format('{:>5}', 'x')": "    x", "list_sum(range(5))": "10", "generate_series(1, 3)": "[1,2,3]",
		"'abc' LIKE '%b%'": "true", "'abc' LIKE '_b%'": "true", "'abc' ILIKE 'A%'": "true", "'abc' GLOB 'a*'": "true",
	} {
		if a, err := ask(t, e, enginetest.NewCatalog(), "SELECT "+expression+" AS x"); err != nil || a.Rows[0][0] != want {
			t.Errorf("%s: %v, %v", expression, a, err)
		}
	}
	for _, expression := range []string{
		"repeat('x', 300000)", "lpad('x', 300000, 'y')", "replace(repeat('a', 200000), 'a', repeat('a', 200000))",
		"strpos(repeat('a', 200000), repeat('a', 100000) || 'b')", "contains(repeat('a', 200000), repeat('a', 100000) || 'b')",
		"repeat('a', 200000) LIKE '%_%a%_%a%_%b'", "printf('%900000000d', 1)", "list_sum(range(900000000))",
	} {
		_, err := ask(t, e, enginetest.NewCatalog(), "SELECT "+expression+" AS x")
		var f *query.Failure
		if !errors.As(err, &f) || f.Name != query.ExceededLimit {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

// What DuckDB has names for itself may be the name of a dataset.
func TestSchemasOfAnyName(t *testing.T) {
	e := open(t, nil)
	for i, schema := range []string{
		"main", "memory", "temp", "system", "pg_catalog", "inlet\x01x", "inlet_information_", "a.b", `a"b`, "it's", "日本",
	} {
		c := enginetest.NewCatalog(numbers(schema, "t", i+1), numbers("other", "u", 50))
		for _, text := range []string{"SELECT count(*) FROM " + quote(schema) + ".t", "SELECT count(*) FROM t", "SELECT max(t.n) + 1 FROM " + quote(schema) + ".t, other.u",
			"SELECT max(" + quote(schema) + ".t.n) + 1 FROM " + quote(schema) + ".t"} {
			if a, err := ask(t, e, c, text); err != nil || a.Rows[0][0] != strconv.Itoa(i+1) {
				t.Errorf("%s: %v, %v", text, a.Rows, err)
			}
		}
	}
}

func TestSubstitutesDoNotMix(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(numbers("temp", "t", 1), numbers("tem_", "t", 2))
	_, err := ask(t, e, c, "SELECT count(*) FROM temp.t, tem_.t")
	var f *query.Failure
	if !errors.As(err, &f) || f.Name != query.AmbiguousName {
		t.Errorf("error = %v", err)
	}
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func TestFoldersOfAnyName(t *testing.T) {
	e := open(t, &duckdb.Options{Dir: filepath.Join(t.TempDir(), "it's a #folder%20 日本")})
	if a, err := ask(t, e, enginetest.NewCatalog(numbers("s", "t", 3)), "SELECT sum(n) FROM s.t"); err != nil || a.Rows[0][0] != "3" {
		t.Errorf("%v, %v", a, err)
	}
}

func TestFigures(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(numbers("s", "t", 100_000))
	a, err := ask(t, e, c, "SELECT n % 5000 AS k, count(*) FROM s.t GROUP BY k ORDER BY 2, 1")
	if err != nil {
		t.Fatal(err)
	}
	if p := a.Last; p.ProcessedRows != 100_000 || p.ProcessedBytes != 1000 || p.CPU <= 0 || p.PeakMemory <= 0 || p.CompletedSplits != 1 {
		t.Errorf("figures = %+v", p)
	}
}

func TestFailures(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(numbers("s", "t", 3))
	for _, want := range []struct {
		text, name   string
		line, column int
	}{
		{"SELECT 'é',\n  m FROM s.t", query.ColumnNotFound, 2, 3},
		{"SELECT n FROM s.t a, s.t b", query.AmbiguousName, 1, 8},
		{"SELECT\nno_such(n) FROM s.t", query.FunctionNotFound, 2, 1},
		{"SELECT n FROM s.t\n  JOIN s.x USING (n)", query.TableNotFound, 2, 8},
		{"SELECT 9223372036854775807 + n FROM s.t", query.NumericOverflow, 0, 0},
		{"SELECT 'x'::INTEGER", query.GenericUserError, 1, 11},
		{"DELETE FROM s.t", query.NotSupported, 0, 0},
		{"EXPLAIN SELEC 1", query.SyntaxError, 1, 9},
	} {
		_, err := ask(t, e, c, want.text)
		var f *query.Failure
		if !errors.As(err, &f) {
			t.Errorf("%s: %v", want.text, err)
			continue
		}
		if f.Name != want.name || f.Line != want.line || f.Column != want.column || f.Message == "" || strings.Contains(f.Message, "exception_") {
			t.Errorf("%s: %s at %d:%d (%s), want %s at %d:%d", want.text, f.Name, f.Line, f.Column, f.Message, want.name, want.line, want.column)
		}
	}
}
