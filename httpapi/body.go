package httpapi

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// object is a JSON object of a body. A field that is null is absent, and a
// field that nobody reads is ignored, as the products do.
type object struct {
	in     *input
	name   string // dotted; "" for the body itself
	fields map[string]any
}

func (o object) has(key string) bool { return o.fields[key] != nil }

// field returns the full name of a field.
func (o object) field(key string) string {
	if o.name == "" {
		return key
	}
	return o.name + "." + key
}

func (o object) problem(key, reason string) {
	o.in.note("%s is invalid: %s", o.field(key), reason)
}

func (o object) required(key string) {
	o.in.note("%s is required", o.field(key))
}

// text returns a text, or "".
func (o object) text(key string) string {
	return o.asText(key, o.fields[key])
}

func (o object) asText(key string, v any) string {
	if v == nil {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		o.problem(key, "it must be a string")
		return ""
	}
	if reason := checkText(s); reason != "" {
		o.problem(key, reason)
		return ""
	}
	return s
}

// optionalText returns a text, or nil.
func (o object) optionalText(key string) *string {
	if !o.has(key) {
		return nil
	}
	s := o.text(key)
	return &s
}

// texts returns a list of texts, or nil.
func (o object) texts(key string) []string {
	items := o.items(key)
	if items == nil {
		return nil
	}
	list := make([]string, len(items))
	for i, item := range items {
		name := element(key, i)
		if item == nil {
			o.problem(name, "it must be a string")
			continue
		}
		list[i] = o.asText(name, item)
	}
	return list
}

// id returns an id, which is required.
func (o object) id(key string) int64 {
	if !o.hasID(key) {
		o.required(key)
		return 0
	}
	return o.asID(key, o.fields[key])
}

// optionalID returns an id, or 0.
func (o object) optionalID(key string) int64 {
	if !o.hasID(key) {
		return 0
	}
	return o.asID(key, o.fields[key])
}

// hasID reports whether there is an id; some clients send "" for none.
func (o object) hasID(key string) bool { return o.has(key) && o.fields[key] != "" }

func (o object) asID(key string, v any) int64 {
	text, ok := v.(string)
	if n, number := v.(json.Number); number {
		text, ok = n.String(), true
	}
	id, reason := parseID(text)
	if !ok || reason != "" {
		o.problem(key, "it must be a positive whole number, or a string of one")
	}
	return id
}

// ids returns a list of ids, or nil.
func (o object) ids(key string) []int64 {
	var list []int64
	for i, item := range o.items(key) {
		list = append(list, o.asID(element(key, i), item))
	}
	return list
}

// integer returns a number, or 0.
func (o object) integer(key string) int {
	if !o.has(key) {
		return 0
	}
	number, ok := o.fields[key].(json.Number)
	n, err := strconv.ParseInt(number.String(), 10, 32)
	if !ok || err != nil {
		o.problem(key, "it must be a whole number")
	}
	return int(n)
}

// whole returns a number of 64 bits, or 0.
func (o object) whole(key string) int64 {
	if !o.has(key) {
		return 0
	}
	number, ok := o.fields[key].(json.Number)
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if !ok || err != nil {
		o.problem(key, "it must be a whole number")
	}
	return n
}

// flag returns a boolean, or nil.
func (o object) flag(key string) *bool {
	if !o.has(key) {
		return nil
	}
	b, ok := o.fields[key].(bool)
	if !ok {
		o.problem(key, "it must be true or false")
		return nil
	}
	return &b
}

// object returns a nested object; one that is absent has no fields.
func (o object) object(key string) object {
	nested := object{in: o.in, name: o.field(key)}
	if !o.has(key) {
		return nested
	}
	fields, ok := o.fields[key].(map[string]any)
	if !ok {
		o.problem(key, "it must be an object")
	}
	nested.fields = fields
	return nested
}

func (o object) items(key string) []any {
	if !o.has(key) {
		return nil
	}
	items, ok := o.fields[key].([]any)
	if !ok {
		o.problem(key, "it must be an array")
	}
	return items
}

func element(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }
