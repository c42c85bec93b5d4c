package contract

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"
)

// faults counts what a judge reports.
type faults int

func (f *faults) Errorf(string, ...any) { *f++ }

// canned is a server with one answer.
type canned struct {
	status int
	body   string
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"1"}}
	if strings.HasPrefix(r.URL.Path, "/v2/team/") {
		h.Set("x-pd-trace-id", "1")
	}
	return &http.Response{StatusCode: c.status, Header: h, Body: io.NopCloser(strings.NewReader(c.body)), Request: r, ProtoMajor: 1}, nil
}

func TestJudgeFindsFaults(t *testing.T) {
	const task = `{"id":"1","source_connector_id":100001,"source_connector_type":4,"volume_id":"2","volume_name":"v","name":"","status":4,` +
		`"creator":"a","source_config":{"common_file_task_config":{"uris":["a"],"load_mode_config":{"load_interval_type":4,"interval":0}}},` +
		`"start_at":1,"end_at":1,"created_at":1,"updated_at":1}`
	good := `{"code":"OK","msg":"OK","data":{"task":` + task + `}}`
	change := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	tests := map[string]struct {
		target string
		canned
		faulty bool
	}{
		"right":                {"/task/get?task_id=1", canned{200, good}, false},
		"not there":            {"/task/get?task_id=1", canned{200, `{"code":"ErrServer","msg":"task 1 not exists","data":null}`}, false},
		"id is a number":       {"/task/get?task_id=1", canned{200, change(`"id":"1"`, `"id":1`)}, true},
		"connector is a text":  {"/task/get?task_id=1", canned{200, change(`100001`, `"100001"`)}, true},
		"field is missing":     {"/task/get?task_id=1", canned{200, change(`"creator":"a",`, ``)}, true},
		"field too many":       {"/task/get?task_id=1", canned{200, change(`"creator":"a"`, `"creator":"a","secret":1`)}, true},
		"status out of range":  {"/task/get?task_id=1", canned{200, change(`"status":4`, `"status":5`)}, true},
		"wrong case":           {"/task/get?task_id=1", canned{200, change(`"code":"OK"`, `"code":"ok"`)}, true},
		"no data":              {"/task/get?task_id=1", canned{200, `{"code":"OK","msg":"OK"}`}, true},
		"empty body":           {"/task/get?task_id=1", canned{200, ""}, true},
		"error without a null": {"/task/get?task_id=1", canned{400, `{"code":"ErrParamInvalid","msg":"x"}`}, true},
		"another code":         {"/task/get?task_id=1", canned{400, `{"code":"ErrServer","msg":"x","data":null}`}, true},
		"unknown status":       {"/task/get?task_id=1", canned{418, `{"code":"ErrServer","msg":"x","data":null}`}, true},
		"unknown path":         {"/task/got", canned{200, good}, true},
		"forbidden request":    {"/task/get?task_id=x", canned{200, good}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var n faults
			j := newJudge(t)
			j.t, j.next = &n, tt.canned
			r, err := http.NewRequest(http.MethodGet, "http://api.example"+tt.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Access-Token", "good")
			if _, err := j.RoundTrip(r); err != nil {
				t.Fatal(err)
			}
			if (n > 0) != tt.faulty {
				t.Errorf("%d faults found", n)
			}
		})
	}
}

// required has the query parameters that operations need.
var required = map[string]string{
	"/connectors/files/list": "?connector_id=1", "/task/get": "?task_id=1", "/task/files": "?task_id=1",
	"/api/lake/file/upload": "?sync_id=1",
}

// fill makes a target of a path of the document.
func fill(method, path string) string {
	target := strings.NewReplacer("{id}", "5", "{source}", "5").Replace(path) + required[path]
	if strings.HasPrefix(path, "/v2/team/") && method == "get" {
		target += "?user_id=ann"
	}
	return target
}

func TestExamplesFitTheirSchemas(t *testing.T) {
	j := newJudge(t)
	checked := 0
	for path, item := range j.model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			target := fill(method, path)
			for status, resp := range op.Responses.Codes.FromOldest() {
				answer := example(t, resp.Content)
				n, err := strconv.Atoi(status)
				if err != nil || answer == "" {
					continue
				}
				var sent string
				if op.RequestBody != nil {
					sent = example(t, op.RequestBody.Content)
				}
				j.next = canned{n, answer}
				r, err := http.NewRequest(strings.ToUpper(method), "http://api.example"+target, strings.NewReader(sent))
				if err != nil {
					t.Fatal(err)
				}
				setKey(r.Header, target, "good")
				r.Header.Set("Content-Type", "application/json")
				if op.RequestBody != nil && sent == "" {
					r.Header.Set("Content-Type", "multipart/form-data")
				}
				if _, err := j.RoundTrip(r); err != nil {
					t.Fatal(err)
				}
				checked++
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d examples found", checked)
	}
}

// example returns the example of JSON content, or "".
func example(t *testing.T, content *orderedmap.Map[string, *v3.MediaType]) string {
	t.Helper()
	if content == nil {
		return ""
	}
	media := content.GetOrZero("application/json")
	if media == nil || media.Example == nil {
		return ""
	}
	var v any
	if err := media.Example.Decode(&v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
