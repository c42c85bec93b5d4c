package tabular

import (
	"context"
	"errors"
	"io"

	"github.com/inlet-go/inlet/store/errs"
)

// jsonFormat reads an array of objects, or an object that holds one such array
// besides other values. The columns are the keys of all objects in order of
// first sight; an object that lacks a key has Null there. Numbers are exact
// (Decimal where neither Integer nor Real holds them), strings are never taken
// for anything else, and objects and arrays inside are Text: compact JSON.
type jsonFormat struct{ text textFormat }

// ndjsonFormat reads one object a line (https://github.com/ndjson/ndjson-spec),
// with the rules of json.
type ndjsonFormat struct{ text textFormat }

func (jsonFormat) Extensions() []string   { return []string{".json"} }
func (ndjsonFormat) Extensions() []string { return []string{".ndjson", ".jsonl"} }

func (j jsonFormat) Inspect(ctx context.Context, f File, limits Limits) ([]Table, error) {
	text, err := j.text.open(ctx, f, "")
	if err != nil {
		return nil, err
	}
	return inspectObjects(text, newArrayElements(text, limits), limits)
}

func (j ndjsonFormat) Inspect(ctx context.Context, f File, limits Limits) ([]Table, error) {
	text, err := j.text.open(ctx, f, "")
	if err != nil {
		return nil, err
	}
	return inspectObjects(text, &lineElements{block: blockReader{src: text}, limits: limits}, limits)
}

func (j jsonFormat) Open(ctx context.Context, f File, table Table, limits Limits) (Rows, error) {
	text, err := j.text.open(ctx, f, table.Charset)
	if err != nil {
		return nil, err
	}
	return newObjectRows(text, newArrayElements(text, limits), table.Columns, limits), nil
}

func (j ndjsonFormat) Open(ctx context.Context, f File, table Table, limits Limits) (Rows, error) {
	text, err := j.text.open(ctx, f, table.Charset)
	if err != nil {
		return nil, err
	}
	return newObjectRows(text, &lineElements{block: blockReader{src: text}, limits: limits}, table.Columns, limits), nil
}

// keyIndex finds a column by its key.
type keyIndex struct {
	columns []Column
	byKey   map[string]int
	row     int64
	lastRow []int64 // in which each column was last seen
	guess   int     // objects mostly have their keys in the same order
}

// find returns the column of a key, or -1. An object must not repeat a key.
func (x *keyIndex) find(key []byte) (int, error) {
	i := x.guess
	if i >= len(x.columns) || x.columns[i].Original != string(key) {
		var ok bool
		if i, ok = x.byKey[string(key)]; !ok {
			return -1, nil
		}
	}
	x.guess = i + 1
	if x.lastRow[i] == x.row {
		return 0, errs.New(errs.Invalid, "the key %s appears twice", quoteName(key))
	}
	x.lastRow[i] = x.row
	return i, nil
}

func (x *keyIndex) add(key []byte) {
	x.columns = append(x.columns, Column{Original: string(key)})
	x.byKey[string(key)] = len(x.columns) - 1
	x.lastRow = append(x.lastRow, x.row)
	x.guess = len(x.columns)
}

func inspectObjects(text *textReader, list elements, limits Limits) ([]Table, error) {
	defer text.Close()
	index := keyIndex{byKey: map[string]int{}}
	objects := objectReader{limits: limits}
	var seen []Seen
	var present []int64 // how often each column has a value
	var keyBytes int64
	visit := func(key []byte, k kind, value []byte) error {
		i, err := index.find(key)
		if err != nil {
			return err
		}
		if i < 0 {
			if len(index.columns) >= limits.Columns {
				return errs.New(errs.TooLarge, "the objects have more than %d keys", limits.Columns)
			}
			if keyBytes += int64(len(key)); keyBytes > limits.RowBytes {
				return errs.New(errs.TooLarge, "the keys of the objects are longer than %s", bytesText(limits.RowBytes))
			}
			i = len(seen)
			index.add(key)
			seen, present = append(seen, 0), append(present, 0)
		}
		if k != kindNull {
			present[i]++
		}
		seen[i].json(k, value)
		return nil
	}
	for {
		raw, err := list.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		index.row++
		index.guess = 0
		if err := objects.read(raw, visit); err != nil {
			return nil, placed(list.place(), err)
		}
	}
	switch {
	case index.row == 0:
		return nil, errs.New(errs.Invalid, "the file has no objects: there is nothing to name the columns")
	case len(seen) == 0:
		return nil, errs.New(errs.Invalid, "the objects have no keys: there is nothing to name the columns")
	}
	Name(index.columns)
	for i := range index.columns {
		index.columns[i].Type, index.columns[i].Nullable = seen[i].Type(), present[i] < index.row
	}
	return []Table{{Columns: index.columns, Rows: index.row, Charset: text.Charset()}}, nil
}

// json notes a JSON value.
func (s *Seen) json(k kind, value []byte) {
	switch k {
	case kindNull:
		*s |= seenNull
	case kindBoolean:
		*s |= seenBoolean
	case kindNumber:
		s.number(value)
	default:
		*s |= seenText
	}
}

// objectRows gives objects as rows.
type objectRows struct {
	text    *textReader
	list    elements
	objects objectReader
	index   keyIndex
	row     []Value
	err     error
}

func newObjectRows(text *textReader, list elements, columns []Column, limits Limits) *objectRows {
	r := &objectRows{
		text: text, list: list, objects: objectReader{limits: limits}, row: make([]Value, len(columns)),
		index: keyIndex{columns: columns, byKey: map[string]int{}, lastRow: make([]int64, len(columns))},
	}
	for i, c := range columns {
		r.index.byKey[c.Original] = i
	}
	return r
}

func (r *objectRows) Next() ([]Value, error) {
	if r.err != nil {
		return nil, r.err
	}
	raw, err := r.list.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	for i := range r.row {
		r.row[i].Type = Null
	}
	r.index.row++
	r.index.guess = 0
	if err := r.objects.read(raw, r.set); err != nil {
		r.err = placed(r.list.place(), err)
		return nil, r.err
	}
	return r.row, nil
}

// set takes a member of the object.
func (r *objectRows) set(key []byte, k kind, value []byte) error {
	i, err := r.index.find(key)
	if err != nil {
		return err
	}
	if i < 0 {
		return errs.New(errs.Invalid, "the key %s is not in the table; the file must be inspected again", quoteName(key))
	}
	v, c := &r.row[i], r.index.columns[i]
	ok := false
	switch {
	case k == kindNull:
		ok = true
	case c.Type == Text:
		v.Type, v.Bytes, ok = Text, value, true
	case k == kindNumber:
		ok = v.setNumber(c.Type, value)
	case k == kindBoolean && c.Type == Boolean:
		v.Type = Boolean
		ok = v.setBoolean(value)
	}
	if !ok {
		return errs.New(errs.Invalid, "%s", misfit(c))
	}
	return nil
}

func (r *objectRows) Close() error {
	if r.err == nil {
		r.err = errClosed
	}
	return r.text.Close()
}
