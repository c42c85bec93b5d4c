package tabular

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// kind is what a JSON value is.
type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindNumber
	kindString // unescaped
	kindNested // an object or array, as compact JSON
)

// objectReader splits JSON objects into their members without allocating and
// without changing a digit of a number.
type objectReader struct {
	limits  Limits
	scratch []byte // what differs from the object's own text; of one object
	compact bytes.Buffer
}

// read calls visit for each member of raw, which is a valid JSON object. Keys
// and values are valid until the next read.
func (o *objectReader) read(raw []byte, visit func(key []byte, k kind, value []byte) error) error {
	o.scratch = o.scratch[:0]
	for i := skipSpace(raw, 1); raw[i] != '}'; {
		end := stringEnd(raw, i)
		key := o.unescape(raw[i+1 : end-1])
		i = skipSpace(raw, skipSpace(raw, end)+1) // behind the colon
		k, value, next, err := o.value(raw, i)
		if err == nil && int64(len(value)) > o.limits.FieldBytes {
			err = errs.New(errs.TooLarge, "longer than %s", bytesText(o.limits.FieldBytes))
		}
		if err != nil {
			return placed("the value of "+quoteName(key), err)
		}
		if err := visit(key, k, value); err != nil {
			return err
		}
		if i = skipSpace(raw, next); raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
	}
	return nil
}

// value takes the value at i and returns the place behind it.
func (o *objectReader) value(raw []byte, i int) (k kind, value []byte, next int, err error) {
	switch raw[i] {
	case '"':
		next = stringEnd(raw, i)
		return kindString, o.unescape(raw[i+1 : next-1]), next, nil
	case '{', '[':
		next, deep := nestedEnd(raw, i)
		if deep >= o.limits.Depth {
			return 0, nil, 0, errs.New(errs.TooLarge, "nested more than %d deep", o.limits.Depth)
		}
		o.compact.Reset()
		if err := json.Compact(&o.compact, raw[i:next]); err != nil {
			return 0, nil, 0, errs.Wrap(errs.Invalid, err, "not valid JSON")
		}
		start := len(o.scratch)
		o.scratch = append(o.scratch, o.compact.Bytes()...)
		return kindNested, o.scratch[start:], next, nil
	}
	next = i
	for raw[next] != ',' && raw[next] != '}' && !isSpace(raw[next]) {
		next++
	}
	k = kindNumber
	switch raw[i] {
	case 'n':
		k = kindNull
	case 't', 'f':
		k = kindBoolean
	}
	return k, raw[i:next], next, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func skipSpace(raw []byte, i int) int {
	for isSpace(raw[i]) {
		i++
	}
	return i
}

// stringEnd returns the place behind the string that starts at i.
func stringEnd(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// nestedEnd returns the place behind the object or array at i, and how deep it
// nests, from 1.
func nestedEnd(raw []byte, i int) (end, deep int) {
	for depth := 0; ; i++ {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i) - 1
		case '{', '[':
			depth++
			deep = max(deep, depth)
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, deep
			}
		}
	}
}

// unescape returns what is between a valid string's quotes as it is meant.
// Half a surrogate pair becomes U+FFFD, as encoding/json has it.
func (o *objectReader) unescape(s []byte) []byte {
	i := bytes.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	start := len(o.scratch)
	for ; i >= 0; i = bytes.IndexByte(s, '\\') {
		o.scratch = append(o.scratch, s[:i]...)
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(s)
			s = s[4:]
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
					pair = utf16.DecodeRune(r, hex4(s[2:]))
				}
				if pair != utf8.RuneError {
					s = s[6:]
				}
				r = pair
			}
			o.scratch = utf8.AppendRune(o.scratch, r)
			continue
		}
		o.scratch = append(o.scratch, c)
	}
	o.scratch = append(o.scratch, s...)
	return o.scratch[start:]
}

// hex4 reads the four digits at the start of s.
func hex4(s []byte) rune {
	n, _ := strconv.ParseUint(unsafeString(s[:4]), 16, 32) // valid JSON has digits there
	return rune(n)
}

// quoteName quotes a name for an error, cut where it is absurdly long.
func quoteName(name []byte) string {
	const most = 64
	if len(name) <= most {
		return strconv.Quote(string(name))
	}
	n := most
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return strconv.Quote(string(name[:n]) + "…")
}
