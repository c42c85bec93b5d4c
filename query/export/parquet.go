package export

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/inlet-go/inlet/query"
	tabular "github.com/inlet-go/inlet/query/tabular/parquet"
	"github.com/inlet-go/inlet/store/errs"
)

// Parquet writes Apache Parquet, compressed with Snappy. Whole numbers are
// INT64, decimals of up to 18 digits DECIMAL, dates DATE and timestamps
// TIMESTAMP of microseconds; what Parquet has no exact type for, such as longer
// decimals and JSON, is text.
type Parquet struct{}

var _ query.Exporter = Parquet{}

// Format see [query.Exporter].
func (Parquet) Format() string { return "parquet" }

// ContentType see [query.Exporter].
func (Parquet) ContentType() string { return "application/vnd.apache.parquet" }

const (
	batchRows  = 1024
	groupBytes = 8 << 20 // of a row group, about: what is kept in memory
)

// Export see [query.Exporter].
func (Parquet) Export(ctx context.Context, w io.Writer, p *query.Page) error {
	columns := make([]column, len(p.Columns))
	fields := make([]tabular.Field, len(p.Columns))
	taken := map[string]bool{}
	for i, c := range p.Columns {
		columns[i] = columnOf(c.Type)
		fields[i] = tabular.Field{Name: unique(c.Name, taken), Node: parquet.Optional(columns[i].node)}
	}
	if len(fields) == 0 {
		return errs.New(errs.Unsupported, "a result without columns cannot be Parquet")
	}
	file := parquet.NewGenericWriter[any](w, tabular.Schema("result", fields), parquet.Compression(&parquet.Snappy))
	var rows []parquet.Row
	size, n := 0, int64(0)
	flush := func() error {
		_, err := file.WriteRows(rows)
		rows = rows[:0]
		if err == nil && size >= groupBytes {
			size = 0
			err = file.Flush()
		}
		return err
	}
	err := p.Each(ctx, func(row []any) error {
		n++
		out := make(parquet.Row, len(row))
		for i, v := range row {
			cell, bytes, err := columns[i].value(v)
			if err != nil {
				return errs.Wrap(errs.Unsupported, err, "row %d of the result, column %s: %v", n, p.Columns[i].Name, err)
			}
			level := 1
			if v == nil {
				level = 0
			}
			out[i] = cell.Level(0, level, i)
			size += bytes
		}
		if rows = append(rows, out); len(rows) < batchRows && size < groupBytes {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// unique returns a name that no column before has.
func unique(name string, taken map[string]bool) string {
	if name == "" {
		name = "column"
	}
	free := name
	for i := 2; taken[free]; i++ {
		free = name + "_" + strconv.Itoa(i)
	}
	taken[free] = true
	return free
}

// column knows how values of a type are written.
type column struct {
	node parquet.Node
	text func(string) (parquet.Value, error) // of values that JSON has as text
}

// maxInt64Digits is how many decimal digits any int64 holds.
const maxInt64Digits = 18

func columnOf(typ string) column {
	base, args, _ := strings.Cut(strings.TrimSuffix(typ, " with time zone"), "(")
	text := column{parquet.String(), func(s string) (parquet.Value, error) { return parquet.ByteArrayValue([]byte(s)), nil }}
	switch base {
	case "bigint", "integer", "smallint", "tinyint":
		return column{node: parquet.Int(64)}
	case "double", "real":
		return column{parquet.Leaf(parquet.DoubleType), float}
	case "boolean":
		return column{node: parquet.Leaf(parquet.BooleanType)}
	case "varbinary":
		return column{parquet.Leaf(parquet.ByteArrayType), func(s string) (parquet.Value, error) {
			b, err := base64.StdEncoding.DecodeString(s)
			return parquet.ByteArrayValue(b), err
		}}
	case "decimal":
		var precision, scale int
		if n, _ := fmt.Sscanf(args, "%d,%d)", &precision, &scale); n == 2 && precision <= maxInt64Digits {
			return column{parquet.Decimal(scale, precision, parquet.Int64Type), unscaled(scale)}
		}
	case "date":
		return column{parquet.Date(), func(s string) (parquet.Value, error) {
			t, err := time.Parse("2006-01-02", s)
			return parquet.Int32Value(int32(t.Unix() / 86400)), err
		}}
	case "timestamp":
		adjusted := strings.HasSuffix(typ, " with time zone")
		return column{parquet.TimestampAdjusted(parquet.Microsecond, adjusted), timestamp}
	}
	return text
}

func float(s string) (parquet.Value, error) {
	switch s {
	case "NaN":
		return parquet.DoubleValue(math.NaN()), nil
	case "Infinity":
		return parquet.DoubleValue(math.Inf(1)), nil
	case "-Infinity":
		return parquet.DoubleValue(math.Inf(-1)), nil
	}
	return parquet.Value{}, fmt.Errorf("%.40q is no number", s)
}

// unscaled reads a decimal as a whole number of its last digit.
func unscaled(scale int) func(string) (parquet.Value, error) {
	factor := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
	return func(s string) (parquet.Value, error) {
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			return parquet.Value{}, fmt.Errorf("%.40q is no decimal", s)
		}
		r.Mul(r, factor)
		if !r.IsInt() || !r.Num().IsInt64() {
			return parquet.Value{}, fmt.Errorf("%.40q has more digits than its type", s)
		}
		return parquet.Int64Value(r.Num().Int64()), nil
	}
}

// layouts are how timestamps are written, with and without their zone.
var layouts = []string{"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 MST", time.RFC3339Nano, "2006-01-02T15:04:05.999999999"}

func timestamp(s string) (parquet.Value, error) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return parquet.Int64Value(t.UnixMicro()), nil
		}
	}
	return parquet.Value{}, fmt.Errorf("%.40q is no timestamp", s)
}

// value returns what a row holds as the column's type, and about how many
// bytes it takes.
func (c *column) value(v any) (parquet.Value, int, error) {
	const small = 16
	switch v := v.(type) {
	case nil:
		return parquet.Value{}, small, nil
	case bool:
		return parquet.BooleanValue(v), small, nil
	case string:
		if c.text == nil {
			return parquet.Value{}, 0, fmt.Errorf("%.40q is not of the column's type", v)
		}
		cell, err := c.text(v)
		return cell, small + len(v), err
	case json.Number:
		switch c.node.Type().Kind() {
		case parquet.Int64:
			n, err := strconv.ParseInt(v.String(), 10, 64)
			return parquet.Int64Value(n), small, err
		case parquet.Double:
			f, err := v.Float64()
			return parquet.DoubleValue(f), small, err
		}
		return parquet.ByteArrayValue([]byte(v)), small + len(v), nil
	}
	text := jsonText(v)
	return parquet.ByteArrayValue([]byte(text)), small + len(text), nil
}

// jsonText writes an array or object.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // what came out of JSON always encodes
	}
	return string(b)
}
