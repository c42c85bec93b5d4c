package duckdb

import (
	"context"
	"fmt"
	"strings"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// column is a type of DuckDB, of a column or of what is in it.
type column struct {
	id       duckdb.Type
	internal duckdb.Type // of decimals and enums
	name     string      // as the result has it
	kind     tabular.Type

	scale    int
	size     int       // of arrays
	fields   []string  // of structs
	children []*column // of lists, arrays, structs and maps, which have a key and a value
	words    []string  // of enums
}

var simple = map[duckdb.Type]struct {
	name string
	kind tabular.Type
}{
	duckdb.TypeBoolean: {"boolean", tabular.Boolean}, duckdb.TypeTinyInt: {"tinyint", tabular.Integer},
	duckdb.TypeSmallInt: {"smallint", tabular.Integer}, duckdb.TypeInteger: {"integer", tabular.Integer},
	duckdb.TypeBigInt: {"bigint", tabular.Integer}, duckdb.TypeUTinyInt: {"smallint", tabular.Integer},
	duckdb.TypeUSmallInt: {"integer", tabular.Integer}, duckdb.TypeUInteger: {"bigint", tabular.Integer},
	duckdb.TypeUBigInt: {"decimal(20,0)", tabular.Decimal}, duckdb.TypeHugeInt: {"decimal(38,0)", tabular.Decimal},
	duckdb.TypeUHugeInt: {"decimal(39,0)", tabular.Decimal},
	duckdb.TypeFloat:    {"real", tabular.Real}, duckdb.TypeDouble: {"double", tabular.Real},
	duckdb.TypeVarchar: {"varchar", tabular.Text}, duckdb.TypeBlob: {"varbinary", tabular.Bytes},
	duckdb.TypeDate: {"date", tabular.Date}, duckdb.TypeTimestamp: {"timestamp(6)", tabular.Timestamp},
	duckdb.TypeTimestampS: {"timestamp(0)", tabular.Timestamp}, duckdb.TypeTimestampMS: {"timestamp(3)", tabular.Timestamp},
	duckdb.TypeTimestampNS: {"timestamp(9)", tabular.Timestamp}, duckdb.TypeTimestampTZ: {"timestamp(6) with time zone", tabular.Timestamp},
	duckdb.TypeTime: {"time(6)", tabular.Text}, duckdb.TypeInterval: {"varchar", tabular.Text}, duckdb.TypeUUID: {"uuid", tabular.Text},
	duckdb.TypeBit: {"varchar", tabular.Text}, duckdb.TypeEnum: {"varchar", tabular.Text}, duckdb.TypeSQLNull: {"unknown", tabular.Text},
}

// columnOf reads a type, and frees it.
func columnOf(t duckdb.LogicalType) (*column, error) {
	defer duckdb.DestroyLogicalType(&t)
	c := &column{id: duckdb.GetTypeId(t)}
	if s, ok := simple[c.id]; ok {
		c.name, c.kind = s.name, s.kind
	}
	var err error
	switch c.id {
	case duckdb.TypeVarchar:
		if duckdb.LogicalTypeGetAlias(t) == "JSON" {
			c.name, c.kind = "json", tabular.JSON
		}
	case duckdb.TypeDecimal:
		c.kind, c.internal, c.scale = tabular.Decimal, duckdb.DecimalInternalType(t), int(duckdb.DecimalScale(t))
		c.name = fmt.Sprintf("decimal(%d,%d)", duckdb.DecimalWidth(t), c.scale)
	case duckdb.TypeEnum:
		c.internal = duckdb.EnumInternalType(t)
		for i := range duckdb.EnumDictionarySize(t) {
			c.words = append(c.words, duckdb.EnumDictionaryValue(t, duckdb.IdxT(i)))
		}
	case duckdb.TypeList:
		err = c.contain("array(%s)", duckdb.ListTypeChildType(t))
	case duckdb.TypeArray:
		c.size = int(duckdb.ArrayTypeArraySize(t))
		err = c.contain("array(%s)", duckdb.ArrayTypeChildType(t))
	case duckdb.TypeMap:
		err = c.contain("map(%s)", duckdb.MapTypeKeyType(t), duckdb.MapTypeValueType(t))
	case duckdb.TypeStruct:
		var children []duckdb.LogicalType
		for i := range duckdb.StructTypeChildCount(t) {
			c.fields = append(c.fields, duckdb.StructTypeChildName(t, i))
			children = append(children, duckdb.StructTypeChildType(t, i))
		}
		err = c.contain("row(%s)", children...)
	}
	if err == nil && c.name == "" {
		err = &query.Failure{Name: query.NotSupported, Message: "a column is of a type that cannot be shown; cast it to varchar"}
	}
	return c, err
}

func (c *column) contain(format string, children ...duckdb.LogicalType) (err error) {
	c.kind = tabular.JSON
	var names []string
	for i, t := range children {
		child, wrong := columnOf(t)
		if wrong != nil {
			err = wrong
		}
		c.children = append(c.children, child)
		name := child.name
		if c.fields != nil {
			name = fmt.Sprintf("%q %s", c.fields[i], name)
		}
		names = append(names, name)
	}
	c.name = fmt.Sprintf(format, strings.Join(names, ", "))
	return err
}

// answer gives out what DuckDB gives.
type answer struct {
	limit  int
	out    query.Sink
	types  []*column
	names  []string
	row    []tabular.Value
	buffer []byte // what the values of a row are parts of
}

func (a *answer) columns(stmt duckdb.PreparedStatement) error {
	var columns []query.Column
	for i := range duckdb.PreparedStatementColumnCount(stmt) {
		c, err := columnOf(duckdb.PreparedStatementColumnLogicalType(stmt, i))
		if err != nil {
			return err
		}
		name := duckdb.PreparedStatementColumnName(stmt, i)
		a.types, a.names = append(a.types, c), append(a.names, name)
		columns = append(columns, query.Column{Name: name, Type: c.name})
	}
	a.row = make([]tabular.Value, len(columns))
	return a.out.Columns(columns)
}

func (a *answer) rows(ctx context.Context, chunk duckdb.DataChunk) error {
	vectors := make([]vector, len(a.types))
	for i, c := range a.types {
		vectors[i] = vectorOf(duckdb.DataChunkGetVector(chunk, duckdb.IdxT(i)), c)
	}
	for row := range int(duckdb.DataChunkGetSize(chunk)) {
		if row%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		a.buffer = a.buffer[:0]
		for i := range vectors {
			if err := a.value(&a.row[i], &vectors[i], row); err != nil {
				return &query.Failure{Name: query.InvalidData, Message: fmt.Sprintf("column %q: %v", a.names[i], err)}
			}
			if len(a.row[i].Bytes) > a.limit {
				return &query.Failure{
					Name: query.ExceededLimit, Type: query.InsufficientResources,
					Message: fmt.Sprintf("a value of column %q is larger than %d bytes", a.names[i], a.limit),
				}
			}
		}
		if err := a.out.Row(a.row); err != nil {
			return err
		}
	}
	return nil
}

// value sets v to a value of a vector, whose bytes may stay DuckDB's.
func (a *answer) value(v *tabular.Value, of *vector, row int) error {
	*v = tabular.Value{}
	if !of.valid(row) || of.typ.id == duckdb.TypeSQLNull {
		return nil
	}
	v.Type = of.typ.kind
	switch v.Type {
	case tabular.Boolean, tabular.Integer:
		v.Int = of.integer(of.typ.id, row)
		return nil
	case tabular.Real:
		v.Float = of.float(row)
		return nil
	}
	if of.typ.id == duckdb.TypeVarchar || of.typ.id == duckdb.TypeBlob {
		v.Bytes = of.bytes(row)
		return nil
	}
	start := len(a.buffer)
	var err error
	if a.buffer, err = of.append(a.buffer, row); err != nil {
		return err
	}
	v.Bytes = a.buffer[start:len(a.buffer):len(a.buffer)]
	return nil
}
