package query

import (
	"context"
	"io"
	"strings"

	"github.com/inlet-go/inlet/query/tabular"
)

// Results keeps the rows that queries gave. Package result has one that keeps
// them in a bucket.
type Results interface {
	// Write begins a result under a key. Nothing is visible before Finish.
	Write(ctx context.Context, key string, columns []Column) (ResultWriter, error)

	// Page gives w the rows of a result from offset on, at most limit of them,
	// as the elements of a JSON array, with commas between them and no
	// brackets around. Memory is bounded by a block of rows, however many are
	// asked for.
	Page(ctx context.Context, r Result, offset, limit int64, w io.Writer) error
}

// ResultWriter takes the rows of a result.
type ResultWriter interface {
	// Row adds a row.
	Row(row []tabular.Value) error

	// Size returns how many bytes the rows have as JSON so far.
	Size() int64

	// Finish makes the result whole and returns where it is.
	Finish(ctx context.Context) (Result, error)

	// Abort removes what was written. After Finish it does nothing.
	Abort()
}

// ResultPrefix begins the keys of results in the managed bucket.
const ResultPrefix = "results/"

// resultKey returns the key of the result of a run. Keys of one hour share
// their beginning, which a bucket in a folder keeps together.
func resultKey(run string, hour string) string { return ResultPrefix + hour + "-" + run }

// IsResultKey tells whether key is one of a result.
func IsResultKey(key string) bool {
	rest, ok := strings.CutPrefix(key, ResultPrefix)
	return ok && len(rest) == len("26112409-")+36
}
