package duckdb_test

import (
	"testing"

	"github.com/inlet-go/inlet/query/duckdb"
	"github.com/inlet-go/inlet/query/enginetest/logictest"
)

// TestStatements runs the files whose answers the embedded engine gave.
func TestStatements(t *testing.T) {
	e, err := duckdb.New(&duckdb.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	logictest.Run(t, e)
}
