// Package enginetest is the suite that every [query.Engine] passes: types,
// failures, safety, cancellation and limits, in one set of tables and mostly
// in one text of SQL.
//
// Engines that read files get a [Catalog]; database engines create the same
// tables themselves, see [Harness]. What an engine cannot do is a named field
// of [Traits], so that nothing is left out in silence.
package enginetest

import (
	"strings"
	"testing"

	"github.com/inlet-go/inlet/query"
)

// Harness is an engine under test. Each test opens its own.
type Harness struct {
	// Engine is closed by the suite.
	Engine query.Engine

	// Create makes the tables, and nothing else, visible to the engine: what a
	// former call made is gone. It is nil for engines that read a catalog.
	Create func(t *testing.T, tables []Table)

	Dialect Dialect
	Traits  Traits
}

// Dialect is what the suite cannot write in one SQL for all engines. Empty
// fields are the defaults named here.
type Dialect struct {
	// Quote quotes an identifier; by default in double quotes.
	Quote func(name string) string

	// Endless is a statement that would not end within minutes and gives no
	// row till then; by default an endless recursive CTE.
	Endless string

	// Random is an expression that gives another value each time; by default
	// random().
	Random string

	// Hostile are statements besides the suite's own, of which each must fail.
	// %s stands for a folder that exists, in which the file secret.csv must
	// not be read and none be written.
	Hostile []string
}

// Traits are what an engine does otherwise than most. The zero Traits are of
// an engine that passes all of the suite.
type Traits struct {
	// NoNaN: doubles are finite; the tables have null instead.
	NoNaN bool
	// NoBoolean: booleans are the integers 0 and 1.
	NoBoolean bool
	// NoZone: there is no timestamp with time zone.
	NoZone bool
	// WholeSeconds: timestamps have no fraction of a second.
	WholeSeconds bool
	// InexactSums: sums of decimals are doubles. Decimals themselves, their
	// order and comparisons are exact in every engine.
	InexactSums bool
	// NoPlace: syntax errors do not tell where they are.
	NoPlace bool
	// NoColumn: syntax errors tell the line, but not the column in it.
	NoColumn bool
	// NoListing: the failure for an unknown table does not list what there is.
	NoListing bool
	// NoBareNames: a table is found only with its schema.
	NoBareNames bool
	// NoDependencies: the engine cannot tell which tables a statement reads,
	// and says that every answer is volatile.
	NoDependencies bool
	// NoFigures: the engine does not know how many rows it read.
	NoFigures bool
	// LateFailures: what is wrong with a statement is known in Run only.
	LateFailures bool
	// NoValueLimit: the engine does not bound a single value; what a server
	// makes of repeat('x', 900000000) is its own.
	NoValueLimit bool
	// NoSchemaViews: there is no information_schema with the columns of
	// Trino's and PostgreSQL's, or it shows more than the tables of the suite.
	NoSchemaViews bool
}

// Run runs the suite. open returns a fresh engine; what it needs to clean up
// it does by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) *Harness) {
	for _, group := range []struct {
		name  string
		cases []testCase
	}{
		{"Types", typeCases},
		{"Statements", statementCases},
		{"Names", nameCases},
		{"Failures", failureCases},
		{"Safety", safetyCases},
		{"Cancel", cancelCases},
		{"Life", lifeCases},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) {
					if c.skip != nil {
						if reason := c.skip(open(t)); reason != "" {
							t.Skip(reason)
						}
					}
					c.test(t, newBench(t, open(t)))
				})
			}
		})
	}
}

type testCase struct {
	name string
	skip func(h *Harness) string
	test func(t *testing.T, b *bench)
}

// bench is a harness with tables.
type bench struct {
	*Harness
	catalog *Catalog
	tables  []Table
}

func newBench(t *testing.T, h *Harness) *bench {
	t.Helper()
	d := &h.Dialect
	if d.Quote == nil {
		d.Quote = func(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
	}
	if d.Endless == "" {
		d.Endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT (n + 1) % 1000 FROM r) SELECT count(*) FROM r"
	}
	if d.Random == "" {
		d.Random = "random()"
	}
	t.Cleanup(func() {
		if err := h.Engine.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &bench{Harness: h}
}

// create makes the tables, instead of those before.
func (b *bench) create(t *testing.T, tables ...Table) {
	t.Helper()
	b.tables = tables
	b.catalog = NewCatalog(tables...)
	if b.Create != nil {
		b.Create(t, tables)
	}
}

func (b *bench) statement(sql string) query.Statement {
	st := query.Statement{Scope: Scope, SQL: sql}
	if b.Create == nil {
		st.Catalog = b.catalog
		if b.catalog == nil {
			st.Catalog = NewCatalog()
		}
	}
	return st
}
