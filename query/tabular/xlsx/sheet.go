package xlsx

import (
	"fmt"
	"strconv"

	"github.com/inlet-go/inlet/store/errs"
)

// The last row and column of a sheet.
const (
	maxRow    = 1 << 20
	maxColumn = 1 << 14
)

// cellKind is what a cell has.
type cellKind uint8

const (
	noCell cellKind = iota
	textCell
	integerCell
	realCell
	booleanCell // of the text true or false
	dateCell
	timeCell
)

// cell is a value of a row.
type cell struct {
	kind    cellKind
	text    []byte
	integer int64
	real    float64
}

// sheetReader reads the rows of a sheet.
type sheetReader struct {
	*book
	ref   sheetRef
	part  *partReader
	row   int    // the number of the last row
	cells []cell // of it, as long as the row
	buf   []byte // what their texts are in
}

func (b *book) openSheet(ref sheetRef) (*sheetReader, error) {
	part, err := b.open(ref.part)
	if err != nil {
		return nil, err
	}
	return &sheetReader{book: b, ref: ref, part: part}, nil
}

// next reads the next row with a value, or returns io.EOF.
func (s *sheetReader) next() ([]cell, error) {
	for {
		kind, err := s.part.next()
		if err != nil {
			return nil, err
		}
		if kind != startOf || s.part.element.name != "row" {
			continue
		}
		if err := s.startRow(s.part.element); err != nil {
			return nil, err
		}
		if err := s.readRow(); err != nil {
			return nil, err
		}
		for i := range s.cells {
			if s.cells[i].kind != noCell {
				return s.cells, nil
			}
		}
	}
}

func (s *sheetReader) startRow(e element) error {
	number := s.row + 1
	if r := e.attr("r"); r != "" {
		n, err := strconv.Atoi(r)
		if err != nil || n < number {
			return s.bad("row %q comes behind row %d", cut(r), s.row)
		}
		number = n
	}
	if number > maxRow {
		return s.bad("a row has the number %d; the last one is %d", number, maxRow)
	}
	s.row, s.cells, s.buf = number, s.cells[:0], s.buf[:0]
	return nil
}

// readRow reads the cells up to the end of the row.
func (s *sheetReader) readRow() error {
	for depth := s.part.depth; s.part.depth >= depth; {
		kind, err := s.part.next()
		if err != nil {
			return err
		}
		if kind != startOf || s.part.element.name != "c" {
			continue
		}
		if err := s.readCell(s.part.element); err != nil {
			return err
		}
		if int64(len(s.buf)) > s.limits.RowBytes {
			return errs.New(errs.TooLarge, "%s: the row is longer than %s", s.place(), bytesText(s.limits.RowBytes))
		}
	}
	return nil
}

func (s *sheetReader) readCell(e element) error {
	column := len(s.cells)
	if r := e.attr("r"); r != "" {
		n, ok := columnOf(r)
		if !ok {
			return s.bad("a cell of row %d is named %q", s.row, cut(r))
		}
		if n < column {
			return s.bad("cell %s is out of order", cut(r))
		}
		column = n
	}
	if column >= s.limits.Columns {
		return errs.New(errs.TooLarge, "%s: more than %d columns", s.place(), s.limits.Columns)
	}
	for len(s.cells) < column {
		s.cells = append(s.cells, cell{})
	}
	start := len(s.buf)
	if err := s.readValue(e.attr("t") == "inlineStr"); err != nil {
		return err
	}
	c, err := s.cell(e, s.buf[start:])
	if err != nil {
		return err
	}
	if int64(len(c.text)) > s.limits.FieldBytes {
		return errs.New(errs.TooLarge, "%s: the value of column %d is longer than %s", s.place(), column+1, bytesText(s.limits.FieldBytes))
	}
	s.cells = append(s.cells, c)
	return nil
}

// readValue appends the text of the cell's value to buf.
func (s *sheetReader) readValue(inline bool) error {
	inValue := false
	for depth := s.part.depth; s.part.depth >= depth; {
		kind, err := s.part.next()
		if err != nil {
			return err
		}
		switch kind {
		case startOf:
			inValue = s.part.element.name == "v" && !inline
			if inline && s.part.element.name == "is" {
				if s.buf, err = s.part.richText(s.buf, s.limits.FieldBytes); err != nil {
					return err
				}
			}
		case endOf:
			inValue = false
		case textOf:
			if inValue {
				s.buf = append(s.buf, s.part.text...)
			}
			if int64(len(s.buf)) > s.limits.RowBytes+tokenBytes {
				return errs.New(errs.TooLarge, "%s: the row is longer than %s", s.place(), bytesText(s.limits.RowBytes))
			}
		}
	}
	return nil
}

// cell makes a cell of the value text, by its type (ECMA-376 part 1, 18.18.11).
func (s *sheetReader) cell(e element, text []byte) (cell, error) {
	if len(text) == 0 {
		return cell{}, nil
	}
	switch t := e.attr("t"); t {
	case "s":
		i, err := strconv.Atoi(string(text))
		shared, ok := s.strings.get(i)
		if err != nil || !ok {
			return cell{}, s.bad("a cell of row %d refers to the text number %q, which does not exist", s.row, cut(string(text)))
		}
		if len(shared) == 0 {
			return cell{}, nil
		}
		return cell{kind: textCell, text: shared}, nil
	case "str":
		start := len(s.buf) - len(text)
		s.buf = unescape(s.buf, start)
		return cell{kind: textCell, text: s.buf[start:]}, nil
	case "inlineStr":
		return cell{kind: textCell, text: text}, nil
	case "b":
		switch string(text) {
		case "1", "true":
			return cell{kind: booleanCell, integer: 1, text: []byte("true")}, nil
		case "0", "false":
			return cell{kind: booleanCell, text: []byte("false")}, nil
		}
		return cell{}, s.bad("a truth value of row %d is %q", s.row, cut(string(text)))
	case "e":
		return cell{}, nil
	case "d":
		return isoDate(text), nil
	case "", "n":
		return s.number(e, text)
	default:
		return cell{}, s.bad("a cell of row %d has the unknown type %q", s.row, cut(t))
	}
}

// columnOf reads the column of a cell's name such as AB12, from 0.
func columnOf(name string) (int, bool) {
	n, i := 0, 0
	for ; i < len(name) && i < 4; i++ {
		c := name[i] &^ 0x20
		if c < 'A' || c > 'Z' {
			break
		}
		n = n*26 + int(c-'A') + 1
	}
	return n - 1, n > 0 && n <= maxColumn && i < len(name) && name[i] >= '0' && name[i] <= '9'
}

func (s *sheetReader) place() string { return fmt.Sprintf("sheet %q, row %d", s.ref.name, s.row) }

func (s *sheetReader) bad(text string, args ...any) error {
	return errs.New(errs.Invalid, "the sheet %q is damaged: %s", s.ref.name, fmt.Sprintf(text, args...))
}

// cut shortens what is quoted in an error.
func cut(s string) string { return s[:min(len(s), 40)] }
