package xlsx_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
	"github.com/inlet-go/inlet/query/tabular/xlsx"
	"github.com/inlet-go/inlet/store/errs"
)

func newReader(t testing.TB, limits tabular.Limits, f xlsx.Format) *tabular.Reader {
	t.Helper()
	return tabulartest.New(t, &tabular.Options{Limits: limits, Formats: []tabular.Format{f}})
}

func fileOf(data []byte) tabular.File { return tabulartest.File("f.xlsx", data) }

// workbook writes cells, by sheet and name, with excelize.
func workbook(t testing.TB, edit func(f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	edit(f)
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func set(t testing.TB, f *excelize.File, sheet string, rows ...[]any) {
	t.Helper()
	for i, row := range rows {
		for j, v := range row {
			name, _ := excelize.CoordinatesToCellName(j+1, i+1)
			if v == nil {
				continue
			}
			if err := f.SetCellValue(sheet, name, v); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func format(t testing.TB, f *excelize.File, sheet, from, to, code string) {
	t.Helper()
	id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
	if err == nil {
		err = f.SetCellStyle(sheet, from, to, id)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTypes(t *testing.T) {
	data := workbook(t, func(f *excelize.File) {
		set(t, f, "Sheet1",
			[]any{"i", "r", "b", "text", "id", "mixed", "day", "at", "day or time", "clock", "hours", nil, 2024},
			[]any{1, 1.5, true, "x ", "007", 1, 45351, 45351.5, 45351, 0.5, 1.5, nil, int64(9223372036854775807)},
			nil,
			[]any{-2, 3, false, "a\nb _x0041_", "123", "y", 1, 61.000011574, 45351.25, 0.999999, nil, nil, nil, "extra"},
		)
		for column, code := range map[string]string{"G": "yyyy-mm-dd", "H": `d"day" mmm yy h:mm:ss`, "I": "[$-804]yyyy/m/d", "J": "hh:mm AM/PM", "K": "[h]:mm"} {
			format(t, f, "Sheet1", column+"2", column+"4", code)
		}
		f.NewSheet("empty")
		f.NewSheet("second")
		set(t, f, "second", []any{"only"})
	})
	want := []tabulartest.Table{
		{
			Name: "Sheet1",
			Columns: []string{"i integer", "r real", "b boolean", "text text", "id text", "mixed text", "day date", "at timestamp",
				"day or time timestamp", "clock text", "hours real?", "col_12 text?", "2024 integer?", "col_14 text?"},
			Rows: [][]string{
				{"1", "1.5", "true", "x ", "007", "1", "2024-02-29", "2024-02-29 12:00:00", "2024-02-29 00:00:00", "12:00:00", "1.5", tabulartest.Null, "9223372036854775807", tabulartest.Null},
				{"-2", "3", "false", "a\nb A", "123", "y", "1900-01-01", "1900-03-01 00:00:01", "2024-02-29 06:00:00", "23:59:59.914", tabulartest.Null, tabulartest.Null, tabulartest.Null, "extra"},
			},
		},
		{Name: "second", Columns: []string{"only text"}},
	}
	got, err := tabulartest.Load(newReader(t, tabular.Limits{}, xlsx.Format{}), fileOf(data))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sheets (-want +got):\n%s", diff)
	}
}

// TestSameAsExcelize compares texts and numbers with what excelize reads.
func TestSameAsExcelize(t *testing.T) {
	data := workbook(t, func(f *excelize.File) {
		w, err := f.NewStreamWriter("Sheet1")
		if err != nil {
			t.Fatal(err)
		}
		w.SetRow("A1", []any{"a", "b", "c", "d"})
		for i := 2; i < 2000; i++ {
			w.SetRow(fmt.Sprint("A", i), []any{i, float64(i) / 7, fmt.Sprint("text <", i, "> & _x000D_"), time.Duration(i).String()})
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	})
	f, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := f.GetRows("Sheet1", excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := tabulartest.Load(newReader(t, tabular.Limits{}, xlsx.Format{}), fileOf(data))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[1:], got[0].Rows); diff != "" {
		t.Errorf("rows (-excelize +got):\n%s", diff)
	}
}

func TestLimits(t *testing.T) {
	data := workbook(t, func(f *excelize.File) {
		set(t, f, "Sheet1", []any{"a", "b", "c"}, []any{1, "a longer text", 3})
		f.NewSheet("b")
		set(t, f, "b", []any{"x"})
	})
	tests := map[string]struct {
		limits tabular.Limits
		format xlsx.Format
		msg    string
	}{
		"columns": {tabular.Limits{Columns: 2}, xlsx.Format{}, `sheet "Sheet1", row 1: more than 2 columns`},
		"field":   {tabular.Limits{FieldBytes: 5}, xlsx.Format{}, "the workbook has a text in sharedStrings.xml of more than 5 bytes"},
		"sheets":  {tabular.Limits{Tables: 1}, xlsx.Format{}, "the workbook has more than 1 sheets"},
		"file":    {tabular.Limits{}, xlsx.Format{FileBytes: 100}, fmt.Sprintf("the workbook has %d bytes, more than 100 bytes", len(data))},
		"unzip":   {tabular.Limits{}, xlsx.Format{UnzipBytes: 1000}, "the workbook unpacks to more than 1000 bytes"},
		"strings": {tabular.Limits{}, xlsx.Format{StringBytes: 10}, "the texts of the workbook are longer than 10 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tabulartest.Load(newReader(t, tt.limits, tt.format), fileOf(data))
			tabulartest.WantError(t, err, errs.TooLarge, tt.msg)
		})
	}
}

func BenchmarkInspect(b *testing.B) {
	data := workbook(b, func(f *excelize.File) {
		w, _ := f.NewStreamWriter("Sheet1")
		for i := 1; i <= 100_000; i++ {
			w.SetRow(fmt.Sprint("A", i), []any{i, float64(i) / 7, fmt.Sprint("text ", i), "short"})
		}
		w.Flush()
	})
	r := newReader(b, tabular.Limits{}, xlsx.Format{})
	b.Run("inlet", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Inspect(context.Background(), fileOf(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("excelize", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
			if err != nil {
				b.Fatal(err)
			}
			rows, err := f.Rows("Sheet1")
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
				if _, err := rows.Columns(); err != nil {
					b.Fatal(err)
				}
			}
			f.Close()
		}
	})
}
