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
