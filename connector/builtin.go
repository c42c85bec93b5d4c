package connector

import (
	"embed"
	"encoding/json"
	"io/fs"
	"sync"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// builtIn holds a definition, and the form of its config, for each thing that
// Inlet can open by itself. The form is also what configs of these types are
// checked with.
//
//go:embed builtin/*.json
var builtIn embed.FS

// builtInFile is the form of those files; see [ParseDefinition].
type builtInFile struct {
	ConnectorID string          `json:"connector_id"`
	Name        string          `json:"name"`
	Category    string          `json:"category"`
	Version     string          `json:"version"`
	Description string          `json:"description"`
	Technology  string          `json:"technology"`
	Licence     string          `json:"licence"`
	Owner       string          `json:"owner"`
	Icon        string          `json:"icon"`
	LiveDate    time.Time       `json:"live_date"`
	UISpec      json.RawMessage `json:"ui_spec"`
}

// builtIns returns the definitions that every tenant has. They must not be
// changed. Their files are a part of the program: it panics where they are
// damaged.
var builtIns = sync.OnceValue(func() []*Definition {
	names, err := fs.Glob(builtIn, "builtin/*.json")
	if err != nil {
		panic(err)
	}
	list := make([]*Definition, len(names))
	for i, name := range names {
		if list[i], err = readBuiltIn(name); err != nil {
			panic(name + ": " + err.Error())
		}
	}
	return list
})

func readBuiltIn(name string) (*Definition, error) {
	text, err := builtIn.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return ParseDefinition(text)
}

// ParseDefinition reads a definition that a program brings along, a JSON
// object as those in the folder builtin of this package: it is Live, and of no
// tenant. What is wrong is an Invalid error.
func ParseDefinition(text []byte) (*Definition, error) {
	var f builtInFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "definition is invalid: it must be a JSON object")
	}
	var p errs.Problems
	checkIDPart(&p, "connector_id", f.ConnectorID)
	checkIDPart(&p, "version", f.Version)
	p.Check(len(f.UISpec) > 0, "ui_spec is required")
	if err := p.Err(); err != nil {
		return nil, err
	}
	return &Definition{
		ID: DefinitionID(f.ConnectorID, f.Version), ConnectorID: f.ConnectorID, Name: f.Name, Type: "source",
		Category: f.Category, Version: f.Version, Description: f.Description, Technology: f.Technology,
		Licence: f.Licence, Owner: f.Owner, IconURL: f.Icon, Status: Live, UISpec: f.UISpec,
		Source:    Program{Source: DefinitionID(f.ConnectorID, f.Version)},
		CreatedBy: System, UpdatedBy: System, CreatedAt: f.LiveDate, UpdatedAt: f.LiveDate, LiveAt: f.LiveDate,
	}, nil
}

// builtInOf returns the definition of a source type that is built in; nil for
// another one.
func builtInOf(t SourceType) *Definition {
	for _, d := range builtIns() {
		if t != Defined && d.ConnectorID == t.Key() {
			return d
		}
	}
	return nil
}
