package xlsx_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
	"github.com/inlet-go/inlet/query/tabular/xlsx"
	"github.com/inlet-go/inlet/store/errs"
)

// part is a file of the archive; its text may be made while it is packed.
type part struct {
	name string
	text string
	more func(w io.Writer)
}

// method packs what is long.
func (p part) method() uint16 {
	if p.more == nil {
		return zip.Store
	}
	return zip.Deflate
}

const (
	rootRels = `<Relationships><Relationship Id="r1" Type="x/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	main     = `<workbook><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`
	mainRels = `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="s.xml"/><Relationship Id="r2" Type="x/sharedStrings" Target="t.xml"/></Relationships>`
)

// archive packs a workbook of one sheet; parts replace or follow the usual ones.
func archive(t testing.TB, parts ...part) []byte {
	t.Helper()
	all := []part{{name: "_rels/.rels", text: rootRels}, {name: "xl/workbook.xml", text: main}, {name: "xl/_rels/workbook.xml.rels", text: mainRels}}
	for _, p := range parts {
		replaced := false
		for i := range all[:3] {
			if all[i].name == p.name {
				all[i], replaced = p, true
			}
		}
		if !replaced {
			all = append(all, p)
		}
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, p := range all {
		f, err := w.CreateHeader(&zip.FileHeader{Name: p.name, Method: p.method()})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, p.text)
		if p.more != nil {
			p.more(f)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rowsOf is a sheet part with that XML among its rows, under a header of one cell.
func rowsOf(rows string) part {
	return part{name: "xl/s.xml", text: `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>` + rows + `</sheetData></worksheet>`}
}

func repeat(s string, n int) func(w io.Writer) {
	return func(w io.Writer) {
		block := []byte(strings.Repeat(s, 1000))
		for range n / 1000 {
			w.Write(block)
		}
	}
}

func TestHostileWorkbooks(t *testing.T) {
	const open = `<worksheet><sheetData>`
	manyParts := make([]part, 100_000)
	for i := range manyParts {
		manyParts[i].name = fmt.Sprint("p", i)
	}
	valid := workbook(t, func(f *excelize.File) { set(t, f, "Sheet1", []any{"a", "b"}, []any{1, "x"}) })
	tests := map[string]struct {
		data func() []byte // made when it is needed: the collector lets garbage grow with what lives
		kind errs.Kind
		msg  string
	}{
		"no archive":      {func() []byte { return []byte("a,b\n1,2\n") }, errs.Invalid, "it is no zip archive"},
		"old workbook":    {func() []byte { return append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 1000)...) }, errs.Unsupported, "save it as .xlsx"},
		"half an archive": {func() []byte { return valid[:len(valid)/2] }, errs.Invalid, "it is no zip archive"},
		"another archive": {func() []byte { return zipOf(t, "word/document.xml") }, errs.Invalid, "the zip archive has no xl/workbook.xml"},
		"100,000 parts":   {func() []byte { return archive(t, manyParts...) }, errs.TooLarge, "too many parts"},
		"missing sheet":   {func() []byte { return archive(t) }, errs.Invalid, `the sheet "S" is missing`},
		"no rows":         {func() []byte { return archive(t, part{name: "xl/s.xml", text: open + `</sheetData></worksheet>`}) }, errs.Invalid, "the workbook is empty"},
		"cut sheet": {func() []byte {
			return archive(t, part{name: "xl/s.xml", text: open + `<row><c><v>1</v></c></row><row><c><v>1`})
		}, errs.Invalid, "s.xml cannot be read"},
		"cut between rows": {func() []byte { return archive(t, part{name: "xl/s.xml", text: open + `<row><c><v>1</v></c></row>`}) }, errs.Invalid, "s.xml cannot be read"},
		"sheet bomb": {func() []byte {
			return archive(t, part{"xl/s.xml", open, repeat(`<row><c r="XFA1"><v>1</v></c><c><v>1</v></c></row>`, 20_000)})
		}, errs.TooLarge, "more than 2000 columns"},
		"bomb of rows": {func() []byte {
			return archive(t, part{"xl/s.xml", open, repeat(`<row><c><v>1</v></c></row>`, 300_000)})
		}, errs.TooLarge, "packed too well to be true"},
		"bomb of empty rows": {func() []byte {
			return archive(t, part{"xl/s.xml", open, repeat(`<row>                              </row>`, 300_000)})
		}, errs.TooLarge, "packed too well to be true"},
		"bomb of blanks": {func() []byte { return archive(t, part{"xl/s.xml", open, repeat(" ", 20<<20)}) }, errs.TooLarge, "s.xml"},
		"bomb of strings": {func() []byte {
			return archive(t, rowsOf(""), part{"xl/t.xml", `<sst>`, repeat(`<si><t>x</t></si>`, 600_000)})
		}, errs.TooLarge, "packed too well to be true"},
		"many strings": {func() []byte {
			var text strings.Builder
			repeatNoise(`<si><t>%s</t></si>`, 33_500)(&text)
			return archive(t, rowsOf(""), part{name: "xl/t.xml", text: `<sst>` + text.String()})
		}, errs.TooLarge, "the texts of the workbook are longer than 32 MiB"},
		"one long string": {func() []byte { return archive(t, rowsOf(""), part{"xl/t.xml", `<sst><si><t>`, noise(8 << 20)}) }, errs.TooLarge, "t.xml"},
		"many runs of a string": {func() []byte {
			return archive(t, rowsOf(""), part{"xl/t.xml", `<sst><si>`, repeatNoise(`<r><t>%s</t></r>`, 2_000)})
		}, errs.TooLarge, "a text in t.xml of more than 1 MiB"},
		"entities": {func() []byte {
			return archive(t, part{name: "xl/s.xml", text: `<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet><sheetData><row><c t="str"><v>&b;</v></c></row></sheetData></worksheet>`})
		}, errs.Invalid, "document type"},
		"unknown entity": {func() []byte { return archive(t, rowsOf(`<row><c t="str"><v>&b;</v></c></row>`)) }, errs.Invalid, "s.xml cannot be read"},
		"row 2^31":       {func() []byte { return archive(t, rowsOf(`<row r="2147483648"><c><v>1</v></c></row>`)) }, errs.Invalid, "a row has the number 2147483648"},
		"row -1":         {func() []byte { return archive(t, rowsOf(`<row r="-1"><c><v>1</v></c></row>`)) }, errs.Invalid, `row "-1" comes behind row 1`},
		"column ZZZZZZZ": {func() []byte { return archive(t, rowsOf(`<row r="2"><c r="ZZZZZZZ2"><v>1</v></c></row>`)) }, errs.Invalid, `a cell of row 2 is named "ZZZZZZZ2"`},
		"column XFE":     {func() []byte { return archive(t, rowsOf(`<row r="2"><c r="XFE2"><v>1</v></c></row>`)) }, errs.Invalid, `a cell of row 2 is named "XFE2"`},
		"column XFD":     {func() []byte { return archive(t, rowsOf(`<row r="2"><c r="XFD2"><v>1</v></c></row>`)) }, errs.TooLarge, "more than 2000 columns"},
		"cells out of order": {func() []byte {
			return archive(t, rowsOf(`<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row>`))
		}, errs.Invalid, "cell A2 is out of order"},
		"string -1":   {func() []byte { return archive(t, rowsOf(`<row r="2"><c t="s"><v>-1</v></c></row>`)) }, errs.Invalid, `the text number "-1", which does not exist`},
		"string 7":    {func() []byte { return archive(t, rowsOf(`<row r="2"><c t="s"><v>7</v></c></row>`)) }, errs.Invalid, `the text number "7", which does not exist`},
		"no number":   {func() []byte { return archive(t, rowsOf(`<row r="2"><c><v>0x10</v></c></row>`)) }, errs.Invalid, `a number of row 2 is "0x10"`},
		"endless tag": {func() []byte { return archive(t, part{"xl/s.xml", `<worksheet a="`, noise(8 << 20)}) }, errs.TooLarge, "a text or tag in s.xml of more than 2 MiB"},
		"deep tags":   {func() []byte { return archive(t, part{"xl/s.xml", `<worksheet>`, repeat("<a>", 600_000)}) }, errs.TooLarge, "packed too well"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newReader(t, tabular.Limits{}, xlsx.Format{})
			data := tt.data()
			var err error
			tabulartest.Bounded(t, func() { _, err = tabulartest.Load(r, fileOf(data)) })
			tabulartest.WantError(t, err, tt.kind, tt.msg)
		})
	}
}

func zipOf(t testing.TB, name string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if _, err := w.Create(name); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes()
}

// letters do not pack well, even one time after the other: they are further
// apart than a packer looks back.
var letters = sync.OnceValue(func() []byte {
	rnd := rand.New(rand.NewPCG(1, 1))
	all := make([]byte, 1<<16)
	for i := range all {
		all[i] = 'a' + byte(rnd.IntN(26))
	}
	return all
})

// noise writes n letters.
func noise(n int) func(w io.Writer) {
	return func(w io.Writer) {
		for range n >> 16 {
			w.Write(letters())
		}
	}
}

// repeatNoise writes the layout n times, with 1,000 letters each.
func repeatNoise(layout string, n int) func(w io.Writer) {
	return func(w io.Writer) {
		for i := range n {
			at := i % 64 * 1000
			fmt.Fprintf(w, layout, letters()[at:at+1000])
		}
	}
}

// TestCanceled ends while a sheet is read.
func TestCanceled(t *testing.T) {
	data := archive(t, part{"xl/s.xml", `<worksheet><sheetData>`, func(w io.Writer) {
		repeatNoise(`<row><c t="inlineStr"><is><t>%s</t></is></c></row>`, 2000)(w)
		io.WriteString(w, `</sheetData></worksheet>`)
	}})
	r := newReader(t, tabular.Limits{}, xlsx.Format{})
	ctx, cancel := context.WithCancel(context.Background())
	tables, err := r.Inspect(ctx, fileOf(data))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := r.Open(ctx, fileOf(data), tables[0])
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cancel()
	for range 100 {
		if _, err = rows.Next(); err != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

func FuzzXLSX(f *testing.F) {
	f.Add(workbook(f, func(x *excelize.File) {
		set(f, x, "Sheet1", []any{"a", "b", "c", nil}, []any{1, "x", true, 1.5}, []any{45351, nil, "y"})
		format(f, x, "Sheet1", "A3", "A3", "yyyy-mm-dd")
		x.NewSheet("other")
		set(f, x, "other", []any{"n"}, []any{2})
	}))
	f.Add(archive(f, rowsOf(`<row r="3"><c r="B3" t="str"><v>x</v></c><c t="e"><v>#N/A</v></c><c t="d"><v>2024-01-02</v></c></row>`)))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	r := newReader(f, tabular.Limits{}, xlsx.Format{})
	tight := newReader(f, tabular.Limits{Columns: 4, FieldBytes: 50, RowBytes: 200, Tables: 2}, xlsx.Format{UnzipBytes: 20_000, StringBytes: 200})
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := tabulartest.Load(r, fileOf(data)); err != nil {
			tabulartest.CheckError(t, err)
		}
		if _, err := tabulartest.Load(tight, fileOf(data)); err != nil {
			tabulartest.CheckError(t, err)
		}
	})
}

// FuzzSheet makes the XML of the sheet itself, which FuzzXLSX rarely reaches
// behind the checksums of the archive.
func FuzzSheet(f *testing.F) {
	for _, seed := range []string{
		`<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row><row><c><v>1.5</v></c></row></sheetData></worksheet>`,
		`<worksheet><sheetData><row><c t="inlineStr"><is><r><t>a</t></r><rPh><t>b</t></rPh></is></c><c s="1"><v>45000</v></c></row></sheetData></worksheet>`,
		`<worksheet><sheetData><row r="9"><c r="XFD9" t="b"><v>1</v></c></row></sheetData></worksheet>`,
		`<!DOCTYPE a><x>`, `<row><c><v>1</v></c></row>`, `<a><row><c t="str"><v>_x0041__xD800_</v></c></row></a>`,
	} {
		f.Add(seed)
	}
	r := newReader(f, tabular.Limits{}, xlsx.Format{})
	styles := part{name: "xl/y.xml", text: `<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="20"/></cellXfs></styleSheet>`}
	rels := part{name: "xl/_rels/workbook.xml.rels", text: strings.Replace(mainRels, `<Relationships>`, `<Relationships><Relationship Id="r3" Type="x/styles" Target="y.xml"/>`, 1)}
	f.Fuzz(func(t *testing.T, sheet string) {
		data := archive(t, part{name: "xl/s.xml", text: sheet}, part{name: "xl/t.xml", text: `<sst><si><t>x</t></si></sst>`}, styles, rels)
		if _, err := tabulartest.Load(r, fileOf(data)); err != nil {
			tabulartest.CheckError(t, err)
		}
	})
}
