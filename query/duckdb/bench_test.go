package duckdb_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/duckdb"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/tabular"
)

// sales has a million rows of ten columns.
func sales() enginetest.Table {
	regions := [...]string{"north", "south", "east", "west"}
	states := [...]string{"open", "paid", "sent"}
	columns := []enginetest.Column{
		enginetest.Col("id", tabular.Integer), enginetest.Col("customer", tabular.Integer), enginetest.Col("product", tabular.Integer),
		enginetest.Col("region", tabular.Text), enginetest.Col("state", tabular.Text), enginetest.Col("price", tabular.Real),
		enginetest.Col("discount", tabular.Real), enginetest.Col("amount", tabular.Integer), enginetest.Col("note", tabular.Text),
		enginetest.Col("day", tabular.Date),
	}
	return enginetest.Generated("shop", "sales", columns, 1_000_000, func(i int, row []tabular.Value) {
		random := uint64(i) * 0x9E3779B97F4A7C15 >> 20
		whole := func(n uint64) tabular.Value { return tabular.Value{Type: tabular.Integer, Int: int64(n)} }
		text := func(typ tabular.Type, s string) tabular.Value { return tabular.Value{Type: typ, Bytes: []byte(s)} }
		row[0], row[1], row[2] = whole(uint64(i)), whole(random%100_000), whole(random%1000)
		row[3], row[4] = text(tabular.Text, regions[random%4]), text(tabular.Text, states[random%3])
		row[5], row[6] = tabular.Value{Type: tabular.Real, Float: float64(random%100_000) / 100}, tabular.Value{}
		row[7], row[8] = whole(random%9+1), text(tabular.Text, "order number "+strconv.Itoa(i))
		row[9] = text(tabular.Date, "2024-01-"+strconv.Itoa(10+int(random%20)))
	})
}

// BenchmarkGroupBy compares both embedded engines on the same table, loaded.
func BenchmarkGroupBy(b *testing.B) {
	table := sales()
	table.Version = "sales"
	c := enginetest.NewCatalog(table)
	large, err := duckdb.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer large.Close()
	small, err := sqlite.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer small.Close()
	st := query.Statement{Scope: enginetest.Scope, Catalog: c, SQL: `SELECT region, state, count(*), sum(amount), avg(price), min(price), max(price)
		FROM shop.sales GROUP BY region, state ORDER BY region, state`}
	for _, e := range []query.Engine{small, large} {
		b.Run(e.Name(), func(b *testing.B) {
			if _, err := enginetest.Ask(context.Background(), e, st); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				a, err := enginetest.Ask(context.Background(), e, st)
				if err != nil || len(a.Rows) != 12 {
					b.Fatal(len(a.Rows), err)
				}
			}
		})
	}
}
