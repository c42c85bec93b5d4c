package sqldb

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// convert sets the cell's value to what a driver gave, which is int64, float64,
// bool, []byte, string or time.Time, and of some drivers uint64 and float32.
func (c *cell) convert(src any) error {
	c.value.Type = c.typ.Kind
	switch v := src.(type) {
	case time.Time:
		return c.setTime(v)
	case string:
		c.buf = append(c.buf[:0], v...)
		return c.setText(c.buf)
	case []byte:
		c.buf = append(c.buf[:0], v...)
		return c.setText(c.buf)
	}
	switch c.typ.Kind {
	case tabular.Integer, tabular.Boolean:
		n, ok := integer(src)
		if !ok {
			return c.misfit()
		}
		c.value.Int = n
		return nil
	case tabular.Real:
		f, ok := number(src)
		if !ok {
			return c.misfit()
		}
		c.value.Float = c.round(f)
		return nil
	}
	return c.setText(c.print(src))
}

func integer(src any) (int64, bool) {
	switch v := src.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func number(src any) (float64, bool) {
	switch v := src.(type) {
	case float64:
		return v, true
	case float32:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	}
	return 0, false
}

// round makes a float of single precision the double that is written alike.
func (c *cell) round(f float64) float64 {
	if !c.typ.Single || math.IsNaN(f) || math.IsInf(f, 0) {
		return f
	}
	c.buf = strconv.AppendFloat(c.buf[:0], f, 'g', -1, 32)
	f, _ = strconv.ParseFloat(string(c.buf), 64) // it was a number
	return f
}

// print writes a number as text.
func (c *cell) print(src any) []byte {
	switch v := src.(type) {
	case int64:
		c.buf = strconv.AppendInt(c.buf[:0], v, 10)
	case uint64:
		c.buf = strconv.AppendUint(c.buf[:0], v, 10)
	case bool:
		c.buf = strconv.AppendBool(c.buf[:0], v)
	case float32:
		c.buf = strconv.AppendFloat(c.buf[:0], float64(v), 'g', -1, 32)
	case float64:
		c.buf = strconv.AppendFloat(c.buf[:0], v, 'g', -1, 64)
	}
	return c.buf
}

// setText takes a value that the driver gave as text, or as bytes.
func (c *cell) setText(text []byte) (err error) {
	if c.typ.Rewrite != nil {
		if text, err = c.typ.Rewrite(nil, text); err != nil {
			return err
		}
	}
	switch c.typ.Kind {
	case tabular.Integer:
		c.value.Int, err = strconv.ParseInt(string(text), 10, 64)
	case tabular.Real:
		c.value.Float, err = strconv.ParseFloat(string(text), 64)
	case tabular.Boolean:
		var b bool
		if b, err = strconv.ParseBool(string(text)); b {
			c.value.Int = 1
		}
	case tabular.Date, tabular.Timestamp:
		return c.setMoment(text)
	case tabular.Text, tabular.JSON:
		if !utf8.Valid(text) {
			text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
		}
		c.value.Bytes = text
	default:
		c.value.Bytes = text
	}
	if err != nil {
		return c.misfit()
	}
	return nil
}

const (
	dateLayout      = "2006-01-02"
	timestampLayout = "2006-01-02 15:04:05.999999999"
)

func (c *cell) setTime(t time.Time) error {
	layout := timestampLayout
	switch {
	case c.typ.ZeroNull && t.IsZero():
		c.value.Type = tabular.Null
		return nil
	case c.typ.Kind == tabular.Date:
		layout = dateLayout
	case c.typ.Kind == tabular.Text:
		layout = time.RFC3339Nano
	case c.typ.Kind != tabular.Timestamp:
		return c.misfit()
	case c.typ.Zone:
		t, layout = t.UTC(), timestampLayout+"Z"
	}
	c.buf = t.AppendFormat(c.buf[:0], layout)
	c.value.Bytes = c.buf
	return nil
}

// setMoment takes a date or timestamp as text.
func (c *cell) setMoment(text []byte) error {
	layout := dateLayout
	if c.typ.Kind == tabular.Timestamp {
		layout = timestampLayout
	}
	if c.typ.ZeroNull && len(text) >= len(dateLayout) && (string(text[5:7]) == "00" || string(text[8:10]) == "00") {
		c.value.Type = tabular.Null
		return nil
	}
	t, err := time.Parse(layout, string(text))
	if err != nil {
		return errs.New(errs.Invalid, "%q is not a %s that can be shown; cast it to text", cut(text), c.typ.Name)
	}
	return c.setTime(t)
}

func (c *cell) misfit() error {
	return errs.New(errs.Invalid, "the database gave a value that is no %s", c.typ.Name)
}

func cut(text []byte) []byte { return text[:min(len(text), 40)] }
