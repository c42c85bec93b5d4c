package parquet

import (
	"strings"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// maxNesting bounds how deep a schema nests.
const maxNesting = 32

// node is an element of the schema.
type node struct {
	element    *format.SchemaElement
	parent     *node
	children   []*node
	repetition int // the levels of a value that is there
	definition int
	first      int // of the leaves below it
	leaves     int // how many these are
	scalar     scalar
}

func (n *node) leaf() bool     { return n.element.Type.Valid }
func (n *node) optional() bool { return n.repetitionType() == format.Optional }
func (n *node) repeated() bool { return n.repetitionType() == format.Repeated }

func (n *node) repetitionType() format.FieldRepetitionType {
	if n.parent == nil || !n.element.RepetitionType.Valid {
		return format.Required
	}
	return n.element.RepetitionType.V
}

// plainColumn reports whether the node is a column with one value a row.
func (n *node) plainColumn() bool { return n.leaf() && n.repetition == 0 }

func (n *node) path() string {
	var names []string
	for ; n != nil && n.parent != nil; n = n.parent {
		names = append([]string{n.element.Name}, names...)
	}
	return strings.Join(names, ".")
}

// isList and isMap report whether the node is annotated so, in the new way or
// the old.
func (n *node) isList() bool {
	_, ok := n.element.LogicalType.Value.(*format.ListType)
	return ok || n.converted(deprecated.List)
}

func (n *node) isMap() bool {
	_, ok := n.element.LogicalType.Value.(*format.MapType)
	return ok || n.converted(deprecated.Map) || n.converted(deprecated.MapKeyValue)
}

func (n *node) converted(t deprecated.ConvertedType) bool {
	return n.element.ConvertedType.Valid && n.element.ConvertedType.V == t
}

// readSchema makes the tree of the schema, which is flat in the file.
func (t *footer) readSchema(limits tabular.Limits) error {
	elements := t.meta.Schema
	if len(elements) == 0 {
		return errs.New(errs.Invalid, "the parquet file has no schema")
	}
	next := 0
	var read func(parent *node, depth int) (*node, error)
	read = func(parent *node, depth int) (*node, error) {
		if next >= len(elements) {
			return nil, errs.New(errs.Invalid, "the parquet file is damaged: its schema ends too early")
		}
		if depth > maxNesting {
			return nil, errs.New(errs.TooLarge, "the schema of the parquet file nests more than %d deep", maxNesting)
		}
		n := &node{element: &elements[next], parent: parent, first: len(t.leaves)}
		next++
		if parent != nil {
			n.repetition, n.definition = parent.repetition, parent.definition
		}
		if n.repeated() {
			n.repetition++
		}
		if n.repeated() || n.optional() {
			n.definition++
		}
		if n.leaf() {
			if len(t.leaves) >= limits.Columns {
				return nil, errs.New(errs.TooLarge, "more than %d columns", limits.Columns)
			}
			t.leaves = append(t.leaves, n)
			n.leaves = 1
			var err error
			n.scalar, err = scalarOf(n, limits)
			return n, err
		}
		for range n.element.NumChildren.V {
			child, err := read(n, depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, child)
			n.leaves += child.leaves
		}
		return n, nil
	}
	var err error
	if t.root, err = read(nil, 0); err != nil {
		return err
	}
	if t.root.leaf() || len(t.leaves) == 0 || next < len(elements) {
		return errs.New(errs.Invalid, "the parquet file is damaged: its schema has no columns, or elements behind them")
	}
	return nil
}

// columns are the nodes that become columns; a group without leaves has no data.
func (t *footer) columns() []*node {
	var all []*node
	for _, n := range t.root.children {
		if n.leaves > 0 {
			all = append(all, n)
		}
	}
	return all
}

func (t *footer) table() tabular.Table {
	var columns []tabular.Column
	for _, n := range t.columns() {
		c := tabular.Column{Original: n.element.Name, Type: tabular.Text, Nullable: n.optional()}
		if n.plainColumn() {
			c.Type = n.scalar.typ
		}
		columns = append(columns, c)
	}
	tabular.Name(columns)
	return tabular.Table{Columns: columns, Rows: t.meta.NumRows}
}
