package sqlite

import (
	"bytes"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// How many rows are read before the types of columns are told that SQLite does
// not declare.
const (
	firstRows  = 64
	firstBytes = 64 << 10
)

// first reads the rows from which the types are taken, and keeps them. It
// reports whether there may be more.
func (r *run) first(row []tabular.Value) (rows [][]tabular.Value, more bool, err error) {
	size := 0
	for !r.st.settled() && len(rows) < firstRows && size < firstBytes {
		more, err := r.st.step(row)
		if err != nil || !more {
			return rows, false, err
		}
		kept := make([]tabular.Value, len(row))
		for i, v := range row {
			v.Bytes = bytes.Clone(v.Bytes)
			size += len(v.Bytes)
			kept[i] = v
		}
		rows = append(rows, kept)
	}
	return rows, true, nil
}

// settled reports whether all columns have a declared type.
func (st *statement) settled() bool {
	for _, kind := range st.kinds {
		if kind == tabular.Null {
			return false
		}
	}
	return true
}

// valueTypes are what results call the kinds of values.
var valueTypes = map[tabular.Type]string{
	tabular.Null: "unknown", tabular.Text: "varchar", tabular.Integer: "bigint", tabular.Real: "double",
	tabular.Boolean: "boolean", tabular.Bytes: "varbinary",
}

// typed returns the columns; those that have no declared type get the type
// that holds what the first rows have.
func (st *statement) typed(rows [][]tabular.Value) []query.Column {
	columns := make([]query.Column, len(st.columns))
	copy(columns, st.columns)
	for i := range columns {
		if columns[i].Type != "" {
			continue
		}
		seen := tabular.Null
		for _, row := range rows {
			seen = wider(seen, row[i].Type)
		}
		columns[i].Type = valueTypes[seen]
		if seen == tabular.Real {
			for _, row := range rows {
				if v := &row[i]; v.Type == tabular.Integer && -1<<53 <= v.Int && v.Int <= 1<<53 {
					*v = tabular.Value{Type: tabular.Real, Float: float64(v.Int)}
				}
			}
		}
	}
	return columns
}

// wider returns the kind that holds values of both.
func wider(a, b tabular.Type) tabular.Type {
	switch {
	case a == b || b == tabular.Null:
		return a
	case a == tabular.Null:
		return b
	case a == tabular.Integer && b == tabular.Real || a == tabular.Real && b == tabular.Integer:
		return tabular.Real
	}
	return tabular.Text
}
