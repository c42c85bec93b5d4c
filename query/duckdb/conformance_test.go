package duckdb_test

import (
	"testing"

	"github.com/inlet-go/inlet/query/duckdb"
	"github.com/inlet-go/inlet/query/enginetest"
)

func TestDuckDBPassesTheSuite(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) *enginetest.Harness {
		e, err := duckdb.New(&duckdb.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return &enginetest.Harness{Engine: e, Traits: enginetest.Traits{LateFailures: true}}
	})
}
