package sqldb

import (
	"encoding/json"
	"strings"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// arrayJSON returns what makes JSON of the text of a PostgreSQL array, such as
// {{1,NULL},{2,3}}, whose elements are of the type.
func arrayJSON(element Type) func(dst, text []byte) ([]byte, error) {
	return func(dst, text []byte) ([]byte, error) {
		a := arrayReader{element: element, text: string(text)}
		// Bounds that do not start at 1 stand in front: [0:1]={1,2}.
		if strings.HasPrefix(a.text, "[") {
			a.pos = strings.IndexByte(a.text, '=') + 1
		}
		dst, ok := a.array(dst, 0)
		if !ok || a.pos != len(a.text) {
			return nil, errs.New(errs.Invalid, "the database gave an array that cannot be read")
		}
		return dst, nil
	}
}

type arrayReader struct {
	element Type
	text    string
	pos     int
}

func (a *arrayReader) take(c byte) bool {
	if a.pos < len(a.text) && a.text[a.pos] == c {
		a.pos++
		return true
	}
	return false
}

// array appends the array that starts at pos. Servers have at most 6 dimensions.
func (a *arrayReader) array(dst []byte, depth int) ([]byte, bool) {
	if !a.take('{') || depth > 16 {
		return dst, false
	}
	dst = append(dst, '[')
	for first := true; !a.take('}'); first = false {
		if !first {
			if !a.take(',') {
				return dst, false
			}
			dst = append(dst, ',')
		}
		var ok bool
		if a.pos < len(a.text) && a.text[a.pos] == '{' {
			dst, ok = a.array(dst, depth+1)
		} else {
			dst, ok = a.value(dst)
		}
		if !ok {
			return dst, false
		}
	}
	return append(dst, ']'), true
}

func (a *arrayReader) value(dst []byte) ([]byte, bool) {
	if a.take('"') {
		var b strings.Builder
		for !a.take('"') {
			a.take('\\')
			if a.pos == len(a.text) {
				return dst, false
			}
			b.WriteByte(a.text[a.pos])
			a.pos++
		}
		return a.append(dst, b.String()), true
	}
	n := strings.IndexAny(a.text[a.pos:], ",}")
	if n <= 0 {
		return dst, false
	}
	text := a.text[a.pos : a.pos+n]
	a.pos += n
	if text == "NULL" {
		return append(dst, "null"...), true
	}
	return a.append(dst, text), true
}

// append appends an element: numbers and booleans as JSON has them where it
// does, JSON as it is, and all else as texts.
func (a *arrayReader) append(dst []byte, text string) []byte {
	switch a.element.Kind {
	case tabular.Boolean:
		if text == "t" {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case tabular.Integer, tabular.Real, tabular.JSON:
		if json.Valid([]byte(text)) {
			return append(dst, text...)
		}
	}
	quoted, _ := json.Marshal(text) // a string always can
	return append(dst, quoted...)
}
