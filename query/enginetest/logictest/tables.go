package logictest

import (
	"math/rand/v2"
	"strings"

	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/tabular"
)

// Tables returns the tables that the files are about: t1 to t3 in the schema
// logic, with whole numbers, doubles that have few digits, texts and nulls.
func Tables() []enginetest.Table {
	var tables []enginetest.Table
	for i, rows := range []int{30, 12, 5} {
		r := rand.New(rand.NewPCG(uint64(i), 7))
		columns := []enginetest.Column{
			enginetest.Col("id", tabular.Integer), enginetest.Col("a", tabular.Integer), enginetest.Col("b", tabular.Integer),
			enginetest.Col("x", tabular.Real), enginetest.Col("s", tabular.Text),
		}
		var data [][]any
		for n := range rows {
			row := []any{n, r.IntN(12) - 3, r.IntN(1000), float64(r.IntN(400)-100) / 4, word(r)}
			for c := 1; c < len(row); c++ {
				if r.IntN(8) == 0 {
					row[c] = nil
				}
			}
			data = append(data, row)
		}
		tables = append(tables, enginetest.New("logic", "t"+string(rune('1'+i)), columns, data...))
	}
	return tables
}

// word returns a short text of few letters, so that texts meet again.
func word(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteByte("abcxyz"[r.IntN(6)])
	}
	return b.String()
}
