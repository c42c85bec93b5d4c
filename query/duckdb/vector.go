package duckdb

import (
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"strconv"
	"time"
	"unsafe"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// vector is up to 2048 values of a type, in DuckDB's memory.
type vector struct {
	typ      *column
	data     unsafe.Pointer
	validity unsafe.Pointer // one bit for each value, or nil where all are there
	children []vector
}

func vectorOf(v duckdb.Vector, typ *column) vector {
	of := vector{typ: typ, data: duckdb.VectorGetData(v), validity: duckdb.VectorGetValidity(v)}
	switch typ.id {
	case duckdb.TypeList:
		of.children = []vector{vectorOf(duckdb.ListVectorGetChild(v), typ.children[0])}
	case duckdb.TypeArray:
		of.children = []vector{vectorOf(duckdb.ArrayVectorGetChild(v), typ.children[0])}
	case duckdb.TypeMap: // a list of pairs
		pairs := duckdb.ListVectorGetChild(v)
		for i, child := range typ.children {
			of.children = append(of.children, vectorOf(duckdb.StructVectorGetChild(pairs, duckdb.IdxT(i)), child))
		}
	case duckdb.TypeStruct:
		for i, child := range typ.children {
			of.children = append(of.children, vectorOf(duckdb.StructVectorGetChild(v, duckdb.IdxT(i)), child))
		}
	}
	return of
}

func (v *vector) valid(row int) bool {
	return v.validity == nil || *at[uint64](v.validity, row/64)>>(row%64)&1 == 1
}

// at returns the nth value of an array in DuckDB's memory.
func at[T any](data unsafe.Pointer, n int) *T {
	return (*T)(unsafe.Add(data, uintptr(n)*unsafe.Sizeof(*new(T))))
}

func (v *vector) integer(id duckdb.Type, row int) int64 {
	switch id {
	case duckdb.TypeBoolean, duckdb.TypeUTinyInt:
		return int64(*at[uint8](v.data, row))
	case duckdb.TypeTinyInt:
		return int64(*at[int8](v.data, row))
	case duckdb.TypeSmallInt:
		return int64(*at[int16](v.data, row))
	case duckdb.TypeUSmallInt:
		return int64(*at[uint16](v.data, row))
	case duckdb.TypeInteger, duckdb.TypeDate:
		return int64(*at[int32](v.data, row))
	case duckdb.TypeUInteger:
		return int64(*at[uint32](v.data, row))
	}
	return *at[int64](v.data, row)
}

// float returns a float; one of single precision becomes the double that is
// written alike.
func (v *vector) float(row int) float64 {
	if v.typ.id == duckdb.TypeDouble {
		return *at[float64](v.data, row)
	}
	f := float64(*at[float32](v.data, row))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return f
	}
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, 32), 64) // it was a number
	return f
}

// text is how DuckDB keeps a text: up to 12 bytes in it, longer ones elsewhere.
type text struct {
	size   uint32
	prefix [4]byte
	rest   unsafe.Pointer
}

func (v *vector) bytes(row int) []byte {
	t := at[text](v.data, row)
	if t.size <= 12 {
		return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(t), 4)), t.size)
	}
	return unsafe.Slice((*byte)(t.rest), t.size)
}

type huge struct {
	lower uint64
	upper int64
}

func (h huge) big(signed bool) *big.Int {
	n := big.NewInt(h.upper)
	if !signed {
		n.SetUint64(uint64(h.upper))
	}
	return n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(h.lower))
}

var errInfinite = errors.New("the time is infinite; cast it to varchar")

// append appends a value that is neither text nor a number as text, or JSON.
func (v *vector) append(b []byte, row int) ([]byte, error) {
	switch v.typ.id {
	case duckdb.TypeUBigInt:
		return strconv.AppendUint(b, *at[uint64](v.data, row), 10), nil
	case duckdb.TypeHugeInt, duckdb.TypeUHugeInt:
		return at[huge](v.data, row).big(v.typ.id == duckdb.TypeHugeInt).Append(b, 10), nil
	case duckdb.TypeDecimal:
		return v.decimal(b, row), nil
	case duckdb.TypeEnum:
		return append(b, v.typ.words[v.integer(v.typ.internal, row)]...), nil
	case duckdb.TypeUUID:
		return v.uuid(b, row), nil
	case duckdb.TypeInterval:
		return v.interval(b, row), nil
	case duckdb.TypeBit:
		return v.bits(b, row), nil
	case duckdb.TypeTime:
		return time.UnixMicro(*at[int64](v.data, row)).UTC().AppendFormat(b, "15:04:05.999999"), nil
	case duckdb.TypeList, duckdb.TypeArray, duckdb.TypeMap, duckdb.TypeStruct:
		return v.nested(b, row)
	}
	return v.moment(b, row)
}

func (v *vector) moment(b []byte, row int) ([]byte, error) {
	n := v.integer(v.typ.id, row)
	if v.typ.id == duckdb.TypeDate {
		if n == math.MaxInt32 || n == -math.MaxInt32 {
			return b, errInfinite
		}
		return time.Unix(n*86400, 0).UTC().AppendFormat(b, "2006-01-02"), nil
	}
	if n == math.MaxInt64 || n == -math.MaxInt64 {
		return b, errInfinite
	}
	t := time.UnixMicro(n)
	layout := "2006-01-02 15:04:05.999999999"
	switch v.typ.id {
	case duckdb.TypeTimestampS:
		t = time.Unix(n, 0)
	case duckdb.TypeTimestampMS:
		t = time.UnixMilli(n)
	case duckdb.TypeTimestampNS:
		t = time.Unix(0, n)
	case duckdb.TypeTimestampTZ:
		layout += "Z"
	}
	return t.UTC().AppendFormat(b, layout), nil
}

func (v *vector) decimal(b []byte, row int) []byte {
	var digits []byte
	if v.typ.internal == duckdb.TypeHugeInt {
		digits = at[huge](v.data, row).big(true).Append(nil, 10)
	} else {
		digits = strconv.AppendInt(nil, v.integer(v.typ.internal, row), 10)
	}
	if digits[0] == '-' {
		b, digits = append(b, '-'), digits[1:]
	}
	for range v.typ.scale + 1 - len(digits) {
		digits = append([]byte{'0'}, digits...)
	}
	whole := len(digits) - v.typ.scale
	if b = append(b, digits[:whole]...); v.typ.scale > 0 {
		b = append(append(b, '.'), digits[whole:]...)
	}
	return b
}

func (v *vector) uuid(b []byte, row int) []byte {
	h := at[huge](v.data, row)
	var raw [16]byte
	upper := uint64(h.upper) ^ 1<<63 // so that they sort as texts do
	for i := range 8 {
		raw[i], raw[8+i] = byte(upper>>(56-8*i)), byte(h.lower>>(56-8*i))
	}
	for i, part := range [][]byte{raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

func (v *vector) interval(b []byte, row int) []byte {
	type interval struct {
		months, days int32
		micros       int64
	}
	i := at[interval](v.data, row)
	for _, part := range []struct {
		n    int32
		unit string
	}{{i.months / 12, "year"}, {i.months % 12, "month"}, {i.days, "day"}} {
		if part.n != 0 {
			if b = strconv.AppendInt(b, int64(part.n), 10); part.n != 1 && part.n != -1 {
				part.unit += "s"
			}
			b = append(append(append(b, ' '), part.unit...), ' ')
		}
	}
	rest := time.Duration(i.micros)
	if rest == 0 && len(b) > 0 {
		return b[:len(b)-1]
	}
	if rest < 0 {
		b, rest = append(b, '-'), -rest
	}
	hours := rest / 3_600_000_000
	if hours < 10 {
		b = append(b, '0')
	}
	b = strconv.AppendInt(b, int64(hours), 10)
	return time.UnixMicro(int64(rest%3_600_000_000)).UTC().AppendFormat(b, ":04:05.999999")
}

// bits writes a string of bits, whose first byte tells how many are unused.
func (v *vector) bits(b []byte, row int) []byte {
	raw := v.bytes(row)
	for i := int(raw[0]); i < 8*(len(raw)-1); i++ {
		b = append(b, '0'+raw[1+i/8]>>(7-i%8)&1)
	}
	return b
}
