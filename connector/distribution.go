package connector

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// The files of a distribution archive that tell what it is.
const (
	metadataFile = "metadata.json"
	uiConfigFile = "ui-config.json"
)

// entry is what a metadata.json says of a connector. Fields that are null are
// empty.
type entry struct {
	id, name, description, icon string
	main                        Program
}

// distribution is what an archive says that it is.
type distribution struct {
	folder                                                 string // "<id>-<version>"
	version, category, technology, runtime, licence, owner string
	entries                                                []entry
	multiple                                               bool
}

// keys reads the fields of one object of a metadata.json: they must be there,
// but may be null.
type keys struct {
	p      *errs.Problems
	prefix string
	fields map[string]json.RawMessage
}

func (k keys) has(key string) bool { return k.fields[key] != nil }

// text returns a text, "" for null.
func (k keys) text(key string) string {
	raw, ok := k.fields[key]
	if !ok {
		k.p.Addf("metadata.json: %s%s is required", k.prefix, key)
		return ""
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil {
		k.p.Addf("metadata.json: %s%s is invalid: it must be a string or null", k.prefix, key)
		return ""
	}
	if s == nil {
		return ""
	}
	if strings.ContainsRune(*s, 0) || strings.ContainsRune(*s, utf8.RuneError) {
		k.p.Addf("metadata.json: %s%s is invalid: not UTF-8, or with a NUL", k.prefix, key)
	}
	return *s
}

// optional returns a text, or nil.
func (k keys) optional(key string) *string {
	if raw := k.fields[key]; raw == nil || string(raw) == "null" {
		return nil
	}
	s := k.text(key)
	return &s
}

// id returns a text that can be a part of an id.
func (k keys) id(key string) string {
	s := k.text(key)
	if k.has(key) {
		checkIDPart(k.p, "metadata.json: "+k.prefix+key, s)
	}
	return s
}

// maxIDPart is the most characters of a connector's id, and of its version.
const maxIDPart = 128

// checkIDPart notes what is wrong with a connector's id or its version.
func checkIDPart(p *errs.Problems, field, s string) {
	switch {
	case strings.TrimSpace(s) == "":
		p.Addf("%s is required", field)
	case utf8.RuneCountInString(s) > maxIDPart:
		p.Addf("%s is invalid: longer than %d characters", field, maxIDPart)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || isBidiOverride(r) || strings.ContainsRune(`/\?#%`, r)
	}):
		p.Addf("%s is invalid: it must be fit for a URL", field)
	}
}

func object(p *errs.Problems, name string, raw json.RawMessage) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		p.Addf("metadata.json: %s is invalid: it must be an object", name)
	}
	return fields
}

// maxEntries is the most connectors of one archive.
const maxEntries = 100

// readMetadata reads a metadata.json, whose form is that of the connector
// developer guide of Obsrv. Everything that is wrong is told at once.
func readMetadata(text []byte) (*distribution, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errs.New(errs.Invalid, "metadata.json is empty")
	}
	var top struct {
		Metadata   json.RawMessage
		Connectors json.RawMessage
	}
	if !utf8.Valid(text) {
		return nil, errs.New(errs.Invalid, "metadata.json is invalid: not UTF-8")
	}
	if err := json.Unmarshal(text, &top); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "metadata.json is invalid: it must be a JSON object with metadata in it")
	}
	var p errs.Problems
	k := keys{&p, "metadata.", object(&p, "metadata", top.Metadata)}
	if err := p.Err(); err != nil {
		return nil, err
	}
	d := &distribution{
		version: k.id("version"), category: k.text("category"), technology: k.text("technology"),
		runtime: k.text("runtime"), licence: k.text("licence"), owner: k.text("owner"),
	}
	id := k.id("id")
	d.folder = id + "-" + d.version
	if tenant := k.optional("tenant"); tenant != nil && *tenant == "multiple" {
		d.multiple = true
		d.entries = readEntries(&p, k, top.Connectors)
	} else {
		d.entries = []entry{{id: id, name: k.text("name"), description: k.text("description"), icon: k.text("icon")}}
		for _, key := range []string{"main_class", "main_program"} {
			if _, ok := k.fields[key]; !ok {
				p.Addf("metadata.json: metadata.%s is required", key)
			}
		}
		d.entries[0].main = Program{Source: d.folder, MainClass: k.optional("main_class"), MainProgram: k.optional("main_program")}
	}
	return d, p.Err()
}

// readEntries reads the connectors of an archive with several.
func readEntries(p *errs.Problems, common keys, raw json.RawMessage) []entry {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || len(items) == 0 {
		p.Addf("metadata.json: connectors is required: a list with one at least, as tenant is multiple")
		return nil
	}
	if len(items) > maxEntries {
		p.Addf("metadata.json: connectors is invalid: more than %d", maxEntries)
		return nil
	}
	var list []entry
	seen := map[string]bool{}
	for _, item := range items {
		k := keys{p, "connectors[].", object(p, "connectors[]", item)}
		if k.fields == nil {
			return nil
		}
		e := entry{id: k.id("id"), name: k.text("name"), description: k.text("description"), icon: k.text("icon")}
		e.main = Program{
			Source:    common.plain("id") + "-" + common.plain("version"),
			MainClass: either(k, common, "main_class"), MainProgram: either(k, common, "main_program"),
		}
		if seen[connectorID(e.id)] {
			p.Addf("metadata.json: connectors[].id is invalid: %q is there twice", e.id)
		}
		seen[connectorID(e.id)] = true
		list = append(list, e)
	}
	return list
}

// plain returns a text that is checked elsewhere.
func (k keys) plain(key string) string {
	var s string
	_ = json.Unmarshal(k.fields[key], &s) // what is wrong is noted already
	return s
}

// either returns the text of an entry, or that of all.
func either(k, common keys, key string) *string {
	if k.has(key) {
		return k.optional(key)
	}
	return common.optional(key)
}

// connectorID returns the id under which a connector is registered.
func connectorID(id string) string { return strings.ReplaceAll(id, " ", "-") }

// readUISpecs returns the form of each entry, by its id, byte for byte.
func (d *distribution) readUISpecs(text []byte) (map[string]json.RawMessage, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var fields map[string]json.RawMessage
	switch {
	case !utf8.Valid(text):
		return nil, errs.New(errs.Invalid, "ui-config.json is invalid: not UTF-8")
	case len(bytes.TrimSpace(text)) == 0:
		return nil, errs.New(errs.Invalid, "ui-config.json is empty")
	}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "ui-config.json is invalid: it must be a JSON object")
	}
	if len(fields) == 0 {
		return nil, errs.New(errs.Invalid, "ui-config.json is empty")
	}
	if !d.multiple {
		return map[string]json.RawMessage{d.entries[0].id: text}, nil
	}
	specs := map[string]json.RawMessage{}
	for _, e := range d.entries {
		specs[e.id] = fields[e.id]
		if specs[e.id] == nil {
			specs[e.id] = json.RawMessage("{}")
		}
	}
	return specs, nil
}

// iconTypes are the media types of icons by their extension, as the product
// has them; png is an addition.
var iconTypes = map[string]string{
	".svg": "image/svg+xml", ".jpeg": "image/jpeg", ".jpg": "image/jpg", ".gif": "image/gif",
	".webp": "image/webp", ".ico": "image/x-icon", ".png": "image/png",
}

// isIconURL reports whether an icon is a URL, not a file of the archive.
func isIconURL(icon string) bool {
	for _, scheme := range []string{"http://", "https://", "data:image/"} {
		if len(icon) > len(scheme) && strings.EqualFold(icon[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}

// iconURI returns an icon's bytes as a data URI.
func iconURI(name string, content []byte) string {
	media := iconTypes[strings.ToLower(path.Ext(name))]
	if media == "" {
		media = "application/octet-stream"
	}
	return "data:" + media + ";base64," + base64.StdEncoding.EncodeToString(content)
}
