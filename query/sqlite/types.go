package sqlite

import (
	"bytes"
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

// exactDecimal is the declaration of decimals that float64 gives back as they
// are. They are numbers for SQLite, in all that it does with them.
const exactDecimal = "DECIMAL_REAL"

// scaleOf returns how many digits the decimals of a declaration have behind the
// point, or -1.
func scaleOf(decl string) int {
	_, scale, _ := strings.Cut(strings.TrimSuffix(decl, ")"), ",")
	if n, err := strconv.Atoi(scale); err == nil && strings.HasPrefix(decl, exactDecimal) {
		return n
	}
	return -1
}

// declared returns what the declared type of a column means; Null and "" where
// it is none of ours.
func declared(decl string) (tabular.Type, string) {
	base, args, _ := strings.Cut(decl, "(")
	if args != "" {
		args = "(" + args
	}
	switch base {
	case zonedTimestamp:
		return tabular.Timestamp, "timestamp" + args + " with time zone"
	case exactDecimal:
		return tabular.Decimal, "decimal" + args
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
	wide            bool // decimals that float64 does not give back as they are
}

// exactDigits is how many digits of a decimal float64 always gives back.
const exactDigits = 15

// note looks at a value that is not null.
func (s *columnShape) note(v tabular.Value) {
	switch v.Type {
	case tabular.Decimal:
		text, negative := bytes.CutPrefix(v.Bytes, []byte("-"))
		whole, fraction, _ := bytes.Cut(text, []byte("."))
		whole = bytes.TrimLeft(whole, "0")
		zero := negative && len(bytes.Trim(text, "0.")) == 0
		if bytes.ContainsAny(text, "eE+") || zero || len(whole)+len(fraction) > exactDigits || s.some && len(fraction) != s.fraction {
			s.wide = true
		}
		if bytes.ContainsAny(text, "eE") {
			s.whole = 1000 // has no precision to speak of
		}
		s.whole, s.fraction = max(s.whole, len(whole)), max(s.fraction, len(fraction))
	case tabular.Timestamp:
		text, zoned := bytes.CutSuffix(v.Bytes, []byte("Z"))
		if !s.some {
			s.zoned = true
		}
		s.zoned = s.zoned && zoned
		_, fraction, _ := bytes.Cut(text, []byte("."))
		s.fraction = max(s.fraction, len(fraction))
	}
	s.some = true
}

// declare returns the type to declare for a column with such values.
func (s *columnShape) declare(typ tabular.Type) string {
	decl := declarations[typ]
	if typ == tabular.Decimal && !s.wide {
		decl = exactDecimal
	}
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
		if c.Type == tabular.Decimal && (shapes == nil || shapes[i].wide) {
			b.WriteString(" COLLATE " + decimalCollation)
		}
	}
	return "(" + b.String() + ")"
}
