package parquet

import (
	"math"
	"math/big"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/inlet-go/inlet/query/tabular"
)

// maxDecimalBytes bounds decimals; precision 76 needs 32.
const maxDecimalBytes = 64

// decimal is an integer of any size with scale digits behind the point.
func decimal(scale int) scalar {
	return text(tabular.Decimal, func(buf []byte, p parquet.Value) ([]byte, bool) {
		if scale < 0 || scale > 1000 {
			return buf, false
		}
		var unscaled int64
		switch p.Kind() {
		case parquet.Int32:
			unscaled = int64(p.Int32())
		case parquet.Int64:
			unscaled = p.Int64()
		default:
			b := p.ByteArray()
			if len(b) > maxDecimalBytes || len(b) == 0 {
				return buf, false
			}
			return point(new(big.Int).Add(new(big.Int).SetBytes(b), negative(b)).Append(buf, 10), len(buf), scale), true
		}
		return point(strconv.AppendInt(buf, unscaled, 10), len(buf), scale), true
	})
}

// negative is what to add to the bytes b read as an unsigned number, to have
// them read in two's complement.
func negative(b []byte) *big.Int {
	if b[0] < 0x80 {
		return new(big.Int)
	}
	power := new(big.Int).Lsh(big.NewInt(1), uint(8*len(b)))
	return power.Neg(power)
}

// point sets a point before the last scale digits of the number at buf[start:].
func point(buf []byte, start, scale int) []byte {
	if scale == 0 {
		return buf
	}
	if buf[start] == '-' {
		start++
	}
	for len(buf)-start <= scale {
		buf = append(buf, 0)
		copy(buf[start+1:], buf[start:])
		buf[start] = '0'
	}
	at := len(buf) - scale
	buf = append(buf, 0)
	copy(buf[at+1:], buf[at:])
	buf[at] = '.'
	return buf
}

// float16 widens a half precision number (IEEE 754).
func float16(h uint16) float64 {
	sign, exp, frac := float64(1), int(h>>10&0x1f), float64(h&0x3ff)
	if h>>15 != 0 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(frac+1024, exp-25)
}
