package enginetest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

var safetyCases = []testCase{
	{name: "Hostile", test: testHostile},
	{name: "Heavy", test: testHeavy},
	{name: "LimitsAfterReconnect", test: testReconnect},
	{name: "OthersTables", test: testOthersTables},
}

// secret is in a file that no statement may read.
const secret = "ENGINETEST-SECRET"

// hostile statements must fail, whatever the reason: in most engines most of
// them are not even SQL. %s is a folder.
var hostile = []string{
	// They write.
	"INSERT INTO shop.orders (id) VALUES (99)",
	"INSERT INTO shop.orders (id) VALUES (99) RETURNING id",
	"REPLACE INTO shop.orders (id) VALUES (99)",
	"UPDATE shop.orders SET note = 'x'",
	"DELETE FROM shop.orders",
	"TRUNCATE TABLE shop.orders",
	"MERGE INTO shop.orders USING shop.people ON TRUE WHEN MATCHED THEN DELETE",
	"WITH x AS (INSERT INTO shop.orders (id) VALUES (99) RETURNING id) SELECT * FROM x",
	"WITH x AS (DELETE FROM shop.orders RETURNING id) SELECT * FROM x",
	"WITH x AS (SELECT 1) DELETE FROM shop.orders",
	"SELECT * INTO shop.stolen FROM shop.orders",
	"EXPLAIN ANALYZE DELETE FROM shop.orders",
	"SELECT id FROM shop.orders FOR UPDATE",

	// They make and unmake things.
	"CREATE TABLE evil (x int)",
	"CREATE TABLE evil AS SELECT * FROM shop.orders",
	"CREATE TEMP TABLE evil (x int)",
	"CREATE VIEW evil AS SELECT 1 AS x",
	"CREATE TEMP VIEW orders AS SELECT 1 AS id",
	"CREATE TRIGGER evil AFTER INSERT ON shop.orders BEGIN SELECT 1; END",
	"CREATE VIRTUAL TABLE evil USING fts5(x)",
	"CREATE INDEX evil ON shop.orders (id)",
	"CREATE FUNCTION evil() RETURNS int LANGUAGE sql AS 'SELECT 1'",
	"CREATE SCHEMA evil",
	"CREATE USER evil",
	"DROP TABLE shop.orders",
	"DROP SCHEMA shop",
	"ALTER TABLE shop.orders ADD COLUMN evil int",
	"ALTER TABLE shop.orders RENAME TO evil",
	"GRANT ALL ON shop.orders TO public",
	"ANALYZE",
	"REINDEX",
	"VACUUM",

	// They reach for files, other databases and code.
	"ATTACH '%s/evil.db' AS evil",
	"ATTACH DATABASE '%s/evil.db' AS evil",
	"ATTACH ':memory:' AS evil",
	"DETACH shop",
	"VACUUM INTO '%s/evil.db'",
	"COPY shop.orders TO '%s/evil.csv'",
	"COPY (SELECT 1) TO PROGRAM 'touch %s/evil.txt'",
	"COPY shop.orders FROM '%s/secret.csv'",
	"EXPORT DATABASE '%s/evil'",
	"SELECT * FROM shop.orders INTO OUTFILE '%s/evil.csv'",
	"SELECT 'x' INTO DUMPFILE '%s/evil.txt'",
	"LOAD DATA INFILE '%s/secret.csv' INTO TABLE shop.orders",
	"LOAD '%s/evil.so'",
	"INSTALL httpfs",
	"SELECT load_extension('%s/evil')",
	"SELECT readfile('%s/secret.csv')",
	"SELECT writefile('%s/evil.txt', 'x')",
	"SELECT edit('x', 'touch %s/evil.txt')",
	"SELECT fts3_tokenizer('simple')",
	"SELECT pg_read_file('%s/secret.csv')",
	"SELECT pg_ls_dir('%s')",
	"SELECT lo_import('%s/secret.csv')",
	"SELECT * FROM read_csv('%s/secret.csv')",
	"SELECT * FROM read_text('%s/secret.csv')",
	"SELECT * FROM read_blob('%s/secret.csv')",
	"SELECT * FROM '%s/secret.csv'",
	"SELECT * FROM glob('%s/*')",
	"SELECT * FROM sqlite_scan('%s/evil.db', 't')",
	"SELECT * FROM fsdir('%s')",
	"SELECT * FROM dblink('host=localhost', 'SELECT 1') AS t(x int)",
	"SELECT sys_eval('touch %s/evil.txt')",
	"HANDLER shop.orders OPEN",
	"DO $$ BEGIN NULL; END $$",
	"CALL system.runtime.kill_query('x')",

	// They change settings, transactions and sessions.
	"PRAGMA query_only = 0",
	"PRAGMA writable_schema = 1",
	"PRAGMA database_list",
	"PRAGMA temp_store_directory = '%s'",
	"SELECT * FROM pragma_database_list",
	"SELECT * FROM pragma_function_list()",
	"SET SESSION AUTHORIZATION DEFAULT",
	"SET memory_limit = '100GB'",
	"SET GLOBAL max_connections = 1",
	"SET TRANSACTION READ WRITE",
	"RESET ALL",
	"BEGIN",
	"START TRANSACTION READ WRITE",
	"COMMIT",
	"ROLLBACK",
	"SAVEPOINT x",
	"LOCK TABLES shop.orders WRITE",
	"LISTEN x",
	"KILL 1",
	"SHUTDOWN",
	"PREPARE x AS DELETE FROM shop.orders",
	"EXECUTE x",

	// They hide behind another statement.
	"SELECT 1; DELETE FROM shop.orders",
	"SELECT 1; SELECT 2",
	"SELECT 1;; COMMIT; DROP TABLE shop.orders",
	"SELECT 1 /* ; */; DROP TABLE shop.orders",
	"SELECT 1 -- \n; DROP TABLE shop.orders",
	"SELECT '\\'; DROP TABLE shop.orders; --'; DROP TABLE shop.orders",
	"/* SELECT */ DELETE FROM shop.orders",
	"\x00SELECT 1",
	"SELECT 1\x00; DROP TABLE shop.orders",
}

// heavy statements want more than they may have: they fail, or end by their
// deadline, or are answered within bounds.
var heavy = []string{
	"SELECT length(printf('%.*c', 900000000, 'x'))",
	"SELECT printf('%900000000d', 1)",
	"SELECT length(hex(zeroblob(900000000)))",
	"SELECT length(replace(hex(zeroblob(300000000)), '0', 'xyz'))",
	"SELECT length(randomblob(900000000))",
	"SELECT repeat('x', 900000000)",
	"SELECT length(repeat(repeat('x', 100000), 100000))",
	"SELECT rpad('x', 900000000, 'y')",
	"SELECT group_concat(x) FROM (SELECT note || note AS x FROM shop.orders, shop.numbers a, shop.numbers b, shop.numbers c)",
	"SELECT string_agg(x, '') FROM (SELECT note || note AS x FROM shop.orders, shop.numbers a, shop.numbers b, shop.numbers c) t",
	"SELECT count(*) FROM " + strings.TrimSuffix(strings.Repeat("shop.numbers %, ", 26), ", "),
	"SELECT n FROM (SELECT a.n AS n, b.n AS m, c.n AS o FROM shop.numbers a, shop.numbers b, shop.numbers c, shop.numbers d) t ORDER BY o, m, n DESC LIMIT 1",
	"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT count(*) FROM r",
	"WITH RECURSIVE r(s) AS (SELECT 'xxxxxxxxxxxxxxxx' UNION ALL SELECT s || s FROM r) SELECT max(length(s)) FROM r",
	"SELECT n FROM shop.numbers WHERE n = 0 UNION ALL SELECT count(*) FROM shop.numbers a, shop.numbers b, shop.numbers c, shop.numbers d, shop.numbers e",
	"SELECT instr(printf('%.*c', 16000000, 'a'), printf('%.*c', 8000000, 'a') || 'b')",
	"SELECT length(replace(printf('%.*c', 16000000, 'a'), printf('%.*c', 8000000, 'a') || 'b', 'c'))",
	"SELECT length(replace(printf('%.*c', 16000000, 'a'), 'a', printf('%.*c', 16000000, 'a')))",
	"SELECT trim(printf('%.*c', 16000000, 'a'), printf('%.*c', 8000000, 'b') || 'a') = ''",
	"SELECT printf('%.*c', 16000000, 'a') LIKE '%" + strings.Repeat("_", 900) + "b'",
	"SELECT printf('%.*c', 16000000, 'a') GLOB '*" + strings.Repeat("?", 900) + "b'",
	"SELECT printf('%.*c', 16000000, 'a') LIKE '%" + strings.Repeat("a%", 400) + "b'",
	"SELECT printf('%.*c', 16000000, 'a') LIKE '%" + strings.Repeat("a", 900) + "b'",
	"SELECT repeat('a', 16000000) LIKE '%" + strings.Repeat("a", 900) + "b'",
	"SELECT json_extract('[' || replace(printf('%.*c', 3000000, 'a'), 'a', '1234,') || '1]'" + strings.Repeat(", '$[#-1]'", 120) + ")",
	"SELECT position(repeat('a', 8000000) || 'b' IN repeat('a', 16000000))",
	"SELECT length(regexp_replace(repeat('a', 1000000), '(a+)+$', 'b'))",
	"SELECT " + strings.Repeat("printf('%.*c', 16000000, 'a'), ", 200) + "1",
	"SELECT pg_sleep(60)",
	"SELECT sleep(60)",
	"SELECT benchmark(1000000000, sha2('x', 512))",
	"SELECT count(*) FROM generate_series(1, 1000000000000)",
	"SELECT count(*) FROM range(1000000000000)",
	"SELECT count(*) FROM shop.numbers WHERE '" + strings.Repeat("a", 5000) + "' LIKE '" + strings.Repeat("%a", 4000) + "b'",
	"SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000),
	"SELECT " + strings.Repeat("1+", 50000) + "1",
	"SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 5000),
	"SELECT '" + strings.Repeat("x", 4<<20) + "'",
}

// testHostile asks each statement within a second and looks at the tables.
func testHostile(t *testing.T, b *bench) {
	b.create(t, orders(), people())
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret.csv"), []byte("a\n"+secret+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	here := folder(t, ".")
	for _, sql := range append(append([]string(nil), hostile...), b.Dialect.Hostile...) {
		sql = strings.ReplaceAll(sql, "%s", outside)
		a, took, err := b.within(t, sql, time.Second)
		if err == nil {
			t.Errorf("%q gave %d rows: %.200v", sql, len(a.Rows), a.Rows)
		}
		for _, row := range a.Rows {
			if strings.Contains(strings.Join(row, ""), secret) {
				t.Errorf("%q read the secret", sql)
			}
		}
		if took > 2*time.Second {
			t.Errorf("%q took %v", sql, took)
		}
	}
	if got := folder(t, outside); got != "secret.csv" {
		t.Errorf("there are files left: %s", got)
	}
	if got := folder(t, "."); got != here {
		t.Errorf("the folder of the test had %s, now %s", here, got)
	}
	b.intact(t)
}

func (b *bench) intact(t *testing.T) {
	t.Helper()
	b.want(t, "SELECT count(*), sum(id), count(note) FROM shop.orders", "4 | 10 | 3")
	b.want(t, "SELECT count(*) FROM shop.people", "3")
	for _, name := range []string{"evil", "shop.evil", "shop.stolen"} {
		b.fail(t, "SELECT * FROM "+name, query.TableNotFound)
	}
}

func folder(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, ", ")
}

// within runs a statement under a deadline.
func (b *bench) within(t *testing.T, sql string, limit time.Duration) (*Answer, time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	start := time.Now()
	a, err := Ask(ctx, b.Engine, b.statement(sql))
	return a, time.Since(start), err
}

func testHeavy(t *testing.T, b *bench) {
	b.create(t, orders(), people(), numbers(1000))
	const limit = 500 * time.Millisecond
	for _, sql := range heavy {
		for i := 0; strings.Contains(sql, "%,") || strings.HasSuffix(sql, "%"); i++ {
			sql = strings.Replace(sql, "numbers %", "numbers "+string(rune('a'+i)), 1)
		}
		t.Run(title(sql), func(t *testing.T) {
			a, took, err := b.within(t, sql, limit)
			if took > limit+time.Second {
				t.Errorf("took %v of %v: %.200v", took, limit, err)
			}
			size := 0
			for _, row := range a.Rows {
				for _, text := range row {
					size += len(text)
				}
			}
			if !b.Traits.NoValueLimit && size > 64<<20 {
				t.Errorf("an answer of %d MiB", size>>20)
			}
		})
	}
	b.intact(t)
}

func title(sql string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" '/,()%", r) {
			return '_'
		}
		return r
	}, sql[7:min(len(sql), 50)])
}

// testReconnect interrupts more statements than there are connections; what
// bounds a statement must hold for the connections that come after them.
func testReconnect(t *testing.T, b *bench) {
	b.create(t, orders(), people(), numbers(1000))
	for range 12 {
		if _, took, err := b.within(t, b.Dialect.Endless, 50*time.Millisecond); err == nil || took > 1050*time.Millisecond {
			t.Fatalf("%v after %v", err, took)
		}
	}
	for _, sql := range append([]string{heavy[0], heavy[2], heavy[5]}, "DELETE FROM shop.orders", "ATTACH ':memory:' AS evil") {
		for range 3 {
			_, took, err := b.within(t, sql, 500*time.Millisecond)
			if took > 1500*time.Millisecond || err == nil && !strings.HasPrefix(sql, "SELECT") {
				t.Errorf("%s: %v after %v", sql, err, took)
			}
		}
	}
	b.intact(t)
}

// testOthersTables asks on behalf of one who has other tables of the same name.
func testOthersTables(t *testing.T, b *bench) {
	if b.Create != nil {
		t.Skip("the engine has one set of tables for all")
	}
	b.create(t, orders(), people())
	b.want(t, "SELECT count(*) FROM shop.orders", "4")
	mine := b.catalog
	b.catalog = NewCatalog(New("shop", "orders", []Column{Col("id", tabular.Integer)}, []any{500}))
	b.want(t, "SELECT * FROM shop.orders", "500")
	b.fail(t, "SELECT * FROM shop.people", query.TableNotFound)
	b.fail(t, "SELECT * FROM people", query.TableNotFound)
	if f := b.failure(t, "SELECT * FROM missing", query.TableNotFound); strings.Contains(f.Message, "people") {
		t.Errorf("the message lists another's tables: %s", f.Message)
	}
	b.catalog = mine
	b.want(t, "SELECT count(*) FROM shop.people", "3")
}
