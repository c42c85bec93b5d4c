package postgres

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/parquet-go/parquet-go"

	"github.com/inlet-go/inlet/connector/database"
)

var errLength = errors.New("a value has an unexpected length")

// Times are counted from 2000-01-01 on the wire.
const (
	epochDays   = 10957
	epochMicros = epochDays * 86_400_000_000
)

// value decodes a value in the binary format. "infinity" becomes the latest
// value of its type, and "-infinity" the earliest.
func value(t database.Type, raw []byte) (parquet.Value, error) {
	if raw == nil {
		return parquet.NullValue(), nil
	}
	if t == database.Text || t == database.Bytes {
		return parquet.ByteArrayValue(raw), nil
	}
	var n int64
	switch len(raw) {
	case 1:
		n = int64(raw[0])
	case 2:
		n = int64(int16(binary.BigEndian.Uint16(raw)))
	case 4:
		n = int64(int32(binary.BigEndian.Uint32(raw)))
	case 8:
		n = int64(binary.BigEndian.Uint64(raw))
	default:
		return parquet.Value{}, errLength
	}
	switch t {
	case database.Bool:
		return parquet.BooleanValue(n != 0), nil
	case database.Float:
		if len(raw) == 4 {
			return parquet.DoubleValue(float64(math.Float32frombits(uint32(n)))), nil
		}
		return parquet.DoubleValue(math.Float64frombits(uint64(n))), nil
	case database.Date:
		if n != math.MaxInt32 && n != math.MinInt32 {
			n += epochDays
		}
		return parquet.Int32Value(int32(n)), nil
	case database.Timestamp, database.Local:
		if n != math.MaxInt64 && n != math.MinInt64 {
			n += epochMicros
		}
	}
	return parquet.Int64Value(n), nil
}
