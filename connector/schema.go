package connector

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

// Compiler makes a Schema of a ui_spec, both in its older form, with the
// schema and the hints of the form side by side, and in the newer one, a
// schema alone. Package connector/uispec has one.
type Compiler interface {
	// Compile returns an Invalid error for a spec that is none, and TooLarge
	// for one that would take too long to check with.
	Compile(spec []byte) (Schema, error)
}

// Schema checks configs of one definition. It is safe for concurrent use.
type Schema interface {
	// Check returns everything that is wrong with a config, in the order in
	// which the spec has the fields. Numbers are json.Number. No reason holds
	// a value of the config.
	Check(config map[string]any) []Problem

	// Sealed returns the JSON pointers (RFC 6901) of the parts that are
	// encrypted at rest, and Masked those of the texts that answers mask. A
	// part "*" of a pointer stands for every element of an array or an object.
	Sealed() []string
	Masked() []string
}

// Problem is what is wrong with a field of a config.
type Problem struct {
	Field  string // such as "connection_info.port"; "" for the config itself
	Reason string // "" for a required field that is not there
}

// note adds the problem to p; prefix is the name of the config, with a dot.
func (pr Problem) note(p *errs.Problems, prefix string) {
	name := prefix + pr.Field
	if pr.Field == "" {
		name = strings.TrimSuffix(prefix, ".")
	}
	if pr.Reason == "" {
		p.Addf("%s is required", name)
	} else {
		p.Addf("%s is invalid: %s", name, pr.Reason)
	}
}

// Formats are the formats that specs may name besides those of JSON Schema.
// Each returns an error that says what is wrong with a text.
var Formats = map[string]func(string) error{
	"endpoint":    checkEndpoint,
	"token":       checkToken,
	"bucket-name": checkBucketName,
	"folder-path": checkFolderPath,
}

func checkToken(s string) error {
	if !isToken(s) {
		return errors.New("it must be printable ASCII without blanks")
	}
	return nil
}

func checkBucketName(s string) error {
	if !isToken(s) || strings.ContainsAny(s, "/?#@:") {
		return errors.New("it is not the name of a bucket")
	}
	return nil
}

func checkFolderPath(s string) error {
	if !filepath.IsAbs(s) {
		return errors.New("it must be absolute")
	}
	return nil
}

// schemaOf compiles the spec of a definition.
func schemaOf(c Compiler, d *Definition) (Schema, error) {
	schema, err := c.Compile(d.UISpec)
	if err != nil {
		return nil, errs.Wrap(errs.KindOf(err), err, "definition %q cannot be used: %s", d.ID, errs.Message(err))
	}
	return schema, nil
}

// unmasked notes the texts of a config that are still the mask of a stored one.
func unmasked(p *errs.Problems, prefix string, schema Schema, config map[string]any) {
	for _, pointer := range schema.Masked() {
		for _, at := range expand(config, pointer) {
			if v, _ := lookup(config, at); v == Mask {
				p.Addf("%s%s is invalid: it is the mask of a stored secret", prefix, strings.Join(at, "."))
			}
		}
	}
}

// checkWith notes everything that is wrong with a config.
func checkWith(p *errs.Problems, prefix string, schema Schema, config map[string]any) {
	for _, problem := range schema.Check(config) {
		problem.note(p, prefix)
	}
	unmasked(p, prefix, schema, config)
}

// errPointer is returned for a stored pointer that is none.
func errPointer(pointer string) error { return fmt.Errorf("%q is no JSON pointer", pointer) }
