package uispec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/errs"
)

// postgres is the spec of the documented example (003_37f1d6dc39f6b89a.txt).
func postgres(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "postgres-ui-config.json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func compile(t testing.TB, spec string) connector.Schema {
	t.Helper()
	s, err := uispec.New(nil).Compile([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func config(t testing.TB, text string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// told writes problems as messages do.
func told(problems []connector.Problem) []string {
	list := []string{}
	for _, p := range problems {
		if p.Reason == "" {
			list = append(list, p.Field+" is required")
		} else {
			list = append(list, p.Field+" is invalid: "+p.Reason)
		}
	}
	return list
}

const postgresConfig = `{
	"connector_config": {
		"databaseType": "PostgreSQL",
		"connection_info": {"host": "db.example.com", "port": 5432, "name": "shop", "username": "reader", "password": "s3cret"},
		"schemaInfo": {"table": "orders", "timestampColumn": "updated_at"}
	},
	"operations_config": {"batch_size": 100, "max_batches": 10, "pollingInterval": "Once"}
}`

func TestDocumentedExample(t *testing.T) {
	s := compile(t, string(postgres(t)))
	periodic := strings.NewReplacer(`"Once"`, `"Periodic"`)
	tests := map[string]struct {
		change *strings.Replacer
		want   []string
	}{
		"as it is":              {strings.NewReplacer(), []string{}},
		"an address":            {strings.NewReplacer("db.example.com", "10.0.0.1"), []string{}},
		"localhost":             {strings.NewReplacer("db.example.com", "localhost"), []string{}},
		"MySQL":                 {strings.NewReplacer("PostgreSQL", "MySQL"), []string{}},
		"hourly":                {strings.NewReplacer(`"Once"`, `"Periodic","schedule":"Hourly"`), []string{}},
		"a host with a blank":   {strings.NewReplacer("db.example.com", "my host"), []string{`connector_config.connection_info.host is invalid: it does not match ^(?:[a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}(?:/[^\s]*)?|localhost(?:/[^\s]*)?|((?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)`}},
		"port 0":                {strings.NewReplacer("5432", "0"), []string{"connector_config.connection_info.port is invalid: it is less than 1"}},
		"port 65536":            {strings.NewReplacer("5432", "65536"), []string{"connector_config.connection_info.port is invalid: it is more than 65535"}},
		"port of letters":       {strings.NewReplacer("5432", `"5432"`), []string{"connector_config.connection_info.port is invalid: it must be a number"}},
		"unknown database type": {strings.NewReplacer("PostgreSQL", "Oracle"), []string{"connector_config.databaseType is invalid: it is none of PostgreSQL, MySQL"}},
		"no schedule":           {periodic, []string{"operations_config.schedule is required"}},
		"unknown schedule":      {strings.NewReplacer(`"Once"`, `"Periodic","schedule":"Yearly"`), []string{"operations_config.schedule is invalid: it is none of Hourly, Daily, Weekly, Monthly"}},
		"everything at once": {strings.NewReplacer("5432", "70000", `"orders"`, `"1 orders"`, `"shop"`, `7`, `"Once"`, `"Never"`), []string{
			"connector_config.connection_info.port is invalid: it is more than 65535",
			"connector_config.connection_info.name is invalid: it must be a string",
			"connector_config.schemaInfo.table is invalid: it does not match ^[a-zA-Z_][a-zA-Z0-9_]{0,62}$",
			"operations_config.pollingInterval is invalid: it is none of Once, Periodic",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := told(s.Check(config(t, tt.change.Replace(postgresConfig))))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff([]string{"/connector_config"}, s.Sealed()); diff != "" {
		t.Errorf("sealed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/connector_config/connection_info/password"}, s.Masked()); diff != "" {
		t.Errorf("masked (-want +got):\n%s", diff)
	}
}

func TestSpecStaysAsItIs(t *testing.T) {
	spec := postgres(t)
	before := bytes.Clone(spec)
	if _, err := uispec.New(nil).Compile(spec); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, spec) {
		t.Error("compiling changed the spec")
	}
}

// Both forms of specs, and what form libraries make of JSON Schema.
func TestForms(t *testing.T) {
	tests := map[string]struct {
		spec, config string
		want         []string
	}{
		"flat":                      {`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`, `{}`, []string{"a is required"}},
		"nested":                    {`{"schema":{"type":"object","required":["a"]},"properties":{"a":{"ui:widget":"textarea"}}}`, `{}`, []string{"a is required"}},
		"empty":                     {`{}`, `{"a":1}`, []string{}},
		"empty text":                {`{"properties":{"a":{"type":"string","minLength":1}}}`, `{"a":""}`, []string{"a is required"}},
		"draft 4":                   {`{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"a":{"minimum":1,"exclusiveMinimum":true}}}`, `{"a":1}`, []string{"a is invalid: it is not more than 1"}},
		"2020-12":                   {`{"$schema":"https://json-schema.org/draft/2020-12/schema","$defs":{"p":{"type":"integer"}},"properties":{"a":{"$ref":"#/$defs/p"}}}`, `{"a":"x"}`, []string{"a is invalid: it must be an integer"}},
		"pattern in slashes":        {`{"properties":{"a":{"pattern":"/^A.$/i"}}}`, `{"a":"ab"}`, []string{}},
		"pattern with a slash":      {`{"properties":{"a":{"pattern":"^/srv/"}}}`, `{"a":"/srv/x"}`, []string{}},
		"dependency: list":          {`{"dependencies":{"a":["b","c"]}}`, `{"a":1,"b":1}`, []string{"c is required"}},
		"dependency: schema":        {`{"dependencies":{"a":{"properties":{"b":{"type":"string"}},"required":["b"]}}}`, `{"a":1,"b":1}`, []string{"b is invalid: it must be a string"}},
		"dependency: not there":     {`{"dependencies":{"a":{"oneOf":[{"properties":{"a":{"const":1}},"required":["b"]}]}}}`, `{}`, []string{}},
		"dependency: two fit":       {`{"dependencies":{"a":{"oneOf":[{"properties":{"a":{"enum":[1]}},"required":["b"]},{"properties":{"a":{"enum":[1,2]}},"required":["c"]}]}}}`, `{"a":1}`, []string{"b is required", "c is required"}},
		"dependency: odd name":      {`{"dependencies":{"a/ b~%":{"oneOf":[{"properties":{"a/ b~%":{"const":1}},"required":["b"]}]}}}`, `{"a/ b~%":1}`, []string{"b is required"}},
		"dependency: within":        {`{"properties":{"o":{"dependencies":{"a":{"oneOf":[{"properties":{"a":{"const":1},"p":{"dependencies":{"x":{"oneOf":[{"properties":{"x":{"const":2}},"required":["y"]}]}}}}}]}}}}}`, `{"o":{"a":1,"p":{"x":2}}}`, []string{"o.p.y is required"}},
		"additional":                {`{"properties":{"a":{}},"additionalProperties":false}`, `{"b":1}`, []string{"b is invalid: there is no such field"}},
		"alternatives":              {`{"properties":{"a":{"anyOf":[{"type":"string"},{"type":"object","required":["x","y"]}]}}}`, `{"a":{"x":1}}`, []string{"a is invalid: it must be a string"}},
		"own format":                {`{"properties":{"a":{"format":"endpoint"}}}`, `{"a":"ftp://h"}`, []string{"a is invalid: its scheme must be http or https"}},
		"a field called properties": {`{"properties":{"properties":{"properties":{"a":{"type":"string"}}}}}`, `{"properties":{"a":1}}`, []string{"properties.a is invalid: it must be a string"}},
		"values are not shown":      {`{"properties":{"a":{"maxLength":3}}}`, `{"a":"s3cret"}`, []string{"a is invalid: it is longer than 3 characters"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := told(compile(t, tt.spec).Check(config(t, tt.config)))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSecretsAreFoundWhereverTheyStand(t *testing.T) {
	tests := map[string]struct {
		spec           string
		sealed, masked []string
	}{
		"flat":         {`{"properties":{"k":{"format":"password"},"u":{}}}`, nil, []string{"/k"}},
		"widget":       {`{"properties":{"k":{"ui:widget":"password"}}}`, nil, []string{"/k"}},
		"list":         {`{"properties":{"l":{"items":{"properties":{"k":{"format":"password"}}}}}}`, nil, []string{"/l/*/k"}},
		"any name":     {`{"properties":{"m":{"additionalProperties":{"format":"password"}}}}`, nil, []string{"/m/*"}},
		"by reference": {`{"definitions":{"k":{"format":"password"}},"properties":{"k":{"$ref":"#/definitions/k"}}}`, nil, []string{"/k"}},
		"of a branch":  {`{"dependencies":{"t":{"oneOf":[{"properties":{"t":{"const":1},"k":{"encrypt":true}}}]}}}`, []string{"/k"}, nil},
		"all of it":    {`{"encrypt":true,"properties":{"k":{"encrypt":true}}}`, []string{""}, nil},
		"odd name":     {`{"properties":{"a/b~":{"encrypt":true}}}`, []string{"/a~1b~0"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := compile(t, tt.spec)
			if diff := cmp.Diff([][]string{tt.sealed, tt.masked}, [][]string{s.Sealed(), s.Masked()}); diff != "" {
				t.Errorf("sealed and masked (-want +got):\n%s", diff)
			}
		})
	}
}

// A spec comes from whoever registers it: it must cost nothing to refuse.
func TestHostileSpecs(t *testing.T) {
	doubling := `{"definitions":{`
	for i := range 40 {
		doubling += fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/definitions/d%d"},{"$ref":"#/definitions/d%d"}]},`, i, i+1, i+1)
	}
	doubling += `"d40":{}},"$ref":"#/definitions/d0"}`
	dependencies := `{}`
	for range 9 {
		dependencies = `{"dependencies":{"a":{"oneOf":[{"properties":{"a":` + dependencies + `}}]}}}`
	}
	tests := map[string]struct {
		spec string
		kind errs.Kind // 0 for one that is taken
	}{
		"no JSON":                {`{"a":`, errs.Invalid},
		"two values":             {`{} {}`, errs.Invalid},
		"no object":              {`[]`, errs.Invalid},
		"not UTF-8":              {"{\"a\":\"\xff\"}", errs.Invalid},
		"no schema":              {`{"type":"nothing"}`, errs.Invalid},
		"properties is a list":   {`{"properties":[]}`, errs.Invalid},
		"unknown draft":          {`{"$schema":"https://example.com/schema"}`, errs.Invalid},
		"draft is a number":      {`{"$schema":7}`, errs.Invalid},
		"reads a file":           {`{"$ref":"file:///etc/passwd"}`, errs.Invalid},
		"asks the net":           {`{"properties":{"a":{"$ref":"https://example.com/x.json"}}}`, errs.Invalid},
		"another base":           {`{"properties":{"a":{"$id":"file:///etc/","$ref":"#/x"}}}`, errs.Invalid},
		"refers to nothing":      {`{"$ref":"#/definitions/x"}`, errs.Invalid},
		"refers to itself":       {`{"properties":{"a":{"$ref":"#"}}}`, errs.Invalid},
		"refers in a circle":     {`{"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}},"$ref":"#/definitions/a"}`, errs.Invalid},
		"doubles forty times":    {doubling, errs.TooLarge},
		"dependencies nested":    {dependencies, 0},
		"deep":                   {strings.Repeat(`{"not":`, 100) + `{}` + strings.Repeat(`}`, 100), errs.TooLarge},
		"very deep":              {strings.Repeat(`{"not":`, 100_000) + `{}` + strings.Repeat(`}`, 100_000), errs.Invalid},
		"large":                  {`{"title":"` + strings.Repeat("x", 1<<20) + `"}`, errs.TooLarge},
		"many schemas":           {`{"allOf":[{}` + strings.Repeat(`,{}`, 20_000) + `]}`, errs.TooLarge},
		"pattern of another":     {`{"properties":{"a":{"pattern":"(?<=x)y"}}}`, errs.Invalid},
		"pattern that is long":   {`{"properties":{"a":{"pattern":"` + strings.Repeat("a", 5000) + `"}}}`, errs.Invalid},
		"pattern that repeats":   {`{"properties":{"a":{"pattern":"(?:` + strings.Repeat("[ab]x", 100) + `c){1000}"}}}`, errs.Invalid},
		"patterns of properties": {`{"patternProperties":{"(?:abcdefghijklmn){1000}":{}}}`, errs.Invalid},
		"number without end":     {`{"properties":{"a":{"minimum":1e999999999}}}`, errs.TooLarge},
		"number near nothing":    {`{"properties":{"a":{"multipleOf":1e-999999999}}}`, errs.TooLarge},
		"catastrophe elsewhere":  {`{"properties":{"a":{"pattern":"^(a+)+$"}}}`, 0}, // harmless to RE2
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			s, err := uispec.New(nil).Compile([]byte(tt.spec))
			switch {
			case tt.kind == 0 && err != nil:
				t.Fatal(err)
			case tt.kind != 0 && !errors.Is(err, tt.kind):
				t.Fatalf("err = %v, want %v", err, tt.kind)
			case tt.kind == 0:
				s.Check(map[string]any{"a": strings.Repeat("a", 40_000) + "!"})
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestHostileConfigs(t *testing.T) {
	s := compile(t, `{"properties":{"a":{"type":"number","multipleOf":0.01},"l":{"uniqueItems":true}}}`)
	tests := map[string]string{
		"large number": `{"a":1e999999999}`,
		"small number": `{"a":1e-999999999}`,
		"long number":  `{"a":` + strings.Repeat("1", 1000) + `}`,
		"deep":         strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat(`}`, 100),
		"many values":  `{"l":[1` + strings.Repeat(`,1`, 5000) + `]}`,
		"long text":    `{"t":"` + strings.Repeat("x", 1<<17) + `"}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if got := s.Check(config(t, text)); len(got) != 1 || got[0].Reason == "" {
				t.Errorf("problems %v, want one", got)
			}
		})
	}
}

func FuzzCompileAndCheck(f *testing.F) {
	f.Add(postgres(f), []byte(postgresConfig))
	f.Add([]byte(`{"definitions":{"k":{"type":"string"}},"properties":{"k":{"$ref":"#/definitions/k"}}}`), []byte(`{"k":1}`))
	f.Add([]byte(`{"dependencies":{"a":{"oneOf":[{"properties":{"a":{"const":1}},"required":["b"]}]}}}`), []byte(`{"a":1}`))
	f.Add([]byte(`{"properties":{"l":{"items":{"properties":{"k":{"format":"password","encrypt":true}}}}}}`), []byte(`{"l":[{"k":"x"}]}`))
	c := uispec.New(&uispec.Options{MaxCost: 500})
	f.Fuzz(func(t *testing.T, spec, text []byte) {
		s, err := c.Compile(spec)
		if err != nil {
			if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.TooLarge {
				t.Fatalf("err = %v", err)
			}
			return
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		var values map[string]any
		if dec.Decode(&values) != nil || values == nil {
			return
		}
		for _, p := range s.Check(values) {
			if len(p.Reason) > 1000 || len(p.Field) > 1000 {
				t.Errorf("a problem of %d bytes", len(p.Reason)+len(p.Field))
			}
		}
	})
}
