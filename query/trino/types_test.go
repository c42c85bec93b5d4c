package trino_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/tabular"
)

func text(typ tabular.Type, s string) tabular.Value {
	return tabular.Value{Type: typ, Bytes: []byte(s)}
}

func TestTypes(t *testing.T) {
	real := func(f float64) tabular.Value { return tabular.Value{Type: tabular.Real, Float: f} }
	whole := func(n int64) tabular.Value { return tabular.Value{Type: tabular.Integer, Int: n} }
	for typ, c := range map[string]struct {
		sent tabular.Value
		name string
		kind tabular.Type
		want string
	}{
		"boolean":       {tabular.Value{Type: tabular.Boolean, Int: 1}, "boolean", tabular.Boolean, "true"},
		"tinyint":       {whole(-128), "tinyint", tabular.Integer, "-128"},
		"integer":       {whole(7), "integer", tabular.Integer, "7"},
		"bigint":        {whole(math.MinInt64), "bigint", tabular.Integer, "-9223372036854775808"},
		"real":          {real(0.1), "real", tabular.Real, "0.1"},
		"double":        {real(math.NaN()), "double", tabular.Real, "NaN"},
		"decimal(38,2)": {text(tabular.Decimal, "123456789012345678901234567890123456.78"), "decimal(38,2)", tabular.Decimal, "123456789012345678901234567890123456.78"},
		"varchar":       {text(tabular.Text, "日本語 <&>"), "varchar", tabular.Text, "日本語 <&>"},
		"varchar(3)":    {text(tabular.Text, "abc"), "varchar(3)", tabular.Text, "abc"},
		"char(3)":       {text(tabular.Text, "a  "), "char(3)", tabular.Text, "a  "},
		"varbinary":     {text(tabular.Bytes, "\x00\xff"), "varbinary", tabular.Bytes, "\x00\xff"},
		"json":          {text(tabular.JSON, `{"a": [1.10, "<"]}`), "json", tabular.JSON, `{"a": [1.10, "<"]}`},
		"date":          {text(tabular.Date, "2024-02-29"), "date", tabular.Date, "2024-02-29"},
		"timestamp(3)":  {text(tabular.Timestamp, "2024-03-10 02:30:00.120"), "timestamp(3)", tabular.Timestamp, "2024-03-10 02:30:00.12"},
		"timestamp(12)": {text(tabular.Timestamp, "2024-03-10 02:30:00.123456789012"), "timestamp(12)", tabular.Timestamp, "2024-03-10 02:30:00.123456789"},
		"timestamp(6) with time zone": {text(tabular.Timestamp, "2024-01-02 03:04:05.600000Z"), "timestamp(6) with time zone", tabular.Timestamp,
			"2024-01-02 03:04:05.6Z"},
		"time(3)":                  {text(tabular.Text, "01:02:03.500"), "time(3)", tabular.Text, "01:02:03.5"},
		"interval day to second":   {text(tabular.Text, "2 00:00:00.000"), "interval day to second", tabular.Text, "2 00:00:00.000"},
		"uuid":                     {text(tabular.Text, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "uuid", tabular.Text, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		"array(bigint)":            {text(tabular.JSON, `[1,null,9007199254740993]`), "array(bigint)", tabular.JSON, `[1,null,9007199254740993]`},
		"array(decimal(10,2))":     {text(tabular.JSON, `["1.10","2.00"]`), "array(decimal(10,2))", tabular.JSON, `["1.10","2.00"]`},
		"map(varchar,bigint)":      {text(tabular.JSON, `{"b":1,"<a>":2}`), "map(varchar,bigint)", tabular.JSON, `{"<a>":2,"b":1}`},
		"row(b bigint, a varchar)": {text(tabular.JSON, `[1,"x"]`), "row(b bigint, a varchar)", tabular.JSON, `{"b":1,"a":"x"}`},
		"array(row(n bigint))":     {text(tabular.JSON, `[[1],[2]]`), "array(row(n bigint))", tabular.JSON, `[{"n":1},{"n":2}]`},
		"HyperLogLog":              {text(tabular.Bytes, "\x01\x02"), "hyperloglog", tabular.Bytes, "\x01\x02"},
		"unknown":                  {tabular.Value{}, "unknown", tabular.Null, enginetest.Null},
	} {
		t.Run(typ, func(t *testing.T) {
			e, _ := start(t, script{[]query.Column{{Name: "x", Type: typ}}, func(_ context.Context, out query.Sink, _ func(query.Progress)) error {
				return errors.Join(out.Row([]tabular.Value{c.sent}), out.Row([]tabular.Value{{}}))
			}}, nil)
			a, err := ask(t, e, "SELECT x")
			if err != nil {
				t.Fatal(err)
			}
			if a.Columns[0].Type != c.name || a.Types[0] != c.kind {
				t.Errorf("type %s of %s, want %s of %s", a.Columns[0].Type, a.Types[0], c.name, c.kind)
			}
			if d := cmp.Diff([][]string{{c.want}, {enginetest.Null}}, a.Rows); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}
