// Package tabular reads tables out of files as typed rows: csv, tsv, json and
// ndjson here, and further formats in sub-packages, which a program that does
// not name them does not link:
//
//	r, err := tabular.New(&tabular.Options{
//		Formats: []tabular.Format{parquet.Format{}, xlsx.Format{}},
//	})
//
// [Reader.Inspect] reads a file once and tells its tables, with exact types
// and row counts. [Reader.Open] then gives a table's rows. Memory is bounded
// by [Limits], never by the size of a file.
//
// A type is only given to a column of text when no value of it loses anything:
// "007", "+1", "1,000", " 7" and numbers that float64 cannot hold stay [Text].
package tabular

import (
	"context"
	"fmt"
	"io"
	"strconv"
)

// File is what a table is read from.
type File struct {
	Name string // its extension tells the format
	Size int64  // bytes

	// Charset is the character set of a text format as the WHATWG names it
	// ("gbk", "windows-1252"); "" detects it, see [Options].
	Charset string

	// Open reads length bytes from offset on; length 0 means to the end. Text
	// formats open a file once from the start; others read ranges of it.
	Open func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Type is what the values of a column are.
type Type uint8

// The types. Null is the type of a [Value] that is not there; no column has it.
const (
	Null      Type = iota
	Text           // text in UTF-8
	Integer        // int64
	Real           // float64, given only where the decimal digits survive
	Boolean        // true or false
	Decimal        // a number of any size and precision, as text
	Date           // a day as text: 2006-01-02
	Timestamp      // a time as text: 2006-01-02 15:04:05.999999999, with a final Z where it is UTC
	Bytes          // bytes that are not text
	JSON           // an array or object as JSON text; no format here gives it, results of queries may
)

var typeNames = [...]string{
	Null: "null", Text: "text", Integer: "integer", Real: "real", Boolean: "boolean",
	Decimal: "decimal", Date: "date", Timestamp: "timestamp", Bytes: "bytes", JSON: "json",
}

// String returns the type's name in lower case, such as "integer".
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// MarshalText returns the type's name.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText takes a name that [Type.String] returns.
func (t *Type) UnmarshalText(text []byte) error {
	for i, name := range typeNames {
		if name == string(text) {
			*t = Type(i)
			return nil
		}
	}
	return fmt.Errorf("unknown column type %q", text)
}

// Column describes a column of a table.
type Column struct {
	Name     string // unique in its table whatever the case, without control characters, never empty
	Original string // as the file has it
	Type     Type
	Nullable bool // a value is missing somewhere; of parquet: may be missing
}

// Table describes a table of a file. What [Reader.Inspect] returned may be
// kept and given to [Reader.Open] later.
type Table struct {
	Name      string // of the sheet; "" where a file is one table
	Columns   []Column
	Rows      int64
	Charset   string // of text formats: "utf-8", "utf-16le", "utf-16be", "gb18030" or File.Charset's
	Delimiter string // of csv and tsv
}

// Value is a field of a row.
type Value struct {
	Type  Type    // the column's, or Null
	Int   int64   // of Integer; of Boolean, where 1 is true
	Float float64 // of Real
	Bytes []byte  // of all other types; valid until the next row is read
}

// Append appends the value as text: numbers as short as is exact, Bytes as
// they are, Null as nothing.
func (v Value) Append(dst []byte) []byte {
	switch v.Type {
	case Null:
		return dst
	case Integer:
		return strconv.AppendInt(dst, v.Int, 10)
	case Real:
		return strconv.AppendFloat(dst, v.Float, 'g', -1, 64)
	case Boolean:
		return strconv.AppendBool(dst, v.Int != 0)
	default:
		return append(dst, v.Bytes...)
	}
}

// Rows iterates over the rows of a table. It is used by one goroutine.
type Rows interface {
	// Next returns the next row, one value for each column, or io.EOF behind
	// the last. The row and its Bytes are valid until the next call. An error
	// is final. A value that its column's type cannot hold is Invalid, and the
	// message names the row and the column.
	Next() ([]Value, error)

	// Close releases what Open opened. It may be called at any time, and twice.
	Close() error
}

// Format reads one kind of file. Implementations are safe for concurrent use.
// The limits that a [Reader] gives have no zero field.
type Format interface {
	// Extensions returns the extensions of file names, such as ".xlsx".
	Extensions() []string

	// Inspect is [Reader.Inspect] for a file of this format.
	Inspect(ctx context.Context, f File, limits Limits) ([]Table, error)

	// Open is [Reader.Open] for a file of this format.
	Open(ctx context.Context, f File, table Table, limits Limits) (Rows, error)
}
