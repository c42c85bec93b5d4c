package connector_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/archive/archivetest"
	"github.com/inlet-go/inlet/store/errs"
)

const postgresConfig = `{"connector_config":{"connection_info":{"host":"db.example.com","name":"shop","password":"canary-7","port":5432,"username":"reader"},` +
	`"databaseType":"PostgreSQL","schemaInfo":{"table":"orders","timestampColumn":"updated_at"}},"operations_config":{"batch_size":100,"pollingInterval":"Once"}}`

func defined(id, values string) connector.Config {
	return connector.Config{Definition: &connector.DefinedConfig{ID: id, Values: json.RawMessage(values)}}
}

// newPostgres is a registry with the documented example in it.
func newPostgres(t *testing.T) *registry {
	r := newRegistry(t, nil)
	metadata := strings.Replace(single, "my conn", "postgres-connector", 1)
	r.registered("x.tar", archivetest.Tar(dist("postgres-connector-1.0.0", metadata, postgresSpec(t))...))
	return r
}

func text(t *testing.T, v any, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestConnectorOfADefinition(t *testing.T) {
	r := newPostgres(t)
	const id = "postgres-connector-1.0.0"
	c, err := r.connectors.Create(t.Context(), ann, connector.New{Name: "pg", Type: connector.Defined, Config: defined(id, postgresConfig)})
	if err != nil {
		t.Fatal(err)
	}
	if c, err = r.connectors.Get(t.Context(), ann, c.ID); err != nil {
		t.Fatal(err)
	}
	d := c.Config.Definition
	if diff := cmp.Diff(`{"operations_config":{"batch_size":100,"pollingInterval":"Once"}}`, string(d.Values)); diff != "" {
		t.Errorf("in the clear (-want +got):\n%s", diff)
	}
	for _, printed := range []string{fmt.Sprintf("%+v %#v", *d, d), text(t, c.Config, nil)} {
		if strings.Contains(printed, "canary-7") || strings.Contains(printed, "db.example.com") {
			t.Errorf("a sealed part is printed: %s", printed)
		}
	}
	whole, err := d.Whole()
	if got := text(t, whole, err); got != postgresConfig {
		t.Errorf("whole: %s", got)
	}
	shown, err := d.Shown()
	if got, want := text(t, shown, err), strings.Replace(postgresConfig, "canary-7", connector.Mask, 1); got != want {
		t.Errorf("shown: %s", got)
	}

	// What was shown and is sent back keeps the password; the rest changes.
	change := strings.NewReplacer("canary-7", connector.Mask, "5432", "5433", `"batch_size":100`, `"batch_size":50`).Replace(postgresConfig)
	config := defined(id, change)
	if _, err := r.connectors.Update(t.Context(), ann, c.ID, connector.Change{Config: &config}); err != nil {
		t.Fatal(err)
	}
	if v, err := r.connectors.Validate(t.Context(), ann, connector.Check{ID: c.ID}); err != nil || !v.Valid {
		t.Errorf("validate: %+v, %v", v, err)
	}
	whole, err = r.opener.opened.Definition.Whole()
	if got, want := text(t, whole, err), strings.Replace(change, connector.Mask, "canary-7", 1); got != want {
		t.Errorf("opened with %s, want %s", got, want)
	}

	// A Go caller may send back what it got.
	c, err = r.connectors.Get(t.Context(), ann, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.connectors.Update(t.Context(), ann, c.ID, connector.Change{Config: &c.Config}); err != nil {
		t.Errorf("the same again: %v", err)
	}
}

func TestConfigOfADefinitionIsChecked(t *testing.T) {
	r := newPostgres(t)
	const id = "postgres-connector-1.0.0"
	swap := func(pairs ...string) connector.Config {
		return defined(id, strings.NewReplacer(pairs...).Replace(postgresConfig))
	}
	tests := map[string]struct {
		config connector.Config
		want   string
	}{
		"no definition":      {connector.Config{}, "config.definition is required for source_type 101"},
		"no id":              {defined("", postgresConfig), "config.definition.id is required"},
		"unknown definition": {defined("x-1", postgresConfig), `config.definition.id is invalid: definition "x-1" does not exist, or is not Live`},
		"what is built in":   {defined("s3-1.0.0", `{}`), `config.definition.id is invalid: connectors of "s3-1.0.0" have the source_type 5`},
		"no JSON":            {defined(id, `{"connector_config":`), "config.definition.config is invalid: it must be JSON"},
		"a list":             {defined(id, `[]`), "config.definition.config is invalid: it must be a JSON object"},
		"a mask":             {swap("canary-7", connector.Mask), "config.definition.config.connector_config.connection_info.password is invalid: it is the mask of a stored secret"},
		"several": {swap("5432", "0", `"Once"`, `"Periodic"`, "PostgreSQL", "Oracle"),
			"config.definition.config.connector_config.databaseType is invalid: it is none of PostgreSQL, MySQL; " +
				"config.definition.config.operations_config.schedule is required"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := r.connectors.Create(t.Context(), ann, connector.New{Name: "n", Type: connector.Defined, Config: tt.config})
			if !errors.Is(err, errs.Invalid) || errs.Message(err) != tt.want {
				t.Errorf("err = %v\nwant %s", err, tt.want)
			}
		})
	}
	s, _ := newService(t)
	if _, err := s.Create(t.Context(), ann, connector.New{Name: "n", Type: connector.Defined, Config: swap()}); !errors.Is(err, errs.Unsupported) {
		t.Errorf("without a registry: %v, want Unsupported", err)
	}
}

// A connector goes on with its definition when that is retired, and can go
// over to the new version; a new connector cannot be made of the old one.
func TestRetiredDefinitionsOfConnectors(t *testing.T) {
	r := newPostgres(t)
	old := defined("postgres-connector-1.0.0", postgresConfig)
	c, err := r.connectors.Create(t.Context(), ann, connector.New{Name: "pg", Type: connector.Defined, Config: old})
	if err != nil {
		t.Fatal(err)
	}
	metadata := strings.NewReplacer("my conn", "postgres-connector", "1.0.0", "2.0.0").Replace(single)
	r.registered("x.tar", archivetest.Tar(dist("postgres-connector-2.0.0", metadata, postgresSpec(t))...))
	if _, err := r.connectors.Create(t.Context(), ann, connector.New{Name: "new", Type: connector.Defined, Config: old}); !errors.Is(err, errs.Invalid) {
		t.Errorf("of a retired definition: %v, want Invalid", err)
	}
	if _, err := r.connectors.Update(t.Context(), ann, c.ID, connector.Change{Config: &old}); err != nil {
		t.Errorf("with its own: %v", err)
	}
	next := defined("postgres-connector-2.0.0", strings.Replace(postgresConfig, "canary-7", connector.Mask, 1))
	if _, err := r.connectors.Update(t.Context(), ann, c.ID, connector.Change{Config: &next}); err != nil {
		t.Errorf("with the new one: %v", err)
	}
}

func TestSecretsInLists(t *testing.T) {
	r := newRegistry(t, nil)
	spec := `{"properties":{"targets":{"type":"array","items":{"properties":{"url":{},"key":{"format":"password"}}}},"keys":{"additionalProperties":{"format":"password"}}}}`
	r.registered("x.tar", archivetest.Tar(dist("my conn-1.0.0", single, spec)...))
	const id = "my-conn-1.0.0"
	c, err := r.connectors.Create(t.Context(), ann, connector.New{Name: "n", Type: connector.Defined,
		Config: defined(id, `{"keys":{"*":"c","a/b":"d"},"targets":[{"key":"k1","url":"u1"},{"url":"u2"},{"key":"k3"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	d := c.Config.Definition
	if got := string(d.Values); got != `{"keys":{},"targets":[{"url":"u1"},{"url":"u2"},{}]}` {
		t.Errorf("in the clear: %s", got)
	}
	shown, err := d.Shown()
	want := `{"keys":{"*":"******","a/b":"******"},"targets":[{"key":"******","url":"u1"},{"url":"u2"},{"key":"******"}]}`
	if got := text(t, shown, err); got != want {
		t.Errorf("shown: %s, want %s", got, want)
	}
}
