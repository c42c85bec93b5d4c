package trinotest

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/query/tabular"
)

// column describes a column of the answer, twice, as Trino does.
type column struct {
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	Signature signature `json:"typeSignature"`
}

type signature struct {
	RawType   string     `json:"rawType"`
	Arguments []argument `json:"arguments"`
}

type argument struct {
	Kind  string `json:"kind"`
	Value any    `json:"value"`
}

type namedType struct {
	FieldName fieldName `json:"fieldName"`
	Signature signature `json:"typeSignature"`
}

type fieldName struct {
	Name string `json:"name"`
}

// signatureOf reads a type such as timestamp(3) with time zone, array(bigint)
// or row(a bigint, b varchar).
func signatureOf(typ string) signature {
	head, rest, ok := strings.Cut(typ, "(")
	s := signature{RawType: typ, Arguments: []argument{}}
	if !ok {
		if typ == "varchar" {
			s.Arguments = append(s.Arguments, argument{"LONG", math.MaxInt32})
		}
		return s
	}
	end := strings.LastIndexByte(rest, ')')
	s.RawType = head + rest[end+1:]
	for _, part := range split(rest[:end]) {
		switch n, err := strconv.ParseInt(part, 10, 64); {
		case err == nil:
			s.Arguments = append(s.Arguments, argument{"LONG", n})
		case s.RawType == "row":
			name, of, _ := strings.Cut(part, " ")
			s.Arguments = append(s.Arguments, argument{"NAMED_TYPE", namedType{fieldName{name}, signatureOf(of)}})
		default:
			s.Arguments = append(s.Arguments, argument{"TYPE", signatureOf(part)})
		}
	}
	return s
}

// split separates arguments at the commas that are in no parentheses.
func split(list string) (parts []string) {
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

// encode writes a row as the protocol has it.
func encode(columns []column, row []tabular.Value) json.RawMessage {
	b := []byte{'['}
	for i, v := range row {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, columns[i], v)
	}
	return append(b, ']')
}

func appendValue(b []byte, c column, v tabular.Value) []byte {
	text := string(v.Bytes)
	switch v.Type {
	case tabular.Null:
		return append(b, "null"...)
	case tabular.Integer:
		return strconv.AppendInt(b, v.Int, 10)
	case tabular.Boolean:
		return strconv.AppendBool(b, v.Int != 0)
	case tabular.Real:
		switch {
		case math.IsNaN(v.Float):
			return append(b, `"NaN"`...)
		case math.IsInf(v.Float, 0):
			return append(b, map[bool]string{true: `"Infinity"`, false: `"-Infinity"`}[v.Float > 0]...)
		}
		return strconv.AppendFloat(b, v.Float, 'g', -1, 64)
	case tabular.Bytes:
		text = base64.StdEncoding.EncodeToString(v.Bytes)
	case tabular.Timestamp:
		if local, utc := strings.CutSuffix(text, "Z"); utc {
			text = local + " UTC"
		}
	case tabular.JSON:
		if c.Type != "json" {
			return append(b, v.Bytes...)
		}
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // texts can be written
	}
	return append(b, quoted...)
}
