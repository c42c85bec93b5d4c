package uispec

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// parse reads a spec, within the limits. Numbers are json.Number.
func (c *Compiler) parse(spec []byte) (map[string]any, error) {
	if len(spec) > c.opts.MaxSpec {
		return nil, errs.New(errs.TooLarge, "ui_spec is larger than %d bytes", c.opts.MaxSpec)
	}
	if !utf8.Valid(spec) {
		return nil, errs.New(errs.Invalid, "ui_spec is invalid: not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(spec))
	dec.UseNumber()
	var root any
	if err := dec.Decode(&root); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "ui_spec is invalid: it must be JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errs.New(errs.Invalid, "ui_spec is invalid: it must be one JSON value")
	}
	object, ok := root.(map[string]any)
	if !ok {
		return nil, errs.New(errs.Invalid, "ui_spec is invalid: it must be an object")
	}
	m := measure{depth: c.opts.MaxDepth, values: math.MaxInt, bytes: math.MaxInt}
	if reason := m.value(object, 0); reason != "" {
		return nil, errs.New(errs.TooLarge, "ui_spec is invalid: %s", reason)
	}
	return object, nil
}

// measure is what a value may have yet.
type measure struct{ depth, values, bytes int }

// value takes a value off, and returns what is too much of it, or "".
func (m *measure) value(v any, depth int) string {
	if m.values--; m.values < 0 {
		return "it has too many values"
	}
	if depth > m.depth {
		return "it is nested too deeply"
	}
	switch v := v.(type) {
	case string:
		m.bytes -= len(v)
	case json.Number:
		if !usual(v) {
			return "it has a number that is too large or too long"
		}
	case map[string]any:
		for key, field := range v {
			m.bytes -= len(key)
			if reason := m.value(field, depth+1); reason != "" {
				return reason
			}
		}
	case []any:
		for _, item := range v {
			if reason := m.value(item, depth+1); reason != "" {
				return reason
			}
		}
	}
	if m.bytes < 0 {
		return "it is too long"
	}
	return ""
}

// usual reports whether a number is one that arithmetic without rounding is
// quick with: 1e999999999 has a billion digits.
func usual(n json.Number) bool {
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || len(n) > 64 || math.IsInf(f, 0) {
		return false
	}
	_, exponent, ok := strings.Cut(strings.ToLower(n.String()), "e")
	e, err := strconv.Atoi(exponent)
	return !ok || err == nil && e >= -400 && e <= 400
}

// ranksOf returns the order in which a spec has the fields of configs, by
// their dotted names.
func ranksOf(spec []byte) map[string]int {
	r := ranker{dec: json.NewDecoder(bytes.NewReader(spec)), ranks: map[string]int{}}
	_ = r.value(nil, "") // it was read before
	return r.ranks
}

// ranker notes the names in objects that are called properties.
type ranker struct {
	dec   *json.Decoder
	ranks map[string]int
}

// value reads a value that stands under key. at is the field that it is about.
func (r *ranker) value(at []string, key string) error {
	token, err := r.dec.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	for r.dec.More() {
		below, name := at, ""
		if delim == '{' {
			token, err := r.dec.Token()
			if err != nil {
				return err
			}
			name, _ = token.(string)
			if key == "properties" {
				below = append(at[:len(at):len(at)], name)
				if field := strings.Join(below, "."); r.ranks[field] == 0 {
					r.ranks[field] = len(r.ranks) + 1
				}
				name = "" // a field that is called properties is no keyword
			}
		}
		if err := r.value(below, name); err != nil {
			return err
		}
	}
	_, err = r.dec.Token()
	return err
}
