package query

import (
	"context"
	"time"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/scope"
)

// Engine runs read-only SQL. Package enginetest has the suite that every
// engine passes. Implementations are safe for concurrent use.
type Engine interface {
	// Name says which engine, dialect and settings give the answers, such as
	// "sqlite/1". Results are not shared between engines of different names.
	Name() string

	// Prepare checks a statement and makes it ready to run once. What is wrong
	// with it is a [*Failure]; other errors are the engine's own. The caller
	// closes what it returns. ctx bounds Prepare, not what it returns.
	Prepare(ctx context.Context, st Statement) (Prepared, error)

	// Close stops the engine and gives its memory and files back.
	Close() error
}

// Statement is what an engine runs, on whose behalf.
type Statement struct {
	Scope scope.Scope
	SQL   string
	// Catalog has the tables of the caller. Engines with tables of their own
	// do not ask it.
	Catalog Catalog
}

// Prepared is a statement that is ready to run. It is used by one goroutine.
type Prepared interface {
	// Dependencies tells what the answer depends on.
	Dependencies() Dependencies

	// Run runs the statement once and gives out its columns, once and even
	// when there are no rows, and then its rows. It ends soon after ctx does,
	// with ctx's error or its cause, within a second. What is wrong with the statement or its data is a
	// [*Failure]; an error of out is returned as it is. report is called while
	// it runs, from any goroutine but not concurrently, and once at the end,
	// also when it fails; not after Run returned.
	Run(ctx context.Context, out Sink, report func(Progress)) error

	// Close releases the statement. It may be called twice.
	Close() error
}

// Dependencies is what an answer depends on besides the statement.
type Dependencies struct {
	// Versions are of the tables that it reads, by their names.
	Versions map[string]string
	// Volatile answers are not kept: the statement calls a function such as
	// random, or the engine cannot tell what it depends on.
	Volatile bool
}

// Sink takes what a statement gives. An error of it ends the run.
type Sink interface {
	Columns(columns []Column) error
	// Row takes one value for each column, of the kinds that [tabular.Type]
	// lists. The values are valid until it returns.
	Row(row []tabular.Value) error
}

// Column is a column of a result.
type Column struct {
	Name string
	// Type is what Trino calls it: bigint, double, boolean, varchar,
	// varchar(3), decimal(10,2), date, timestamp(3), timestamp(3) with time
	// zone, varbinary, array(bigint), json; unknown where every value is null.
	Type string
}

// Progress is how far a run is. Values that an engine does not know are 0.
type Progress struct {
	StatementID string // the engine's own id of the run, if it has one

	Nodes           int // that work on it; 1 for an engine in the process
	TotalSplits     int // parts that the work was split into; 1 for most
	QueuedSplits    int
	RunningSplits   int
	CompletedSplits int

	CPU            time.Duration // of all nodes
	ProcessedRows  int64         // read from tables
	ProcessedBytes int64         // read from tables
	PeakMemory     int64         // bytes
	Spilled        int64         // bytes written to disk for want of memory
}

// Sleeper is an engine that can give memory back while nobody needs it. It
// wakes with the next Prepare.
type Sleeper interface {
	Sleep(ctx context.Context) error
}
