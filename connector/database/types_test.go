package database_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

func columnsOf(t testing.TB, data []byte) []string {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range file.Schema().Fields() {
		list = append(list, f.Name()+" "+f.Type().String())
	}
	return list
}

func TestTypes(t *testing.T) {
	tests := map[string]struct{ columns, values, want, types string }{
		"PostgreSQL": {
			`id uuid PRIMARY KEY, b bool, i2 int2, i4 int4 NOT NULL, i8 int8, f4 float4, f8 float8, n numeric, t text, c char(3), x bytea,
				ts timestamp, tz timestamptz, d date, j jsonb, a int[], "Odd ""name" text`,
			`'c0ffee00-0000-0000-0000-000000000001', true, -2, 4, -9223372036854775808, 0.5, 'NaN', 12345678901234567890.5, 'ü', 'ab', '\xff00',
				'1969-12-31 23:59:59.999999', '2026-01-01 01:00:00+01', '1970-01-02', '{"a": 1}', '{1,2}', 'odd'`,
			`c0ffee00-0000-0000-0000-000000000001 true -2 4 -9223372036854775808 0.5 NaN 12345678901234567890.5 ü ab ` + "\xff\x00" +
				` -1 1767225600000000 1 {"a": 1} {1,2} odd`,
			`id STRING, b BOOLEAN, i2 INT(64,true), i4 INT(64,true), i8 INT(64,true), f4 DOUBLE, f8 DOUBLE, n STRING, t STRING, c STRING, x BYTE_ARRAY, ` +
				`ts TIMESTAMP(isAdjustedToUTC=false,unit=MICROS), tz TIMESTAMP(isAdjustedToUTC=true,unit=MICROS), d DATE, j STRING, a STRING, Odd "name STRING`,
		},
		"MySQL": {
			"id binary(4) PRIMARY KEY, i1 tinyint, u8 bigint unsigned, i4 int NOT NULL, f8 double, n decimal(30,1), t text, x varbinary(9), " +
				"dt datetime(6), ts timestamp NULL, d date, z datetime, e enum('x','y'), `Odd ``name` text",
			"x'ff00ff00', -2, 18446744073709551615, 4, 0.5, 12345678901234567890.5, 'ü', x'ff00', " +
				"'1969-12-31 23:59:59.999999', '2026-01-01 00:00:00', '1970-01-02', '0000-00-00', 'y', 'odd'",
			"\xff\x00\xff\x00 -2 -1 4 0.5 12345678901234567890.5 ü \xff\x00 -1 1767225600000000 1 <null> y odd",
			"id BYTE_ARRAY, i1 INT(64,true), u8 INT(64,false), i4 INT(64,true), f8 DOUBLE, n STRING, t STRING, x BYTE_ARRAY, " +
				"dt TIMESTAMP(isAdjustedToUTC=false,unit=MICROS), ts TIMESTAMP(isAdjustedToUTC=true,unit=MICROS), d DATE, " +
				"z TIMESTAMP(isAdjustedToUTC=false,unit=MICROS), e STRING, Odd `name STRING",
		},
	}
	each(t, func(t *testing.T, s *server) {
		e, tt := newEnv(t, nil), tests[s.kind]
		table := s.table(t, "types", tt.columns)
		insert := "INSERT INTO " + table + " VALUES (" + tt.values + ")"
		if s.kind == "MySQL" {
			s.exec(t, "SET STATEMENT sql_mode='', time_zone='+00:00' FOR "+insert)
		} else {
			s.exec(t, insert)
		}
		e.load(s, table, "", 10, 10)
		e.expect([]string{tt.want})
		for _, f := range e.files() {
			if diff := cmp.Diff(strings.Split(tt.types, ", "), columnsOf(t, e.bytes(f))); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
		}
	})
}
