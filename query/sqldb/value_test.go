package sqldb_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqldb"
	"github.com/inlet-go/inlet/query/tabular"
)

type typed struct {
	Type  string
	Kind  tabular.Type
	Value string
}

func checkTypes(t *testing.T, s *server, opts *sqldb.Options, cases map[string]typed) {
	t.Helper()
	e := sqldb.New("test", s.open(t), s.dialect, opts)
	defer e.Close()
	for expression, want := range cases {
		a, err := ask(t, e, "SELECT "+expression+" AS x")
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if d := cmp.Diff(want, typed{a.Columns[0].Type, a.Types[0], a.Rows[0][0]}); d != "" {
			t.Errorf("%s (-want +got)\n%s", expression, d)
		}
	}
}

func ask(t testing.TB, e query.Engine, text string) (*enginetest.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return enginetest.Ask(ctx, e, query.Statement{Scope: enginetest.Scope, SQL: text})
}

func TestTypesOfPostgreSQL(t *testing.T) {
	s := postgres(t)
	exec(t, s.admin, "CREATE TYPE mood AS ENUM ('sad', 'glad')", "CREATE DOMAIN cents AS numeric(12,2)",
		"CREATE TABLE lengths (v varchar(7), c char(3))", "INSERT INTO lengths VALUES ('v', 'c')")
	checkTypes(t, s, nil, map[string]typed{
		"1::smallint":                    {"smallint", tabular.Integer, "1"},
		"1":                              {"integer", tabular.Integer, "1"},
		"9007199254740993":               {"bigint", tabular.Integer, "9007199254740993"},
		"true":                           {"boolean", tabular.Boolean, "true"},
		"0.1::real":                      {"real", tabular.Real, "0.1"},
		"'NaN'::float8":                  {"double", tabular.Real, "NaN"},
		"1.50::numeric(10,2)":            {"decimal(10,2)", tabular.Decimal, "1.50"},
		"7::numeric(5)":                  {"decimal(5,0)", tabular.Decimal, "7"},
		"1.10::cents":                    {"decimal(12,2)", tabular.Decimal, "1.10"},
		"1e400":                          {"decimal", tabular.Decimal, "1" + fmt.Sprintf("%0400d", 0)},
		"'NaN'::numeric":                 {"decimal", tabular.Decimal, "NaN"},
		"12345678901234567890.123::text": {"varchar", tabular.Text, "12345678901234567890.123"},
		"date '0001-01-01'":              {"date", tabular.Date, "0001-01-01"},
		"timestamp '0001-01-01 00:00'":   {"timestamp(6)", tabular.Timestamp, "0001-01-01 00:00:00"},
		"timestamptz '2024-01-02 03:04:05.6+02'": {
			"timestamp(6) with time zone", tabular.Timestamp, "2024-01-02 01:04:05.6Z"},
		"time '01:02:03.5'":           {"time(6)", tabular.Text, "01:02:03.5"},
		"interval '1 day 2 hours'":    {"varchar", tabular.Text, "1 day 02:00:00"},
		"'\\x00ff'::bytea":            {"varbinary", tabular.Bytes, "\x00\xff"},
		"'{\"a\": 1.0}'::json":        {"json", tabular.JSON, `{"a": 1.0}`},
		"'{\"a\":1.10}'::jsonb":       {"json", tabular.JSON, `{"a": 1.10}`},
		"'glad'::mood":                {"varchar", tabular.Text, "glad"},
		"'10.0.0.1'::inet":            {"varchar", tabular.Text, "10.0.0.1"},
		"array[1, NULL, 3]":           {"array(integer)", tabular.JSON, "[1,null,3]"},
		"array[[1,2],[3,4]]":          {"array(integer)", tabular.JSON, "[[1,2],[3,4]]"},
		"'[0:1]={7,8}'::bigint[]":     {"array(bigint)", tabular.JSON, "[7,8]"},
		"'{}'::int[]":                 {"array(integer)", tabular.JSON, "[]"},
		"array[true, false]":          {"array(boolean)", tabular.JSON, "[true,false]"},
		"array['a\"b', 'NULL', '']":   {"array(varchar)", tabular.JSON, `["a\"b","NULL",""]`},
		"array['NaN', 1.5]::float8[]": {"array(double)", tabular.JSON, `["NaN",1.5]`},
		"array['{\"a\":[1]}'::json]":  {"array(json)", tabular.JSON, `[{"a":[1]}]`},
		"array[1.50, 2]::numeric[]":   {"array(decimal)", tabular.JSON, `["1.50","2"]`},
		"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid": {
			"uuid", tabular.Text, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		"(SELECT v FROM lengths)": {"varchar(7)", tabular.Text, "v"},
		"(SELECT c FROM lengths)": {"char(3)", tabular.Text, "c  "},
		"row(1, 'x')":             {"varchar", tabular.Text, "(1,x)"},
		"NULL::int":               {"integer", tabular.Null, enginetest.Null},
	})
}

func TestTypesOfMariaDB(t *testing.T) {
	s := mariadb(t)
	s.made = []string{"inlet_types"}
	exec(t, s.admin, "DROP DATABASE IF EXISTS inlet_types", "CREATE DATABASE inlet_types", `CREATE TABLE inlet_types.t (
		big bigint unsigned, small tinyint unsigned, f float, d double, money decimal(30,4) unsigned, z date, at datetime(3), ts timestamp(6) null,
		span time, e enum('a','b'), b bit(9), j json, y year, blo blob, bin varbinary(9), txt text)`,
		"SET SESSION sql_mode = ''",
		`SET STATEMENT sql_mode = '', time_zone = '+02:00' FOR INSERT INTO inlet_types.t VALUES (18446744073709551615, 255, 0.1, 0.1, '12345678901234567890123456.7891',
		'0000-00-00', '2024-02-29 23:59:59.120', '2024-01-02 03:04:05.6', '-01:02:03', 'b', b'100000001', '{"a": 1}', 2024, x'00ff', x'80', '漢字')`)
	column := func(name string) string { return name + " AS x FROM inlet_types.t -- " }
	checkTypes(t, s, nil, map[string]typed{
		column("big"):   {"decimal(20,0)", tabular.Decimal, "18446744073709551615"},
		column("small"): {"smallint", tabular.Integer, "255"},
		column("f"):     {"real", tabular.Real, "0.1"},
		column("d"):     {"double", tabular.Real, "0.1"},
		column("money"): {"decimal(29,4)", tabular.Decimal, "12345678901234567890123456.7891"},
		column("z"):     {"date", tabular.Null, enginetest.Null},
		column("at"):    {"timestamp(3)", tabular.Timestamp, "2024-02-29 23:59:59.12"},
		column("ts"):    {"timestamp(6) with time zone", tabular.Timestamp, "2024-01-02 01:04:05.6Z"},
		column("span"):  {"time(0)", tabular.Text, "-01:02:03"},
		column("e"):     {"varchar", tabular.Text, "b"},
		column("b"):     {"varbinary", tabular.Bytes, "\x01\x01"},
		column("j"):     {"varchar", tabular.Text, `{"a": 1}`}, // there JSON is a text
		column("y"):     {"integer", tabular.Integer, "2024"},
		column("blo"):   {"varbinary", tabular.Bytes, "\x00\xff"},
		column("bin"):   {"varbinary", tabular.Bytes, "\x80"},
		column("txt"):   {"varchar", tabular.Text, "漢字"},
		"NULL":          {"unknown", tabular.Null, enginetest.Null},
		"1.50":          {"decimal(3,2)", tabular.Decimal, "1.50"},
		"true":          {"integer", tabular.Integer, "1"},
	})
}
