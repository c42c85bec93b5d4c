package uispec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/inlet-go/inlet/connector"
)

// schema implements [connector.Schema].
type schema struct {
	opts           Options
	compiled       *jsonschema.Schema
	ranks          map[string]int
	sealed, masked []string
}

// Sealed implements [connector.Schema].
func (s *schema) Sealed() []string { return s.sealed }

// Masked implements [connector.Schema].
func (s *schema) Masked() []string { return s.masked }

// maxProblems is the most that Check tells at once.
const maxProblems = 100

// Check implements [connector.Schema].
func (s *schema) Check(config map[string]any) (problems []connector.Problem) {
	defer func() {
		if recover() != nil {
			problems = []connector.Problem{{Reason: "it cannot be checked"}}
		}
	}()
	m := measure{depth: s.opts.MaxDepth, values: s.opts.MaxValues, bytes: s.opts.MaxConfig}
	if reason := m.value(config, 0); reason != "" {
		return []connector.Problem{{Reason: reason}}
	}
	err := s.compiled.Validate(config)
	if err == nil {
		return nil
	}
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		return []connector.Problem{{Reason: "it cannot be checked"}}
	}
	byField := map[string]connector.Problem{}
	for _, p := range leaves(ve) {
		// Of several about one field the first; that it is missing says most.
		if known, ok := byField[p.Field]; !ok || known.Reason != "" && p.Reason == "" {
			byField[p.Field] = p
		}
	}
	problems = slices.SortedFunc(maps.Values(byField), func(a, b connector.Problem) int {
		if x, y := s.rank(a.Field), s.rank(b.Field); x != y {
			return x - y
		}
		return strings.Compare(a.Field, b.Field)
	})
	return problems[:min(len(problems), maxProblems)]
}

// rank returns the place of a field in the spec; those that it does not have
// are last.
func (s *schema) rank(field string) int {
	var names []string
	for part := range strings.SplitSeq(field, ".") {
		if part == "" || part[0] >= '0' && part[0] <= '9' {
			continue // an element of a list
		}
		names = append(names, part)
	}
	if r, ok := s.ranks[strings.Join(names, ".")]; ok {
		return r
	}
	return len(s.ranks) + 1
}

// leaves returns what is wrong in the end.
func leaves(e *jsonschema.ValidationError) []connector.Problem {
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		return branch(e)
	case *kind.Required:
		return missing(e, k.Missing)
	case *kind.DependentRequired:
		return missing(e, k.Missing)
	case *kind.Dependency:
		return missing(e, k.Missing)
	case *kind.AdditionalProperties:
		var list []connector.Problem
		for _, name := range k.Properties {
			list = append(list, connector.Problem{Field: dotted(e.InstanceLocation, name), Reason: "there is no such field"})
		}
		return list
	case *kind.PropertyNames:
		return []connector.Problem{{Field: dotted(e.InstanceLocation, k.Property), Reason: "a field cannot have this name"}}
	case *kind.MinLength:
		if k.Got == 0 {
			return []connector.Problem{{Field: dotted(e.InstanceLocation)}} // as forms send a field that is not filled in
		}
	}
	if len(e.Causes) == 0 {
		return []connector.Problem{{Field: dotted(e.InstanceLocation), Reason: reason(e.ErrorKind)}}
	}
	var list []connector.Problem
	for _, cause := range e.Causes {
		list = append(list, leaves(cause)...)
	}
	return list
}

// branch returns what is wrong with the alternative that fits best.
func branch(e *jsonschema.ValidationError) []connector.Problem {
	var best []connector.Problem
	for _, cause := range e.Causes {
		if list := leaves(cause); best == nil || len(list) < len(best) {
			best = list
		}
	}
	if best == nil {
		best = []connector.Problem{{Field: dotted(e.InstanceLocation), Reason: "it fits several of the forms that are alternatives"}}
	}
	return best
}

func missing(e *jsonschema.ValidationError, names []string) []connector.Problem {
	list := make([]connector.Problem, len(names))
	for i, name := range names {
		list[i] = connector.Problem{Field: dotted(e.InstanceLocation, name)}
	}
	return list
}

// maxField is the most bytes of a field's name in a problem.
const maxField = 200

func dotted(at []string, name ...string) string {
	field := strings.Join(slices.Concat(at, name), ".")
	if len(field) > maxField {
		return strings.ToValidUTF8(field[:maxField], "?") + "…"
	}
	return field
}

// reason words what is wrong. It names no value: that may be a secret.
func reason(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "it must be " + article(strings.Join(k.Want, " or "))
	case *kind.Enum:
		return "it is none of " + list(k.Want)
	case *kind.Const:
		return fmt.Sprintf("it must be %s", list([]any{k.Want}))
	case *kind.Format:
		if _, own := connector.Formats[k.Want]; own && k.Err != nil {
			return k.Err.Error()
		}
		return "it is no valid " + k.Want
	case *kind.Pattern:
		return "it does not match " + shownPath([]string{k.Want})
	case *kind.MinLength:
		return fmt.Sprintf("it is shorter than %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("it is longer than %d characters", k.Want)
	case *kind.Minimum:
		return "it is less than " + k.Want.RatString()
	case *kind.Maximum:
		return "it is more than " + k.Want.RatString()
	case *kind.ExclusiveMinimum:
		return "it is not more than " + k.Want.RatString()
	case *kind.ExclusiveMaximum:
		return "it is not less than " + k.Want.RatString()
	case *kind.MultipleOf:
		return "it is no multiple of " + k.Want.RatString()
	case *kind.MinItems:
		return fmt.Sprintf("it has fewer than %d items", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("it has more than %d items", k.Want)
	case *kind.AdditionalItems:
		return "it has too many items"
	case *kind.UniqueItems:
		return "it has an item twice"
	case *kind.MinProperties:
		return fmt.Sprintf("it has fewer than %d fields", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("it has more than %d fields", k.Want)
	case *kind.FalseSchema, *kind.Not:
		return "it is not allowed"
	}
	return "it does not fit the form"
}

func article(noun string) string {
	if strings.ContainsAny(noun[:min(1, len(noun))], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}

// list writes the values that a schema allows.
func list(values []any) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > maxField {
			return b.String() + "…"
		}
		fmt.Fprintf(&b, "%.50v", v)
	}
	return b.String()
}
