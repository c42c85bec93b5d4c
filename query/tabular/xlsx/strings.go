package xlsx

import (
	"errors"
	"io"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// stringTable holds the shared strings in blocks, so that it never moves.
type stringTable struct {
	blocks [][]byte
	items  [][]stringItem // lists of itemList each
	count  int
	used   int64 // bytes, with what an item needs
}

// stringItem is where a string starts; it ends where the next one in the same
// block starts, or with the block.
type stringItem struct{ block, at uint32 }

const (
	stringBlock = 256 << 10
	itemList    = 32 << 10
	itemBytes   = 16
)

// get returns a shared string.
func (t *stringTable) get(i int) ([]byte, bool) {
	if i < 0 || i >= t.count {
		return nil, false
	}
	item := t.items[i/itemList][i%itemList]
	block := t.blocks[item.block]
	end := len(block)
	if i++; i < t.count {
		if next := t.items[i/itemList][i%itemList]; next.block == item.block {
			end = int(next.at)
		}
	}
	return block[item.at:end:end], true
}

func (t *stringTable) add(text []byte) {
	last := len(t.blocks) - 1
	if last < 0 || cap(t.blocks[last])-len(t.blocks[last]) < len(text) {
		t.blocks = append(t.blocks, make([]byte, 0, max(stringBlock, len(text))))
		last++
	}
	if t.count%itemList == 0 {
		t.items = append(t.items, make([]stringItem, itemList))
	}
	t.items[t.count/itemList][t.count%itemList] = stringItem{uint32(last), uint32(len(t.blocks[last]))}
	t.count++
	t.blocks[last] = append(t.blocks[last], text...)
	t.used += int64(len(text)) + itemBytes
}

// readStrings reads the part of shared strings: items of one text, or of
// several that differ in their looks.
func (b *book) readStrings(part string) error {
	r, err := b.open(part)
	if err != nil {
		return err
	}
	defer r.close()
	var text []byte
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
		if text, err = r.richText(text[:0], b.limits.FieldBytes); err != nil {
			return err
		}
		if b.strings.add(text); b.strings.used > b.format.StringBytes {
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
			if int64(len(dst)-start) > most {
				return dst, errs.New(errs.TooLarge, "the workbook has a text in %s of more than %s", r.part, bytesText(most))
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
