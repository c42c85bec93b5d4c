package xlsx

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// number makes a cell of a number. Numbers are float64, by the standard; but
// some writers write integers that float64 cannot hold, which stay exact.
func (s *sheetReader) number(e element, text []byte) (cell, error) {
	text = bytes.TrimSpace(text)
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || bytes.ContainsAny(text, "xX_pP") {
		return cell{}, s.bad("a number of row %d is %q", s.row, cut(string(text)))
	}
	if i, err := strconv.Atoi(e.attr("s")); err == nil && i >= 0 && i < len(s.styles) && s.styles[i] != plainStyle {
		start := len(s.buf)
		out, kind, ok := appendDate(s.buf, v, s.styles[i], s.date1904)
		if ok {
			s.buf = out
			return cell{kind: kind, text: out[start:]}, nil
		}
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		if v == 0 {
			n = 0 // -0
		}
		start := len(s.buf)
		s.buf = strconv.AppendInt(s.buf, n, 10)
		return cell{kind: integerCell, integer: n, real: v, text: s.buf[start:]}, nil
	}
	// 1.1 is written as 1.1000000000000001 by some: the same number in short.
	if len(text) > 16 {
		start := len(s.buf)
		s.buf = strconv.AppendFloat(s.buf, v, 'g', -1, 64)
		text = s.buf[start:]
	}
	return cell{kind: realCell, real: v, text: text}, nil
}

// isoDate makes a cell of a day or time in ISO 8601.
func isoDate(text []byte) cell {
	if t, err := time.Parse(time.DateOnly, string(text)); err == nil {
		return cell{kind: dateCell, text: []byte(t.Format(time.DateOnly))}
	}
	if t, err := time.Parse("2006-01-02T15:04:05", string(bytes.TrimSuffix(text, []byte("Z")))); err == nil {
		return cell{kind: timeCell, text: appendClock(nil, t, time.DateTime)}
	}
	return cell{kind: textCell, text: text}
}
