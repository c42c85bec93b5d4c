package httpapi

import "slices"

// shape is a JSON Schema of the few keywords that the product's own has. What
// does not fit is told as its validator does: the place in the schema, and why.
type shape struct {
	kind     string // "object", "array" or "string"
	required []string
	fields   []shapeField // of an object: these and no others
	items    *shape       // of an array, which has one at least
	allowed  []string     // of a string; nil allows all
}

type shapeField struct {
	name string
	shape
}

// obsrvListShape is ConnectorsListValidationSchema.json of the product.
var obsrvListShape = shape{
	kind: "object", required: []string{"id", "ver", "ts", "params", "request"},
	fields: []shapeField{
		{"id", shape{kind: "string", allowed: []string{"api.connectors.list"}}},
		{"ver", shape{kind: "string"}},
		{"ts", shape{kind: "string"}},
		{"params", shape{kind: "object", required: []string{"msgid"}, fields: []shapeField{{"msgid", shape{kind: "string"}}}}},
		{"request", shape{kind: "object", fields: []shapeField{
			{"filters", shape{kind: "object", fields: []shapeField{
				{"status", oneOrMore("Draft", "InValidation", "Live", "Retired")},
				{"category", oneOrMore("Database", "File")},
			}}},
		}}},
	},
}

func oneOrMore(allowed ...string) shape {
	return shape{kind: "array", items: &shape{kind: "string", allowed: allowed}}
}

// check returns the first thing that does not fit, or "". at is the place in
// the schema, which begins with "#".
func (s *shape) check(at string, v any) string {
	place := at + "/"
	if at == "#" {
		place = at // as the product writes it
	}
	switch v := v.(type) {
	case map[string]any:
		if s.kind == "object" {
			return s.object(place, v)
		}
	case []any:
		if s.kind == "array" {
			return s.array(place, v)
		}
	case string:
		switch {
		case s.kind != "string":
		case s.allowed != nil && !slices.Contains(s.allowed, v):
			return place + "enum must be equal to one of the allowed values"
		default:
			return ""
		}
	}
	return place + "type must be " + s.kind
}

func (s *shape) object(place string, v map[string]any) string {
	for _, name := range s.required {
		if _, ok := v[name]; !ok {
			return place + "required must have required property '" + name + "'"
		}
	}
	for name := range v {
		if !slices.ContainsFunc(s.fields, func(f shapeField) bool { return f.name == name }) {
			return place + "additionalProperties must NOT have additional properties"
		}
	}
	for _, f := range s.fields {
		value, ok := v[f.name]
		if !ok {
			continue
		}
		if problem := f.check(place+"properties/"+f.name, value); problem != "" {
			return problem
		}
	}
	return ""
}

func (s *shape) array(place string, v []any) string {
	if len(v) == 0 {
		return place + "minItems must NOT have fewer than 1 items"
	}
	for _, item := range v {
		if problem := s.items.check(place+"items", item); problem != "" {
			return problem
		}
	}
	return ""
}
