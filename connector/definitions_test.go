package connector_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/archive"
	"github.com/inlet-go/inlet/connector/archive/archivetest"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// registry is a registry over real parts.
type registry struct {
	*connector.Definitions
	t          *testing.T
	store      *sqlstore.Store
	bucket     blob.Bucket
	connectors *connector.Service
	opener     *opener
	now        time.Time
}

func newRegistry(t *testing.T, opts *connector.DefinitionOptions) *registry {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	r := &registry{
		t: t, store: store, bucket: cloud.Memory(), opener: &opener{source: cloud.Memory()},
		now: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
	}
	if opts == nil {
		opts = &connector.DefinitionOptions{}
	}
	opts.Now = func() time.Time { return r.now }
	r.Definitions = connector.NewDefinitions(store, r.bucket, archive.New(nil), uispec.New(nil), opts)
	r.connectors = connector.NewService(store, r.opener, uispec.New(nil), &connector.Options{Definitions: r.Definitions})
	return r
}

// keys returns what is in the bucket.
func (r *registry) keys() []string {
	r.t.Helper()
	keys := []string{}
	for obj, err := range r.bucket.List(r.t.Context(), "", nil) {
		if err != nil {
			r.t.Fatal(err)
		}
		keys = append(keys, obj.Key)
	}
	return keys
}

// statuses returns the ids and statuses of what is not built in.
func (r *registry) statuses() []string {
	r.t.Helper()
	defs, err := r.List(r.t.Context(), ann, connector.DefinitionQuery{})
	if err != nil {
		r.t.Fatal(err)
	}
	list := []string{}
	for _, d := range defs {
		if d.Tenant != "" {
			list = append(list, d.ID+" "+string(d.Status))
		}
	}
	return list
}

func postgresSpec(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "postgres-ui-config.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// single is the metadata of an archive with one connector.
const single = `{"type":"connector","metadata":{
	"id":"my conn","name":"My connector","version":"1.0.0","tenant":"single","type":"source","category":"Database",
	"description":"For tests","technology":"python","runtime":"spark","licence":"MIT","owner":"Ann",
	"icon":"icons/icon.svg","main_class":null,"main_program":"conn/main.py"}}`

// multiple is that of one with two.
const multiple = `{"metadata":{
	"id":"object-store","name":"Object stores","version":"0.1.0","tenant":"multiple","category":"File",
	"technology":"python","runtime":"spark","licence":"MIT","owner":"Ann","main_class":"obj.main","main_program":"main.py"},
	"connectors":[
		{"id":"aws s3","name":"AWS S3","description":"Files of S3","icon":"s3.png"},
		{"id":"gcs","name":"GCS","description":"Files of GCS","icon":"https://e.example/gcs.svg","main_class":"gcs.main"}]}`

func dist(folder, metadata, ui string, more ...archivetest.File) []archivetest.File {
	return append([]archivetest.File{
		{folder + "/"}, {folder + "/metadata.json", metadata}, {folder + "/ui-config.json", ui},
	}, more...)
}

var icons = []archivetest.File{{"my conn-1.0.0/icons/icon.svg", "<svg/>"}, {"object-store-0.1.0/icons/s3.png", "PNG"}}

func (r *registry) register(name string, text []byte) ([]*connector.Definition, error) {
	return r.Register(r.t.Context(), ann, name, bytes.NewReader(text))
}

// registered registers an archive that must be taken.
func (r *registry) registered(name string, text []byte) []*connector.Definition {
	r.t.Helper()
	defs, err := r.register(name, text)
	if err != nil {
		r.t.Fatal(err)
	}
	return defs
}

func TestRegisterOneConnector(t *testing.T) {
	files := dist("my conn-1.0.0", single, postgresSpec(t), icons...)
	formats := map[string][]byte{
		"my.tar": archivetest.Tar(files...), "my.tar.gz": archivetest.Gzip(archivetest.Tar(files...)),
		"my.tar.xz": archivetest.XZ(archivetest.Tar(files...)), "my.zip": archivetest.Zip(files...),
	}
	for name, text := range formats {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t, nil)
			r.registered(name, text)
			got, err := r.Read(t.Context(), ann, "my-conn-1.0.0", false)
			if err != nil {
				t.Fatal(err)
			}
			keys := r.keys()
			if len(keys) != 1 || !strings.HasPrefix(keys[0], connector.DefinitionPrefix) {
				t.Fatalf("the bucket has %v", keys)
			}
			program := "conn/main.py"
			want := &connector.Definition{
				ID: "my-conn-1.0.0", Tenant: "acme", ConnectorID: "my-conn", Name: "My connector", Type: "source", Category: "Database",
				Version: "1.0.0", Description: "For tests", Technology: "python", Runtime: "spark", Licence: "MIT", Owner: "Ann",
				IconURL: "data:image/svg+xml;base64,PHN2Zy8+", Status: connector.Live, SourceURL: keys[0], SHA256: sha256.Sum256(text),
				Source: connector.Program{Source: "my conn-1.0.0", MainProgram: &program}, UISpec: json.RawMessage(postgresSpec(t)),
				CreatedBy: "ann", UpdatedBy: "ann", CreatedAt: r.now, UpdatedAt: r.now, LiveAt: r.now,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("definition (-want +got):\n%s", diff)
			}
			kept, err := r.Archive(t.Context(), got)
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Close()
			if back, err := io.ReadAll(kept); err != nil || !bytes.Equal(back, text) {
				t.Errorf("the archive came back as %d bytes, %v; want %d", len(back), err, len(text))
			}
		})
	}
}

func TestRegisterSeveralConnectors(t *testing.T) {
	r := newRegistry(t, nil)
	ui := `{ "gcs" : { "title" : "GCS" } , "other": {} }`
	defs := r.registered("o.tgz", archivetest.Gzip(archivetest.Tar(dist("object-store-0.1.0", multiple, ui, icons...)...)))
	type row struct {
		ID, Name, Icon, Spec, Class, Program string
	}
	var got []row
	for _, d := range defs {
		got = append(got, row{d.ID, d.Name, d.IconURL, string(d.UISpec), *d.Source.MainClass, *d.Source.MainProgram})
	}
	want := []row{
		{"aws-s3-0.1.0", "AWS S3", "data:image/png;base64,UE5H", `{}`, "obj.main", "main.py"},
		{"gcs-0.1.0", "GCS", "https://e.example/gcs.svg", `{ "title" : "GCS" }`, "gcs.main", "main.py"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("definitions (-want +got):\n%s", diff)
	}
	if len(r.keys()) != 1 {
		t.Errorf("the bucket has %v", r.keys())
	}
}

// A version again is an update, and a new one retires the older ones.
func TestVersions(t *testing.T) {
	r := newRegistry(t, nil)
	version := func(v, name string) []byte {
		metadata := strings.NewReplacer(`"1.0.0"`, `"`+v+`"`, "My connector", name).Replace(single)
		return archivetest.Gzip(archivetest.Tar(dist("my conn-"+v, metadata, `{"type":"object"}`)...))
	}
	r.registered("a.tgz", version("1.0.0", "First"))
	first := r.keys()[0]
	r.now = r.now.Add(time.Hour)
	r.registered("a.tgz", version("1.0.0", "Again"))
	d, err := r.Read(t.Context(), ann, "my-conn", false)
	if err != nil || d.Name != "Again" || !d.CreatedAt.Equal(r.now.Add(-time.Hour)) || !d.UpdatedAt.Equal(r.now) || d.SourceURL == first {
		t.Errorf("registered again: %+v, %v", d, err)
	}
	if live, err := r.store.Live(t.Context(), []string{d.SourceURL}); err != nil || !live[0] {
		t.Errorf("its archive is live: %v, %v", live, err)
	}
	if garbage, err := r.store.Garbage(t.Context(), time.Now().Add(time.Hour), 10); err != nil || len(garbage) != 1 || garbage[0] != first {
		t.Errorf("garbage %v, %v, want %s", garbage, err, first)
	}
	r.registered("a.tgz", version("1.1.0", "Second"))
	if diff := cmp.Diff([]string{"my-conn-1.0.0 Retired", "my-conn-1.1.0 Live"}, r.statuses()); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	for id, want := range map[string]string{"my-conn-1.1.0": "my-conn-1.1.0", "my-conn": "my-conn-1.1.0", "my-conn-1.0.0": "", "my-conn-2": "", "": ""} {
		d, err := r.Read(t.Context(), ann, id, false)
		switch {
		case want == "" && !errors.Is(err, errs.NotFound):
			t.Errorf("%q: %v, %v, want NotFound", id, d, err)
		case want != "" && (err != nil || d.ID != want):
			t.Errorf("%q: %v, %v, want %s", id, d, err, want)
		}
	}
	if _, err := r.Read(t.Context(), scope.Scope{Tenant: "evil"}, "my-conn", false); !errors.Is(err, errs.NotFound) {
		t.Errorf("another tenant: %v", err)
	}
}

// What an archive says of itself may be wrong in many ways. Nothing stays.
func TestRegisterTellsWhatIsWrong(t *testing.T) {
	without := func(key string) string {
		var m struct {
			Metadata map[string]any `json:"metadata"`
		}
		if err := json.Unmarshal([]byte(single), &m); err != nil {
			t.Fatal(err)
		}
		delete(m.Metadata, key)
		text, _ := json.Marshal(m)
		return string(text)
	}
	swap := func(in, old, now string) string { return strings.Replace(in, old, now, 1) }
	const folder = "my conn-1.0.0"
	tests := map[string]struct {
		files []archivetest.File
		kind  errs.Kind
		want  string
	}{
		"no metadata":       {[]archivetest.File{{folder + "/ui-config.json", "{}"}}, errs.Invalid, "unable to locate the metadata file"},
		"no ui-config":      {[]archivetest.File{{folder + "/metadata.json", single}}, errs.Invalid, "Unable to locate the ui configuration File"},
		"another folder":    {dist("my-conn-1.0.0", single, `{"a":1}`), errs.Invalid, "connector source folder not found; expecting my conn-1.0.0 folder inside the archive"},
		"no folder":         {[]archivetest.File{{"metadata.json", single}, {"ui-config.json", `{"a":1}`}}, errs.Invalid, "connector source folder not found"},
		"empty metadata":    {dist(folder, " \n", `{"a":1}`), errs.Invalid, "metadata.json is empty"},
		"metadata no JSON":  {dist(folder, "{", `{"a":1}`), errs.Invalid, "metadata.json is invalid: it must be a JSON object"},
		"metadata a list":   {dist(folder, "[]", `{"a":1}`), errs.Invalid, "metadata.json is invalid: it must be a JSON object"},
		"metadata in GBK":   {dist(folder, "{\"metadata\":\"\xc3\xfb\"}", `{"a":1}`), errs.Invalid, "metadata.json is invalid: not UTF-8"},
		"no metadata in it": {dist(folder, `{"type":"connector"}`, `{"a":1}`), errs.Invalid, "metadata.json: metadata is invalid: it must be an object"},
		"several missing": {dist(folder, `{"metadata":{"id":"my conn","version":"1.0.0"}}`, `{"a":1}`), errs.Invalid,
			"metadata.json: metadata.category is required; metadata.json: metadata.technology is required; metadata.json: metadata.runtime is required; " +
				"metadata.json: metadata.licence is required; metadata.json: metadata.owner is required; metadata.json: metadata.name is required; " +
				"metadata.json: metadata.description is required; metadata.json: metadata.icon is required; metadata.json: metadata.main_class is required; " +
				"metadata.json: metadata.main_program is required"},
		"no main program":     {dist(folder, without("main_program"), `{"a":1}`), errs.Invalid, "metadata.json: metadata.main_program is required"},
		"name is a number":    {dist(folder, swap(single, `"My connector"`, `7`), `{"a":1}`), errs.Invalid, "metadata.json: metadata.name is invalid: it must be a string or null"},
		"id is empty":         {dist(folder, swap(single, `"my conn"`, `""`), `{"a":1}`), errs.Invalid, "metadata.json: metadata.id is required"},
		"id is a path":        {dist(folder, swap(single, `"my conn"`, `"../x"`), `{"a":1}`), errs.Invalid, "metadata.json: metadata.id is invalid: it must be fit for a URL"},
		"version is long":     {dist(folder, swap(single, `"1.0.0"`, `"`+strings.Repeat("1", 200)+`"`), `{"a":1}`), errs.Invalid, "metadata.json: metadata.version is invalid: longer than 128 characters"},
		"large icon in it":    {dist(folder, swap(single, "icons/icon.svg", "data:image/png;base64,"+strings.Repeat("A", 1<<17)), `{"a":1}`), errs.TooLarge, "metadata.json: icon is larger than 65536 bytes"},
		"large icon":          {dist(folder, single, `{"a":1}`, archivetest.File{folder + "/icons/icon.svg", strings.Repeat("x", 1<<17)}), errs.TooLarge, `archive is refused: "my conn-1.0.0/icons/icon.svg" is larger than 65536 bytes`},
		"empty ui-config":     {dist(folder, single, ""), errs.Invalid, "ui-config.json is empty"},
		"ui-config of blanks": {dist(folder, single, " {} "), errs.Invalid, "ui-config.json is empty"},
		"ui-config no JSON":   {dist(folder, single, "form"), errs.Invalid, "ui-config.json is invalid: it must be a JSON object"},
		"ui-config a list":    {dist(folder, single, "[1]"), errs.Invalid, "ui-config.json is invalid: it must be a JSON object"},
		"ui-config in GBK":    {dist(folder, single, "{\"a\":\"\xc3\xfb\"}"), errs.Invalid, "ui-config.json is invalid: not UTF-8"},
		"no connectors":       {dist("object-store-0.1.0", swap(multiple, `"connectors"`, `"others"`), `{"a":1}`), errs.Invalid, "metadata.json: connectors is required: a list with one at least, as tenant is multiple"},
		"entry without name":  {dist("object-store-0.1.0", swap(multiple, `"name":"GCS",`, ``), `{"a":1}`), errs.Invalid, "metadata.json: connectors[].name is required"},
		"entry is a text":     {dist("object-store-0.1.0", swap(multiple, `{"id":"aws s3","name":"AWS S3","description":"Files of S3","icon":"s3.png"}`, `"s3"`), `{"a":1}`), errs.Invalid, "metadata.json: connectors[] is invalid: it must be an object"},
		"entry twice":         {dist("object-store-0.1.0", swap(multiple, `"gcs","name"`, `"aws-s3","name"`), `{"a":1}`), errs.Invalid, `metadata.json: connectors[].id is invalid: "aws-s3" is there twice`},
		"no file at all":      {nil, errs.Invalid, "archive is invalid: there is nothing in it"},
		"large archive":       {dist(folder, single, `{"a":1}`, archivetest.File{folder + "/lib", strings.Repeat("x", 1<<20)}), errs.TooLarge, "archive is larger than 1048576 bytes"},
	}
	r := newRegistry(t, &connector.DefinitionOptions{MaxArchive: 1 << 20})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := r.register("x.tar", archivetest.Tar(tt.files...))
			if !errors.Is(err, tt.kind) || !strings.HasPrefix(errs.Message(err), tt.want) {
				t.Errorf("err = %v (%v), want %v: %s", err, errs.KindOf(err), tt.kind, tt.want)
			}
		})
	}
	if _, err := r.register("x.tar", nil); errs.Message(err) != "archive is empty" {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := r.Register(t.Context(), scope.Scope{}, "x.tar", nil); !errors.Is(err, errs.Unauthorized) {
		t.Errorf("no tenant: %v", err)
	}
	if keys, list := r.keys(), r.statuses(); len(keys) > 0 || len(list) > 0 {
		t.Errorf("what was refused stays: %v, %v", keys, list)
	}
}

// down is a repository that fails.
type down struct {
	connector.DefinitionRepository
	err error
}

func (d down) SaveDefinitions(context.Context, string, []*connector.Definition, int) error {
	return d.err
}

// What may be stored all the same keeps its bytes.
func TestRegisterWhenTheStoreFails(t *testing.T) {
	text := archivetest.Tar(dist("my conn-1.0.0", single, `{"a":1}`)...)
	for _, tt := range []struct {
		err  error
		keys int
	}{
		{errs.New(errs.Exists, "taken"), 0}, {errs.New(errs.Unavailable, "down"), 1}, {context.Canceled, 1}, {errors.New("broken"), 0},
	} {
		r := newRegistry(t, nil)
		s := connector.NewDefinitions(down{r.store, tt.err}, r.bucket, archive.New(nil), uispec.New(nil), nil)
		if _, err := s.Register(t.Context(), ann, "x.tar", bytes.NewReader(text)); !errors.Is(err, tt.err) {
			t.Errorf("err = %v, want %v", err, tt.err)
		}
		if keys := r.keys(); len(keys) != tt.keys {
			t.Errorf("after %v the bucket has %v", tt.err, keys)
		}
	}
}

// A spec that is no schema can be drawn, but nothing checked with it.
func TestSpecsThatCannotCheck(t *testing.T) {
	r := newRegistry(t, nil)
	r.registered("x.tar", archivetest.Tar(dist("my conn-1.0.0", single, `{"type":"form"}`)...))
	err := r.Check(t.Context(), ann, "my-conn-1.0.0", []byte(`{}`))
	if want := `definition "my-conn-1.0.0" cannot be used: ui_spec is invalid: type is no JSON Schema`; !errors.Is(err, errs.Invalid) || errs.Message(err) != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

func TestDraftsAreMadeInGo(t *testing.T) {
	r := newRegistry(t, nil)
	draft := func() *connector.Definition {
		return &connector.Definition{ConnectorID: "mine", Version: "1", Name: "Mine", Status: connector.Draft, UISpec: json.RawMessage(`{"required":["a"]}`)}
	}
	if err := r.Save(t.Context(), ann, draft()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(t.Context(), ann, "mine-1", false); !errors.Is(err, errs.NotFound) {
		t.Errorf("a draft is read as live: %v", err)
	}
	d, err := r.Read(t.Context(), ann, "mine-1", true)
	if err != nil || d.Status != connector.Draft || !d.LiveAt.IsZero() {
		t.Errorf("the draft: %+v, %v", d, err)
	}
	live := draft()
	live.Status = connector.Live
	if err := r.Save(t.Context(), ann, live); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(t.Context(), ann, "mine-1", true); !errors.Is(err, errs.NotFound) {
		t.Errorf("what is live is read as a draft: %v", err)
	}
	err = r.Save(t.Context(), ann, &connector.Definition{Version: "a/b", Status: "New", UISpec: json.RawMessage(`{"type":1}`)})
	want := `connector_id is required; version is invalid: it must be fit for a URL; status is invalid: "New" is none of Draft, InValidation, Live, Retired; ` +
		`ui_spec is invalid: definition "" cannot be used: ui_spec is invalid: type is no JSON Schema`
	if !errors.Is(err, errs.Invalid) || errs.Message(err) != want {
		t.Errorf("err = %v, want %s", err, want)
	}
	if _, err := r.List(t.Context(), ann, connector.DefinitionQuery{Statuses: []connector.DefinitionStatus{"live"}}); !errors.Is(err, errs.Invalid) {
		t.Errorf("list of an unknown status: %v", err)
	}
}

func TestBuiltInDefinitions(t *testing.T) {
	mine, err := connector.ParseDefinition([]byte(`{"connector_id":"mine","version":"1.0.0","category":"Database","icon":"data:image/svg+xml;base64,PHN2Zy8+","ui_spec":{"maxProperties":0}}`))
	if err != nil {
		t.Fatal(err)
	}
	r := newRegistry(t, &connector.DefinitionOptions{BuiltIn: []*connector.Definition{mine}})
	ids := func() []string {
		defs, err := r.List(t.Context(), ann, connector.DefinitionQuery{Categories: []string{connector.CategoryFile}})
		if err != nil {
			t.Fatal(err)
		}
		list := []string{}
		for _, d := range defs {
			list = append(list, d.ID+" "+string(d.Status))
		}
		return list
	}
	if diff := cmp.Diff([]string{"folder-1.0.0 Live", "oss-1.0.0 Live", "s3-1.0.0 Live"}, ids()); diff != "" {
		t.Errorf("built in (-want +got):\n%s", diff)
	}
	for id, config := range map[string]string{
		"mine":   `{}`,
		"s3":     `{"endpoint":"e.example","access_key_id":"k","access_key_secret":"s","bucket_name":"b","region":"r"}`,
		"oss":    `{"endpoint":"e.example","access_key_id":"k","access_key_secret":"s","bucket_name":"b"}`,
		"folder": `{"path":"/srv"}`,
	} {
		if err := r.Check(t.Context(), ann, id, []byte(config)); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if err := r.Check(t.Context(), ann, id+"-1.0.0", []byte(`{"x":1}`)); !errors.Is(err, errs.Invalid) {
			t.Errorf("%s without fields: %v", id, err)
		}
		d, err := r.Read(t.Context(), ann, id, false)
		if err != nil || d.Tenant != "" || len(d.UISpec) == 0 || !strings.HasPrefix(d.IconURL, "data:image/svg+xml;base64,") {
			t.Errorf("%s is %+v, %v", id, d, err)
		}
	}
	// A tenant's own version stands in for it; connectors are still checked
	// with the form of what opens them.
	metadata := strings.NewReplacer("my conn", "s3", "1.0.0", "2.0.0").Replace(single)
	r.registered("x.tar", archivetest.Tar(dist("s3-2.0.0", metadata, `{"type":"object"}`)...))
	if d, err := r.Read(t.Context(), ann, "s3", false); err != nil || d.ID != "s3-2.0.0" {
		t.Errorf("s3 is %+v, %v", d, err)
	}
	if _, err := r.Read(t.Context(), ann, "s3-1.0.0", false); !errors.Is(err, errs.NotFound) {
		t.Errorf("the one that is built in: %v", err)
	}
	if diff := cmp.Diff([]string{"folder-1.0.0 Live", "oss-1.0.0 Live", "s3-1.0.0 Retired"}, ids()); diff != "" {
		t.Errorf("with a version of its own (-want +got):\n%s", diff)
	}
	if _, err := r.connectors.Create(t.Context(), ann, connector.New{Name: "n", Type: connector.S3, Config: connector.Config{S3: &connector.S3Config{}}}); !errors.Is(err, errs.Invalid) {
		t.Errorf("an empty config: %v", err)
	}
	if d, err := r.Read(t.Context(), scope.Scope{Tenant: "other"}, "s3", false); err != nil || d.ID != "s3-1.0.0" {
		t.Errorf("for another tenant it is %+v, %v", d, err)
	}
}

func TestParseDefinition(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                  "definition is invalid: it must be a JSON object",
		`{}`:                  "connector_id is required; version is required; ui_spec is required",
		`{"live_date":"now"}`: "definition is invalid: it must be a JSON object",
	} {
		if _, err := connector.ParseDefinition([]byte(text)); !errors.Is(err, errs.Invalid) || errs.Message(err) != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
