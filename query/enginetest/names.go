package enginetest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

var nameCases = []testCase{
	{name: "Qualified", test: testQualified},
	{name: "Bare", test: testBare, skip: needBareNames},
	{name: "Odd", test: testOddNames},
	{name: "ManyTables", test: testManyTables},
	{name: "SchemaViews", test: testSchemaViews, skip: func(h *Harness) string {
		if h.Traits.NoSchemaViews {
			return "the engine's information_schema is its own"
		}
		return ""
	}},
}

func needBareNames(h *Harness) string {
	if h.Traits.NoBareNames {
		return "the engine finds tables only with their schema"
	}
	return ""
}

func testQualified(t *testing.T, b *bench) {
	b.create(t, orders(), New("other", "orders", []Column{Col("id", tabular.Integer)}, []any{77}))
	b.want(t, "SELECT shop.orders.id FROM shop.orders WHERE shop.orders.id = 2", "2")
	b.want(t, "SELECT orders.id FROM shop.orders WHERE orders.id = 2", "2")
	b.want(t, "SELECT a.id, b.id FROM shop.orders a JOIN other.orders b ON b.id > a.id AND a.id = 1", "1 | 77")
	b.want(t, "SELECT shop.orders.id, other.orders.id FROM shop.orders, other.orders WHERE shop.orders.id = 3", "3 | 77")
	b.want(t, "SELECT (SELECT max(id) FROM other.orders) AS m, 'shop.orders' AS t FROM shop.orders WHERE id = 1", "77 | shop.orders")
	b.want(t, "SELECT id FROM "+b.Dialect.Quote("other")+"."+b.Dialect.Quote("orders"), "77")
}

func testBare(t *testing.T, b *bench) {
	b.create(t, orders(), people())
	b.want(t, "SELECT count(*) FROM orders", "4")
	b.want(t, "SELECT orders.id FROM orders JOIN people ON people.id = orders.person WHERE people.name = 'Bob'", "2")
	b.want(t, "SELECT Orders.ID FROM ORDERS WHERE orders.id = 1", "1")
}

func testOddNames(t *testing.T, b *bench) {
	q := b.Dialect.Quote
	names := []string{"two words", "日本語", "with.dot", `with"quote`, "select", "semi;colon", "-- comment"}
	var tables []Table
	for i, name := range names {
		tables = append(tables, New("odd schema", name, []Column{Col("a b", tabular.Integer), Col(`c"d`, tabular.Text), Col("漢字", tabular.Text)},
			[]any{i, "x", "y"}))
	}
	b.create(t, tables...)
	for i, name := range names {
		sql := "SELECT t." + q("a b") + " + " + strconv.Itoa(i) + ", " + q(`c"d`) + ", " + q("漢字") + " FROM " + q("odd schema") + "." + q(name) + " t"
		b.want(t, sql, strconv.Itoa(2*i)+" | x | y")
	}
}

func testManyTables(t *testing.T, b *bench) {
	var tables []Table
	sql := "SELECT t00.id"
	from := " FROM many00.t00 AS t00"
	for i := range 24 {
		digits := string([]rune{rune('0' + i/10), rune('0' + i%10)})
		tables = append(tables, New("many"+digits, "t"+digits, []Column{Col("id", tabular.Integer)}, []any{i}, []any{100}))
		if i > 0 {
			from += " JOIN many" + digits + ".t" + digits + " AS t" + digits + " ON t" + digits + ".id = t00.id"
		}
	}
	b.create(t, tables...)
	b.want(t, sql+from, "100")
}

func testSchemaViews(t *testing.T, b *bench) {
	b.create(t, orders(), people(), New("other", "x", []Column{Col("a", tabular.Real), Col("b", tabular.Boolean)}, []any{1.5, true}))
	b.want(t, "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema <> 'information_schema' ORDER BY 1, 2",
		"other | x", "shop | orders", "shop | people")
	b.want(t, "SELECT column_name, ordinal_position FROM information_schema.columns WHERE table_name = 'orders' ORDER BY 2",
		"id | 1", "person | 2", "price | 3", "note | 4")
	a := b.ask(t, "SELECT data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'shop' AND table_name = 'people' ORDER BY ordinal_position")
	if d := cmp.Diff([][]string{{"bigint", "YES"}, {"varchar", "YES"}}, a.Rows); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

var failureCases = []testCase{
	{name: "Syntax", test: testSyntax},
	{name: "UnknownTable", test: testUnknownTable},
	{name: "UnknownColumn", test: func(t *testing.T, b *bench) {
		b.create(t, orders())
		f := b.failure(t, "SELECT missing FROM shop.orders", query.ColumnNotFound)
		if !strings.Contains(f.Message, "missing") {
			t.Errorf("the message does not name the column: %s", f.Message)
		}
	}},
	{name: "UnknownFunction", test: func(t *testing.T, b *bench) {
		b.create(t, orders())
		f := b.failure(t, "SELECT no_such_function(id) FROM shop.orders", query.FunctionNotFound)
		if !strings.Contains(f.Message, "no_such_function") {
			t.Errorf("the message does not name the function: %s", f.Message)
		}
	}},
	{name: "AmbiguousTable", test: testAmbiguous, skip: needBareNames},
	{name: "NotOneQuestion", test: func(t *testing.T, b *bench) {
		b.create(t, orders())
		for _, sql := range []string{"", " ", ";", "-- nothing"} {
			b.fail(t, sql, query.SyntaxError)
		}
		b.fail(t, "SELECT 1 AS a; SELECT 2 AS b", query.NotSupported, query.SyntaxError)
		b.fail(t, "DELETE FROM shop.orders", query.NotSupported, query.PermissionDenied)
		b.want(t, "SELECT count(*) FROM shop.orders", "4")
	}},
	{name: "EngineGoesOn", test: func(t *testing.T, b *bench) {
		b.create(t, orders())
		for range 20 {
			b.fail(t, "SELECT missing FROM shop.orders", query.ColumnNotFound)
			b.want(t, "SELECT count(*) FROM shop.orders", "4")
		}
	}},
}

func testSyntax(t *testing.T, b *bench) {
	b.create(t, orders())
	for _, c := range []struct {
		sql          string
		line, column int
	}{
		{"SELEC 1", 1, 1},
		{"SELECT id\nFROM shop.orders\n  WHERE ) id", 3, 9},
		{"SELECT '日本語 🙂', id FROM shop.orders WHERE ) id", 1, 43},
	} {
		f := b.failure(t, c.sql, query.SyntaxError)
		if f.Message == "" {
			t.Errorf("%s\nno message", c.sql)
		}
		if b.Traits.NoPlace {
			continue
		}
		if f.Line != c.line || !b.Traits.NoColumn && f.Column != c.column {
			t.Errorf("%s\nplace %d:%d, want %d:%d (%s)", c.sql, f.Line, f.Column, c.line, c.column, f.Message)
		}
	}
}

func testUnknownTable(t *testing.T, b *bench) {
	b.create(t, orders(), people())
	for _, name := range []string{"shop.missing", "nowhere.orders", "missing"} {
		f := b.failure(t, "SELECT * FROM "+name, query.TableNotFound)
		last := name[strings.LastIndexByte(name, '.')+1:]
		if !strings.Contains(f.Message, last) {
			t.Errorf("the message does not name the table: %s", f.Message)
		}
		if !b.Traits.NoListing && !strings.Contains(f.Message, "shop.people") {
			t.Errorf("the message does not list what there is: %s", f.Message)
		}
	}
}

func testAmbiguous(t *testing.T, b *bench) {
	b.create(t, orders(), people(), New("other", "people", []Column{Col("id", tabular.Integer)}, []any{1}))
	f := b.failure(t, "SELECT count(*) FROM orders JOIN people ON people.id = orders.person", query.AmbiguousName)
	for _, name := range []string{"shop.people", "other.people"} {
		if !strings.Contains(f.Message, name) {
			t.Errorf("the message does not list %s: %s", name, f.Message)
		}
	}
	b.want(t, "SELECT count(*) FROM shop.people", "3")
	b.want(t, "WITH people AS (SELECT 5 AS id) SELECT id FROM people", "5")
	b.want(t, "SELECT people.id FROM other.people", "1")
}
