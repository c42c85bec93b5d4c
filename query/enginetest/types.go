package enginetest

import (
	"context"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query/tabular"
)

var typeCases = []testCase{
	{name: "Values", test: testValues},
	{name: "LargeIntegersInExpressions", test: testLargeIntegers},
	{name: "DecimalsCompareExactly", test: testDecimals},
	{name: "Prices", test: testPrices},
	{name: "SumsOfDecimals", test: testDecimalSums, skip: func(h *Harness) string {
		if h.Traits.InexactSums {
			return "the engine sums decimals as doubles"
		}
		return ""
	}},
	{name: "NaN", test: testNaN, skip: func(h *Harness) string {
		if h.Traits.NoNaN {
			return "the engine has no NaN"
		}
		return ""
	}},
	{name: "NoRows", test: testNoRows},
	{name: "OnlyNulls", test: testOnlyNulls},
	{name: "LongText", test: testLongText},
	{name: "Files", test: testFiles},
}

// kind is a column with its values, what SQL gives back, and its type there.
type kind struct {
	column Column
	values []any
	texts  []string // nil where they are the values
	typ    string
}

func (b *bench) kinds() []kind {
	long := strings.Repeat("漢字🙂", 1000)
	kinds := []kind{
		{column: Col("whole", tabular.Integer), typ: "bigint",
			values: []any{int64(9007199254740993), int64(math.MaxInt64), int64(math.MinInt64)},
			texts:  []string{"9007199254740993", "9223372036854775807", "-9223372036854775808"}},
		{column: Col("float", tabular.Real), typ: "double",
			values: []any{0.1, -1.5e300, 3.0}, texts: []string{"0.1", "-1.5e+300", "3"}},
		{column: DecimalCol("amount", 25, 5), typ: "decimal",
			values: []any{"12345678901234567890.12345", "-0.00001", "0.10000"}},
		{column: Col("day", tabular.Date), typ: "date", values: []any{"2024-02-29", "1970-01-01", "9999-12-31"}},
		{column: Col("bytes", tabular.Bytes), typ: "varbinary",
			values: []any{[]byte{0, 0xff, 0x10}, []byte("hello"), []byte{0x80}}, texts: []string{"\x00\xff\x10", "hello", "\x80"}},
		{column: Col("text", tabular.Text), typ: "varchar", values: []any{"it's \"日本語\" 🙂\n\ttab\\", long, "007"}},
	}
	flag := kind{column: Col("flag", tabular.Boolean), typ: "boolean", values: []any{true, false, true},
		texts: []string{"true", "false", "true"}}
	if b.Traits.NoBoolean {
		flag.typ, flag.texts = "", []string{"1", "0", "1"}
	}
	at := kind{column: Col("at", tabular.Timestamp), typ: "timestamp",
		values: []any{"2024-02-29 23:59:59.123456", "1999-12-31 00:00:00.000000", "2024-03-10 02:30:00.500000"}}
	if b.Traits.WholeSeconds {
		at.values = []any{"2024-02-29 23:59:59", "1999-12-31 00:00:00", "2024-03-10 02:30:00"}
	}
	kinds = append(kinds, flag, at)
	if !b.Traits.NoZone {
		zone := kind{column: Col("moment", tabular.Timestamp), typ: "timestamp with time zone",
			values: []any{"2024-02-29 23:59:59.123456Z", "1999-12-31 00:00:00.000000Z", "2024-03-10 02:30:00.500000Z"}}
		zone.column.Zone = true
		kinds = append(kinds, zone)
	}
	return kinds
}

func testValues(t *testing.T, b *bench) {
	kinds := b.kinds()
	columns := []Column{Col("id", tabular.Integer)}
	rows := make([][]any, 4)
	for i := range rows {
		rows[i] = []any{i}
		for _, k := range kinds {
			if i < 3 {
				rows[i] = append(rows[i], k.values[i])
			} else {
				rows[i] = append(rows[i], nil)
			}
		}
	}
	for _, k := range kinds {
		columns = append(columns, k.column)
	}
	b.create(t, New("shop", "kinds", columns, rows...))
	a := b.ask(t, "SELECT * FROM shop.kinds ORDER BY id")
	if len(a.Rows) != 4 || len(a.Columns) != len(columns) {
		t.Fatalf("%d rows and columns %v", len(a.Rows), a.Columns)
	}
	for i, k := range kinds {
		t.Run(k.column.Name, func(t *testing.T) {
			want := k.texts
			if want == nil {
				for _, v := range k.values {
					want = append(want, v.(string))
				}
			}
			var got []string
			for _, row := range a.Rows {
				got = append(got, plain(k.column.Type, row[i+1]))
			}
			for j := range want {
				want[j] = plain(k.column.Type, want[j])
			}
			if d := cmp.Diff(append(want, Null), got); d != "" {
				t.Errorf("values (-want +got)\n%s", d)
			}
			if head := heads(a.Columns)[i+1]; k.typ != "" && head != k.column.Name+" "+k.typ {
				t.Errorf("the column is %q, want type %s", head, k.typ)
			}
			if typ := a.Types[i+1]; k.typ != "" && typ != k.column.Type {
				t.Errorf("the values are of type %s", typ)
			}
		})
	}
}

// plain writes a timestamp without the zeros that its fraction ends with,
// because engines write as many digits as their type has.
func plain(typ tabular.Type, text string) string {
	if typ != tabular.Timestamp || !strings.Contains(text, ".") {
		return text
	}
	body, utc := strings.CutSuffix(text, "Z")
	body = strings.TrimSuffix(strings.TrimRight(body, "0"), ".")
	if utc {
		body += "Z"
	}
	return body
}

func testLargeIntegers(t *testing.T, b *bench) {
	b.create(t, New("shop", "big", []Column{Col("n", tabular.Integer)}, []any{int64(9007199254740993)}, []any{2}))
	b.want(t, "SELECT n + 1 FROM shop.big WHERE n > 9007199254740992", "9007199254740994")
	b.want(t, "SELECT max(n) - 9007199254740990 AS d FROM shop.big", "3")
	b.want(t, "SELECT sum(n) AS s FROM shop.big", "9007199254740995")
}

func testDecimals(t *testing.T, b *bench) {
	b.create(t, New("shop", "sums", []Column{Col("id", tabular.Integer), DecimalCol("x", 22, 2)},
		[]any{1, "9.50"}, []any{2, "10.00"}, []any{3, "-100.25"}, []any{4, "12345678901234567890.01"},
		[]any{5, "12345678901234567890.02"}, []any{6, nil}, []any{7, "9.50"}))
	b.want(t, "SELECT id FROM shop.sums WHERE x IS NOT NULL ORDER BY x, id", "3", "1", "7", "2", "4", "5")
	b.want(t, "SELECT id FROM shop.sums WHERE x > 9.5 ORDER BY id", "2", "4", "5")
	b.want(t, "SELECT id FROM shop.sums WHERE x = 10", "2")
	b.want(t, "SELECT id FROM shop.sums WHERE x < 9 AND x >= -100.25", "3")
	b.want(t, "SELECT min(x), max(x) FROM shop.sums", "-100.25 | 12345678901234567890.02")
	b.want(t, "SELECT count(DISTINCT x) FROM shop.sums", "5")
	b.want(t, "SELECT count(*) FROM shop.sums GROUP BY x HAVING count(*) > 1", "2")
	b.want(t, "SELECT a.id, b.id FROM shop.sums a JOIN shop.sums b ON a.x = b.x AND a.id < b.id", "1 | 7")
}

// testPrices does with decimals of usual size what is done with numbers.
func testPrices(t *testing.T, b *bench) {
	b.create(t, orders())
	a := b.want(t, "SELECT price FROM shop.orders WHERE price IS NOT NULL ORDER BY price DESC", "100.25", "10.00", "9.50")
	if head := heads(a.Columns)[0]; head != "price decimal" || a.Types[0] != tabular.Decimal {
		t.Errorf("column %q with values of type %s", head, a.Types[0])
	}
	b.want(t, "SELECT person FROM shop.orders GROUP BY person HAVING max(price) > 50", "1")
	b.want(t, "SELECT person FROM shop.orders WHERE price IS NOT NULL GROUP BY person ORDER BY max(price)", "2", "1")
	b.want(t, "WITH m AS (SELECT person, min(price) AS p FROM shop.orders GROUP BY person) SELECT person FROM m WHERE p < 9.75", "1")
	b.want(t, "SELECT id FROM shop.orders WHERE coalesce(price, 0) > 20 OR CASE WHEN id = 1 THEN price END = 9.5 ORDER BY id", "1", "3")
	b.want(t, "SELECT id FROM shop.orders WHERE price / 4 = 2.5", "2")
	b.want(t, "SELECT id FROM shop.orders WHERE price = (SELECT max(price) FROM shop.orders)", "3")
	b.want(t, "SELECT id FROM shop.orders WHERE price BETWEEN 9.5 AND 10 ORDER BY id", "1", "2")
	b.want(t, "SELECT id FROM shop.orders WHERE price IN (10, 100.25) ORDER BY id", "2", "3")
}

func testDecimalSums(t *testing.T, b *bench) {
	b.create(t, New("shop", "sums", []Column{DecimalCol("x", 22, 2)},
		[]any{"12345678901234567890.01"}, []any{"0.02"}, []any{"0.10"}))
	b.want(t, "SELECT sum(x) FROM shop.sums", "12345678901234567890.13")
}

func testNaN(t *testing.T, b *bench) {
	b.create(t, New("shop", "odd", []Column{Col("id", tabular.Integer), Col("x", tabular.Real)},
		[]any{1, math.NaN()}, []any{2, math.Inf(1)}, []any{3, math.Inf(-1)}))
	b.want(t, "SELECT x FROM shop.odd ORDER BY id", "NaN", "+Inf", "-Inf")
}

func testNoRows(t *testing.T, b *bench) {
	b.create(t, orders(), New("shop", "empty", []Column{Col("id", tabular.Integer), Col("Name", tabular.Text)}))
	a := b.want(t, "SELECT id, note FROM shop.orders WHERE id < 0")
	if d := cmp.Diff([]string{"id bigint", "note varchar"}, heads(a.Columns)); d != "" {
		t.Errorf("columns (-want +got)\n%s", d)
	}
	a = b.want(t, "SELECT * FROM shop.empty")
	if len(a.Columns) != 2 || !strings.EqualFold(a.Columns[1].Name, "Name") {
		t.Errorf("columns = %v", a.Columns)
	}
	b.want(t, "SELECT count(*) FROM shop.empty", "0")
}

func testOnlyNulls(t *testing.T, b *bench) {
	b.create(t, New("shop", "nulls", []Column{Col("id", tabular.Integer), Col("x", tabular.Text)}, []any{1, nil}, []any{2, nil}))
	b.want(t, "SELECT id, x FROM shop.nulls ORDER BY id", "1 | "+Null, "2 | "+Null)
	b.want(t, "SELECT NULL AS x", Null)
}

func testLongText(t *testing.T, b *bench) {
	long := strings.Repeat("0123456789", 100_000)
	b.create(t, New("shop", "long", []Column{Col("x", tabular.Text)}, []any{long}))
	b.want(t, "SELECT x FROM shop.long", long)
}

func testFiles(t *testing.T, b *bench) {
	r, err := tabular.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, data string) tabular.File {
		return tabular.File{Name: name, Size: int64(len(data)), Open: func(context.Context, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(data)), nil
		}}
	}
	b.create(t,
		FromFile(t, r, "files", "people", file("people.csv", "id,name,zip,score\n1,\"Ada, the \"\"first\"\"\",007,1.5\n2,日本,,2\n")),
		FromFile(t, r, "files", "visits", file("visits.ndjson", "{\"person\":1,\"at\":\"2024-01-01\"}\n{\"person\":9007199254740993,\"at\":null}\n")),
	)
	b.want(t, "SELECT * FROM files.people ORDER BY id", "1 | Ada, the \"first\" | 007 | 1.5", "2 | 日本 | "+Null+" | 2")
	b.want(t, "SELECT name FROM files.people JOIN files.visits ON person = id", "Ada, the \"first\"")
	b.want(t, "SELECT person FROM files.visits ORDER BY 1", "1", "9007199254740993")
}
