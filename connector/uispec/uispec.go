// Package uispec compiles the forms of connector definitions, their ui_spec,
// into what configs are checked with.
//
// A ui_spec is a JSON Schema, draft 7 unless it says otherwise, for a form
// library, and in some ways no schema: patterns may stand between slashes, and
// a oneOf of dependencies picks the branch that fits rather than asking for
// exactly one. It is rewritten first; the spec itself is never changed. Its
// older form has the schema in a field of that name, and hints for the form
// beside it (003_37f1d6dc39f6b89a.txt).
package uispec

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// The limits that hold unless Options say otherwise.
const (
	DefaultMaxSpec   = 1 << 20  // bytes of a spec
	DefaultMaxDepth  = 64       // of objects and arrays in each other, of specs and configs
	DefaultMaxCost   = 10_000   // of a spec: its schemas, each as often as it is referred to, and the steps of its patterns
	DefaultMaxConfig = 64 << 10 // bytes of the names and texts of a config
	DefaultMaxValues = 2_000    // of a config
)

// Options qualifies a Compiler; zero fields have defaults.
type Options struct {
	MaxSpec   int // bytes; 0 means DefaultMaxSpec
	MaxDepth  int // 0 means DefaultMaxDepth
	MaxCost   int // 0 means DefaultMaxCost
	MaxConfig int // bytes; 0 means DefaultMaxConfig
	MaxValues int // 0 means DefaultMaxValues
}

// Compiler implements [connector.Compiler]. It is safe for concurrent use.
type Compiler struct{ opts Options }

var _ connector.Compiler = (*Compiler)(nil)

// New returns a compiler.
func New(opts *Options) *Compiler {
	c := &Compiler{}
	if opts != nil {
		c.opts = *opts
	}
	for _, limit := range []struct {
		value    *int
		standard int
	}{
		{&c.opts.MaxSpec, DefaultMaxSpec}, {&c.opts.MaxDepth, DefaultMaxDepth}, {&c.opts.MaxCost, DefaultMaxCost},
		{&c.opts.MaxConfig, DefaultMaxConfig}, {&c.opts.MaxValues, DefaultMaxValues},
	} {
		if *limit.value == 0 {
			*limit.value = limit.standard
		}
	}
	return c
}

// location is what the schema is called within the library.
const location = "spec:///ui_spec"

// noLoader keeps schemas from referring to files and URLs.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%.200q is outside of the spec", url)
}

// Compile implements [connector.Compiler].
func (c *Compiler) Compile(spec []byte) (_ connector.Schema, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errs.Wrap(errs.Invalid, fmt.Errorf("%v", cause), "ui_spec cannot be compiled")
		}
	}()
	root, err := c.parse(spec)
	if err != nil {
		return nil, err
	}
	doc, hints := split(root)
	draft, err := draftOf(doc)
	if err != nil {
		return nil, err
	}
	w := newWalk(doc, c.opts.MaxCost)
	if err := w.schema(doc, "#"); err != nil {
		return nil, err
	}
	if _, err := w.costOf("#"); err != nil {
		return nil, err
	}
	s := &schema{opts: c.opts, ranks: ranksOf(spec)}
	s.secrets(w, hints)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(draft)
	compiler.AssertFormat()
	compiler.UseLoader(noLoader{})
	compiler.UseRegexpEngine(func(s string) (jsonschema.Regexp, error) {
		if _, err := patternCost(s); err != nil {
			return nil, err
		}
		return regexp.Compile(s)
	})
	for name, check := range connector.Formats {
		compiler.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(v any) error {
			text, ok := v.(string)
			if !ok || text == "" { // which minLength is for
				return nil
			}
			return check(text)
		}})
	}
	if err = compiler.AddResource(location, doc); err == nil {
		s.compiled, err = compiler.Compile(location)
	}
	if err != nil {
		return nil, invalid(err)
	}
	return s, nil
}

// invalid says where a schema is none, as far as the library tells.
func invalid(err error) error {
	var schemaErr *jsonschema.SchemaValidationError
	var ve *jsonschema.ValidationError
	if errors.As(err, &schemaErr) && errors.As(schemaErr.Err, &ve) {
		for len(ve.Causes) > 0 {
			ve = ve.Causes[0]
		}
		return errs.Wrap(errs.Invalid, err, "ui_spec is invalid: %s is no JSON Schema", shownPath(ve.InstanceLocation))
	}
	return errs.Wrap(errs.Invalid, err, "ui_spec is invalid: it is no JSON Schema")
}

// split returns the schema of a spec, and its hints for the form.
func split(root map[string]any) (doc, hints map[string]any) {
	nested, ok := root["schema"].(map[string]any)
	if !ok {
		return root, nil
	}
	hints, _ = root["properties"].(map[string]any)
	return nested, hints
}

var drafts = map[string]*jsonschema.Draft{
	"draft-04": jsonschema.Draft4, "draft-06": jsonschema.Draft6, "draft-07": jsonschema.Draft7,
	"2019-09": jsonschema.Draft2019, "2020-12": jsonschema.Draft2020,
}

var draftURL = regexp.MustCompile(`^https?://json-schema\.org/(?:draft/)?(draft-0[467]|2019-09|2020-12)/schema#?$`)

// draftOf takes the draft out of a schema.
func draftOf(doc map[string]any) (*jsonschema.Draft, error) {
	named, ok := doc["$schema"]
	delete(doc, "$schema")
	if !ok {
		return jsonschema.Draft7, nil
	}
	url, _ := named.(string)
	m := draftURL.FindStringSubmatch(url)
	if m == nil {
		return nil, errs.New(errs.Invalid, "ui_spec is invalid: $schema is no known draft of JSON Schema")
	}
	return drafts[m[1]], nil
}
