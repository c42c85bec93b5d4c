package parquet

import "github.com/parquet-go/parquet-go"

// Field is a column of a schema.
type Field struct {
	Name string // unique in its schema
	Node parquet.Node
}

// Schema returns a schema whose columns have the order of fields; package
// parquet-go alone sorts those of a group by name.
func Schema(name string, fields []Field) *parquet.Schema {
	g := ordered{Group: parquet.Group{}}
	for _, f := range fields {
		g.Group[f.Name] = f.Node
		g.names = append(g.names, f.Name)
	}
	return parquet.NewSchema(name, g)
}

// ordered is a group that keeps the order of its fields.
type ordered struct {
	parquet.Group
	names []string
}

// Fields implements [parquet.Node].
func (o ordered) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range o.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(o.names))
	for i, name := range o.names {
		fields[i] = byName[name]
	}
	return fields
}
