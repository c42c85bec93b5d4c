package result

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/inlet-go/inlet/query/tabular"
)

// appendRow appends a row as a compact JSON array and a newline. JSON escapes
// control characters, so that a newline is only ever between rows.
func appendRow(dst []byte, row []tabular.Value) []byte {
	dst = append(dst, '[')
	for i := range row {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, &row[i])
	}
	return append(dst, ']', '\n')
}

// appendValue appends a value as Trino's clients know it: numbers as JSON
// numbers with all their digits, decimals as text, bytes in base64.
func appendValue(dst []byte, v *tabular.Value) []byte {
	switch v.Type {
	case tabular.Null:
		return append(dst, "null"...)
	case tabular.Integer:
		return strconv.AppendInt(dst, v.Int, 10)
	case tabular.Real:
		return appendFloat(dst, v.Float)
	case tabular.Boolean:
		return strconv.AppendBool(dst, v.Int != 0)
	case tabular.Bytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes)
		return append(dst, '"')
	case tabular.JSON:
		return appendJSON(dst, v.Bytes)
	default:
		return appendText(dst, v.Bytes)
	}
}

// appendFloat writes a number as encoding/json does; JSON has none for what
// is no number, so that is text, as Trino writes it.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	abs, format := math.Abs(f), byte('f')
	if abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if format == 'e' { // e-09 to e-9
		if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
	}
	return dst
}

// appendJSON keeps the one-line form that rows need.
func appendJSON(dst, text []byte) []byte {
	for _, c := range text {
		if c != '\n' && c != '\r' { // blanks: JSON escapes them in strings
			dst = append(dst, c)
		}
	}
	return dst
}

const hex = "0123456789abcdef"

// plain tells which bytes a JSON string holds as they are.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendText writes a string. Bytes that are not UTF-8 become U+FFFD; the two
// line separators that JavaScript once took for newlines are escaped.
func appendText(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			dst = appendEscaped(dst, c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(append(dst, s[start:i]...), `\ufffd`...)
			start = i + n
		case r == '\u2028' || r == '\u2029':
			dst = append(append(dst, s[start:i]...), `\u202`...)
			dst = append(dst, hex[r&0xF])
			start = i + n
		}
		i += n
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
}
