package xlsx

import (
	"math"
	"time"
)

// lastDay is behind 9999-12-31, the last day that Excel knows.
const lastDay = 2958466

// appendDate appends the day or time that the serial number v means in a cell
// of style s, and tells which of both. It is not ok for numbers that mean
// none, among them the 29th of February 1900, which Excel believes in.
func appendDate(dst []byte, v float64, s style, date1904 bool) (out []byte, kind cellKind, ok bool) {
	if math.IsNaN(v) || v < 0 || v >= lastDay {
		return dst, 0, false
	}
	day := math.Floor(v)
	ms := int64(math.Round((v - day) * 86400e3))
	if ms == 86400e3 {
		day, ms = day+1, 0
	}
	if s == clockStyle {
		if day > 0 {
			return dst, 0, false
		}
		return appendClock(dst, time.UnixMilli(ms).UTC(), time.TimeOnly), textCell, true
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case date1904:
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case day == 60:
		return dst, 0, false
	case day < 60:
		epoch = epoch.AddDate(0, 0, 1)
	}
	t := epoch.AddDate(0, 0, int(day)).Add(time.Duration(ms) * time.Millisecond)
	if s == dateStyle && ms == 0 {
		return t.AppendFormat(dst, time.DateOnly), dateCell, true
	}
	return appendClock(dst, t, time.DateTime), timeCell, true
}

// appendClock appends a time, with milliseconds where there are any.
func appendClock(dst []byte, t time.Time, layout string) []byte {
	if t.Nanosecond() != 0 {
		layout += ".000"
	}
	return t.AppendFormat(dst, layout)
}
