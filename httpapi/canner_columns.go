package httpapi

import (
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/query"
)

// cannerColumn is a column as Trino tells it.
type cannerColumn struct {
	Name          string          `json:"name"`
	Type          string          `json:"type"`
	TypeSignature cannerSignature `json:"typeSignature"`
}

// cannerSignature is a type in parts.
type cannerSignature struct {
	RawType   string           `json:"rawType"`
	Arguments []cannerArgument `json:"arguments"`
}

// cannerArgument is a number, of kind LONG, or a type, of kind TYPE.
type cannerArgument struct {
	Kind  string `json:"kind"`
	Value any    `json:"value"`
}

// unboundedVarchar is the length that Trino gives a varchar without one.
const unboundedVarchar = 2147483647

func newCannerColumns(columns []query.Column) []cannerColumn {
	if columns == nil {
		return nil
	}
	list := make([]cannerColumn, len(columns))
	for i, c := range columns {
		list[i] = cannerColumn{Name: c.Name, Type: c.Type, TypeSignature: cannerTypeSignature(c.Type)}
	}
	return list
}

// cannerTypeSignature takes a type's name apart: decimal(10,2), array(bigint),
// timestamp(3) with time zone. Names of fields of rows are left out.
func cannerTypeSignature(name string) cannerSignature {
	name = strings.TrimSpace(name)
	open, end := strings.IndexByte(name, '('), strings.LastIndexByte(name, ')')
	if open < 0 || end < open {
		s := cannerSignature{RawType: name, Arguments: []cannerArgument{}}
		if name == "varchar" {
			s.Arguments = append(s.Arguments, cannerArgument{"LONG", int64(unboundedVarchar)})
		}
		return s
	}
	s := cannerSignature{RawType: name[:open] + name[end+1:], Arguments: []cannerArgument{}}
	for _, part := range cannerTypeParts(name[open+1 : end]) {
		if n, err := strconv.ParseInt(part, 10, 64); err == nil {
			s.Arguments = append(s.Arguments, cannerArgument{"LONG", n})
			continue
		}
		if s.RawType == "row" { // a field's name stands before its type
			if _, typ, ok := strings.Cut(part, " "); ok {
				part = typ
			}
		}
		s.Arguments = append(s.Arguments, cannerArgument{"TYPE", cannerTypeSignature(part)})
	}
	return s
}

// cannerTypeParts splits at the commas that are in no parentheses.
func cannerTypeParts(list string) (parts []string) {
	depth, start := 0, 0
	for i, c := range list {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(list[start:i]))
				start = i + 1
			}
		}
	}
	return append(parts, strings.TrimSpace(list[start:]))
}
