package connector

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"

	"github.com/inlet-go/inlet/store/errs"
)

// DefinedConfig is a config whose form a registered definition gives.
type DefinedConfig struct {
	ID string `json:"id"` // the definition's

	// Values is the config, a JSON object. In what a Service stores, the parts
	// that are sealed are not in it.
	Values json.RawMessage `json:"values"`

	// Sealed has those parts, and Masked the JSON pointers of the texts that
	// answers mask. Callers leave both empty.
	Sealed []SealedPart `json:"sealed,omitempty"`
	Masked []string     `json:"masked,omitempty"`
}

// SealedPart is a part of a config that is encrypted at rest.
type SealedPart struct {
	Pointer string `json:"pointer"` // where it stands (RFC 6901)
	JSON    Secret `json:"json"`
}

// Whole returns the config with its sealed parts, in the clear. Numbers are
// json.Number. An error is Invalid, and names no value.
func (d *DefinedConfig) Whole() (map[string]any, error) {
	root, err := decodeObject(d.Values)
	if err != nil {
		return nil, err
	}
	for _, part := range d.Sealed {
		if part.JSON == "" {
			continue // its key is gone
		}
		v, err := decodeValue([]byte(part.JSON.Reveal()))
		if err != nil {
			return nil, err
		}
		path := parsePointer(part.Pointer)
		if len(path) == 0 {
			if whole, ok := v.(map[string]any); ok {
				root = whole
			}
		} else if !replace(root, path, v) {
			return nil, errs.Wrap(errs.Invalid, errPointer(part.Pointer), "config does not fit its sealed parts")
		}
	}
	return root, nil
}

// Shown returns the config as answers show it: texts that are secret are
// [Mask].
func (d *DefinedConfig) Shown() (map[string]any, error) {
	whole, err := d.Whole()
	if err != nil {
		return nil, err
	}
	for _, pointer := range d.Masked {
		for _, at := range expand(whole, pointer) {
			if v, _ := lookup(whole, at); len(at) > 0 && v != nil && v != "" {
				replace(whole, at, Mask)
			}
		}
	}
	return whole, nil
}

// unmask puts the stored texts where whole has only their mask.
func (d *DefinedConfig) unmask(whole map[string]any) {
	stored, err := d.Whole()
	if err != nil {
		return // the masks stay, and are refused
	}
	for _, pointer := range d.Masked {
		for _, at := range expand(whole, pointer) {
			if v, _ := lookup(whole, at); v != Mask {
				continue
			}
			if old, ok := lookup(stored, at); ok && old != nil {
				replace(whole, at, old)
			}
		}
	}
}

// newDefined returns the config as it is stored: what the schema says is
// sealed, and every text that is masked, out of the values.
func newDefined(id string, schema Schema, whole map[string]any) (*DefinedConfig, error) {
	d := &DefinedConfig{ID: id, Masked: slices.Clone(schema.Masked())}
	for _, pointer := range slices.Concat(schema.Sealed(), schema.Masked()) {
		for _, at := range expand(whole, pointer) {
			v, ok := lookup(whole, at)
			if !ok || v == nil {
				continue // within a part that is sealed already
			}
			text, err := json.Marshal(v)
			if err != nil {
				return nil, errs.Wrap(errs.Invalid, err, "config is invalid")
			}
			d.Sealed = append(d.Sealed, SealedPart{Pointer: formatPointer(at), JSON: Secret(text)})
			if len(at) == 0 {
				whole = map[string]any{}
			} else {
				replace(whole, at, nil)
			}
		}
	}
	values, err := json.Marshal(whole)
	d.Values = values
	return d, errs.Wrap(errs.Invalid, err, "config is invalid")
}

// clone returns a deep copy.
func (d *DefinedConfig) clone() *DefinedConfig {
	c := *d
	c.Values, c.Sealed, c.Masked = bytes.Clone(d.Values), slices.Clone(d.Sealed), slices.Clone(d.Masked)
	return &c
}

// decodeObject reads a JSON object; numbers are json.Number. No text is an
// empty object.
func decodeObject(text []byte) (map[string]any, error) {
	if len(text) == 0 {
		return map[string]any{}, nil
	}
	v, err := decodeValue(text)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errs.New(errs.Invalid, "config is invalid: it must be a JSON object")
	}
	return object, nil
}

// decodeValue reads one JSON value. The error shows nothing of it.
func decodeValue(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "config is invalid: it must be JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errs.New(errs.Invalid, "config is invalid: it must be one JSON value")
	}
	return v, nil
}
