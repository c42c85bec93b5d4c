package trino

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	driver "github.com/trinodb/trino-go-client/trino"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// columnType is a type of the cluster.
type columnType struct {
	name   string
	kind   tabular.Type
	layout string // of times
	utc    bool
}

var kinds = map[string]columnType{
	"boolean": {kind: tabular.Boolean},
	"tinyint": {kind: tabular.Integer}, "smallint": {kind: tabular.Integer}, "integer": {kind: tabular.Integer},
	"bigint": {kind: tabular.Integer},
	"real":   {kind: tabular.Real}, "double": {kind: tabular.Real},
	"decimal": {kind: tabular.Decimal}, "number": {kind: tabular.Decimal},
	"date":                     {kind: tabular.Date, layout: "2006-01-02"},
	"timestamp":                {kind: tabular.Timestamp, layout: "2006-01-02 15:04:05.999999999"},
	"timestamp with time zone": {kind: tabular.Timestamp, layout: "2006-01-02 15:04:05.999999999Z", utc: true},
	"time":                     {kind: tabular.Text, layout: "15:04:05.999999999"},
	"time with time zone":      {kind: tabular.Text, layout: "15:04:05.999999999Z07:00"},
	"json":                     {kind: tabular.JSON}, "variant": {kind: tabular.JSON}, "bingtile": {kind: tabular.JSON},
	"kdbtree": {kind: tabular.JSON},
	"varchar": {kind: tabular.Text}, "char": {kind: tabular.Text}, "uuid": {kind: tabular.Text}, "ipaddress": {kind: tabular.Text},
	"interval day to second": {kind: tabular.Text}, "interval year to month": {kind: tabular.Text}, "unknown": {kind: tabular.Text},
	"geometry": {kind: tabular.Text}, "sphericalgeography": {kind: tabular.Text}, "color": {kind: tabular.Text},
}

// unbounded is the length that the cluster gives to varchar.
const unbounded = 2147483647

func typeOf(c *sql.ColumnType) columnType {
	name := strings.ToLower(c.DatabaseTypeName())
	base, _, _ := strings.Cut(name, "(")
	if base == "array" || base == "map" || base == "row" {
		return columnType{name: name, kind: tabular.JSON}
	}
	t, ok := kinds[name]
	if !ok {
		t = columnType{kind: tabular.Bytes} // of sketches and the like
	}
	t.name = name
	precision, scale, exact := c.DecimalSize()
	length, sized := c.Length()
	switch {
	case name == "decimal" && exact:
		t.name = fmt.Sprintf("decimal(%d,%d)", precision, scale)
	case t.layout != "" && exact:
		head, rest, _ := strings.Cut(name, " ")
		t.name = strings.TrimSpace(fmt.Sprintf("%s(%d) %s", head, precision, rest))
	case sized && length != unbounded:
		t.name = fmt.Sprintf("%s(%d)", name, length)
	}
	return t
}

// cell takes a value of a column from the driver.
type cell struct {
	name  string
	typ   columnType
	value *tabular.Value
	limit int
	buf   []byte // what value.Bytes is a part of
}

// Scan implements [sql.Scanner].
func (c *cell) Scan(src any) error {
	*c.value = tabular.Value{Type: c.typ.kind}
	ok := true
	switch v := src.(type) {
	case nil:
		c.value.Type = tabular.Null
	case bool:
		ok = c.typ.kind == tabular.Boolean
		if v {
			c.value.Int = 1
		}
	case int64:
		ok = c.typ.kind == tabular.Integer
		c.value.Int = v
	case float64:
		ok = c.typ.kind == tabular.Real
		c.value.Float = v
	case string:
		ok = c.text()
		c.buf = append(c.buf[:0], v...)
	case []byte:
		ok = c.typ.kind == tabular.Bytes
		c.buf = append(c.buf[:0], v...)
	case time.Time:
		if ok = c.typ.layout != ""; c.typ.utc {
			v = v.UTC()
		}
		c.buf = v.AppendFormat(c.buf[:0], c.typ.layout)
	default:
		ok = c.typ.kind == tabular.JSON
		var b bytes.Buffer
		if err := appendJSON(&b, v); err != nil {
			ok = false
		}
		c.buf = append(c.buf[:0], b.Bytes()...)
	}
	switch {
	case !ok:
		return &query.Failure{
			Name: query.InvalidData, Type: query.External,
			Message: fmt.Sprintf("column %q: the cluster gave a value that is no %s", c.name, c.typ.name),
		}
	case len(c.buf) > c.limit:
		return &query.Failure{
			Name: query.ExceededLimit, Type: query.InsufficientResources,
			Message: fmt.Sprintf("a value of column %q is larger than %d bytes", c.name, c.limit),
		}
	}
	c.value.Bytes = c.buf
	return nil
}

// text reports whether the values are texts in the protocol and here.
func (c *cell) text() bool {
	switch c.typ.kind {
	case tabular.Text, tabular.Decimal, tabular.JSON:
		return true
	}
	return false
}

// appendJSON writes what the driver made of an array, a map or a row: decimals
// are texts, rows are objects in the order of their fields, and times in rows
// are written as RFC 3339 has them.
func appendJSON(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case driver.Row:
		b.WriteByte('{')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := appendJSON(b, v.Name(i)); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := appendJSON(b, v.Value(i)); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case []any:
		b.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := appendJSON(b, element); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case map[string]any:
		return appendMap(b, v)
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line end
	return nil
}

// appendMap writes a map by the order of its keys, which the driver has lost.
func appendMap(b *bytes.Buffer, m map[string]any) error {
	b.WriteByte('{')
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := appendJSON(b, key); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := appendJSON(b, m[key]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}
