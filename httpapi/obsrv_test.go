package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/archive/archivetest"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// registry sends a request of the registry's API.
func (e *env) registry(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	return e.do(method, target, body, append([]string{"Access-Token", "", "Authorization", "Bearer xxxx"}, headers...)...)
}

// postgresArchive is a distribution whose content is that of the documented
// example (003_37f1d6dc39f6b89a.txt).
func postgresArchive(t *testing.T) string {
	t.Helper()
	ui, err := os.ReadFile(filepath.Join("..", "connector", "testdata", "postgres-ui-config.json"))
	if err != nil {
		t.Fatal(err)
	}
	const metadata = `{"type":"connector","metadata":{
		"id":"postgres-connector","name":"PostgreSQL","version":"1.0.0","tenant":"single","type":"source","category":"Database",
		"description":"The PostgreSQL Connector is used to move data from any Postgres Table to the Obsrv platform",
		"technology":"scala","runtime":"spark","licence":"MIT","owner":"Sunbird",
		"icon":"https://upload.wikimedia.org/wikipedia/commons/2/29/Postgresql_elephant.svg",
		"main_class":"org.example.Main","main_program":"main.jar"}}`
	return string(archivetest.Gzip(archivetest.Tar(
		archivetest.File{"postgres-connector-1.0.0/"}, archivetest.File{"postgres-connector-1.0.0/metadata.json", metadata},
		archivetest.File{"postgres-connector-1.0.0/ui-config.json", string(ui)},
	)))
}

// register sends an archive as a form.
func (e *env) register(target string, fields ...string) *httptest.ResponseRecorder {
	e.t.Helper()
	body, contentType := form(e.t, fields...)
	return e.registry("POST", target, body, "Content-Type", contentType)
}

const listBody = `{"id":"api.connectors.list","ver":"v2","ts":"2024-04-10T16:10:50+05:30","params":{"msgid":"4a7f14c3-d61e-4d4f-be78-181834eeff6d"},"request":{"filters":{"status":["Draft"]}}}`

var (
	instantsOf = regexp.MustCompile(`"ts": ?"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"`)
	resmsgid   = regexp.MustCompile(`"resmsgid": ?"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`)
	dates      = regexp.MustCompile(`_date": ?"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
)

// normalRegistry returns a body as goldens have it.
func normalRegistry(t *testing.T, body []byte) string {
	t.Helper()
	text := instantsOf.ReplaceAllString(string(body), `"ts":"<time>"`)
	text = resmsgid.ReplaceAllString(text, `"resmsgid":"<uuid>"`)
	text = dates.ReplaceAllString(text, `_date":"<time>"`)
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out.String()
}

func TestRegistrySamples(t *testing.T) {
	e := newEnv(t, nil)
	samples := []struct {
		golden string
		send   func() *httptest.ResponseRecorder
	}{
		{"register", func() *httptest.ResponseRecorder {
			return e.register("/v2/connector/register", "pg.tar.gz", postgresArchive(t))
		}},
		{"read", func() *httptest.ResponseRecorder {
			return e.registry("GET", "/v2/connectors/read/postgres-connector-1.0.0", "")
		}},
		{"read", func() *httptest.ResponseRecorder {
			return e.registry("GET", "/v2/connectors/read/postgres-connector", "")
		}},
		{"list_empty", func() *httptest.ResponseRecorder { return e.registry("POST", "/v2/connectors/list", listBody) }},
		{"list", func() *httptest.ResponseRecorder {
			return e.registry("POST", "/v2/connectors/list", strings.NewReplacer(`["Draft"]`, `["Live"],"category":["Database"]`).Replace(listBody))
		}},
		{"list", func() *httptest.ResponseRecorder {
			return e.registry("POST", "/v2/connectors/list", strings.NewReplacer(`"status":["Draft"]`, `"category":["Database"]`).Replace(listBody))
		}},
	}
	for _, s := range samples {
		w := s.send()
		if w.Code != 200 {
			t.Fatalf("%s: %d %s", s.golden, w.Code, w.Body)
		}
		golden(t, "obsrv/"+s.golden, normalRegistry(t, w.Body.Bytes()))
	}
}

// The documented answer comes back field by field, in its order, after a
// definition with its content is registered.
func TestDocumentedRead(t *testing.T) {
	e := newEnv(t, nil)
	if w := e.register("/v2/connectors/register", "pg.tar.gz", postgresArchive(t)); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	documented, err := os.ReadFile(filepath.Join("testdata", "obsrv", "documented_read.json"))
	if err != nil {
		t.Fatal(err)
	}
	w := e.registry("GET", "/v2/connectors/read/postgres-connector-1.0.0", "")
	// Times and the answer's own id are the only things that differ.
	plain := func(body []byte) string {
		text := normalRegistry(t, body)
		text = regexp.MustCompile(`"ts": "[^"]*"`).ReplaceAllString(text, `"ts": "<time>"`)
		return regexp.MustCompile(`"resmsgid": "[^"]*"`).ReplaceAllString(text, `"resmsgid": "<uuid>"`)
	}
	if diff := cmp.Diff(plain(documented), plain(w.Body.Bytes())); diff != "" {
		t.Errorf("read (-documented +got):\n%s", diff)
	}
}

// failure is the envelope of an error.
type failure struct {
	ID, Ver, TS  string
	Params       struct{ Status, MsgID, ResMsgID string }
	ResponseCode string
	Result       *map[string]any
	Error        struct {
		Code, Message string
		Trace         *string
	}
}

func isFailure(t *testing.T, w *httptest.ResponseRecorder, status int, id, response, code, message string) {
	t.Helper()
	var f failure
	err := json.Unmarshal(w.Body.Bytes(), &f)
	if err != nil || w.Code != status || f.ID != id || f.Ver != "v2" || f.Params.Status != "FAILED" || f.ResponseCode != response ||
		f.Error.Code != code || f.Error.Message != message || len(f.Params.ResMsgID) != 36 {
		t.Errorf("%d %s\nwant %d %s %s %s %q", w.Code, w.Body, status, id, response, code, message)
	}
	// The two forms of errors.
	if register := id == "api.connector.register"; register != (f.Error.Trace != nil) || register != (f.Result == nil) {
		t.Errorf("another form: %s", w.Body)
	}
}

func TestListBodies(t *testing.T) {
	e := newEnv(t, nil)
	swap := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(listBody) }
	tests := map[string]struct{ body, want string }{
		"no id":            {swap(`"id":"api.connectors.list",`, ``), "#required must have required property 'id'"},
		"nothing":          {"", "#required must have required property 'id'"},
		"another id":       {swap("api.connectors.list", "api.list"), "#properties/id/enum must be equal to one of the allowed values"},
		"ver is a number":  {swap(`"v2"`, `2`), "#properties/ver/type must be string"},
		"ts is null":       {swap(`"2024-04-10T16:10:50+05:30"`, `null`), "#properties/ts/type must be string"},
		"no msgid":         {swap(`"msgid":"4a7f14c3-d61e-4d4f-be78-181834eeff6d"`, ``), "#properties/params/required must have required property 'msgid'"},
		"more params":      {swap(`"msgid"`, `"did":"x","msgid"`), "#properties/params/additionalProperties must NOT have additional properties"},
		"no request":       {swap(`,"request":{"filters":{"status":["Draft"]}}`, ``), "#required must have required property 'request'"},
		"request is text":  {swap(`{"filters":{"status":["Draft"]}}`, `"x"`), "#properties/request/type must be object"},
		"more in request":  {swap(`"filters"`, `"limit":1,"filters"`), "#properties/request/additionalProperties must NOT have additional properties"},
		"unknown filter":   {swap(`"status"`, `"name"`), "#properties/request/properties/filters/additionalProperties must NOT have additional properties"},
		"status is text":   {swap(`["Draft"]`, `"Draft"`), "#properties/request/properties/filters/properties/status/type must be array"},
		"no status":        {swap(`["Draft"]`, `[]`), "#properties/request/properties/filters/properties/status/minItems must NOT have fewer than 1 items"},
		"unknown status":   {swap(`["Draft"]`, `["Draft","draft"]`), "#properties/request/properties/filters/properties/status/items/enum must be equal to one of the allowed values"},
		"unknown category": {swap(`"status":["Draft"]`, `"category":["Stream"]`), "#properties/request/properties/filters/properties/category/items/enum must be equal to one of the allowed values"},
		"more at the top":  {swap(`"ver"`, `"x":1,"ver"`), "#additionalProperties must NOT have additional properties"},
		"no JSON":          {`{"id"`, "body is invalid JSON at byte 5: unexpected end of JSON input"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := e.registry("POST", "/v2/connectors/list", tt.body)
			isFailure(t, w, 400, "api.connectors.list", "BAD_REQUEST", "CONNECTORS_LIST_INPUT_INVALID", tt.want)
			if strings.Contains(tt.body, `"msgid"`) && !strings.Contains(w.Body.String(), `"msgid":"4a7f14c3-d61e-4d4f-be78-181834eeff6d"`) {
				t.Errorf("the msgid is not echoed: %s", w.Body)
			}
		})
	}
	if w := e.registry("POST", "/v2/connectors/list", swap(`"filters":{"status":["Draft"]}`, ``)); w.Code != 200 || !strings.Contains(w.Body.String(), `"count":3}`) {
		t.Errorf("without filters: %d %s", w.Code, w.Body)
	}
}

func TestRegistrations(t *testing.T) {
	e := newEnv(t, nil)
	good := postgresArchive(t)
	link := string(archivetest.Tar(archivetest.File{"../x", "x"}))
	const register, fault = "/v2/connector/register", "INTERNAL_SERVER_ERROR"
	for name, tt := range map[string]struct {
		fields                  []string
		status                  int
		response, code, message string
	}{
		"two files":           {[]string{"a.tgz", good, "b.tgz", good}, 400, "BAD_REQUEST", "FAILED_TO_UPLOAD", "Uploading multiple files are not allowed"},
		"two files and more":  {[]string{"a.tgz", good, "x", "y", "b.tgz", good}, 400, "BAD_REQUEST", "FAILED_TO_UPLOAD", "Uploading multiple files are not allowed"},
		"a bad one, and more": {[]string{"a.tgz", "x", "b.tgz", good}, 400, "BAD_REQUEST", "FAILED_TO_UPLOAD", "Uploading multiple files are not allowed"},
		"no file":             {[]string{"file", "x"}, 500, fault, "FAILED_TO_REGISTER_CONNECTOR", "Failed to register connector: there is no file in the form"},
		"empty file":          {[]string{"a.tgz", ""}, 500, fault, "FAILED_TO_REGISTER_CONNECTOR", "archive is empty"},
		"an escaping path":    {[]string{"a.tar", link}, 500, fault, "FAILED_TO_REGISTER_CONNECTOR", `archive is refused: the path "../x" leads out of it`},
		"no metadata":         {[]string{"a.tar", string(archivetest.Tar(archivetest.File{"x-1/a", "x"}))}, 500, fault, "FAILED_TO_REGISTER_CONNECTOR", "unable to locate the metadata file"},
	} {
		t.Run(name, func(t *testing.T) {
			isFailure(t, e.register(register, tt.fields...), tt.status, "api.connector.register", tt.response, tt.code, tt.message)
		})
	}
	body, contentType := form(t, "a.tgz", good)
	w := e.registry("POST", register, body[:len(body)-10], "Content-Type", contentType)
	isFailure(t, w, 400, "api.connector.register", "BAD_REQUEST", "FAILED_TO_UPLOAD", "Fail to upload a file: body is invalid: it is no complete form")
	w = e.registry("POST", register, `{"file3":"binary"}`)
	isFailure(t, w, 500, "api.connector.register", fault, "FAILED_TO_REGISTER_CONNECTOR", "Content-Type is invalid: it must be multipart/form-data with a boundary")
	isFailure(t, e.registry("GET", "/v2/connectors/read/postgres-connector-1.0.0", ""), 404, "api.connectors.read", "NOT_FOUND", "CONNECTOR_NOT_FOUND", "Connector not found: postgres-connector-1.0.0")
	for obj := range e.bucket.List(t.Context(), "", nil) {
		t.Errorf("what was refused stays: %s", obj.Key)
	}
	// Any field name, other fields around it, and the other path.
	if w := e.register("/v2/connectors/register", "x", "y", "a.tgz", good, "z", strings.Repeat("z", 9999)); w.Code != 200 || !strings.Contains(w.Body.String(), `"result":{"message":"connector registered successfully."}`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestReadDefinitions(t *testing.T) {
	e := newEnv(t, nil)
	s := connector.NewDefinitions(e.store, e.bucket, nil, compiler{}, nil)
	draft := &connector.Definition{ConnectorID: "mine", Version: "1", Name: "Mine", Status: connector.Draft}
	if err := s.Save(t.Context(), scope.Scope{Tenant: "acme", User: "ann"}, draft); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		"/v2/connectors/read/mine-1?mode=edit":  `"iconurl":null,"status":"Draft","ui_spec":{},"created_by":"ann"`,
		"/v2/connectors/read/mine-1?mode=EDIT":  `"live_date":null`,
		"/v2/connectors/read/mine-1/?mode=edit": `"id":"mine-1"`,
		"/v2/connectors/read/s3":                `"id":"s3-1.0.0"`,
		"/v2/connectors/read/folder-1.0.0":      `"ui_spec":{"$schema"`,
	} {
		if w := e.registry("GET", target, ""); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", target, w.Code, w.Body, want)
		}
	}
	for _, id := range []string{"mine-1", "s3-2", "a%20b"} {
		plain := strings.ReplaceAll(id, "%20", " ")
		isFailure(t, e.registry("GET", "/v2/connectors/read/"+id, ""), 404, "api.connectors.read", "NOT_FOUND", "CONNECTOR_NOT_FOUND", "Connector not found: "+plain)
	}
	if w := e.registry("GET", "/v2/connectors/read/mine-1?mode=edit", "", "Authorization", "Bearer other"); w.Code != 404 {
		t.Errorf("another tenant's: %d %s", w.Code, w.Body)
	}
}

// compiler takes every spec.
type compiler struct{}

func (compiler) Compile([]byte) (connector.Schema, error) { return nil, nil }

func TestRegistryRefusals(t *testing.T) {
	e := newEnv(t, nil)
	const list = "api.connectors.list"
	for token, want := range map[string][]string{
		"":                 {"401", "UNAUTHORIZED", "UNAUTHORIZED_ACCESS", "credentials are required"},
		"Basic xxxx":       {"401", "UNAUTHORIZED", "UNAUTHORIZED_ACCESS", "credentials are required"},
		"Bearer wrong":     {"401", "UNAUTHORIZED", "UNAUTHORIZED_ACCESS", "credentials are invalid"},
		"bearer forbidden": {"403", "FORBIDDEN", "ACCESS_FORBIDDEN", "permission denied"},
		"Bearer limited":   {"429", "TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS", "asked too often"},
		"Bearer down":      {"503", "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE", "directory is down"},
		"Bearer broken":    {"500", "INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR", "internal error"},
	} {
		w := e.registry("POST", "/v2/connectors/list", listBody, "Authorization", token)
		isFailure(t, w, atoi(want[0]), list, want[1], want[2], want[3])
	}
	isFailure(t, e.registry("GET", "/v2/connectors/nothing", ""), 404, "api.route", "NOT_FOUND", "ROUTE_NOT_FOUND", "Route not found")
	isFailure(t, e.registry("GET", "/v2/connector/x/y", ""), 404, "api.route", "NOT_FOUND", "ROUTE_NOT_FOUND", "Route not found")
	isFailure(t, e.registry("PUT", "/v2/connectors/list", ""), 405, list, "METHOD_NOT_ALLOWED", "METHOD_NOT_ALLOWED", "method is invalid: PUT")
}

func atoi(s string) (n int) {
	fmt.Sscan(s, &n)
	return n
}

func TestRegistryFaults(t *testing.T) {
	store, err := sqlstore.Open(context.Background(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	bucket := &sick{Bucket: cloud.Memory()}
	zone := time.FixedZone("", 5*3600+1800)
	e := newEnvOn(t, store, bucket, func(c *httpapi.Config) {
		c.Location, c.Statuses = zone, map[errs.Kind]int{errs.Invalid: 422}
	})
	bucket.fail(errs.New(errs.Unavailable, "bucket at 10.0.0.7 is down"))
	w := e.register("/v2/connector/register", "a.tgz", postgresArchive(t))
	isFailure(t, w, 500, "api.connector.register", "INTERNAL_SERVER_ERROR", "FAILED_TO_REGISTER_CONNECTOR", "Failed to register connector")
	if !strings.Contains(w.Body.String(), `+05:30"`) {
		t.Errorf("the zone is another: %s", w.Body)
	}
	bucket.fail(nil)
	if w := e.register("/v2/connector/register", "a.tgz", "x"); w.Code != 422 {
		t.Errorf("a host can choose the status: %d %s", w.Code, w.Body)
	}
	store.Close()
	if w := e.registry("GET", "/v2/connectors/read/x", ""); w.Code != 500 && w.Code != 503 {
		t.Errorf("without a store: %d %s", w.Code, w.Body)
	}
}

// A connector of a registered definition, by the data access API.
func TestConnectorsOfDefinitions(t *testing.T) {
	e := newEnv(t, nil)
	if w := e.register("/v2/connector/register", "pg.tgz", postgresArchive(t)); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	const config = `{"definition":{"id":"postgres-connector-1.0.0","config":{"connector_config":{"databaseType":"PostgreSQL",` +
		`"connection_info":{"host":"10.0.0.1","port":5432,"name":"shop","username":"reader","password":"canary-7"}},"operations_config":{"pollingInterval":"Once"}}}}`
	id := e.id("/connectors", `{"name":"pg","source_type":101,"config":`+config+`}`)
	got := e.ok("GET", "/connectors/"+id, "")
	if !strings.Contains(got, `"source_type":101`) || !strings.Contains(got, `"password":"******","port":5432`) || strings.Contains(got, "canary-7") {
		t.Errorf("it is shown as %s", got)
	}
	masked := strings.NewReplacer("canary-7", "******", "5432", "5433").Replace(config)
	e.ok("PUT", "/connectors/"+id, `{"config":`+masked+`}`)
	if got := e.ok("GET", "/connectors/list?source_type=101", ""); !strings.Contains(got, `"port":5433`) || !strings.Contains(got, `"total":1`) {
		t.Errorf("list: %s", got)
	}
	w := e.do("PUT", "/connectors/"+id, `{"config":`+strings.Replace(masked, "5433", "0", 1)+`}`)
	if want := "config.definition.config.connector_config.connection_info.port is invalid: it is less than 1"; w.Code != 400 || !strings.Contains(w.Body.String(), want) {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	if got := e.ok("POST", "/connectors/validate", `{"connector_id":`+id+`}`); !strings.Contains(got, `"valid":false`) {
		t.Errorf("what cannot be opened is valid: %s", got)
	}
	// Nobody opens it here: a load tells so, and ends.
	volume := e.id("/CreateOriginVolume", `{"name":"v"}`)
	task := e.id("/task", `{"source_connector_id":`+id+`,"volume_id":"`+volume+`","source_config":{"common_file_task_config":{"load_mode_config":{"load_interval_type":4},"uris":["orders"]}}}`)
	e.drain()
	if got := e.ok("GET", "/task/files?task_id="+task, ""); !strings.Contains(got, "nothing opens that here") {
		t.Errorf("the load's files: %s", got)
	}
	if got := e.ok("GET", "/task/get?task_id="+task, ""); !strings.Contains(got, `"source_connector_type":101`) {
		t.Errorf("the load: %s", got)
	}
}
