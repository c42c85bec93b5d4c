package export

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/inlet-go/inlet/query"
)

// CSV writes RFC 4180 with a header row and newlines at the ends of lines. Null
// is an empty field, and so is an empty text.
type CSV struct{}

var _ query.Exporter = CSV{}

// Format see [query.Exporter].
func (CSV) Format() string { return "csv" }

// ContentType see [query.Exporter].
func (CSV) ContentType() string { return "text/csv; charset=utf-8" }

// Export see [query.Exporter].
func (CSV) Export(ctx context.Context, w io.Writer, p *query.Page) error {
	out := csv.NewWriter(w)
	record := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		record[i] = c.Name
	}
	if err := out.Write(record); err != nil {
		return err
	}
	err := p.Each(ctx, func(row []any) error {
		for i := range record {
			record[i] = field(row[i])
		}
		return out.Write(record)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// field writes a value of a row as text.
func field(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool, fmt.Stringer: // json.Number among them
		return fmt.Sprint(v)
	}
	return jsonText(v)
}
