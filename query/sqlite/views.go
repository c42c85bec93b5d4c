package sqlite

import (
	"context"
	"io"
	"strconv"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// informationViews are the columns of the views of the information schema, as
// PostgreSQL and Trino have them.
var informationViews = map[string][]tabular.Column{
	"tables": {
		{Name: "table_catalog", Type: tabular.Text}, {Name: "table_schema", Type: tabular.Text},
		{Name: "table_name", Type: tabular.Text}, {Name: "table_type", Type: tabular.Text},
	},
	"columns": {
		{Name: "table_catalog", Type: tabular.Text}, {Name: "table_schema", Type: tabular.Text},
		{Name: "table_name", Type: tabular.Text}, {Name: "column_name", Type: tabular.Text},
		{Name: "ordinal_position", Type: tabular.Integer}, {Name: "is_nullable", Type: tabular.Text},
		{Name: "data_type", Type: tabular.Text},
	},
}

// catalogName is what table_catalog says.
const catalogName = "inlet"

// viewLocation is where a connection has a view.
func viewLocation(view string) location { return location{"temp", mark + view} }

// viewSource is how the source of a view's rows is called.
func (c *connection) viewSource(view string) string { return view + strconv.Itoa(int(c.id)) }

// createView gives the connection a view, whose rows are those of the
// statement that runs.
func (c *connection) createView(view string) error {
	if c.views[view] {
		return nil
	}
	name := c.viewSource(view)
	sources.Store(name, &rowsSource{
		definition: definition(informationViews[view], nil),
		open: func() (tabular.Rows, error) {
			if c.run == nil {
				return &listedRows{}, nil
			}
			return &listedRows{rows: c.run.viewRows[view]}, nil
		},
	})
	where := viewLocation(view)
	err := c.exec("CREATE VIRTUAL TABLE " + quote(where.database) + "." + quote(where.table) + " USING " + rowsModule + "(" + name + ")")
	if err == nil {
		c.views[view] = true
	}
	return err
}

// listedRows are rows in memory.
type listedRows struct{ rows [][]tabular.Value }

// Next implements [tabular.Rows].
func (l *listedRows) Next() ([]tabular.Value, error) {
	if len(l.rows) == 0 {
		return nil, io.EOF
	}
	row := l.rows[0]
	l.rows = l.rows[1:]
	return row, nil
}

// Close implements [tabular.Rows].
func (l *listedRows) Close() error { return nil }

func textValue(s string) tabular.Value { return tabular.Value{Type: tabular.Text, Bytes: []byte(s)} }

// viewRows returns the rows of a view. A table that cannot be read has no
// columns, and is listed all the same.
func (e *Engine) viewRows(ctx context.Context, st query.Statement, view string) (rows [][]tabular.Value, err error) {
	if st.Catalog == nil {
		return nil, nil
	}
	for t, err := range st.Catalog.Tables(ctx, st.Scope) {
		if err != nil {
			return nil, err
		}
		if view == "tables" {
			rows = append(rows, []tabular.Value{textValue(catalogName), textValue(t.Schema), textValue(t.Name), textValue("BASE TABLE")})
			continue
		}
		columns, err := e.columns(ctx, t)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue
		}
		for i, c := range columns {
			nullable := "YES"
			if !c.Nullable {
				nullable = "NO"
			}
			rows = append(rows, []tabular.Value{
				textValue(catalogName), textValue(t.Schema), textValue(t.Name), textValue(c.Name),
				{Type: tabular.Integer, Int: int64(i + 1)}, textValue(nullable), textValue(trinoTypes[declarations[c.Type]]),
			})
		}
	}
	return rows, nil
}
