package uispec

import (
	"maps"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

// The keywords whose values are schemas: one, a list, or an object of them.
var (
	oneSchema = []string{
		"items", "additionalItems", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
		"unevaluatedItems", "unevaluatedProperties",
	}
	listOfSchemas = []string{"allOf", "anyOf", "oneOf", "prefixItems", "items"}
	mapOfSchemas  = []string{"properties", "patternProperties", "definitions", "$defs", "dependentSchemas"}
)

// inner are the keywords whose schemas are for later reference only.
var inner = map[string]bool{"definitions": true, "$defs": true}

// refused are the keywords that change what references mean.
var refused = []string{"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary"}

// walk goes through a schema, rewrites it, and learns what checking costs.
type walk struct {
	max   int
	nodes map[string]*node // by pointer
}

// node is a schema within a schema.
type node struct {
	fields  map[string]any // nil for true and false
	own     int            // its cost without others
	uses    []string       // the pointers of those that are checked with it
	cost    int            // of all; 0 for not known yet
	onStack bool
}

func newWalk(doc map[string]any, max int) *walk {
	delete(doc, "$id") // what it is called elsewhere does not matter here
	return &walk{max: max, nodes: map[string]*node{}}
}

func errSchema(at, format string, args ...any) error {
	return errs.New(errs.Invalid, "ui_spec is invalid: "+format+" at %s", append(args, shownPath([]string{at}))...)
}

// shownPath bounds a place in a message.
func shownPath(at []string) string {
	s := strings.Join(at, "/")
	return strings.ToValidUTF8(s[:min(len(s), 200)], "?")
}

// schema goes through a schema.
func (w *walk) schema(v any, at string) error {
	if len(w.nodes) >= w.max {
		return errs.New(errs.TooLarge, "ui_spec has more than %d schemas", w.max)
	}
	n := &node{own: 1}
	w.nodes[at] = n
	fields, ok := v.(map[string]any)
	if !ok {
		if _, ok := v.(bool); !ok {
			return errSchema(at, "no schema")
		}
		return nil
	}
	n.fields = fields
	for _, key := range refused {
		if fields[key] != nil {
			return errSchema(at, "%s cannot be used", key)
		}
	}
	delete(fields, "$schema")
	if err := branches(fields, at); err != nil {
		return err
	}
	if err := n.pattern(at); err != nil {
		return err
	}
	if ref, ok := fields["$ref"].(string); ok {
		target, err := local(ref)
		if err != nil {
			return errSchema(at, "%s", err.Error())
		}
		n.uses = append(n.uses, target)
	}
	return w.children(n, at)
}

func (w *walk) children(n *node, at string) error {
	child := func(v any, key string) error {
		n.uses = append(n.uses, key)
		return w.schema(v, key)
	}
	for _, key := range oneSchema {
		v := n.fields[key]
		if _, list := v.([]any); v == nil || list {
			continue
		}
		if err := child(v, at+"/"+key); err != nil {
			return err
		}
	}
	for _, key := range listOfSchemas {
		list, _ := n.fields[key].([]any)
		for i, v := range list {
			if err := child(v, at+"/"+key+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
	}
	for _, key := range mapOfSchemas {
		fields, _ := n.fields[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			place := at + "/" + key + "/" + encode(name)
			if key == "patternProperties" {
				cost, err := patternCost(name)
				if err != nil {
					return errSchema(place, "%s", err.Error())
				}
				n.own += cost
			}
			if inner[key] {
				if err := w.schema(fields[name], place); err != nil {
					return err
				}
				continue
			}
			if err := child(fields[name], place); err != nil {
				return err
			}
		}
	}
	return nil
}

// costOf returns what checking with a schema costs.
func (w *walk) costOf(at string) (int, error) {
	n := w.nodes[at]
	switch {
	case n == nil:
		return 0, errSchema(at, "no schema that can be referred to")
	case n.onStack:
		return 0, errSchema(at, "a schema that refers to itself")
	case n.cost > 0:
		return n.cost, nil
	}
	n.onStack = true
	defer func() { n.onStack = false }()
	total := n.own
	for _, use := range n.uses {
		cost, err := w.costOf(use)
		if err != nil {
			return 0, err
		}
		if total += cost; total > w.max {
			return 0, errs.New(errs.TooLarge, "ui_spec is too costly to check with: more than %d schemas and steps of patterns", w.max)
		}
	}
	n.cost = total
	return total, nil
}

var pointerEncoder = strings.NewReplacer("~", "~0", "/", "~1")

func encode(part string) string { return pointerEncoder.Replace(part) }

// local returns the pointer that a reference within the spec leads to.
func local(ref string) (string, error) {
	u, err := url.Parse(ref)
	if err != nil || ref != "#" && !strings.HasPrefix(ref, "#/") {
		return "", errs.New(errs.Invalid, "a $ref that does not begin with #/")
	}
	return strings.TrimSuffix("#"+u.Fragment, "/"), nil
}

// pattern takes the slashes off a pattern and counts its steps.
func (n *node) pattern(at string) error {
	pattern, ok := n.fields["pattern"].(string)
	if !ok {
		return nil
	}
	pattern = withoutSlashes(pattern)
	n.fields["pattern"] = pattern
	cost, err := patternCost(pattern)
	if err != nil {
		return errSchema(at+"/pattern", "%s", err.Error())
	}
	n.own += cost
	return nil
}

var slashed = regexp.MustCompile(`(?s)^/(.*)/([dgimsuvy]*)$`)

// withoutSlashes returns a pattern that stands between slashes, as JavaScript
// has it, as one that does not.
func withoutSlashes(pattern string) string {
	m := slashed.FindStringSubmatch(pattern)
	if m == nil {
		return pattern
	}
	flags := ""
	for _, flag := range "ims" {
		if strings.ContainsRune(m[2], flag) {
			flags += string(flag)
		}
	}
	if flags != "" {
		return "(?" + flags + ")" + m[1]
	}
	return m[1]
}

// maxPattern is the most bytes of a pattern.
const maxPattern = 4096

// patternCost returns how many steps a pattern has.
func patternCost(pattern string) (int, error) {
	if len(pattern) > maxPattern {
		return 0, errs.New(errs.TooLarge, "a pattern that is longer than %d bytes", maxPattern)
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, errs.Wrap(errs.Invalid, err, "a pattern that is no regular expression here (RE2)")
	}
	cost := steps(re)
	if cost > DefaultMaxCost {
		return 0, errs.New(errs.TooLarge, "a pattern with too many steps")
	}
	return cost, nil
}

// steps counts the steps of an expression, repeated ones each time.
func steps(re *syntax.Regexp) int {
	n := max(1, len(re.Rune)/8) // a class of characters is searched by halves
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	for _, sub := range re.Sub {
		n += steps(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Max, re.Min, 1)
	}
	return min(n, 1<<30)
}

// branches turns dependencies into conditions: where a form has the field,
// the list's fields are required, or the schema holds, or, of a oneOf, those
// branches that the field fits.
func branches(fields map[string]any, at string) error {
	deps, ok := fields["dependencies"].(map[string]any)
	if !ok {
		return nil
	}
	delete(fields, "dependencies")
	all, ok := fields["allOf"].([]any)
	if fields["allOf"] != nil && !ok {
		return errSchema(at, "an allOf that is no list")
	}
	for _, name := range slices.Sorted(maps.Keys(deps)) {
		present := map[string]any{"required": []any{name}}
		dep, ok := deps[name].(map[string]any)
		if !ok {
			then := deps[name]
			if list, ok := then.([]any); ok {
				then = map[string]any{"required": list}
			}
			all = append(all, map[string]any{"if": present, "then": then})
			continue
		}
		options, _ := dep["oneOf"].([]any)
		if options == nil {
			all = append(all, map[string]any{"if": present, "then": dep})
			continue
		}
		rest := maps.Clone(dep)
		delete(rest, "oneOf")
		if len(rest) > 0 {
			all = append(all, map[string]any{"if": present, "then": rest})
		}
		for _, option := range options {
			branch, ok := option.(map[string]any)
			if !ok {
				return errSchema(at+"/dependencies/"+encode(name), "a branch that is no object")
			}
			then := at + "/allOf/" + strconv.Itoa(len(all)) + "/then"
			all = append(all, map[string]any{"if": fits(branch, name, then), "then": branch})
		}
	}
	fields["allOf"] = all
	return nil
}

// fits is the condition that a field is there, and is as a branch has it, which
// stands at a place of the spec.
func fits(branch map[string]any, name, place string) map[string]any {
	condition := map[string]any{"required": []any{name}}
	properties, _ := branch["properties"].(map[string]any)
	if properties[name] != nil {
		to := url.URL{Fragment: strings.TrimPrefix(place, "#") + "/properties/" + encode(name)}
		condition["properties"] = map[string]any{name: map[string]any{"$ref": to.String()}}
	}
	return condition
}
