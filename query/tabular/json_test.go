package tabular_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
	"github.com/inlet-go/inlet/store/errs"
)

func TestJSON(t *testing.T) {
	tests := map[string]struct {
		name, text string
		columns    []string
		rows       [][]string
	}{
		"keys in order of first sight": {
			text:    `[{"b":1,"a":"x"},{"c":true},{"a":null,"b":-2}]`,
			columns: []string{"b integer?", "a text?", "c boolean?"},
			rows:    [][]string{{"1", "x", tabulartest.Null}, {tabulartest.Null, tabulartest.Null, "true"}, {"-2", tabulartest.Null, tabulartest.Null}},
		},
		"numbers are exact": {
			text:    `[{"i":9223372036854775807,"d":9223372036854775808,"r":1e5,"m":9007199254740993,"f":0.1},{"i":1,"d":0.12345678901234567890,"r":1.50,"m":0.5,"f":3}]`,
			columns: []string{"i integer", "d decimal", "r real", "m decimal", "f real"},
			rows: [][]string{
				{"9223372036854775807", "9223372036854775808", "100000", "9007199254740993", "0.1"},
				{"1", "0.12345678901234567890", "1.5", "0.5", "3"},
			},
		},
		"strings stay text": {
			text:    `[{"a":"1","b":"true","c":""},{"a":"x\n\u00e4\ud83d\ude00\/","b":1,"c":false}]`,
			columns: []string{"a text", "b text", "c text"},
			rows:    [][]string{{"1", "true", ""}, {"x\nä😀/", "1", "false"}},
		},
		"what nests is compact JSON": {
			text:    `[ { "a" : { "x" : [ 1 , 1.50 , "]}" ] } , "b" : [ ] } ]`,
			columns: []string{"a text", "b text"},
			rows:    [][]string{{`{"x":[1,1.50,"]}"]}`, "[]"}},
		},
		"an object that holds the array": {
			text:    `{"count":1e999,"meta":{"data":[{"no":1}]},"tags":["x",{"y":1}],"none":[],"data":[{"a":1},{"a":2}],"next":null}`,
			columns: []string{"a integer"},
			rows:    [][]string{{"1"}, {"2"}},
		},
		"ndjson": {
			name:    "f.jsonl",
			text:    "{\"a\":1}\r\n\n  {\"b\":\"x\"}",
			columns: []string{"a integer?", "b text?"},
			rows:    [][]string{{"1", tabulartest.Null}, {tabulartest.Null, "x"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := tabulartest.New(t, nil)
			if tt.name == "" {
				tt.name = "f.json"
			}
			f := tabulartest.File(tt.name, []byte(tt.text))
			tables, err := r.Inspect(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.columns, tabulartest.Columns(tables[0])); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if tables[0].Rows != int64(len(tt.rows)) {
				t.Errorf("rows = %d", tables[0].Rows)
			}
			rows, err := tabulartest.Rows(r, f, tables[0])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.rows, rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSONErrorsNameThePlace(t *testing.T) {
	long := strings.Repeat("x", 150)
	tests := map[string]struct {
		name, text string
		kind       errs.Kind
		msg        string
	}{
		"empty":               {"f.json", " ", errs.Invalid, "the file is empty: there is no JSON"},
		"empty array":         {"f.json", "[]", errs.Invalid, "the file has no objects: there is nothing to name the columns"},
		"no keys":             {"f.json", "[{}]", errs.Invalid, "the objects have no keys: there is nothing to name the columns"},
		"a number":            {"f.json", "1", errs.Invalid, "the JSON is neither an array of objects nor an object that holds one"},
		"no object":           {"f.json", "[{\"a\":1},2]", errs.Invalid, "row 2: not a JSON object"},
		"syntax":              {"f.json", "[{\"a\":1},{\"a\":x}]", errs.Invalid, "row 2: not valid JSON: invalid character 'x' looking for beginning of value"},
		"cut":                 {"f.json", "[{\"a\":1},{\"a\"", errs.Invalid, "row 2: the JSON ends too early"},
		"cut between":         {"f.json", "[{\"a\":1}", errs.Invalid, "row 1: the JSON ends too early"},
		"two tables":          {"f.json", `{"a":[{"x":1}],"b":[{"x":1}]}`, errs.Invalid, `the object holds two arrays of objects, "a" and "b"; a file has one table`},
		"lines":               {"f.json", "{\"a\":1}\n{\"a\":2}", errs.Invalid, "byte 9: a second JSON value; a file of one object a line must be named .ndjson"},
		"key twice":           {"f.json", `[{"a":1},{"a":1,"a":2}]`, errs.Invalid, `row 2: the key "a" appears twice`},
		"long field":          {"f.json", `[{"a":"` + long + `"}]`, errs.TooLarge, `row 1: the value of "a": longer than 100 bytes`},
		"long row":            {"f.json", `[{"a":1},{"a":"` + long + `","b":"` + long + `"}]`, errs.TooLarge, "row 2: the value is longer than 200 bytes"},
		"deep":                {"f.json", `[{"a":[[[1]]]}]`, errs.TooLarge, `row 1: the value of "a": nested more than 3 deep`},
		"deep elsewhere":      {"f.json", `{"m":{"a":[[[1]]]}}`, errs.TooLarge, "byte 13: nested more than 3 deep"},
		"keys":                {"f.json", `[{"a":1,"b":1,"c":1,"d":1}]`, errs.TooLarge, "row 1: the objects have more than 3 keys"},
		"line of no object":   {"f.ndjson", "{\"a\":1}\n\n[1]\n", errs.Invalid, "line 3: not a JSON object"},
		"line of two objects": {"f.ndjson", "{\"a\":1}{\"a\":2}\n", errs.Invalid, "line 1: not valid JSON"},
		"long line":           {"f.ndjson", "{\"a\":1}\n{\"a\":\"" + long + long + "\"}", errs.TooLarge, "line 2: the row is longer than 200 bytes"},
		"not UTF-8":           {"f.ndjson", "{\"a\":\"ääää\"}\n{\"a\":\"ä\xff\"}", errs.Invalid, "line 2, byte 26: the text is not valid UTF-8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := tabulartest.New(t, &tabular.Options{Limits: tabular.Limits{Columns: 3, FieldBytes: 100, RowBytes: 200, Depth: 3}})
			_, err := r.Inspect(context.Background(), tabulartest.File(tt.name, []byte(tt.text)))
			if err == nil {
				t.Fatal("no error")
			}
			if errs.KindOf(err) != tt.kind {
				t.Errorf("kind = %v, want %v", errs.KindOf(err), tt.kind)
			}
			if diff := cmp.Diff(tt.msg, errs.Message(err)); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}
