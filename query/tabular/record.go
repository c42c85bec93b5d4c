package tabular

import (
	"bytes"
	"io"

	"github.com/inlet-go/inlet/store/errs"
)

// recordReader splits delimited text (RFC 4180) into records and fields
// without allocating: fields are parts of its buffer. What encoding/csv reads
// strictly it reads alike, except that a CR before a LF inside quotes is kept.
// encoding/csv itself buffers a field or line of any size, and its lazy quotes
// swallow whatever comes before the next quote.
//
// Stray quotes are text: a field that does not start with a quote has its
// quotes as they are, and one that does but whose closing quote is not at its
// end stops at the next delimiter or line end, so that no such quote can
// swallow the fields or rows behind it.
type recordReader struct {
	blockReader
	limits Limits
	delim  byte
	line   int64 // on which the next record starts, from 1
	start  int64 // on which the last record started

	fields  [][]byte // of the last record
	scratch []byte   // what its fields with escaped quotes are in
}

func newRecordReader(src io.Reader, delim byte, limits Limits) *recordReader {
	return &recordReader{blockReader: blockReader{src: src}, delim: delim, limits: limits, line: 1}
}

// next returns the fields of the next record, valid until the next call, or
// io.EOF. Empty lines are skipped.
func (r *recordReader) next() ([][]byte, error) {
	for {
		ok, err := r.scan()
		if err != nil {
			return nil, err
		}
		if ok {
			return r.fields, nil
		}
		if r.atEOF {
			return nil, io.EOF
		}
		if int64(r.end-r.pos) > r.limits.RowBytes {
			return nil, r.rowTooLong()
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// scan splits the record at pos. It reports false when more must be read.
func (r *recordReader) scan() (bool, error) {
	r.skipEmptyLines()
	buf, delim := r.buf[:r.end], r.delim
	i, lines := r.pos, int64(0)
	if i == len(buf) {
		return false, nil
	}
	r.fields, r.scratch = r.fields[:0], r.scratch[:0]
	for {
		start := i
		if i < len(buf) && buf[i] == '"' {
			field, next, breaks, state := r.quoted(buf, i)
			if state == fieldCut {
				return false, r.cut(len(buf)-start, true)
			}
			if state == fieldWhole {
				if err := r.add(field); err != nil {
					return false, err
				}
				lines += breaks
				if next < len(buf) && buf[next] == delim {
					i = next + 1
					continue
				}
				return true, r.give(next, lines)
			}
		}
		for i < len(buf) && buf[i] != delim && buf[i] != '\n' {
			i++
		}
		if i == len(buf) && !r.atEOF {
			return false, r.cut(i-start, false)
		}
		ends := i == len(buf) || buf[i] == '\n'
		stop := i
		if ends && stop > start && buf[stop-1] == '\r' {
			stop--
		}
		if err := r.add(r.unstray(buf[start:stop])); err != nil {
			return false, err
		}
		if ends {
			return true, r.give(i, lines)
		}
		i++
	}
}

// skipEmptyLines moves pos behind empty lines.
func (r *recordReader) skipEmptyLines() {
	for r.pos < r.end {
		i := r.pos
		if r.buf[i] == '\r' {
			if i++; i == r.end {
				if r.atEOF {
					r.pos = i
				}
				return
			}
		}
		if r.buf[i] != '\n' {
			return
		}
		r.pos = i + 1
		r.line++
	}
}

// give ends the record with the line end at i, behind lines more.
func (r *recordReader) give(i int, lines int64) error {
	if int64(i-r.pos) > r.limits.RowBytes {
		return r.rowTooLong()
	}
	r.start = r.line
	if i < r.end && r.buf[i] == '\r' {
		i++
	}
	r.pos = min(i+1, r.end)
	r.line += lines + 1
	return nil
}

func (r *recordReader) rowTooLong() error {
	return errs.New(errs.TooLarge, "line %d: the row is longer than %s", r.line, bytesText(r.limits.RowBytes))
}

// add takes a field of the record.
func (r *recordReader) add(field []byte) error {
	if int64(len(field)) > r.limits.FieldBytes {
		return r.tooLong()
	}
	if len(r.fields) >= r.limits.Columns {
		return errs.New(errs.TooLarge, "line %d: more than %d columns", r.line, r.limits.Columns)
	}
	r.fields = append(r.fields, field)
	return nil
}

// cut judges a field of which n bytes are read and more follow or, inside
// quotes, should.
func (r *recordReader) cut(n int, quoted bool) error {
	if int64(n) > 2*r.limits.FieldBytes+2 || !quoted && int64(n) > r.limits.FieldBytes {
		return r.tooLong()
	}
	if quoted && r.atEOF {
		return errs.New(errs.Invalid, "line %d: field %d starts with a quote that is not closed", r.line, len(r.fields)+1)
	}
	return nil
}

func (r *recordReader) tooLong() error {
	return errs.New(errs.TooLarge, "line %d: field %d is longer than %s", r.line, len(r.fields)+1, bytesText(r.limits.FieldBytes))
}

type fieldState uint8

const (
	fieldWhole fieldState = iota
	fieldCut              // its end is not read yet
	fieldStray            // its quotes are not those of a quoted field
)

// quoted splits off the field whose quote is at start. It returns the place of
// the delimiter or line end behind, and the number of line ends inside.
func (r *recordReader) quoted(buf []byte, start int) (field []byte, next int, breaks int64, state fieldState) {
	escapes := 0
	for i := start + 1; ; i++ {
		n := bytes.IndexByte(buf[i:], '"')
		if n < 0 {
			return nil, 0, 0, fieldCut
		}
		i += n
		closed, known := r.endsField(buf, i+1)
		switch {
		case !known:
			return nil, 0, 0, fieldCut
		case !closed && buf[i+1] == '"':
			escapes++
			i++
			continue
		case !closed:
			return nil, 0, 0, fieldStray
		}
		field = buf[start+1 : i]
		breaks = int64(bytes.Count(field, []byte{'\n'}))
		if escapes > 0 {
			field = r.unescape(field)
		}
		return field, i + 1, breaks, fieldWhole
	}
}

// endsField reports whether a delimiter or line end is at i, and whether
// enough is read to know.
func (r *recordReader) endsField(buf []byte, i int) (ends, known bool) {
	switch {
	case i == len(buf):
		return r.atEOF, r.atEOF
	case buf[i] == r.delim || buf[i] == '\n':
		return true, true
	case buf[i] != '\r':
		return false, true
	case i+1 == len(buf):
		return r.atEOF, r.atEOF
	}
	return buf[i+1] == '\n', true
}

// unescape makes two quotes one, in a copy: the buffer may be scanned again.
func (r *recordReader) unescape(field []byte) []byte {
	start := len(r.scratch)
	for {
		i := bytes.IndexByte(field, '"')
		if i < 0 {
			r.scratch = append(r.scratch, field...)
			return r.scratch[start:]
		}
		r.scratch = append(r.scratch, field[:i+1]...)
		if field = field[i+1:]; len(field) > 0 && field[0] == '"' {
			field = field[1:]
		}
	}
}

// unstray takes the quotes off a field that has them at both ends, with others
// inside that should have been doubled.
func (r *recordReader) unstray(field []byte) []byte {
	if n := len(field); n >= 2 && field[0] == '"' && field[n-1] == '"' {
		return r.unescape(field[1 : n-1])
	}
	return field
}
