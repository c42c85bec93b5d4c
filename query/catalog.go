package query

import (
	"context"
	"iter"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/scope"
)

// Catalog tells which tables a caller has. Names are compared without regard
// to the case of ASCII letters. Implementations are safe for concurrent use.
type Catalog interface {
	// Find returns the tables whose Name, or one of whose Aliases, is one of
	// names: all that the caller has of that name, in any schema. Engines call
	// it with every identifier of a statement, so most names are of nothing.
	Find(ctx context.Context, sc scope.Scope, names []string) ([]Table, error)

	// Tables iterates over all tables of the caller, in no order, for
	// information_schema. It stops after the first error.
	Tables(ctx context.Context, sc scope.Scope) iter.Seq2[Table, error]
}

// Table is a table of a catalog.
type Table struct {
	Schema        string   // a dataset's or a volume's name, or "lake"
	SchemaAliases []string // other names of the schema, such as a dataset's id
	Name          string   // the file's base name without extension, or the last part of a lake path
	Aliases       []string // other names in the schema, such as the name with extension
	// Version is another one whenever the rows may be others; equal versions
	// mean equal columns and rows, in any schema, tenant and process.
	Version string
	Bytes   int64 // of its files
	Source  TableSource
}

// TableSource reads a table. It is safe for concurrent use.
type TableSource interface {
	// Describe returns the columns and the number of rows, for which it may
	// have to read all of the files. A file that cannot be read as a table, or
	// whose columns conflict with another's, is an Invalid error that names it.
	Describe(ctx context.Context) (tabular.Table, error)

	// Open returns the rows, with the columns that Describe tells.
	Open(ctx context.Context) (tabular.Rows, error)
}
