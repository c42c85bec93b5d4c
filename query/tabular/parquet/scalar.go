package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// scalar converts the values of a leaf.
type scalar struct {
	typ tabular.Type

	// set makes v the value p, which is not null. Text is appended to buf,
	// which it returns. It reports false where p is not of its type.
	set func(v *tabular.Value, p parquet.Value, buf []byte) ([]byte, bool)
}

// text is a scalar that is written as text of type typ.
func text(typ tabular.Type, write func(buf []byte, p parquet.Value) ([]byte, bool)) scalar {
	return scalar{typ, func(v *tabular.Value, p parquet.Value, buf []byte) ([]byte, bool) {
		start := len(buf)
		buf, ok := write(buf, p)
		v.Type, v.Bytes = typ, buf[start:]
		return buf, ok
	}}
}

func integer(read func(p parquet.Value) int64) scalar {
	return scalar{tabular.Integer, func(v *tabular.Value, p parquet.Value, buf []byte) ([]byte, bool) {
		v.Type, v.Int = tabular.Integer, read(p)
		return buf, true
	}}
}

func float(read func(p parquet.Value) float64) scalar {
	return scalar{tabular.Real, func(v *tabular.Value, p parquet.Value, buf []byte) ([]byte, bool) {
		v.Type, v.Float = tabular.Real, read(p)
		return buf, true
	}}
}

// scalarOf chooses by the logical type, else the older converted type, else
// the physical type (LogicalTypes.md of the format).
func scalarOf(n *node, limits tabular.Limits) (scalar, error) {
	e := n.element
	switch physical := e.Type.V; physical {
	case format.Boolean:
		return scalar{tabular.Boolean, setBoolean}, nil
	case format.Int32:
		return int32Scalar(e), nil
	case format.Int64:
		return int64Scalar(e), nil
	case format.Int96:
		return text(tabular.Timestamp, writeInt96), nil
	case format.Float:
		return float(func(p parquet.Value) float64 { return float64(p.Float()) }), nil
	case format.Double:
		return float(parquet.Value.Double), nil
	case format.ByteArray, format.FixedLenByteArray:
		if physical == format.FixedLenByteArray {
			if length := e.TypeLength.V; length <= 0 || int64(length) > limits.FieldBytes {
				return scalar{}, errs.New(errs.Invalid, "column %q of the parquet file has values of %d bytes", n.path(), length)
			}
		}
		return bytesScalar(e), nil
	default:
		return scalar{}, errs.New(errs.Unsupported, "column %q of the parquet file has the unknown type %d", n.path(), physical)
	}
}

func setBoolean(v *tabular.Value, p parquet.Value, buf []byte) ([]byte, bool) {
	v.Type, v.Int = tabular.Boolean, 0
	if p.Boolean() {
		v.Int = 1
	}
	return buf, true
}

func int32Scalar(e *format.SchemaElement) scalar {
	switch l := e.LogicalType.Value.(type) {
	case *format.DateType:
		return text(tabular.Date, writeDate)
	case *format.DecimalType:
		return decimal(int(l.Scale))
	case *format.TimeType:
		return clock(time.Millisecond, l.IsAdjustedToUTC, func(p parquet.Value) int64 { return int64(p.Int32()) })
	case *format.IntType:
		if !l.IsSigned {
			return integer(func(p parquet.Value) int64 { return int64(p.Uint32()) })
		}
	case nil:
		switch converted(e) {
		case deprecated.Date:
			return text(tabular.Date, writeDate)
		case deprecated.Decimal:
			return decimal(int(e.Scale.V))
		case deprecated.TimeMillis:
			return clock(time.Millisecond, true, func(p parquet.Value) int64 { return int64(p.Int32()) })
		case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32:
			return integer(func(p parquet.Value) int64 { return int64(p.Uint32()) })
		}
	}
	return integer(func(p parquet.Value) int64 { return int64(p.Int32()) })
}

func int64Scalar(e *format.SchemaElement) scalar {
	switch l := e.LogicalType.Value.(type) {
	case *format.DecimalType:
		return decimal(int(l.Scale))
	case *format.TimestampType:
		return timestamp(unitOf(l.Unit), l.IsAdjustedToUTC)
	case *format.TimeType:
		return clock(unitOf(l.Unit), l.IsAdjustedToUTC, parquet.Value.Int64)
	case *format.IntType:
		if !l.IsSigned {
			return unsigned()
		}
	case nil:
		switch converted(e) {
		case deprecated.Decimal:
			return decimal(int(e.Scale.V))
		case deprecated.TimestampMillis:
			return timestamp(time.Millisecond, true)
		case deprecated.TimestampMicros:
			return timestamp(time.Microsecond, true)
		case deprecated.TimeMicros:
			return clock(time.Microsecond, true, parquet.Value.Int64)
		case deprecated.Uint64:
			return unsigned()
		}
	}
	return integer(parquet.Value.Int64)
}

func bytesScalar(e *format.SchemaElement) scalar {
	switch l := e.LogicalType.Value.(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		return text(tabular.Text, writeText)
	case *format.DecimalType:
		return decimal(int(l.Scale))
	case *format.UUIDType:
		if e.TypeLength.V == 16 {
			return text(tabular.Text, writeUUID)
		}
	case *format.Float16Type:
		if e.TypeLength.V == 2 {
			return float(func(p parquet.Value) float64 { return float16(binary.LittleEndian.Uint16(p.ByteArray())) })
		}
	case nil:
		switch converted(e) {
		case deprecated.UTF8, deprecated.Enum, deprecated.Json:
			return text(tabular.Text, writeText)
		case deprecated.Decimal:
			return decimal(int(e.Scale.V))
		}
	}
	return text(tabular.Bytes, func(buf []byte, p parquet.Value) ([]byte, bool) { return append(buf, p.ByteArray()...), true })
}

// converted returns the converted type, or one that no column has.
func converted(e *format.SchemaElement) deprecated.ConvertedType {
	if !e.ConvertedType.Valid {
		return -1
	}
	return e.ConvertedType.V
}

func writeText(buf []byte, p parquet.Value) ([]byte, bool) {
	b := p.ByteArray()
	return append(buf, b...), utf8.Valid(b)
}

func writeUUID(buf []byte, p parquet.Value) ([]byte, bool) {
	b := p.ByteArray()
	if len(b) != 16 {
		return buf, false
	}
	for i, part := range [...][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			buf = append(buf, '-')
		}
		buf = hex.AppendEncode(buf, part)
	}
	return buf, true
}

func writeDate(buf []byte, p parquet.Value) ([]byte, bool) {
	return time.Unix(int64(p.Int32())*86400, 0).UTC().AppendFormat(buf, time.DateOnly), true
}

func unsigned() scalar {
	return text(tabular.Decimal, func(buf []byte, p parquet.Value) ([]byte, bool) {
		return strconv.AppendUint(buf, p.Uint64(), 10), true
	})
}

func unitOf(u format.TimeUnit) time.Duration {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return time.Millisecond
	case *format.MicroSeconds:
		return time.Microsecond
	}
	return time.Nanosecond
}

// fraction is the layout of what a unit has behind the second, which all
// values of a column have, so that they sort as text.
func fraction(unit time.Duration) string {
	switch unit {
	case time.Millisecond:
		return ".000"
	case time.Microsecond:
		return ".000000"
	}
	return ".000000000"
}

func timestamp(unit time.Duration, utc bool) scalar {
	layout := time.DateTime + fraction(unit)
	if utc {
		layout += "Z"
	}
	perSecond := int64(time.Second / unit)
	return text(tabular.Timestamp, func(buf []byte, p parquet.Value) ([]byte, bool) {
		units := p.Int64()
		seconds, rest := units/perSecond, units%perSecond
		return time.Unix(seconds, rest*int64(unit)).UTC().AppendFormat(buf, layout), true
	})
}

// clock is a time of the day, which is text.
func clock(unit time.Duration, utc bool, read func(parquet.Value) int64) scalar {
	layout := time.TimeOnly + fraction(unit)
	if utc {
		layout += "Z"
	}
	most := int64(24 * time.Hour / unit)
	return text(tabular.Text, func(buf []byte, p parquet.Value) ([]byte, bool) {
		units := read(p)
		if units < 0 || units >= most {
			return buf, false
		}
		return time.Unix(0, units*int64(unit)).UTC().AppendFormat(buf, layout), true
	})
}

// writeInt96 writes the timestamps of Impala and old Spark: nanoseconds of the
// day and a Julian day, in a time zone that the file does not tell.
func writeInt96(buf []byte, p parquet.Value) ([]byte, bool) {
	v := p.Int96()
	nanos, day := int64(uint64(v[1])<<32|uint64(v[0])), int64(int32(v[2]))
	if nanos < 0 || nanos >= int64(24*time.Hour) {
		return buf, false
	}
	const unixDay = 2440588
	return time.Unix((day-unixDay)*86400, nanos).UTC().AppendFormat(buf, time.DateTime+".000000000"), true
}
