package query

import (
	"context"
	"fmt"

	"github.com/inlet-go/inlet/query/tabular"
)

// sink writes what a statement gives as a result, within the limits.
type sink struct {
	ctx     context.Context // of the flight that it is for
	service *Service
	columns []Column
	writer  ResultWriter
	rows    int64
}

// Columns see [Sink].
func (k *sink) Columns(columns []Column) (err error) {
	if err := context.Cause(k.ctx); err != nil {
		return err
	}
	k.columns = append([]Column{}, columns...)
	k.writer, err = k.service.results.Write(k.ctx, resultKey(newID(), hourOf(k.service.opts.Now())), k.columns)
	return err
}

// Row see [Sink].
func (k *sink) Row(row []tabular.Value) error {
	if k.rows%256 == 0 && k.ctx.Err() != nil {
		return context.Cause(k.ctx)
	}
	if k.rows == k.service.opts.MaxRows {
		return tooMuch("%d rows", k.rows)
	}
	k.rows++
	if err := k.writer.Row(row); err != nil {
		return err
	}
	if max := k.service.opts.MaxBytes; k.writer.Size() > max {
		return tooMuch("%d bytes", max)
	}
	return nil
}

func tooMuch(format string, limit int64) error {
	return &Failure{Name: ExceededLimit, Type: InsufficientResources,
		Message: "The result exceeds the limit of " + fmt.Sprintf(format, limit)}
}

func (k *sink) abort() {
	if k.writer != nil {
		k.writer.Abort()
	}
}
