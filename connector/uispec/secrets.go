package uispec

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// secrets finds the parts of configs that are sealed, and those that answers
// mask, in the schema and in the hints for the form beside it.
func (s *schema) secrets(w *walk, hints map[string]any) {
	found := &secretFinder{walk: w, sealed: map[string]bool{}, masked: map[string]bool{}}
	found.schema("#", "")
	found.hints(hints, "")
	s.masked = slices.Sorted(maps.Keys(found.masked))
	for _, pointer := range slices.Sorted(maps.Keys(found.sealed)) {
		// A part within another one is sealed with it.
		if !slices.ContainsFunc(s.sealed, func(outer string) bool { return outer == "" || strings.HasPrefix(pointer, outer+"/") }) {
			s.sealed = append(s.sealed, pointer)
		}
	}
}

type secretFinder struct {
	*walk
	sealed, masked map[string]bool // by the pointers in configs
}

// widget reports whether a schema or a hint asks for a field of a password.
func widget(fields map[string]any) bool {
	options, _ := fields["ui:options"].(map[string]any)
	return fields["ui:widget"] == "password" || fields["format"] == "password" || options["widget"] == "password"
}

// schema looks at the schema at a place of the spec, which is for the value at
// a pointer of configs. No schema refers to itself.
func (f *secretFinder) schema(at, pointer string) {
	n := f.nodes[at]
	if n == nil || n.fields == nil {
		return
	}
	if n.fields["encrypt"] == true {
		f.sealed[pointer] = true
	}
	if widget(n.fields) && pointer != "" {
		f.masked[pointer] = true
	}
	if ref, ok := n.fields["$ref"].(string); ok {
		if target, err := local(ref); err == nil {
			f.schema(target, pointer)
		}
	}
	for _, key := range []string{"if", "then", "else"} {
		f.schema(at+"/"+key, pointer)
	}
	for _, key := range []string{"items", "additionalItems", "contains", "additionalProperties", "unevaluatedItems", "unevaluatedProperties"} {
		f.schema(at+"/"+key, pointer+"/*")
	}
	for _, key := range listOfSchemas {
		below := pointer
		if key == "items" || key == "prefixItems" {
			below += "/*"
		}
		list, _ := n.fields[key].([]any)
		for i := range list {
			f.schema(at+"/"+key+"/"+strconv.Itoa(i), below)
		}
	}
	for _, key := range mapOfSchemas {
		fields, _ := n.fields[key].(map[string]any)
		for name := range fields {
			place := at + "/" + key + "/" + encode(name)
			switch key {
			case "properties":
				f.schema(place, pointer+"/"+encode(name))
			case "patternProperties":
				f.schema(place, pointer+"/*")
			case "dependentSchemas":
				f.schema(place, pointer)
			}
		}
	}
}

// hints looks at the hints for the value at a pointer.
func (f *secretFinder) hints(hints map[string]any, pointer string) {
	if widget(hints) && pointer != "" {
		f.masked[pointer] = true
	}
	for name, v := range hints {
		below, ok := v.(map[string]any)
		switch {
		case !ok || name == "ui:options":
		case name == "items" || name == "additionalProperties":
			f.hints(below, pointer+"/*")
			f.hints(below, pointer+"/"+name) // or a field of that name
		default:
			f.hints(below, pointer+"/"+encode(name))
		}
	}
}
