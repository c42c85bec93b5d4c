package tabular

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/inlet-go/inlet/store/errs"
)

// The character sets that are told without being asked for, by WHATWG names.
const (
	utf8Name    = "utf-8"
	utf16LEName = "utf-16le"
	utf16BEName = "utf-16be"
	gb18030Name = "gb18030"
)

var (
	utf16LE = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	utf16BE = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
)

// detectStart tells the character set from the start of a file: by a byte
// order mark, or UTF-16 by the NULs that its ASCII half has. It returns nil
// where there is nothing of that, which leaves UTF-8 and what extends ASCII.
func detectStart(head []byte) (enc encoding.Encoding, name string, mark int) {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return unicode.UTF8, utf8Name, 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return utf16LE, utf16LEName, 2
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return utf16BE, utf16BEName, 2
	case looksUTF16(head, binary.LittleEndian):
		return utf16LE, utf16LEName, 0
	case looksUTF16(head, binary.BigEndian):
		return utf16BE, utf16BEName, 0
	}
	return nil, "", 0
}

// looksUTF16 reports whether head is UTF-16 of that byte order: at least one
// unit in 16 is a printable ASCII character or a line's end, four times as
// many as in the other order, and none is a NUL or half a surrogate pair. What
// would be UTF-8 with NULs and no other control characters must be ASCII for
// nine units in ten.
func looksUTF16(head []byte, order binary.ByteOrder) bool {
	if bytes.IndexByte(head, 0) < 0 {
		return false
	}
	var ascii, swapped, units int
	high := false
	for i := 0; i+2 <= len(head); i += 2 {
		u := order.Uint16(head[i:])
		units++
		switch isHigh, isLow := u&0xfc00 == 0xd800, u&0xfc00 == 0xdc00; {
		case u == 0, isLow != high:
			return false
		default:
			high = isHigh
		}
		if plainASCII(u) {
			ascii++
		}
		if plainASCII(u<<8 | u>>8) {
			swapped++
		}
	}
	if rest := head[validUTF8(head):]; ascii*10 < units*9 && !utf8.FullRune(rest) && bytes.IndexFunc(head, isBinary) < 0 {
		return false
	}
	return ascii > 0 && ascii*16 >= units && ascii >= 4*swapped
}

// isBinary reports a control character that text does not have, but for NUL.
func isBinary(r rune) bool {
	return r > 0 && r < 0x20 && r != '\n' && r != '\r' && r != '\t' && r != '\f'
}

func plainASCII(u uint16) bool {
	return u >= 0x20 && u < 0x7f || u == '\n' || u == '\r' || u == '\t'
}

// detectWindow tells the character set of text that is ASCII up to the window,
// which starts with the first byte that is not. The window is the file's end
// where atEOF, else its last character may be cut. Text that starts as UTF-8
// and then breaks is UTF-8, so that reading it fails at the broken place.
func detectWindow(window []byte, atEOF bool, fallback encoding.Encoding) (encoding.Encoding, string, error) {
	valid := validUTF8(window)
	rest := window[valid:]
	switch {
	case len(rest) == 0 || !atEOF && !utf8.FullRune(rest):
		return unicode.UTF8, utf8Name, nil
	case fallback == nil && plausibleGB18030(window, atEOF):
		return simplifiedchinese.GB18030, gb18030Name, nil
	case valid-utf8.RuneCount(window[:valid]) >= 4:
		return unicode.UTF8, utf8Name, nil
	case fallback != nil:
		return fallback, nameOf(fallback), nil
	}
	return nil, "", errs.New(errs.Invalid,
		"the text is neither UTF-8, UTF-16 nor GB18030; say which character set it is in, or save it as UTF-8")
}

// validUTF8 returns how many bytes at the start of b are whole characters.
func validUTF8(b []byte) int {
	if utf8.Valid(b) {
		return len(b)
	}
	n := 0
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		n += size
	}
	return n
}

// plausibleGB18030 reports whether b is Chinese text in GB18030. Many other
// character sets are well-formed GB18030 by chance, so it asks for what text
// in Chinese has and they have not: nearly all pairs are GB 2312's frequent
// characters or its punctuation, hardly any are kana (EUC-JP), and a fair part
// lies behind the rows that Korean (EUC-KR) fills.
func plausibleGB18030(b []byte, atEOF bool) bool {
	var pairs, frequent, behind, kana int
	for i := 0; i < len(b); {
		c := b[i]
		if c < 0x80 {
			i++
			continue
		}
		if i+1 == len(b) {
			if atEOF {
				return false
			}
			break
		}
		t := b[i+1]
		switch {
		case c == 0x80 || c == 0xff || t < 0x30 || t == 0x7f || t == 0xff:
			return false
		case t < 0x3a: // four bytes
			if rest := b[i+2:]; len(rest) >= 2 && (rest[0] < 0x81 || rest[0] == 0xff || rest[1]-'0' > 9) || len(rest) < 2 && atEOF {
				return false
			}
			pairs++
			i += 4
			continue
		case t < 0x40:
			return false
		}
		pairs++
		i += 2
		if t < 0xa1 {
			continue
		}
		switch {
		case c >= 0xb0 && c <= 0xd7:
			frequent++
			if c > 0xc8 {
				behind++
			}
		case c == 0xa1 || c == 0xa3:
			pairs-- // punctuation, which tells nothing
		case c == 0xa4 || c == 0xa5:
			kana++
		}
	}
	return frequent > 0 && frequent*5 >= pairs*4 && behind*10 >= frequent && kana*20 <= frequent
}
