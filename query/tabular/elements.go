package tabular

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/inlet-go/inlet/store/errs"
)

// elements gives the objects of a JSON text one by one.
type elements interface {
	// next returns an object, valid JSON and valid until the next call, or io.EOF.
	next() ([]byte, error)

	// place says where the last object is, such as "row 3".
	place() string
}

// lineElements are the objects of ndjson, one a line. Empty lines are skipped.
type lineElements struct {
	block  blockReader
	limits Limits
	line   int64
}

func (l *lineElements) place() string { return fmt.Sprintf("line %d", l.line) }

func (l *lineElements) next() ([]byte, error) {
	for {
		line, ok := l.block.line()
		length := len(line)
		if !ok {
			length = l.block.end - l.block.pos
		}
		if int64(length) > l.limits.RowBytes {
			return nil, errs.New(errs.TooLarge, "line %d: the row is longer than %s", l.line+1, bytesText(l.limits.RowBytes))
		}
		switch {
		case ok:
			l.line++
			if line = bytes.Trim(line, " \t\r"); len(line) > 0 {
				return l.object(line)
			}
		case l.block.atEOF:
			return nil, io.EOF
		default:
			if err := l.block.fill(); err != nil {
				return nil, err
			}
		}
	}
}

func (l *lineElements) object(line []byte) ([]byte, error) {
	if !json.Valid(line) {
		var raw json.RawMessage
		return nil, errs.Wrap(errs.Invalid, json.Unmarshal(line, &raw), "%s: not valid JSON", l.place())
	}
	if line[0] != '{' {
		return nil, errs.New(errs.Invalid, "%s: not a JSON object", l.place())
	}
	return line, nil
}

// arrayElements are the objects of an array, which is the whole text or, but
// for values that are no arrays of objects, the only member of an object.
type arrayElements struct {
	src    *boundedReader
	dec    *json.Decoder
	limits Limits

	state state
	key   string // of the array
	raw   json.RawMessage
	row   int64
}

type state uint8

const (
	atStart  state = iota
	inArray        // of objects, which is the whole text
	inMember       // the same, as a member of the object
	inObject       // before a member
	atEnd
)

func newArrayElements(src io.Reader, limits Limits) *arrayElements {
	bounded := &boundedReader{src: src, limit: limits.RowBytes}
	a := &arrayElements{src: bounded, dec: json.NewDecoder(bounded), limits: limits}
	a.dec.UseNumber() // float64 cannot hold all that is skipped
	return a
}

func (a *arrayElements) place() string { return fmt.Sprintf("row %d", a.row) }

func (a *arrayElements) next() ([]byte, error) {
	for {
		switch a.state {
		case atStart:
			if err := a.open(); err != nil {
				return nil, err
			}
		case inArray, inMember:
			if a.dec.More() {
				return a.element()
			}
			if _, err := a.token(); err != nil {
				return nil, err
			}
			if a.state == inArray {
				return nil, a.end()
			}
			a.state = inObject
		case inObject:
			first, err := a.member()
			if err != nil {
				return nil, err
			}
			if first != nil {
				return first, nil
			}
		case atEnd:
			return nil, io.EOF
		}
	}
}

// open reads the text's first token.
func (a *arrayElements) open() error {
	token, err := a.token()
	if errors.Is(err, io.EOF) {
		return errs.New(errs.Invalid, "the file is empty: there is no JSON")
	}
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('['):
		a.state = inArray
	case json.Delim('{'):
		a.state = inObject
	default:
		return errs.New(errs.Invalid, "the JSON is neither an array of objects nor an object that holds one")
	}
	return nil
}

// element reads the next object of the array.
func (a *arrayElements) element() ([]byte, error) {
	a.row++
	raw, err := a.value()
	if err != nil {
		return nil, err
	}
	if raw[0] != '{' {
		return nil, errs.New(errs.Invalid, "%s: not a JSON object", a.place())
	}
	return raw, nil
}

// member reads a member of the outer object, or its end. Where the member is
// the array of objects it returns the first of them.
func (a *arrayElements) member() ([]byte, error) {
	if !a.dec.More() {
		if _, err := a.token(); err != nil {
			return nil, err
		}
		return nil, a.end()
	}
	key, err := a.token()
	if err != nil {
		return nil, err
	}
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	if token == json.Delim('[') && a.dec.More() {
		raw, err := a.value()
		if err != nil {
			return nil, err
		}
		if raw[0] == '{' {
			return raw, a.found(fmt.Sprint(key))
		}
	}
	if _, nested := token.(json.Delim); nested {
		return nil, a.skip()
	}
	return nil, nil
}

// found notes the array of objects; there must be no other.
func (a *arrayElements) found(key string) error {
	if a.row > 0 {
		return errs.New(errs.Invalid, "the object holds two arrays of objects, %s and %s; a file has one table",
			quoteName([]byte(a.key)), quoteName([]byte(key)))
	}
	a.key, a.row, a.state = key, 1, inMember
	return nil
}

// skip reads to the end of a value of which the first delimiter is read.
func (a *arrayElements) skip() error {
	for depth := 1; depth > 0; {
		token, err := a.token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			if depth++; depth > a.limits.Depth {
				return errs.New(errs.TooLarge, "byte %d: nested more than %d deep", a.dec.InputOffset(), a.limits.Depth)
			}
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return nil
}

// end checks that nothing follows.
func (a *arrayElements) end() error {
	a.state = atEnd
	_, err := a.token()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err == nil {
		err = errs.New(errs.Invalid,
			"byte %d: a second JSON value; a file of one object a line must be named .ndjson", a.dec.InputOffset())
	}
	return err
}

// value reads a whole value.
func (a *arrayElements) value() (json.RawMessage, error) {
	a.src.allowed = a.dec.InputOffset() + a.src.limit
	if err := a.dec.Decode(&a.raw); err != nil {
		return nil, a.judge(err)
	}
	if int64(len(a.raw)) > a.limits.RowBytes {
		return nil, a.judge(errTooLong)
	}
	return a.raw, nil
}

// token reads a token; io.EOF is the end of the text only before the first one
// and behind the last.
func (a *arrayElements) token() (json.Token, error) {
	a.src.allowed = a.dec.InputOffset() + a.src.limit
	token, err := a.dec.Token()
	if errors.Is(err, io.EOF) && a.state != atStart && a.state != atEnd {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = a.judge(err)
	}
	return token, err
}

// judge says what an error of the decoder means.
func (a *arrayElements) judge(err error) error {
	place := fmt.Sprintf("byte %d", a.dec.InputOffset()+1)
	if a.row > 0 {
		place = a.place()
	}
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, errTooLong):
		return errs.New(errs.TooLarge, "%s: the value is longer than %s", place, bytesText(a.limits.RowBytes))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errs.Wrap(errs.Invalid, err, "%s: the JSON ends too early", place)
	case errors.As(err, &syntax):
		return errs.Wrap(errs.Invalid, err, "%s: not valid JSON: %s", place, syntax.Error())
	}
	return err
}

// boundedReader fails where a decoder reads on for a value that is too long.
type boundedReader struct {
	src                  io.Reader
	read, allowed, limit int64
}

var errTooLong = errors.New("the value is too long")

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.read > b.allowed {
		return 0, errTooLong
	}
	n, err := b.src.Read(p)
	b.read += int64(n)
	return n, err
}
