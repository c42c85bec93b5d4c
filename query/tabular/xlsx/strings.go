package xlsx

import (
	"errors"
	"io"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// stringTable holds the shared strings, one behind the other.
type stringTable struct {
	text []byte
	ends []uint32
}

// get returns a shared string.
func (t *stringTable) get(i int) ([]byte, bool) {
	if i < 0 || i >= len(t.ends) {
		return nil, false
	}
	start := uint32(0)
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.text[start:t.ends[i]:t.ends[i]], true
}

// readStrings reads the part of shared strings: items of one text, or of
// several that differ in their looks.
func (b *book) readStrings(part string) error {
	r, err := b.open(part)
	if err != nil {
		return err
	}
	defer r.close()
	t := &b.strings
	for {
		kind, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind != startOf || r.element.name != "si" {
			continue
		}
		if t.text, err = r.richText(t.text, b.format.StringBytes); err != nil {
			return err
		}
		t.ends = append(t.ends, uint32(len(t.text)))
		if int64(len(t.text)+4*len(t.ends)) > b.format.StringBytes {
			return errs.New(errs.TooLarge, "the texts of the workbook are longer than %s", bytesText(b.format.StringBytes))
		}
	}
}

// richText appends the text of the element that was just started, without the
// phonetic reading that East Asian text can have.
func (r *partReader) richText(dst []byte, most int64) ([]byte, error) {
	inText := false
	start := len(dst)
	for depth := r.depth; r.depth >= depth; {
		kind, err := r.next()
		if err != nil {
			return dst, err
		}
		switch kind {
		case startOf:
			if r.element.name == "rPh" {
				if err := r.skip(); err != nil {
					return dst, err
				}
			}
			inText = r.element.name == "t"
		case endOf:
			inText = false
		case textOf:
			if inText {
				dst = append(dst, r.text...)
			}
			if int64(len(dst)) > most+tokenBytes {
				return dst, errs.New(errs.TooLarge, "the texts of the workbook are longer than %s", bytesText(most))
			}
		}
	}
	return unescape(dst, start), nil
}

// unescape resolves _x000D_ and the like in dst[start:], which stand for
// characters that XML cannot hold.
func unescape(dst []byte, start int) []byte {
	out := start
	for i := start; i < len(dst); {
		if dst[i] == '_' && i+7 <= len(dst) && dst[i+1] == 'x' && dst[i+6] == '_' {
			if c, ok := hex4(dst[i+2 : i+6]); ok && utf8.ValidRune(c) {
				out += utf8.EncodeRune(dst[out:out+4], c) // four bytes fit into the seven
				i += 7
				continue
			}
		}
		dst[out] = dst[i]
		out++
		i++
	}
	return dst[:out]
}

func hex4(b []byte) (rune, bool) {
	var v rune
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | rune(c-'0')
		case c >= 'A' && c <= 'F':
			v = v<<4 | rune(c-'A'+10)
		case c >= 'a' && c <= 'f':
			v = v<<4 | rune(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}
