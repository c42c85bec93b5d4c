package tabular_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
	"github.com/inlet-go/inlet/store/errs"
)

// tight are limits small enough for a fuzzer to find.
var tight = &tabular.Options{Limits: tabular.Limits{Columns: 20, FieldBytes: 200, RowBytes: 500, Depth: 8}}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"a,b\n1,2\n", "a;b\r\n\"x;\"\"\r\n\";1\r\n", "a\tb\n1\n", "\ufeffa|b\n1|2|3", "a,b\n\"x\"y,\"z\n", "\"", "a,\"b\n\"\n,,\n", "a\r1\r",
		"a,b\n\"\",\"\"\"\"\n", "\n\n", "a,a,,a_2\n007,+1,1e5,-0\n", "\x00", "a\nb\xff\n", "\xff\xfea\x00\n\x00", "\xd0\xd5\xc3\xfb,\xc4\xea\xc1\xe4\n\xd5\xc5\xc8\xfd,30\n",
	} {
		f.Add([]byte(seed))
	}
	r, strict := tabulartest.New(f, nil), tabulartest.New(f, tight)
	f.Fuzz(func(t *testing.T, data []byte) {
		tabulartest.Check(t, strict, tabulartest.File("f.csv", data))
		tabulartest.Check(t, r, tabulartest.File("f.tsv", data))
		tables, rows := tabulartest.Check(t, r, tabulartest.File("f.csv", data))
		if tables != nil && utf8.Valid(data) && tables[0].Charset == "utf-8" {
			compareWithEncodingCSV(t, data, tables[0], rows[0].Rows)
		}
	})
}

// compareWithEncodingCSV checks that what encoding/csv reads strictly is read
// alike.
func compareWithEncodingCSV(t *testing.T, data []byte, table tabular.Table, rows [][]string) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.Comma, r.FieldsPerRecord = rune(table.Delimiter[0]), -1
	records, err := r.ReadAll()
	if err != nil {
		return // not strict: stray quotes are text
	}
	if len(records) != len(rows)+1 {
		t.Fatalf("%d rows, but encoding/csv reads %d", len(rows), len(records)-1)
	}
	header := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		header[i] = newlines(c.Original)
	}
	if diff := cmp.Diff(records[0], header); diff != "" {
		t.Fatalf("header (-encoding/csv +got):\n%s", diff)
	}
	for i, row := range rows {
		for j, got := range row {
			want := ""
			if j < len(records[i+1]) {
				want = records[i+1][j]
			}
			if got == tabulartest.Null {
				got = ""
			}
			if !sameValue(table.Columns[j].Type, want, newlines(got)) {
				t.Fatalf("row %d, column %d is %q, but encoding/csv reads %q", i+1, j+1, got, want)
			}
		}
	}
}

// newlines makes CR LF LF, as encoding/csv does inside of quotes.
func newlines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// sameValue reports whether a typed value says what the text said: the same
// characters or, for Real, the same number exactly.
func sameValue(typ tabular.Type, want, got string) bool {
	if typ != tabular.Real || want == "" {
		return want == got
	}
	a, ok := new(big.Rat).SetString(want)
	b, also := new(big.Rat).SetString(got)
	return ok && also && a.Cmp(b) == 0
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`[{"a":1,"b":"x"},{"b":null,"c":[1,{"d":2}]}]`, `{"n":1,"rows":[{"a":1.5}]}`, `[]`, `[{}]`, `[[[[`, `[{"a":1},`, `{"a":[{"x":1}],"b":[{"x":1}]}`,
		`[{"a":"\u00e4\ud83d\ude00\ud83d"}]`, `[{"a":12345678901234567890,"b":0.1e-7,"c":-0}]`, `[{"a":1,"a":2}]`, `{"a":{"b":[{"c":1}]}}`, "[{\"a\":\"\xff\"}]", `[1]`, `1`, ``,
		`{"n":1E700,"rows":[{"x":1}]}`,
	} {
		f.Add([]byte(seed))
	}
	r, strict := tabulartest.New(f, nil), tabulartest.New(f, tight)
	f.Fuzz(func(t *testing.T, data []byte) {
		tabulartest.Check(t, strict, tabulartest.File("f.json", data))
		tabulartest.Check(t, r, tabulartest.File("f.json", data))
	})
}

func FuzzNDJSON(f *testing.F) {
	for _, seed := range []string{
		"{\"a\":1}\n{\"b\":\"x\"}\n", "\n\n", "{\"a\":[1,2]}\r\n", "{\"a\":1}{\"a\":2}\n", "[1]\n", "{\"a\":", "{\"a\":1}\n\x00", "{}\n{}\n", " {\"a\" : -1.5e300 }",
	} {
		f.Add([]byte(seed))
	}
	r, strict := tabulartest.New(f, nil), tabulartest.New(f, tight)
	f.Fuzz(func(t *testing.T, data []byte) {
		tabulartest.Check(t, strict, tabulartest.File("f.jsonl", data))
		tables, rows := tabulartest.Check(t, r, tabulartest.File("f.ndjson", data))
		if tables != nil && utf8.Valid(data) && tables[0].Charset == "utf-8" {
			compareWithEncodingJSON(t, bytes.TrimPrefix(data, []byte("\ufeff")), tables[0], rows[0].Rows)
		}
	})
}

// compareWithEncodingJSON checks that every object is read as encoding/json
// reads it, numbers exactly.
func compareWithEncodingJSON(t *testing.T, data []byte, table tabular.Table, rows [][]string) {
	dec := json.NewDecoder(bytes.NewReader(data))
	for i, row := range rows {
		var object map[string]json.RawMessage
		if err := dec.Decode(&object); err != nil {
			t.Fatalf("row %d: encoding/json reads %v", i+1, err)
		}
		for j, c := range table.Columns {
			raw, ok := object[c.Original]
			want := tabulartest.Null
			switch {
			case !ok || string(raw) == "null":
			case raw[0] == '"':
				json.Unmarshal(raw, &want)
			default:
				var compact bytes.Buffer
				json.Compact(&compact, raw)
				want = compact.String()
			}
			if want == tabulartest.Null && row[j] == tabulartest.Null || sameValue(c.Type, want, row[j]) {
				continue
			}
			t.Fatalf("row %d, key %q of type %s is %q, but encoding/json reads %q", i+1, c.Original, c.Type, row[j], want)
		}
	}
}

// FuzzCharset reads text in pieces of any size: the character set and the text
// are the same as in one piece.
func FuzzCharset(f *testing.F) {
	for _, seed := range []string{
		"a\nä", "\xd0\xd5\xc3\xfb\n\xd5\xc5\xc8\xfd", "\xff\xfea\x00\n\x001\x00", "\xfe\xff\x00a\x00\n\x001", "a\n\xe9t\xe9", "\xef\xbb\xbfa\n1", "a\n\x81\x30\x81\x30", "a\x00\n\x00-\x4e\n\x00",
	} {
		f.Add([]byte(seed), uint8(1))
	}
	r := tabulartest.New(f, nil)
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		whole, wantErr := r.Inspect(context.Background(), tabulartest.File("f.csv", data))
		file := tabulartest.File("f.csv", data)
		file.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(&pieces{data: data, size: int(size%7) + 1}), nil
		}
		pieces, err := r.Inspect(context.Background(), file)
		if (err == nil) != (wantErr == nil) || err != nil && errs.Message(err) != errs.Message(wantErr) {
			t.Fatalf("in pieces: %v; in one: %v", err, wantErr)
		}
		if diff := cmp.Diff(whole, pieces); diff != "" {
			t.Fatalf("tables (-whole +pieces):\n%s", diff)
		}
	})
}

// pieces hands out a few bytes at a time.
type pieces struct {
	data []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.data[:min(p.size, len(p.data))])
	p.data = p.data[n:]
	return n, nil
}

// FuzzInference types a column of two values: what is read back is the same.
func FuzzInference(f *testing.F) {
	for _, seed := range [][2]string{
		{"1", "2.5"}, {"007", "1"}, {"+1", "-1"}, {"9007199254740993", "0.5"}, {"9223372036854775808", "1"}, {"1e5", "1.5e-7"}, {"0.1", "0.30000000000000004"},
		{"true", "false"}, {"true", "1"}, {"-0", "0"}, {".5", "5."}, {"1e400", "1e-400"}, {"1,000", " 7"}, {"123456789012345.6", "4.9e-324"}, {"1.7976931348623157e+308", "NaN"},
	} {
		f.Add(seed[0], seed[1])
	}
	r := tabulartest.New(f, nil)
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) || strings.ContainsAny(a+b, "\x00\r") || len(a)+len(b) > 10000 {
			t.Skip()
		}
		var text strings.Builder
		w := csv.NewWriter(&text)
		w.WriteAll([][]string{{"c", "d"}, {a, "x"}, {b, "x"}})
		tables, rows := tabulartest.Check(t, r, tabulartest.File("f.csv", []byte(text.String())))
		for i, want := range []string{a, b} {
			got := rows[0].Rows[i][0]
			if got == tabulartest.Null {
				got = ""
			}
			if !sameValue(tables[0].Columns[0].Type, want, got) {
				t.Errorf("%q became %q of type %s", want, got, tables[0].Columns[0].Type)
			}
		}
	})
}
