package examples_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/archive"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// weather is a connector that somebody distributes.
var weather = map[string]string{
	"metadata.json": `{"metadata": {
		"id": "weather", "version": "1.2.0", "name": "Weather stations", "category": "File", "description": "Readings of stations",
		"technology": "python", "runtime": "spark", "licence": "MIT", "owner": "Ann", "icon": null,
		"main_class": null, "main_program": "weather/main.py"}}`,
	"ui-config.json": `{
		"type": "object",
		"properties": {
			"station": {"title": "Station", "type": "string", "pattern": "/^[A-Z]{4}$/", "uiIndex": 1},
			"token": {"title": "Token", "type": "string", "format": "password", "uiIndex": 2},
			"every": {"title": "Every", "type": "string", "enum": ["hour", "day"], "uiIndex": 3}
		},
		"required": ["station", "token"]
	}`,
	"weather/main.py": "print('never run here')\n",
}

// distribution packs it, as its developer's build would.
func distribution() *bytes.Buffer {
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	files := tar.NewWriter(packed)
	for name, text := range weather {
		h := &tar.Header{Name: "weather-1.2.0/" + name, Mode: 0o644, Size: int64(len(text))}
		if err := files.WriteHeader(h); err != nil {
			log.Fatal(err)
		}
		if _, err := files.Write([]byte(text)); err != nil {
			log.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		log.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		log.Fatal(err)
	}
	return &b
}

// A definition is registered from its archive; a program draws the form of its
// config, and checks what a user fills in.
func Example_definition() {
	ctx := context.Background()
	store, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	definitions := connector.NewDefinitions(store, cloud.Memory(), archive.New(nil), uispec.New(nil), nil)

	me := scope.Scope{Tenant: "acme", User: "ann"}
	if _, err := definitions.Register(ctx, me, "weather-1.2.0.tar.gz", distribution()); err != nil {
		log.Fatal(err)
	}
	all, err := definitions.List(ctx, me, connector.DefinitionQuery{Statuses: []connector.DefinitionStatus{connector.Live}})
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range all {
		fmt.Println(d.ID)
	}

	d, err := definitions.Read(ctx, me, "weather-1.2.0", false)
	if err != nil {
		log.Fatal(err)
	}
	var form struct {
		Properties map[string]struct {
			Title, Format string
			Enum          []string
		}
	}
	if err := json.Unmarshal(d.UISpec, &form); err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"station", "token", "every"} {
		field := form.Properties[name]
		fmt.Println(field.Title, field.Format, field.Enum)
	}

	fmt.Println(errs.Message(definitions.Check(ctx, me, d.ID, []byte(`{"station": "Bonn", "every": "year"}`))))
	fmt.Println(definitions.Check(ctx, me, d.ID, []byte(`{"station": "EDDK", "token": "t0ken", "every": "day"}`)))
	// Output:
	// folder-1.0.0
	// oss-1.0.0
	// s3-1.0.0
	// weather-1.2.0
	// Station  []
	// Token password []
	// Every  [hour day]
	// station is invalid: it does not match ^[A-Z]{4}$; token is required; every is invalid: it is none of hour, day
	// <nil>
}
