package query

import (
	"context"
	"io"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

// Exporter writes results in a format. Package export has some.
type Exporter interface {
	Format() string // the extension of its files without the dot, such as "csv"
	ContentType() string

	// Export writes the rows of p, with memory bounded by the exporter's own
	// settings and a block of rows.
	Export(ctx context.Context, w io.Writer, p *Page) error
}

// Exporter returns the one that writes a format, or an Invalid error that
// lists what there is.
func (s *Service) Exporter(format string) (Exporter, error) {
	var have []string
	for _, e := range s.opts.Exporters {
		if e.Format() == format {
			return e, nil
		}
		have = append(have, e.Format())
	}
	return nil, errs.New(errs.Invalid, "format is invalid: %.40q is none of %s", format, strings.Join(have, ", "))
}
