package duckdb_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

type typed struct {
	Type  string
	Kind  tabular.Type
	Value string
}

var typedValues = map[string]typed{
	"1::TINYINT":                    {"tinyint", tabular.Integer, "1"},
	"-1::SMALLINT":                  {"smallint", tabular.Integer, "-1"},
	"1":                             {"integer", tabular.Integer, "1"},
	"9007199254740993":              {"bigint", tabular.Integer, "9007199254740993"},
	"255::UTINYINT":                 {"smallint", tabular.Integer, "255"},
	"4294967295::UINTEGER":          {"bigint", tabular.Integer, "4294967295"},
	"18446744073709551615::UBIGINT": {"decimal(20,0)", tabular.Decimal, "18446744073709551615"},
	"(-170141183460469231731687303715884105727)::HUGEINT": {"decimal(38,0)", tabular.Decimal, "-170141183460469231731687303715884105727"},
	"340282366920938463463374607431768211455::UHUGEINT":   {"decimal(39,0)", tabular.Decimal, "340282366920938463463374607431768211455"},
	"true":                           {"boolean", tabular.Boolean, "true"},
	"0.1::FLOAT":                     {"real", tabular.Real, "0.1"},
	"'nan'::DOUBLE":                  {"double", tabular.Real, "NaN"},
	"1.5":                            {"decimal(2,1)", tabular.Decimal, "1.5"},
	"-0.05::DECIMAL(4,2)":            {"decimal(4,2)", tabular.Decimal, "-0.05"},
	"0::DECIMAL(9,3)":                {"decimal(9,3)", tabular.Decimal, "0.000"},
	"123456789012.34::DECIMAL(18,2)": {"decimal(18,2)", tabular.Decimal, "123456789012.34"},
	"12345678901234567890123456789012345.678::DECIMAL(38,3)": {"decimal(38,3)", tabular.Decimal, "12345678901234567890123456789012345.678"},
	"'日本語 and more than twelve bytes'":                       {"varchar", tabular.Text, "日本語 and more than twelve bytes"},
	"'\\x00\\xFF'::BLOB":                                     {"varbinary", tabular.Bytes, "\x00\xff"},
	"DATE '1969-12-31'":                                      {"date", tabular.Date, "1969-12-31"},
	"TIMESTAMP '2024-03-10 02:30:00.12'":                     {"timestamp(6)", tabular.Timestamp, "2024-03-10 02:30:00.12"},
	"TIMESTAMP_S '2024-03-10 02:30:00'":                      {"timestamp(0)", tabular.Timestamp, "2024-03-10 02:30:00"},
	"TIMESTAMP_MS '1960-03-10 02:30:00.123'":                 {"timestamp(3)", tabular.Timestamp, "1960-03-10 02:30:00.123"},
	"TIMESTAMP_NS '2024-03-10 02:30:00.123456789'":           {"timestamp(9)", tabular.Timestamp, "2024-03-10 02:30:00.123456789"},
	"TIMESTAMPTZ '2024-01-02 03:04:05.6+02'":                 {"timestamp(6) with time zone", tabular.Timestamp, "2024-01-02 01:04:05.6Z"},
	"TIME '01:02:03.5'":                                      {"time(6)", tabular.Text, "01:02:03.5"},
	"INTERVAL '14 months 3 days'":                            {"varchar", tabular.Text, "1 year 2 months 3 days"},
	"INTERVAL '1 day 2 hours'":                               {"varchar", tabular.Text, "1 day 02:00:00"},
	"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID":           {"uuid", tabular.Text, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	"'0010110011'::BIT":                                      {"varchar", tabular.Text, "0010110011"},
	"'glad'::ENUM('sad', 'glad')":                            {"varchar", tabular.Text, "glad"},
	"'{\"a\": 1.10}'::JSON":                                  {"json", tabular.JSON, `{"a": 1.10}`},
	"[1, NULL, 3]":                                           {"array(integer)", tabular.JSON, "[1,null,3]"},
	"[[1.5], []]":                                            {"array(array(decimal(2,1)))", tabular.JSON, `[["1.5"],[]]`},
	"array_value(1, 2)":                                      {"array(integer)", tabular.JSON, "[1,2]"},
	"{'b': 1, 'a': ['x\"y']}":                                {`row("b" integer, "a" array(varchar))`, tabular.JSON, `{"b":1,"a":["x\"y"]}`},
	"MAP {1: 'x', 2: NULL}":                                  {"map(integer, varchar)", tabular.JSON, `{"1":"x","2":null}`},
	"[DATE '2024-01-02']":                                    {"array(date)", tabular.JSON, `["2024-01-02"]`},
	"['\\xFF'::BLOB]":                                        {"array(varbinary)", tabular.JSON, `["/w=="]`},
	"['nan'::DOUBLE, 0.5]":                                   {"array(double)", tabular.JSON, `["NaN",0.5]`},
	"NULL":                                                   {"integer", tabular.Null, enginetest.Null},
}

func TestTypes(t *testing.T) {
	e := open(t, nil)
	none := enginetest.NewCatalog()
	for expression, want := range typedValues {
		a, err := ask(t, e, none, "SELECT "+expression+" AS x")
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if d := cmp.Diff(want, typed{a.Columns[0].Type, a.Types[0], a.Rows[0][0]}); d != "" {
			t.Errorf("%s (-want +got)\n%s", expression, d)
		}
	}
	for _, expression := range []string{"DATE 'infinity'", "TIMESTAMP '-infinity'", "union_value(k := 1)"} {
		if _, err := ask(t, e, none, "SELECT "+expression+" AS x"); !errors.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

// Columns of which the type cannot hold all values are texts.
func TestColumnsThatNoTypeHolds(t *testing.T) {
	e := open(t, nil)
	c := enginetest.NewCatalog(enginetest.New("s", "t",
		[]enginetest.Column{enginetest.Col("long", tabular.Decimal), enginetest.Col("mixed", tabular.Timestamp), enginetest.Col("nanos", tabular.Timestamp), enginetest.Col("utc", tabular.Timestamp)},
		[]any{"123456789012345678901234567890123456789.5", "2024-01-02 03:04:05Z", "2024-01-02 03:04:05.123456789", "2024-01-02 03:04:05.1Z"},
		[]any{"1e400", "2024-01-02 03:04:05", nil, "2024-01-02 03:04:05Z"}))
	a, err := ask(t, e, c, "SELECT * FROM s.t")
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, c := range a.Columns {
		types = append(types, c.Type)
	}
	if d := cmp.Diff([]string{"varchar", "varchar", "timestamp(9)", "timestamp(6) with time zone"}, types); d != "" {
		t.Errorf("types (-want +got)\n%s", d)
	}
	want := [][]string{
		{"123456789012345678901234567890123456789.5", "2024-01-02 03:04:05Z", "2024-01-02 03:04:05.123456789", "2024-01-02 03:04:05.1Z"},
		{"1e400", "2024-01-02 03:04:05", enginetest.Null, "2024-01-02 03:04:05Z"},
	}
	if d := cmp.Diff(want, a.Rows); d != "" {
		t.Errorf("rows (-want +got)\n%s", d)
	}
}
