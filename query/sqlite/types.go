package sqlite

import (
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/query/tabular"
)

// declarations are the types that the columns of cached tables have. What
// SQLite makes of the words is the affinity that leaves the values as they
// are: texts are never made numbers. SQLite's driver knows none of those that
// hold times.
var declarations = map[tabular.Type]string{
	tabular.Text:      "VARCHAR",
	tabular.Integer:   "BIGINT",
	tabular.Real:      "DOUBLE",
	tabular.Boolean:   "BOOL_INT",
	tabular.Decimal:   "DECIMAL_TEXT",
	tabular.Date:      "DATE_TEXT",
	tabular.Timestamp: "TIMESTAMP_TEXT",
	tabular.Bytes:     "VARBINARY_BLOB",
	tabular.JSON:      "JSON_TEXT",
}

// trinoTypes are what results call the types, by the declaration.
var trinoTypes = map[string]string{
	"VARCHAR": "varchar", "BIGINT": "bigint", "DOUBLE": "double", "BOOL_INT": "boolean", "DECIMAL_TEXT": "decimal",
	"DATE_TEXT": "date", "TIMESTAMP_TEXT": "timestamp", "VARBINARY_BLOB": "varbinary", "JSON_TEXT": "json",
}

// zonedTimestamp is the declaration of timestamps that all end with Z.
const zonedTimestamp = "TIMESTAMP_UTC_TEXT"

// declared returns what the declared type of a column means; Null and "" where
// it is none of ours.
func declared(decl string) (tabular.Type, string) {
	base, args, _ := strings.Cut(decl, "(")
	if args != "" {
		args = "(" + args
	}
	if base == zonedTimestamp {
		return tabular.Timestamp, "timestamp" + args + " with time zone"
	}
	kind, ok := kinds[base]
	if !ok {
		return tabular.Null, ""
	}
	return kind, trinoTypes[base] + args
}

// kinds are the types by their declarations.
var kinds = func() map[string]tabular.Type {
	all := map[string]tabular.Type{}
	for typ, decl := range declarations {
		all[decl] = typ
	}
	return all
}()

// columnShape is what the values of a column have in common that their type
// does not tell.
type columnShape struct {
	whole, fraction int // digits of decimals; of timestamps only the fraction's
	some, zoned     bool
}

// note looks at a value that is not null.
func (s *columnShape) note(v tabular.Value) {
	switch v.Type {
	case tabular.Decimal:
		text := strings.TrimPrefix(string(v.Bytes), "-")
		whole, fraction, _ := strings.Cut(text, ".")
		if strings.ContainsAny(text, "eE") {
			s.whole = 1000 // has no precision to speak of
		}
		s.whole, s.fraction = max(s.whole, len(strings.TrimLeft(whole, "0"))), max(s.fraction, len(fraction))
	case tabular.Timestamp:
		text, zoned := strings.CutSuffix(string(v.Bytes), "Z")
		if !s.some {
			s.zoned = true
		}
		s.zoned = s.zoned && zoned
		_, fraction, _ := strings.Cut(text, ".")
		s.fraction = max(s.fraction, len(fraction))
	}
	s.some = true
}

// declare returns the type to declare for a column with such values.
func (s *columnShape) declare(typ tabular.Type) string {
	decl := declarations[typ]
	switch {
	case !s.some:
	case typ == tabular.Decimal && s.whole+s.fraction <= 38:
		decl += "(" + strconv.Itoa(max(s.whole+s.fraction, 1)) + "," + strconv.Itoa(s.fraction) + ")"
	case typ == tabular.Timestamp:
		if s.zoned {
			decl = zonedTimestamp
		}
		decl += "(" + strconv.Itoa(s.fraction) + ")"
	}
	return decl
}

// definition returns the columns of a CREATE TABLE.
func definition(columns []tabular.Column, shapes []columnShape) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		decl := declarations[c.Type]
		if shapes != nil {
			decl = shapes[i].declare(c.Type)
		}
		b.WriteString(quote(c.Name) + " " + decl)
		if c.Type == tabular.Decimal {
			b.WriteString(" COLLATE " + decimalCollation)
		}
	}
	return "(" + b.String() + ")"
}
