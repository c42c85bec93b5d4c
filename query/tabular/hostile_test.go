package tabular_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
	"github.com/inlet-go/inlet/store/errs"
)

// maxRead is how much of an endless file may be read.
const maxRead = 16 << 20

// endless gives a head and then the same bytes for 1 GiB.
type endless struct {
	head, again string
	at          int
	read        int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.read > 1<<30 {
		return 0, io.EOF
	}
	n := copy(p, e.head)
	e.head = e.head[n:]
	for n < len(p) {
		c := copy(p[n:], e.again[e.at:])
		e.at = (e.at + c) % len(e.again)
		n += c
	}
	e.read += int64(n)
	return n, nil
}

func TestHostileText(t *testing.T) {
	block := func(s string) string { return strings.Repeat(s, 1+4096/len(s)) }
	tests := map[string]struct {
		name, head, again string
		kind              errs.Kind
		msg               string
	}{
		"endless field":            {"f.csv", "a,b\n1,", block("x"), errs.TooLarge, "line 2: field 2 is longer than 1 MiB"},
		"endless quoted field":     {"f.csv", "a,b\n1,\"", block("x\n"), errs.TooLarge, "line 2: field 2 is longer than 1 MiB"},
		"endless escaped quotes":   {"f.csv", "a,b\n1,\"", block(`""`), errs.TooLarge, "line 2: field 2 is longer than 1 MiB"},
		"endless header":           {"f.csv", "", block("a"), errs.TooLarge, "line 1: field 1 is longer than 1 MiB"},
		"endless columns":          {"f.csv", "", block("a,"), errs.TooLarge, "line 1: more than 2000 columns"},
		"endless fields of a row":  {"f.tsv", "a\tb\n", block(strings.Repeat("x", 4000) + "\t"), errs.TooLarge, "line 2: "},
		"endless NULs":             {"f.csv", "", block("\x00"), errs.Invalid, "line 1, byte 1: a NUL byte"},
		"endless lone quotes":      {"f.csv", "a\n", block("\"x"), errs.TooLarge, "line 2: field 1 is longer than 1 MiB"},
		"endless bytes":            {"f.csv", "a\n", block("\xff"), errs.Invalid, "line 2, byte 3: the text is neither"},
		"endless JSON string":      {"f.json", `[{"a":"`, block("x"), errs.TooLarge, "row 1: the value is longer than 4 MiB"},
		"endless JSON number":      {"f.json", `[{"a":`, block("1"), errs.TooLarge, "row 1: the value is longer than 4 MiB"},
		"endless JSON key":         {"f.json", `{"`, block("x"), errs.TooLarge, "the value is longer than 4 MiB"},
		"endless JSON blanks":      {"f.json", `[`, block(" "), errs.TooLarge, "the value is longer than 4 MiB"},
		"endless JSON depth":       {"f.json", ``, block("["), errs.Invalid, "exceeded max depth"},
		"endless JSON depth aside": {"f.json", `{"a":{"b":`, block(`{"c":`), errs.TooLarge, "nested more than 64 deep"},
		"endless JSON keys":        {"f.json", `[{`, block(`"a":1,`), errs.TooLarge, "row 1: the value is longer than 4 MiB"},
		"endless JSON array":       {"f.json", `{"a":[{"x":[`, block(`1,`), errs.TooLarge, "the value is longer than 4 MiB"},
		"endless line":             {"f.ndjson", `{"a":"`, block("x"), errs.TooLarge, "line 1: the row is longer than 4 MiB"},
		"endless blank line":       {"f.ndjson", ``, block(" "), errs.TooLarge, "line 1: the row is longer than 4 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := tabulartest.New(t, nil)
			src := &endless{head: tt.head, again: tt.again}
			f := tabular.File{Name: tt.name, Size: 1 << 30, Open: func(context.Context, int64, int64) (io.ReadCloser, error) {
				return io.NopCloser(src), nil
			}}
			var err error
			tabulartest.Bounded(t, func() { _, err = r.Inspect(context.Background(), f) })
			tabulartest.WantError(t, err, tt.kind, tt.msg)
			if src.read > maxRead {
				t.Errorf("%d MiB were read", src.read>>20)
			}
		})
	}
}

// TestManyLongKeys has new keys in every object, more text than fits into
// memory.
func TestManyLongKeys(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("[")
	for i := range 100 {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(`{"` + strings.Repeat("k", 100_000+i) + `":1}`)
	}
	b.WriteString("]")
	_, err := tabulartest.New(t, nil).Inspect(context.Background(), tabulartest.File("f.json", b.Bytes()))
	if errs.KindOf(err) != errs.TooLarge || !strings.Contains(errs.Message(err), "the keys of the objects are longer than 4 MiB") {
		t.Errorf("error = %v", err)
	}
}

// TestCanceled ends an endless file within a block, and so does an error of
// the storage.
func TestCanceled(t *testing.T) {
	broken := errors.New("the storage is away")
	rows := map[string][2]string{
		"f.csv": {"a,b\n", "1,2\n"}, "f.tsv": {"a\tb\n", "1\t2\n"}, "f.json": {"[{}", ",{\"a\":1}"}, "f.ndjson": {"", "{\"a\":1}\n"},
	}
	for name, text := range rows {
		for want, end := range map[error]func(cancel func()) error{
			context.Canceled: func(cancel func()) error { cancel(); return nil },
			broken:           func(func()) error { return broken },
		} {
			ctx, cancel := context.WithCancel(context.Background())
			src := &endless{head: text[0], again: strings.Repeat(text[1], 1000)}
			at := int64(0)
			f := tabular.File{Name: name, Open: func(context.Context, int64, int64) (io.ReadCloser, error) {
				return io.NopCloser(readerFunc(func(p []byte) (int, error) {
					if src.read > 3<<20 && at == 0 {
						at = src.read
						if err := end(cancel); err != nil {
							return 0, err
						}
					}
					return src.Read(p)
				})), nil
			}}
			_, err := tabulartest.New(t, nil).Inspect(ctx, f)
			cancel()
			if !errors.Is(err, want) {
				t.Errorf("%s: error = %v, want %v", name, err, want)
			}
			if late := src.read - at; late > 1<<20 {
				t.Errorf("%s: %d bytes were read after the end", name, late)
			}
		}
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
