package mysql

import (
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/inlet-go/inlet/connector/database"
)

// value decodes the text of a value. A zero date is NULL.
func value(t database.Type, text []byte) (parquet.Value, error) {
	if text == nil {
		return parquet.NullValue(), nil
	}
	switch t {
	case database.Int:
		n, err := strconv.ParseInt(string(text), 10, 64)
		return parquet.Int64Value(n), err
	case database.UnsignedInt:
		n, err := strconv.ParseUint(string(text), 10, 64)
		return parquet.Int64Value(int64(n)), err
	case database.Float:
		f, err := strconv.ParseFloat(string(text), 64)
		return parquet.DoubleValue(f), err
	case database.Timestamp, database.Local:
		at, err := moment(time.DateTime, string(text))
		if at.IsZero() {
			return parquet.NullValue(), err
		}
		return parquet.Int64Value(at.UnixMicro()), err
	case database.Date:
		at, err := moment(time.DateOnly, string(text))
		if at.IsZero() {
			return parquet.NullValue(), err
		}
		return parquet.Int32Value(int32(at.Unix() / (24 * 60 * 60))), err // midnight: exact, before 1970 too
	}
	return parquet.ByteArrayValue(text), nil
}

// moment returns the zero time for a date with a month or a day of zero.
func moment(layout, text string) (time.Time, error) {
	if len(text) >= len(time.DateOnly) && (strings.HasPrefix(text[5:], "00") || text[8:10] == "00") {
		return time.Time{}, nil
	}
	return time.Parse(layout, text)
}
