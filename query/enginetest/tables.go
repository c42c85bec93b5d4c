package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/inlet-go/inlet/query/tabular"
)

// Table describes a table that a test needs: in SQL it is Schema.Name, and its
// columns have the given types exactly.
type Table struct {
	Schema, Name           string
	SchemaAliases, Aliases []string // of catalogs only
	Columns                []Column

	// Open returns the rows; it may be called several times.
	Open func() tabular.Rows

	// Version is the catalog's; "" gives each table of each catalog its own.
	Version string

	// DescribeErr is what the catalog's Describe fails with.
	DescribeErr error
}

// Column is a column of a table.
type Column struct {
	tabular.Column
	Precision, Scale int  // of Decimal
	Zone             bool // of Timestamp: the values end with Z
}

// Col returns a column that may hold nulls.
func Col(name string, typ tabular.Type) Column {
	return Column{Column: tabular.Column{Name: name, Original: name, Type: typ, Nullable: true}}
}

// DecimalCol returns a column of decimals with scale digits behind the point.
func DecimalCol(name string, precision, scale int) Column {
	c := Col(name, tabular.Decimal)
	c.Precision, c.Scale = precision, scale
	return c
}

// Each calls fn with every row, which is valid until it returns.
func (tb Table) Each(fn func(row []tabular.Value) error) (err error) {
	rows := tb.Open()
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = fn(row)
		}
		if err != nil {
			return err
		}
	}
}

// New returns a table with rows of nil, bool, int, int64, float64, string and []byte,
// as the types of the columns want them.
func New(schema, name string, columns []Column, rows ...[]any) Table {
	return Generated(schema, name, columns, len(rows), func(i int, row []tabular.Value) {
		if len(rows[i]) != len(columns) {
			panic(fmt.Sprintf("row %d of table %s.%s has %d values", i, schema, name, len(rows[i])))
		}
		for j, v := range rows[i] {
			row[j] = value(columns[j].Type, v)
		}
	})
}

// Generated returns a table with n rows; fill sets the values of a row.
func Generated(schema, name string, columns []Column, n int, fill func(i int, row []tabular.Value)) Table {
	return Table{
		Schema: schema, Name: name, Columns: columns,
		Open: func() tabular.Rows { return &generated{row: make([]tabular.Value, len(columns)), n: n, fill: fill} },
	}
}

// FromFile returns a table of a file: csv, json and whatever r reads.
func FromFile(t testing.TB, r *tabular.Reader, schema, name string, f tabular.File) Table {
	t.Helper()
	told, err := r.Inspect(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	var columns []Column
	for _, c := range told[0].Columns {
		columns = append(columns, Column{Column: c})
	}
	return Table{
		Schema: schema, Name: name, Columns: columns,
		Open: func() tabular.Rows {
			rows, err := r.Open(context.Background(), f, told[0])
			if err != nil {
				panic(err) // Inspect has just read it
			}
			return rows
		},
	}
}

// generated are the rows of a table that [Generated] returned.
type generated struct {
	row  []tabular.Value
	i, n int
	fill func(i int, row []tabular.Value)
}

func (g *generated) Next() ([]tabular.Value, error) {
	if g.i == g.n {
		return nil, io.EOF
	}
	g.fill(g.i, g.row)
	g.i++
	return g.row, nil
}

func (g *generated) Close() error { return nil }

func value(typ tabular.Type, v any) tabular.Value {
	switch v := v.(type) {
	case nil:
		return tabular.Value{}
	case bool:
		var n int64
		if v {
			n = 1
		}
		return tabular.Value{Type: typ, Int: n}
	case int:
		return tabular.Value{Type: typ, Int: int64(v)}
	case int64:
		return tabular.Value{Type: typ, Int: v}
	case float64:
		return tabular.Value{Type: typ, Float: v}
	case string:
		return tabular.Value{Type: typ, Bytes: []byte(v)}
	case []byte:
		return tabular.Value{Type: typ, Bytes: v}
	}
	panic(fmt.Sprintf("a table has no values of type %T", v))
}

// orders and people are what most tests read.
func orders() Table {
	return New("shop", "orders",
		[]Column{Col("id", tabular.Integer), Col("person", tabular.Integer), DecimalCol("price", 12, 2), Col("note", tabular.Text)},
		[]any{1, 1, "9.50", "first"},
		[]any{2, 2, "10.00", nil},
		[]any{3, 1, "100.25", "日本語 🙂"},
		[]any{4, nil, nil, "it's"},
	)
}

func people() Table {
	return New("shop", "people", []Column{Col("id", tabular.Integer), Col("name", tabular.Text)},
		[]any{1, "Ada"}, []any{2, "Bob"}, []any{3, "Cid"})
}

// numbers has the integers from 0 to n-1.
func numbers(n int) Table {
	return Generated("shop", "numbers", []Column{Col("n", tabular.Integer)}, n, func(i int, row []tabular.Value) {
		row[0] = tabular.Value{Type: tabular.Integer, Int: int64(i)}
	})
}
