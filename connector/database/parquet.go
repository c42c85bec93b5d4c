package database

import (
	"io"
	"time"

	"github.com/parquet-go/parquet-go"

	tabular "github.com/inlet-go/inlet/query/tabular/parquet"
)

const (
	batchRows  = 1024
	batchBytes = 1 << 20 // of values that wait to be given to the writer
	groupBytes = 8 << 20 // of a row group, before it is encoded: what is kept in memory
	signRows   = 16      // between two looks whether a sign of work is due
	signEvery  = time.Second
)

func schemaOf(name string, columns []Column) *parquet.Schema {
	fields := make([]tabular.Field, len(columns))
	for i, c := range columns {
		n := node(c.Type)
		if c.Nullable {
			n = parquet.Optional(n)
		}
		fields[i] = tabular.Field{Name: c.Name, Node: n}
	}
	return tabular.Schema(name, fields)
}

func node(t Type) parquet.Node {
	switch t {
	case Bool:
		return parquet.Leaf(parquet.BooleanType)
	case Int:
		return parquet.Int(64)
	case UnsignedInt:
		return parquet.Uint(64)
	case Float:
		return parquet.Leaf(parquet.DoubleType)
	case Bytes:
		return parquet.Leaf(parquet.ByteArrayType)
	case Timestamp:
		return parquet.Timestamp(parquet.Microsecond)
	case Local:
		return parquet.TimestampAdjusted(parquet.Microsecond, false)
	case Date:
		return parquet.Date()
	}
	return parquet.String()
}

// writer is a Sink that writes a file.
type writer struct {
	out     io.Writer
	signed  time.Time
	file    *parquet.GenericWriter[any]
	columns []Column
	values  [][]parquet.Value // by column
	arena   []byte            // the bytes of values
	rows    int
	bytes   int
	group   int // bytes of the row group so far
}

func newWriter(w io.Writer, name string, columns []Column) *writer {
	return &writer{
		out:     w,
		file:    parquet.NewGenericWriter[any](w, schemaOf(name, columns), parquet.Compression(&parquet.Snappy)),
		columns: columns,
		values:  make([][]parquet.Value, len(columns)),
	}
}

// Put implements Sink.
func (w *writer) Put(column int, v parquet.Value) {
	level := 0
	if w.columns[column].Nullable && !v.IsNull() {
		level = 1
	}
	if v.Kind() == parquet.ByteArray {
		start := len(w.arena)
		w.arena = append(w.arena, v.ByteArray()...)
		v = parquet.ByteArrayValue(w.arena[start:len(w.arena):len(w.arena)])
		w.bytes += len(w.arena) - start
	}
	w.bytes += 8
	w.values[column] = append(w.values[column], v.Level(0, level, column))
}

// EndRow implements Sink.
func (w *writer) EndRow() error {
	if w.rows++; w.rows < batchRows && w.bytes < batchBytes {
		if w.rows%signRows == 0 {
			return w.sign()
		}
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	return w.sign()
}

// sign shows the reader that rows come, although they are not a group yet.
func (w *writer) sign() error {
	now := time.Now()
	if now.Sub(w.signed) < signEvery {
		return nil
	}
	w.signed = now
	_, err := w.out.Write(nil)
	return err
}

// flush gives what waits to the file.
func (w *writer) flush() error {
	if w.rows == 0 { // a page may have none left
		return nil
	}
	for i, column := range w.file.ColumnWriters() {
		if _, err := column.WriteRowValues(w.values[i]); err != nil {
			return err
		}
		w.values[i] = w.values[i][:0]
	}
	w.group += w.bytes
	w.rows, w.bytes, w.arena = 0, 0, w.arena[:0]
	if w.group < groupBytes {
		return nil
	}
	w.group = 0
	return w.file.Flush()
}

func (w *writer) close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.file.Close()
}
