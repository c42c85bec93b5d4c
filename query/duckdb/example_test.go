package duckdb_test

import (
	"context"
	"fmt"
	"log"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/duckdb"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/tabular"
)

// The engine stands where the embedded one would: it reads the tables of the
// catalog that each statement brings.
func Example() {
	engine, err := duckdb.New(&duckdb.Options{MemoryBytes: 256 << 20, Threads: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	catalog := enginetest.NewCatalog(enginetest.New("shop", "orders",
		[]enginetest.Column{enginetest.Col("region", tabular.Text), enginetest.DecimalCol("price", 10, 2)},
		[]any{"north", "9.50"}, []any{"south", "10.25"}, []any{"north", "0.50"}))
	answer, err := enginetest.Ask(context.Background(), engine, query.Statement{
		Scope: enginetest.Scope, Catalog: catalog,
		SQL: "SELECT region, sum(price) AS total FROM orders GROUP BY ALL ORDER BY region",
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range answer.Rows {
		fmt.Println(row[0], row[1])
	}
	// Output:
	// north 10.00
	// south 10.25
}
