package parquet

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/inlet-go/inlet/query/tabular"
)

const (
	errNestedTooLong = constError("a nested value is too long")
	errNestedLevels  = constError("its levels contradict each other")
)

// nester writes nested values as compact JSON: groups as objects, repeated
// values and LIST as arrays, MAP as an object where its keys are text and else
// as an array of key and value. Bytes are base64.
type nester struct {
	most    int // length of the output
	scratch []byte
	quoted  bytes.Buffer
}

// append writes the value of n, of which leaves have the values of a row.
func (w *nester) append(dst []byte, n *node, leaves []*cursor) ([]byte, error) {
	if len(dst) > w.most {
		return dst, errNestedTooLong
	}
	if n.repeated() {
		return w.list(dst, n, n, leaves)
	}
	if n.optional() && w.absent(n, leaves) {
		w.skip(leaves)
		return append(dst, "null"...), nil
	}
	return w.present(dst, n, leaves)
}

// absent reports whether the next value of n is not there.
func (w *nester) absent(n *node, leaves []*cursor) bool {
	v, ok := leaves[0].peek()
	return ok && v.DefinitionLevel() < n.definition
}

// skip takes the one value that each leaf has for something absent.
func (w *nester) skip(leaves []*cursor) {
	for _, c := range leaves {
		c.next++
	}
}

// present writes a value that is there; a repeated one without its repetition.
func (w *nester) present(dst []byte, n *node, leaves []*cursor) ([]byte, error) {
	if n.leaf() {
		v, ok := leaves[0].peek()
		if !ok || v.IsNull() {
			return dst, errNestedLevels
		}
		leaves[0].next++
		return w.scalar(dst, n, v)
	}
	if n.isList() && len(n.children) == 1 && n.children[0].repeated() {
		inner := n.children[0]
		element := inner
		if !inner.leaf() && len(inner.children) == 1 && !inner.isList() { // the three-level form
			element = inner.children[0]
		}
		return w.list(dst, inner, element, leaves)
	}
	if n.isMap() && len(n.children) == 1 && n.children[0].repeated() && len(n.children[0].children) == 2 {
		return w.pairs(dst, n.children[0], leaves)
	}
	return w.object(dst, n, leaves)
}

func (w *nester) object(dst []byte, n *node, leaves []*cursor) ([]byte, error) {
	dst = append(dst, '{')
	var err error
	at := 0
	for _, child := range n.children {
		count := child.leaves
		if count == 0 {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = w.appendString(dst, child.element.Name)
		dst = append(dst, ':')
		if dst, err = w.append(dst, child, leaves[at:at+count]); err != nil {
			return dst, err
		}
		at += count
	}
	return append(dst, '}'), nil
}

// list writes an array of what repeats; element is repeated itself or its only
// child.
func (w *nester) list(dst []byte, repeated, element *node, leaves []*cursor) ([]byte, error) {
	dst = append(dst, '[')
	err := w.each(repeated, leaves, func(first bool) (err error) {
		if !first {
			dst = append(dst, ',')
		}
		if element == repeated {
			dst, err = w.present(dst, element, leaves)
		} else {
			dst, err = w.append(dst, element, leaves)
		}
		return err
	})
	return append(dst, ']'), err
}

// pairs writes a map.
func (w *nester) pairs(dst []byte, repeated *node, leaves []*cursor) ([]byte, error) {
	key, value := repeated.children[0], repeated.children[1]
	if !key.leaf() || key.scalar.typ != tabular.Text || key.repeated() {
		return w.list(dst, repeated, repeated, leaves)
	}
	dst = append(dst, '{')
	err := w.each(repeated, leaves, func(first bool) (err error) {
		if !first {
			dst = append(dst, ',')
		}
		start := len(dst)
		if dst, err = w.append(dst, key, leaves[:1]); err != nil {
			return err
		}
		if dst[start] != '"' {
			dst = append(dst[:start], `""`...)
		}
		dst = append(dst, ':')
		dst, err = w.append(dst, value, leaves[1:])
		return err
	})
	return append(dst, '}'), err
}

// each calls write for every repetition of n.
func (w *nester) each(n *node, leaves []*cursor, write func(first bool) error) error {
	if w.absent(n, leaves) {
		w.skip(leaves)
		return nil
	}
	for first := true; ; first = false {
		before := leaves[0].next
		if err := write(first); err != nil {
			return err
		}
		v, ok := leaves[0].peek()
		if !ok || v.RepetitionLevel() < n.repetition {
			return nil
		}
		if leaves[0].next == before {
			return errNestedLevels
		}
	}
}

// peek returns the next value of the row.
func (c *cursor) peek() (parquet.Value, bool) {
	if c.next >= len(c.row) {
		return parquet.Value{}, false
	}
	return c.row[c.next], true
}

// scalar writes a leaf's value.
func (w *nester) scalar(dst []byte, n *node, p parquet.Value) ([]byte, error) {
	var v tabular.Value
	var ok bool
	if w.scratch, ok = n.scalar.set(&v, p, w.scratch[:0]); !ok {
		return dst, errNestedLevels
	}
	switch v.Type {
	case tabular.Integer:
		return strconv.AppendInt(dst, v.Int, 10), nil
	case tabular.Boolean:
		return strconv.AppendBool(dst, v.Int != 0), nil
	case tabular.Real:
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
			return append(dst, "null"...), nil
		}
		return strconv.AppendFloat(dst, v.Float, 'g', -1, 64), nil
	case tabular.Decimal:
		return append(dst, v.Bytes...), nil
	case tabular.Bytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes)
		return append(dst, '"'), nil
	}
	return w.appendString(dst, string(v.Bytes)), nil
}

// appendString writes a JSON string.
func (w *nester) appendString(dst []byte, s string) []byte {
	w.quoted.Reset()
	enc := json.NewEncoder(&w.quoted)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return append(dst, `""`...) // not reached: a string can be encoded
	}
	return append(dst, bytes.TrimSuffix(w.quoted.Bytes(), []byte("\n"))...)
}
