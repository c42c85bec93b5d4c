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

func TestCSV(t *testing.T) {
	tests := map[string]struct {
		name, text string
		delimiter  string
		columns    []string
		rows       [][]string
	}{
		"types": {
			text:      "i,r,b,t,n\n1,1.5,true,007,\n-2,2,false,x,\n",
			delimiter: ",",
			columns:   []string{"i integer", "r real", "b boolean", "t text", "n text?"},
			rows:      [][]string{{"1", "1.5", "true", "007", tabulartest.Null}, {"-2", "2", "false", "x", tabulartest.Null}},
		},
		"quotes": {
			text:      "a,b\n\"x,\"\"y\"\"\n\r\nz\",1\n",
			delimiter: ",",
			columns:   []string{"a text", "b integer"},
			rows:      [][]string{{"x,\"y\"\n\r\nz", "1"}},
		},
		"CR LF, mark, no end of the last line": {
			text:      "\ufeffa;b\r\n1;ä\r\n\r\n2;ö",
			delimiter: ";",
			columns:   []string{"a integer", "b text"},
			rows:      [][]string{{"1", "ä"}, {"2", "ö"}},
		},
		"a short record has nulls": {
			text:      "a,b,c\n1\n2,x\n",
			delimiter: ",",
			columns:   []string{"a integer", "b text?", "c text?"},
			rows:      [][]string{{"1", tabulartest.Null, tabulartest.Null}, {"2", "x", tabulartest.Null}},
		},
		"stray quotes are text": {
			text:      "size,name\n5\" pipe,\"say \"hi\" now\"\n6,\"Al\" Y\n7,\"open\n8,\"closed\"\n",
			delimiter: ",",
			columns:   []string{"size text", "name text"},
			rows:      [][]string{{"5\" pipe", "say \"hi\" now"}, {"6", "\"Al\" Y"}, {"7", "\"open"}, {"8", "closed"}},
		},
		"names": {
			text:      "id,ID,,id, a\u202e  b ,id_2,col_3\n1,2,3,4,5,6,7\n",
			delimiter: ",",
			columns: []string{
				"id integer", "ID_3 integer", "col_3_2 integer", "id_4 integer", "a b integer", "id_2 integer", "col_3 integer",
			},
			rows: [][]string{{"1", "2", "3", "4", "5", "6", "7"}},
		},
		"pipes":          {text: "a|b\n1|x,y\n", delimiter: "|", columns: []string{"a integer", "b text"}, rows: [][]string{{"1", "x,y"}}},
		"decimal commas": {text: "a;b;c\n1,5;2,5;x\n", delimiter: ";", columns: []string{"a text", "b text", "c text"}, rows: [][]string{{"1,5", "2,5", "x"}}},
		"one column":     {text: "a\n1\n", delimiter: ",", columns: []string{"a integer"}, rows: [][]string{{"1"}}},
		"header alone":   {text: "a,b", delimiter: ",", columns: []string{"a text", "b text"}},
		"tsv":            {name: "F.TSV", text: "a,b\tc\n1\t2\n", delimiter: "\t", columns: []string{"a,b integer", "c integer"}, rows: [][]string{{"1", "2"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := tabulartest.New(t, nil)
			if tt.name == "" {
				tt.name = "f.csv"
			}
			f := tabulartest.File(tt.name, []byte(tt.text))
			tables, err := r.Inspect(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.columns, tabulartest.Columns(tables[0])); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if tables[0].Rows != int64(len(tt.rows)) || tables[0].Delimiter != tt.delimiter || tables[0].Charset != "utf-8" {
				t.Errorf("table = %+v", tables[0])
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

func TestCSVErrorsNameThePlace(t *testing.T) {
	tests := map[string]struct {
		text string
		kind errs.Kind
		msg  string
	}{
		"empty":             {"", errs.Invalid, "the file is empty: there is no header to name the columns"},
		"blank":             {"\n\r\n\n", errs.Invalid, "the file is empty: there is no header to name the columns"},
		"too many fields":   {"a,b\n1,2\n\n3,4,5\n", errs.Invalid, "line 4: 3 fields, but the header has 2"},
		"open quote":        {"a,b\n1,\"x\n2,y\n", errs.Invalid, "line 2: field 2 starts with a quote that is not closed"},
		"long field":        {"a,b\n\"x\ny\",1\n2," + strings.Repeat("x", 101), errs.TooLarge, "line 4: field 2 is longer than 100 bytes"},
		"long quoted field": {"a,b\n1,\"" + strings.Repeat("x", 101) + "\"\n", errs.TooLarge, "line 2: field 2 is longer than 100 bytes"},
		"long row":          {"a,b,c\n" + strings.Repeat("x", 99) + "," + strings.Repeat("x", 99) + "," + strings.Repeat("y", 99) + "\n", errs.TooLarge, "line 2: the row is longer than 200 bytes"},
		"many columns":      {"a,b,c,d\n", errs.TooLarge, "line 1: more than 3 columns"},
		"NUL":               {"a,b\n1,\x00\n", errs.Invalid, "line 2, byte 7: a NUL byte: this is not a text file"},
		"CR alone":          {"a,b\r1,2\r", errs.Invalid, "its lines end with CR alone; save it with LF or CR LF"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := tabulartest.New(t, &tabular.Options{Limits: tabular.Limits{Columns: 3, FieldBytes: 100, RowBytes: 200}})
			_, err := r.Inspect(context.Background(), tabulartest.File("f.csv", []byte(tt.text)))
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
