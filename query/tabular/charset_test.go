package tabular_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
	"github.com/inlet-go/inlet/store/errs"
)

func encode(t testing.TB, enc encoding.Encoding, text string) []byte {
	t.Helper()
	b, err := enc.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	utf16LE     = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	utf16BE     = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	utf16LEMark = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	utf16BEMark = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
)

const (
	chinese  = "姓名,城市,备注\n张三,北京,这是一个测试\n李四,上海,数据的质量很好\n"
	german   = "name;größe\nMüller;groß\nJäger;überall\n"
	french   = "nom,prénom\nLefèvre,Renée\nBéranger,Zoé à l'école\n"
	russian  = "имя,город\nИван,Москва и область\nАнна,Санкт-Петербург\n"
	japanesE = "名前,都市\n山田さん,とうきょうです\n田中さん,おおさかに住んでいます\n"
	koreaN   = "이름,도시\n김철수,서울에 살고 있습니다\n이영희,부산광역시\n"
	greek    = "όνομα,πόλη\nΓιώργος,Αθήνα\n"
	big5     = "姓名,城市\n張三,臺北市中正區\n李四,高雄市這是測試\n"
)

func TestCharsetIsTold(t *testing.T) {
	tests := map[string]struct {
		enc  encoding.Encoding
		text string
		want string // "" for an error
	}{
		"UTF-8":                {unicode.UTF8, chinese, "utf-8"},
		"UTF-8 with mark":      {unicode.UTF8BOM, chinese, "utf-8"},
		"UTF-8, German":        {unicode.UTF8, german, "utf-8"},
		"ASCII":                {unicode.UTF8, "a,b\n1,2\n", "utf-8"},
		"UTF-16LE with mark":   {utf16LEMark, chinese, "utf-16le"},
		"UTF-16BE with mark":   {utf16BEMark, chinese, "utf-16be"},
		"UTF-16LE":             {utf16LE, chinese, "utf-16le"},
		"UTF-16BE":             {utf16BE, chinese, "utf-16be"},
		"UTF-16LE, ASCII":      {utf16LE, "a,b\n1,2\n", "utf-16le"},
		"UTF-16BE, ASCII":      {utf16BE, "a,b\n1,2\n", "utf-16be"},
		"UTF-16LE, Russian":    {utf16LE, russian, "utf-16le"},
		"GB18030":              {simplifiedchinese.GB18030, chinese, "gb18030"},
		"GBK":                  {simplifiedchinese.GBK, chinese, "gb18030"},
		"GBK, ASCII header":    {simplifiedchinese.GBK, "id,name\n1,张三\n2,中文名字\n", "gb18030"},
		"GB18030, four bytes":  {simplifiedchinese.GB18030, "名字,说明\n𠮷,这个字的编码有四个字节\n", "gb18030"},
		"GBK, rare characters": {simplifiedchinese.GBK, "姓名,部门\n陈喆,信息技术部\n王堃,财务管理部\n", "gb18030"},
		"windows-1252, German": {charmap.Windows1252, german, ""},
		"windows-1252, French": {charmap.Windows1252, french, ""},
		"windows-1251":         {charmap.Windows1251, russian, ""},
		"KOI8-R":               {charmap.KOI8R, russian, ""},
		"ISO 8859-7":           {charmap.ISO8859_7, greek, ""},
		"Shift JIS":            {japanese.ShiftJIS, japanesE, ""},
		"EUC-JP":               {japanese.EUCJP, japanesE, ""},
		"EUC-KR":               {korean.EUCKR, koreaN, ""},
		"Big5":                 {traditionalchinese.Big5, big5, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := tabulartest.New(t, nil)
			f := tabulartest.File("f.csv", encode(t, tt.enc, tt.text))
			tables, err := r.Inspect(context.Background(), f)
			if tt.want == "" {
				if errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.Message(err), "neither UTF-8, UTF-16 nor GB18030; say which character set it is in") {
					t.Fatalf("tables = %+v, error = %v", tables, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tables[0].Charset != tt.want {
				t.Errorf("charset = %s, want %s", tables[0].Charset, tt.want)
			}
			sameText(t, r, f, tables[0], tt.text)
		})
	}
}

// sameText compares a table with the text in UTF-8 that it was made from.
func sameText(t *testing.T, r *tabular.Reader, f tabular.File, table tabular.Table, text string) {
	t.Helper()
	want := tabulartest.File("f.csv", []byte(text))
	tables, err := r.Inspect(context.Background(), want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tables[0].Columns, table.Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	wantRows, err := tabulartest.Rows(r, want, tables[0])
	if err != nil {
		t.Fatal(err)
	}
	rows, err := tabulartest.Rows(r, f, table)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantRows, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestCharsetIsGiven(t *testing.T) {
	for name, tt := range map[string]struct {
		enc    encoding.Encoding
		name   string
		text   string
		recall string
	}{
		"German":   {charmap.Windows1252, "latin1", german, "windows-1252"},
		"Japanese": {japanese.ShiftJIS, "Shift_JIS", japanesE, "shift_jis"},
		"Korean":   {korean.EUCKR, "euc-kr", koreaN, "euc-kr"},
		"Big5":     {traditionalchinese.Big5, "big5", big5, "big5"},
		"GBK":      {simplifiedchinese.GBK, "gbk", "n\n北京\n", "gbk"},
		"UTF-16":   {utf16LEMark, "utf-16le", chinese, "utf-16le"},
	} {
		t.Run(name, func(t *testing.T) {
			data := encode(t, tt.enc, tt.text)
			r := tabulartest.New(t, nil)
			f := tabulartest.File("f.csv", data)
			f.Charset = tt.name
			tables, err := r.Inspect(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			if tables[0].Charset != tt.recall {
				t.Errorf("charset = %s, want %s", tables[0].Charset, tt.recall)
			}
			sameText(t, r, tabulartest.File("f.csv", data), tables[0], tt.text) // the table remembers it

			fallback := tabulartest.New(t, &tabular.Options{Charset: tt.name})
			if tables, err = fallback.Inspect(context.Background(), tabulartest.File("f.csv", data)); err != nil {
				t.Fatal(err)
			}
			sameText(t, r, tabulartest.File("f.csv", data), tables[0], tt.text)
			tables, err = fallback.Inspect(context.Background(), tabulartest.File("f.csv", []byte(chinese)))
			if err != nil || tables[0].Charset != "utf-8" {
				t.Errorf("UTF-8 where %s is the fallback: %+v, %v", tt.name, tables, err)
			}
		})
	}
	if _, err := tabular.New(&tabular.Options{Charset: "klingon"}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("error = %v", err)
	}
}

// TestCharsetWhereverItShows moves the first character that is not ASCII over
// every place where a read or a sample may be cut.
func TestCharsetWhereverItShows(t *testing.T) {
	const around = 64 << 10
	for _, tt := range []struct {
		name string
		enc  encoding.Encoding
		want string
	}{{"UTF-8", unicode.UTF8, "utf-8"}, {"GBK", simplifiedchinese.GBK, "gb18030"}} {
		tail := encode(t, tt.enc, strings.Repeat("中文名字,数据的质量\n", 12_000))
		for shift := -9; shift <= 9; shift++ {
			text := "a,b\n" + strings.Repeat("x", around+shift-5) + "\n"
			f := tabulartest.File("f.csv", append([]byte(text), tail...))
			tables, err := tabulartest.New(t, nil).Inspect(context.Background(), f)
			if err != nil {
				t.Fatalf("%s at %d: %v", tt.name, around+shift, err)
			}
			if tables[0].Charset != tt.want || tables[0].Rows != 12_001 {
				t.Errorf("%s at %d: %+v", tt.name, around+shift, tables[0])
			}
		}
	}
}

func TestBrokenTextNamesThePlace(t *testing.T) {
	long := strings.Repeat("ä,1\n", 30_000) // 150,000 bytes
	tests := map[string]struct {
		data []byte
		msg  string
	}{
		"UTF-8 breaks late":          {[]byte("a,b\n" + long + "\xff,1\n"), "line 30002, byte 150005: the text is not valid UTF-8"},
		"UTF-8 breaks early":         {[]byte("a,b\nä,ö\nü,é\nè,\xe9t\xe9\n"), "line 4, byte 20: the text is not valid UTF-8"},
		"UTF-8 ends in a character":  {[]byte("a,b\nää,öö\nüü,\xc3"), "line 3, byte 20: the text is not valid UTF-8"},
		"UTF-16 ends in a character": {append(encode(t, utf16LEMark, "a,b\n1,2\n"), 'x'), "line 3: the text is not valid utf-16le"},
		"GB18030 breaks late":        {append(encode(t, simplifiedchinese.GB18030, strings.Repeat("中文名字,数据的质量\n", 12_000)), 0xff, '\n'), "line 12001: the text is not valid gb18030"},
		"a NUL":                      {[]byte("a,b\nx,\x00\nyy,z\n"), "line 2, byte 7: a NUL byte: this is not a text file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tabulartest.New(t, nil).Inspect(context.Background(), tabulartest.File("f.csv", tt.data))
			if errs.KindOf(err) != errs.Invalid {
				t.Fatalf("error = %v", err)
			}
			if diff := cmp.Diff(tt.msg, errs.Message(err)); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}
