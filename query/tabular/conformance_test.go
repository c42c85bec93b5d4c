package tabular_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	pq "github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/parquet"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
	"github.com/inlet-go/inlet/query/tabular/xlsx"
	"github.com/inlet-go/inlet/store/errs"
)

// record is a row of the table that every format writes.
type record struct {
	ID    int64    `json:"id" parquet:"id"`
	Price float64  `json:"price" parquet:"price"`
	Paid  bool     `json:"paid" parquet:"paid"`
	Code  string   `json:"code" parquet:"code"`
	Name  string   `json:"größe" parquet:"größe"`
	Note  *string  `json:"note" parquet:"note,optional"`
	Count *int64   `json:"count" parquet:"count,optional"`
	Share *float64 `json:"share" parquet:"share,optional"`
}

func ptr[T any](v T) *T { return &v }

var records = []record{
	{1, 9.5, true, "007", "plain", ptr("a, \"b\"; c|d\te"), ptr(int64(-9223372036854775808)), nil},
	{-2, 3, false, "1e5", "größer 尺寸 😀", nil, ptr(int64(9223372036854775807)), ptr(0.1)},
	{9007199254740993, 1e-7, true, "x", "two\nlines", ptr("true"), nil, ptr(-1.7976931348623157e308)},
}

var (
	header      = []string{"id", "price", "paid", "code", "größe", "note", "count", "share"}
	wantColumns = []string{"id integer", "price real", "paid boolean", "code text", "größe text", "note text?", "count integer?", "share real?"}
)

// texts are the fields of a record, with tabulartest.Null where there is no value.
func (r record) texts() []string {
	all := []string{fmt.Sprint(r.ID), strconv.FormatFloat(r.Price, 'g', -1, 64), fmt.Sprint(r.Paid), r.Code, r.Name, tabulartest.Null, tabulartest.Null, tabulartest.Null}
	if r.Note != nil {
		all[5] = *r.Note
	}
	if r.Count != nil {
		all[6] = fmt.Sprint(*r.Count)
	}
	if r.Share != nil {
		all[7] = strconv.FormatFloat(*r.Share, 'g', -1, 64)
	}
	return all
}

func writeDelimited(comma rune) func(t *testing.T) []byte {
	return func(t *testing.T) []byte {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma = comma
		w.Write(header)
		for _, r := range records {
			fields := r.texts()
			for i := range fields {
				if fields[i] == tabulartest.Null {
					fields[i] = ""
				}
			}
			w.Write(fields)
		}
		w.Flush()
		return b.Bytes()
	}
}

func writeJSON(t *testing.T) []byte {
	b, err := json.MarshalIndent(records, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeNDJSON(t *testing.T) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func writeParquet(t *testing.T) []byte {
	var b bytes.Buffer
	if err := pq.Write(&b, records); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeXLSX(t *testing.T) []byte {
	f := excelize.NewFile()
	defer f.Close()
	rows := [][]any{{}}
	for _, name := range header {
		rows[0] = append(rows[0], name)
	}
	for _, r := range records {
		row := []any{r.ID, r.Price, r.Paid, r.Code, r.Name, nil, nil, nil}
		if r.Note != nil {
			row[5] = *r.Note
		}
		if r.Count != nil {
			row[6] = *r.Count
		}
		if r.Share != nil {
			row[7] = *r.Share
		}
		rows = append(rows, row)
	}
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprint("A", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestEveryFormatGivesTheSameTable is what every format has to pass.
func TestEveryFormatGivesTheSameTable(t *testing.T) {
	formats := map[string]struct {
		write func(t *testing.T) []byte
		sheet string
	}{
		"f.csv": {writeDelimited(','), ""}, "F.CSV": {writeDelimited(';'), ""}, "f.tsv": {writeDelimited('\t'), ""},
		"f.json": {writeJSON, ""}, "f.ndjson": {writeNDJSON, ""}, "f.jsonl": {writeNDJSON, ""},
		"f.parquet": {writeParquet, ""}, "f.XLSX": {writeXLSX, "Sheet1"},
	}
	var want [][]string
	for _, r := range records {
		want = append(want, r.texts())
	}
	r := tabulartest.New(t, &tabular.Options{Formats: []tabular.Format{parquet.Format{}, xlsx.Format{}}})
	for name, tt := range formats {
		t.Run(name, func(t *testing.T) {
			if !r.Supports(name) {
				t.Fatal("not supported")
			}
			f := tabulartest.File(name, tt.write(t))
			tables, err := r.Inspect(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			if len(tables) != 1 || tables[0].Name != tt.sheet || tables[0].Rows != int64(len(records)) {
				t.Fatalf("tables = %+v", tables)
			}
			table := remember(t, tables[0])
			if diff := cmp.Diff(wantColumns, tabulartest.Columns(table)); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			got, err := tabulartest.Rows(r, f, table)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			checkRows(t, r, f, table)
		})
	}
}

// remember writes a table and reads it, as one does who keeps it for later.
func remember(t *testing.T, table tabular.Table) tabular.Table {
	t.Helper()
	b, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	var again tabular.Table
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(table, again); diff != "" {
		t.Errorf("table (-told +remembered):\n%s", diff)
	}
	return again
}

// checkRows checks what Rows promises at its ends.
func checkRows(t *testing.T, r *tabular.Reader, f tabular.File, table tabular.Table) {
	t.Helper()
	rows, err := r.Open(context.Background(), f, table)
	if err != nil {
		t.Fatal(err)
	}
	for range records {
		if _, err := rows.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if row, err := rows.Next(); row != nil || !errors.Is(err, io.EOF) {
			t.Errorf("behind the last row: %v, %v", row, err)
		}
	}
	for range 2 {
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
	if rows, err = r.Open(context.Background(), f, table); err != nil {
		t.Fatal(err)
	}
	rows.Close()
	if row, err := rows.Next(); row != nil || err == nil {
		t.Errorf("a row after Close: %v, %v", row, err)
	}
	other := table
	other.Columns = append([]tabular.Column{{Name: "more", Original: "more", Type: tabular.Integer}}, table.Columns[1:]...)
	if rows, err = r.Open(context.Background(), f, other); err == nil {
		_, err = rows.Next()
		rows.Close()
	}
	if errs.KindOf(err) != errs.Invalid {
		t.Errorf("a table of other columns: %v", err)
	}
}

func TestUnknownFormat(t *testing.T) {
	r := tabulartest.New(t, nil)
	for _, name := range []string{"f.parquet", "f.xls", "csv", ""} {
		if r.Supports(name) {
			t.Errorf("%q is supported", name)
		}
	}
	_, err := r.Inspect(context.Background(), tabulartest.File("f.xls", nil))
	want := "f.xls is not read as a table: its name must end with one of .csv, .json, .jsonl, .ndjson, .tsv"
	if errs.KindOf(err) != errs.Unsupported || errs.Message(err) != want {
		t.Errorf("error = %v", err)
	}
	if _, err := tabular.New(&tabular.Options{Formats: []tabular.Format{xlsx.Format{}, xlsx.Format{}}}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("two formats for an extension: %v", err)
	}
}

// TestMisfit reads a file that changed after it was inspected.
func TestMisfit(t *testing.T) {
	r := tabulartest.New(t, nil)
	for name, tt := range map[string]struct{ before, after, want string }{
		"f.csv":    {"a,b\n1,true\n", "a,b\n1,true\n2,maybe\n", `line 3: the value of column "b" is not of type boolean; the file must be inspected again`},
		"f.tsv":    {"a\n1\n", "a\n1\n1.5\n", `line 3: the value of column "a" is not of type integer; the file must be inspected again`},
		"f.json":   {`[{"a":1.5}]`, `[{"a":1},{"a":"x"}]`, `row 2: the value of column "a" is not of type real; the file must be inspected again`},
		"f.ndjson": {"{\"a\":1}\n", "{\"a\":1}\n\n{\"b\":1}\n", `line 3: the key "b" is not in the table; the file must be inspected again`},
	} {
		tables, err := r.Inspect(context.Background(), tabulartest.File(name, []byte(tt.before)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = tabulartest.Rows(r, tabulartest.File(name, []byte(tt.after)), tables[0])
		if errs.KindOf(err) != errs.Invalid || errs.Message(err) != tt.want {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}
