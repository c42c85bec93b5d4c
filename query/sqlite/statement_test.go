package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/tabular"
)

func TestOtherNamesOfTablesAndSchemas(t *testing.T) {
	e := open(t, nil)
	orders, other := table("My Shop", "orders", 3), table("dataset-1", "orders.csv", 5)
	orders.SchemaAliases, orders.Aliases = []string{"dataset-7f"}, []string{"orders.csv"}
	c := enginetest.NewCatalog(orders, other)
	for _, from := range []string{
		`"My Shop".orders`, `"my shop"."ORDERS"`, `"dataset-7f".orders`, `"dataset-7f"."orders.csv"`, "[my shop].`Orders`", "orders",
		`'My Shop'.'orders'`,
	} {
		want(t, e, c, "SELECT count(*) FROM "+from, "3")
		want(t, e, c, "SELECT x.n FROM "+from+" x WHERE n = 2", "2")
	}
	want(t, e, c, `SELECT "orders.csv".n FROM "dataset-7f"."orders.csv" WHERE "dataset-7f"."orders.csv".n > 1`, "2")
	want(t, e, c, `SELECT count(*) FROM "dataset-1"."orders.csv"`, "5")
	fails(t, e, c, `SELECT count(*) FROM "orders.csv"`, query.AmbiguousName)
	f := fails(t, e, c, `SELECT "My Shop".orders.missing FROM "My Shop".orders`, query.ColumnNotFound)
	if !strings.Contains(f.Message, "My Shop.orders.missing") || f.Line != 1 || f.Column != 8 {
		t.Errorf("%+v", f)
	}
}

func TestTypesOfExpressions(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(enginetest.New("s", "t",
		[]enginetest.Column{
			enginetest.Col("i", tabular.Integer), enginetest.Col("r", tabular.Real), enginetest.Col("b", tabular.Boolean),
			enginetest.DecimalCol("d", 10, 2), enginetest.Col("day", tabular.Date), enginetest.Col("at", tabular.Timestamp),
			enginetest.Col("z", tabular.Timestamp),
		},
		[]any{1, 0.5, true, "1234.50", "2024-01-01", "2024-01-01 00:00:00.250", "2024-01-01 00:00:00Z"},
		[]any{2, 2.0, false, "0.25", "2024-01-02", "2024-01-02 00:00:00.500", nil},
	))
	for _, q := range []struct{ sql, types, rows string }{
		{"SELECT * FROM t", "bigint double boolean decimal(6,2) date timestamp(3) timestamp(0) with time zone",
			"1 | 0.5 | true | 1234.50 | 2024-01-01 | 2024-01-01 00:00:00.250 | 2024-01-01 00:00:00Z; " +
				"2 | 2 | false | 0.25 | 2024-01-02 | 2024-01-02 00:00:00.500 | ∅"},
		{"SELECT i + 1, r * 2, NOT b, i || 'x', NULL, x'00ff' FROM t LIMIT 1", "bigint double bigint varchar unknown varbinary",
			"2 | 1 | 0 | 1x | ∅ | \x00\xff"},
		{"SELECT x.a FROM (SELECT i AS a FROM t) x", "bigint", "1; 2"},
		{"SELECT i FROM t UNION ALL SELECT 'text' UNION ALL SELECT 1.5", "bigint", "1; 2; text; 1.5"},
		{"SELECT 1 UNION ALL SELECT 2.5", "double", "1; 2.5"},
		{"SELECT NULL UNION ALL SELECT 2", "bigint", "∅; 2"},
		{"SELECT 1 UNION ALL SELECT 'x'", "varchar", "1; x"},
		{"SELECT r FROM t UNION ALL SELECT 3", "double", "0.5; 2; 3"},
		{"SELECT sum(d), min(d), avg(i) FROM t", "double double double", "1234.75 | 0.25 | 1.5"},
		{"SELECT b FROM t WHERE b", "boolean", "true"},
		{"SELECT 1 WHERE 0", "unknown", ""},
	} {
		a := want(t, e, c, q.sql, q.rows)
		var types []string
		for _, col := range a.Columns {
			types = append(types, col.Type)
		}
		if d := cmp.Diff(q.types, strings.Join(types, " ")); d != "" {
			t.Errorf("%s (-want +got)\n%s", q.sql, d)
		}
	}
}

// TestFilesOfOthersCannotBeNamed asks for tables by the names that the engine
// gives to what it has attached, on a connection that has them attached.
func TestFilesOfOthersCannotBeNamed(t *testing.T) {
	dir := t.TempDir()
	e := open(t, &sqlite.Options{Dir: dir, Connections: 1})
	mine := table("s", "t", 10)
	mine.Version = "guessed"
	want(t, e, enginetest.NewCatalog(mine), "SELECT count(*) FROM s.t", "10")
	paths, _ := tableFiles(t, dir)
	key, _, _ := strings.Cut(filepath.Base(paths[0]), ".")
	yours := enginetest.NewCatalog(table("s", "u", 1))
	for _, sql := range []string{
		"SELECT count(*) FROM \"\x1f" + key + "\".\"\x1ftable\"",
		"SELECT count(*) FROM [\x1ftable]",
		"SELECT count(*) FROM '\x1ftable'",
		"SELECT 1 IN \"\x1ftable\"",
	} {
		fails(t, e, yours, sql, query.SyntaxError)
	}
	for _, sql := range []string{
		"SELECT count(*) FROM " + key + ".\"table\"", "SELECT count(*) FROM \"table\"", "SELECT * FROM main.sqlite_schema",
		"SELECT * FROM temp.sqlite_schema", "SELECT * FROM sqlite_master", "SELECT count(*) FROM sqlite_stmt", "SELECT count(*) FROM dbstat",
		"SELECT count(*) FROM inlet_rows",
	} {
		fails(t, e, yours, sql, query.TableNotFound)
	}
	for _, sql := range []string{"SELECT * FROM pragma_table_list()", "SELECT count(*) FROM pragma_database_list()", "SELECT * FROM sqlite_dbpage()"} {
		_, err := enginetest.Ask(t.Context(), e, statement(yours, sql))
		if err == nil {
			t.Errorf("%s was answered", sql)
		}
	}
}

func TestVolatile(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(table("s", "t", 10))
	for sql, volatile := range map[string]bool{
		"SELECT random()":                                       true,
		"SELECT CURRENT_DATE":                                   true,
		"SELECT datetime('now', '-1 day')":                      true,
		"SELECT date()":                                         true,
		"SELECT strftime('%s')":                                 true,
		"SELECT julianday('NOW')":                               true,
		"SELECT * FROM information_schema.tables":               true,
		"SELECT strftime('%Y', pad) FROM s.t":                   false,
		"SELECT date('2024-01-31', '+1 month'), upper('now x')": false,
		"SELECT n FROM s.t":                                     false,
	} {
		p, err := e.Prepare(t.Context(), statement(c, sql))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Dependencies().Volatile; got != volatile {
			t.Errorf("%s: volatile = %t", sql, got)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostsDriverIsLeftAlone: a program has databases of its own.
func TestHostsDriverIsLeftAlone(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(table("s", "t", 10))
	want(t, e, c, "SELECT count(*) FROM s.t", "10")
	if d := sql.Drivers(); !slices.Contains(d, "sqlite") {
		t.Fatalf("drivers %v", d)
	}
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "own.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, sql := range []string{
		"CREATE TABLE t (x)", "INSERT INTO t VALUES ('a')", "ATTACH ':memory:' AS other", "CREATE TABLE other.u AS SELECT * FROM t",
		"PRAGMA writable_schema = 0",
	} {
		if _, err := db.Exec(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if _, err := db.Exec("CREATE VIRTUAL TABLE v USING inlet_rows(load1)"); err == nil {
		t.Error("the host's driver has the engine's module")
	}
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.New(&sqlite.Options{Dir: path}); err == nil {
		t.Error("a file was taken as the cache's folder")
	}
}

func TestExplain(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(table("s", "t", 10))
	a, err := enginetest.Ask(t.Context(), e, statement(c, "EXPLAIN QUERY PLAN SELECT * FROM s.t WHERE n = 1"))
	if err != nil || len(a.Rows) != 1 || a.Rows[0][3] != "SCAN t" {
		t.Errorf("%v, %v", a.Rows, err)
	}
	fails(t, e, c, "EXPLAIN DELETE FROM s.t", query.NotSupported)
}
