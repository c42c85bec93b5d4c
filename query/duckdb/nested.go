package duckdb

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/inlet-go/inlet/query/tabular"
)

// nested appends a list, an array, a map or a struct as JSON.
func (v *vector) nested(b []byte, row int) (_ []byte, err error) {
	type entry struct{ offset, length uint64 }
	if v.typ.id == duckdb.TypeStruct {
		b = append(b, '{')
		for i, name := range v.typ.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendQuoted(b, []byte(name)), ':')
			if b, err = v.children[i].json(b, row); err != nil {
				return b, err
			}
		}
		return append(b, '}'), nil
	}
	e := entry{uint64(row * v.typ.size), uint64(v.typ.size)}
	if v.typ.id != duckdb.TypeArray {
		e = *at[entry](v.data, row)
	}
	brackets := "[]"
	if v.typ.id == duckdb.TypeMap {
		brackets = "{}"
	}
	b = append(b, brackets[0])
	for i := range int(e.length) {
		if i > 0 {
			b = append(b, ',')
		}
		if v.typ.id == duckdb.TypeMap {
			if b, err = v.children[0].key(b, int(e.offset)+i); err != nil {
				return b, err
			}
		}
		if b, err = v.children[len(v.children)-1].json(b, int(e.offset)+i); err != nil {
			return b, err
		}
	}
	return append(b, brackets[1]), nil
}

// key appends a key of a map, as text.
func (v *vector) key(b []byte, row int) ([]byte, error) {
	value, err := v.json(nil, row)
	if err == nil && (len(value) == 0 || value[0] != '"') {
		value = appendQuoted(nil, value)
	}
	return append(append(b, value...), ':'), err
}

// json appends a value that is in another one: decimals, times and large
// integers are texts, and bytes are base64.
func (v *vector) json(b []byte, row int) ([]byte, error) {
	if !v.valid(row) || v.typ.id == duckdb.TypeSQLNull {
		return append(b, "null"...), nil
	}
	switch v.typ.kind {
	case tabular.Integer:
		return strconv.AppendInt(b, v.integer(v.typ.id, row), 10), nil
	case tabular.Boolean:
		return strconv.AppendBool(b, v.integer(v.typ.id, row) != 0), nil
	case tabular.Real:
		if f := v.float(row); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.AppendFloat(b, f, 'g', -1, 64), nil
		}
		return appendQuoted(b, strconv.AppendFloat(nil, v.float(row), 'g', -1, 64)), nil
	case tabular.Bytes:
		return appendQuoted(b, base64.StdEncoding.AppendEncode(nil, v.bytes(row))), nil
	case tabular.JSON:
		if v.typ.id == duckdb.TypeVarchar {
			return append(b, v.bytes(row)...), nil
		}
		return v.nested(b, row)
	}
	if v.typ.id == duckdb.TypeVarchar {
		return appendQuoted(b, v.bytes(row)), nil
	}
	value, err := v.append(nil, row)
	return appendQuoted(b, value), err
}

func appendQuoted(b, text []byte) []byte {
	quoted, _ := json.Marshal(string(text)) // a string always can
	return append(b, quoted...)
}
