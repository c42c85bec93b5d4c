package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/tabular"
)

func statement(c query.Catalog, sql string) query.Statement {
	return query.Statement{Scope: enginetest.Scope, SQL: sql, Catalog: c}
}

// want runs a statement and compares its rows, written as "a | b; c | d".
func want(t *testing.T, e query.Engine, c query.Catalog, sql, rows string) *enginetest.Answer {
	t.Helper()
	a, err := enginetest.Ask(t.Context(), e, statement(c, sql))
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	if got := show(a); got != rows {
		t.Errorf("%s\ngot  %s\nwant %s", sql, got, rows)
	}
	return a
}

func show(a *enginetest.Answer) string {
	var rows []string
	for _, row := range a.Rows {
		rows = append(rows, strings.Join(row, " | "))
	}
	return strings.Join(rows, "; ")
}

// fails runs a statement that must fail for a reason.
func fails(t *testing.T, e query.Engine, c query.Catalog, sql, name string) *query.Failure {
	t.Helper()
	_, err := enginetest.Ask(t.Context(), e, statement(c, sql))
	var f *query.Failure
	if !errors.As(err, &f) || f.Name != name {
		t.Fatalf("%s\nfailed with %v, want %s", sql, err, name)
	}
	return f
}

// table has n rows of a number and a text of 100 bytes.
func table(schema, name string, n int) enginetest.Table {
	pad := []byte(strings.Repeat("x", 100))
	return enginetest.Generated(schema, name,
		[]enginetest.Column{enginetest.Col("n", tabular.Integer), enginetest.Col("pad", tabular.Text)}, n,
		func(i int, row []tabular.Value) {
			row[0] = tabular.Value{Type: tabular.Integer, Int: int64(i)}
			row[1] = tabular.Value{Type: tabular.Text, Bytes: pad}
		})
}

func tableFiles(t *testing.T, dir string) (paths []string, bytes int64) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return paths, bytes
}

const countN = "SELECT count(*), sum(n) FROM s.t"

func TestTablesAreLoadedOnceAndLate(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(table("s", "t", 1000), table("s", "other", 10))
	p, err := e.Prepare(t.Context(), statement(c, countN))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	fails(t, e, c, "SELECT missing FROM s.t", query.ColumnNotFound)
	if n := c.Opens.Load(); n != 0 {
		t.Errorf("%d tables were read to check statements", n)
	}
	for range 3 {
		want(t, e, c, countN, "1000 | 499500")
	}
	if opens, finds := c.Opens.Load(), c.Finds.Load(); opens != 1 || finds != 5 {
		t.Errorf("%d reads, %d calls of Find for 5 statements", opens, finds)
	}
	before := c.Describes.Load()
	want(t, e, c, "SELECT max(n) FROM t", "999")
	if n := c.Describes.Load() - before; n != 0 {
		t.Errorf("a cached table was described %d times", n)
	}
}

func TestEqualVersionsShareAFile(t *testing.T) {
	dir := t.TempDir()
	e := open(t, &sqlite.Options{Dir: dir})
	mine, yours := table("s", "t", 10), table("elsewhere", "named", 10)
	mine.Version, yours.Version = "one", "one"
	a, b := enginetest.NewCatalog(mine), enginetest.NewCatalog(yours)
	want(t, e, a, "SELECT count(*) FROM s.t", "10")
	want(t, e, b, "SELECT count(*) FROM elsewhere.named", "10")
	if paths, _ := tableFiles(t, dir); len(paths) != 1 || b.Opens.Load() != 0 {
		t.Errorf("%d files, read %d times", len(paths), b.Opens.Load())
	}
	fails(t, e, b, "SELECT count(*) FROM s.t", query.TableNotFound)
}

func TestCacheSurvivesRestartAndDamage(t *testing.T) {
	damage := map[string]func(t *testing.T, path string){
		"None": nil,
		"Byte": func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"Cut": func(t *testing.T, path string) {
			if err := os.Truncate(path, 20000); err != nil {
				t.Fatal(err)
			}
		},
		"Empty": func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		},
		"Gone": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := enginetest.NewCatalog(table("s", "t", 1000))
			first := open(t, &sqlite.Options{Dir: dir})
			want(t, first, c, countN, "1000 | 499500")
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			paths, _ := tableFiles(t, dir)
			if len(paths) != 1 {
				t.Fatalf("files %v", paths)
			}
			if err := os.WriteFile(filepath.Join(dir, "0123.1.tmp"), []byte("half a file"), 0o600); err != nil {
				t.Fatal(err)
			}
			opens := int64(1)
			if harm != nil {
				harm(t, paths[0])
				opens = 2
			}
			second := open(t, &sqlite.Options{Dir: dir})
			want(t, second, c, countN, "1000 | 499500")
			if n := c.Opens.Load(); n != opens {
				t.Errorf("the table was read %d times, want %d", n, opens)
			}
			if paths, _ := tableFiles(t, dir); len(paths) != 1 {
				t.Errorf("files left: %v", paths)
			}
		})
	}
}

func TestFileThatIsDamagedInUse(t *testing.T) {
	dir := t.TempDir()
	e := open(t, &sqlite.Options{Dir: dir})
	c := enginetest.NewCatalog(table("s", "t", 20000))
	want(t, e, c, countN, "20000 | 199990000")
	if err := e.Sleep(t.Context()); err != nil {
		t.Fatal(err)
	}
	paths, _ := tableFiles(t, dir)
	if err := os.Truncate(paths[0], 50000); err != nil {
		t.Fatal(err)
	}
	want(t, e, c, countN, "20000 | 199990000")
}

func TestCacheKeepsItsSize(t *testing.T) {
	dir := t.TempDir()
	e := open(t, &sqlite.Options{Dir: dir, CacheBytes: 1 << 20})
	var tables []enginetest.Table
	for i := range 8 {
		tables = append(tables, table("s", fmt.Sprintf("t%d", i), 3000)) // 400 KB each
	}
	c := enginetest.NewCatalog(tables...)
	for i := range 16 {
		want(t, e, c, fmt.Sprintf("SELECT count(*) FROM s.t%d", i%8), "3000")
		if _, bytes := tableFiles(t, dir); bytes > 1<<20 {
			t.Errorf("%d bytes in the cache", bytes)
		}
	}
	want(t, e, c, "SELECT (SELECT count(*) FROM t0) + (SELECT count(*) FROM t1) + (SELECT count(*) FROM t2) + (SELECT count(*) FROM t3)", "12000")
	want(t, e, c, "SELECT count(*) FROM t7", "3000")
	if _, bytes := tableFiles(t, dir); bytes > 1<<20 {
		t.Errorf("%d bytes in the cache after a statement that needed more", bytes)
	}
}

func TestTableLargerThanTheCache(t *testing.T) {
	dir := t.TempDir()
	e := open(t, &sqlite.Options{Dir: dir, CacheBytes: 1 << 20})
	c := enginetest.NewCatalog(table("s", "t", 100_000), table("s", "small", 10))
	f := fails(t, e, c, countN, query.StorageFull)
	if !strings.Contains(f.Message, "s.t") || f.Type != query.InsufficientResources {
		t.Errorf("%+v", f)
	}
	want(t, e, c, "SELECT count(*) FROM small", "10")
	if _, bytes := tableFiles(t, dir); bytes > 1<<20 {
		t.Errorf("%d bytes left", bytes)
	}
}

func TestFigures(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(table("s", "t", 1000))
	a, err := enginetest.Ask(t.Context(), e, statement(c,
		"SELECT count(*) FROM (SELECT a.n, row_number() OVER (ORDER BY b.n * 7919 % 1009, a.pad || b.pad) FROM t a, t b WHERE b.n < 150)"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Last.Spilled < 20<<20 || a.Last.CPU <= 0 || a.Last.PeakMemory <= 0 || a.Last.ProcessedRows < 150_000 {
		t.Errorf("%+v", a.Last)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
	defer cancel()
	if a, err := enginetest.Ask(ctx, e, statement(c, "SELECT count(*) FROM t a, t b, t c, t d")); err == nil || a.Reports < 2 {
		t.Errorf("%d reports of a statement that takes long, %v", a.Reports, err)
	}
	a = want(t, e, c, "SELECT n FROM t WHERE n = 5", "5")
	if a.Last.Spilled != 0 || a.Last.ProcessedRows < 999 || a.Last.ProcessedRows > 1000 || a.Last.ProcessedBytes < 100_000 {
		t.Errorf("%+v", a.Last)
	}
}

func TestTemporaryFilesAreBounded(t *testing.T) {
	dir := t.TempDir()
	e := open(t, &sqlite.Options{Dir: dir, TempBytes: 1 << 20})
	c := enginetest.NewCatalog(table("s", "t", 1000))
	for _, sql := range []string{
		"SELECT a.n FROM t a, t b ORDER BY b.n * 7919 % 1009, a.pad || b.pad",
		"WITH x AS MATERIALIZED (SELECT a.pad || b.pad AS p FROM t a, t b) SELECT count(*) FROM x AS x1, x AS x2 WHERE x1.p = 'y'",
		"SELECT count(DISTINCT a.pad || b.n || a.n) FROM t a, t b",
	} {
		f := fails(t, e, c, sql, query.ExceededLimit)
		if !strings.Contains(f.Message, "temporary files") || f.Type != query.InsufficientResources {
			t.Errorf("%s\n%+v", sql, f)
		}
		want(t, e, c, "SELECT count(*) FROM t", "1000")
	}
	if paths, _ := tableFiles(t, dir); len(paths) != 1 {
		t.Errorf("files left: %v", paths)
	}
}
