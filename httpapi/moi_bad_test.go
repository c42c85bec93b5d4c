package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/store/errs"
)

// bad is a request that is refused.
type bad struct {
	method, path, body string
	status             int
	code               string
	msgs               []string // parts of the message, all of which must be there
}

// The ids of the things that stand when the requests are made.
//
//	{oss} {s3} connectors, {volume} a volume, {done} a completed task,
//	{busy} an executable task that uses {oss} and {volume}, {paused} a paused one
var badRequests = map[string]bad{
	"create connector: nothing":           {"POST", "/connectors", `{}`, 400, "ErrParamInvalid", []string{"name is required", "source_type is required", "config is required"}},
	"create connector: empty body":        {"POST", "/connectors", ``, 400, "ErrParamInvalid", []string{"name is required"}},
	"create connector: types":             {"POST", "/connectors", `{"name":1,"source_type":"4","config":[]}`, 400, "ErrParamInvalid", []string{"name is invalid: it must be a string", "source_type is invalid: it must be a whole number", "config is invalid: it must be an object"}},
	"create connector: source type":       {"POST", "/connectors", `{"name":"a","source_type":6,"config":{}}`, 400, "ErrParamInvalid", []string{"source_type is invalid: 6"}},
	"create connector: other config":      {"POST", "/connectors", `{"name":"a","source_type":5,"config":{"oss":{}}}`, 400, "ErrParamInvalid", []string{"config.s3 is required"}},
	"create connector: config fields":     {"POST", "/connectors", `{"name":"a","source_type":5,"config":{"s3":{}}}`, 400, "ErrParamInvalid", []string{"config.s3.endpoint is required", "config.s3.access_key_id is required", "config.s3.access_key_secret is required", "config.s3.bucket_name is required", "config.s3.region is required"}},
	"create connector: config types":      {"POST", "/connectors", `{"name":"a","source_type":5,"config":{"s3":{"endpoint":1,"path_style":"yes"}}}`, 400, "ErrParamInvalid", []string{"config.s3.endpoint is invalid", "config.s3.path_style is invalid"}},
	"create connector: taken name":        {"POST", "/connectors", ossBody, 400, "ErrParamInvalid", []string{"exists"}},
	"create connector: long name":         {"POST", "/connectors", `{"name":"` + strings.Repeat("x", 256) + `","source_type":4,"config":{}}`, 400, "ErrParamInvalid", []string{"name is invalid: longer than 255"}},
	"create connector: NUL":               {"POST", "/connectors", `{"name":"a\u0000","source_type":4,"config":{}}`, 400, "ErrParamInvalid", []string{"name is invalid: has a NUL"}},
	"create connector: mask":              {"POST", "/connectors", strings.Replace(strings.Replace(ossBody, "oss-test2", "m", 1), `"access_key_secret":"xxxx"`, `"access_key_secret":"******"`, 1), 400, "ErrParamInvalid", []string{"access_key_secret is invalid"}},
	"create connector: relative folder":   {"POST", "/connectors", `{"name":"a","source_type":100,"config":{"folder":{"path":"x"}}}`, 400, "ErrParamInvalid", []string{"config.folder.path is invalid"}},
	"create connector: array":             {"POST", "/connectors", `[]`, 400, "ErrParamInvalid", []string{"body is invalid"}},
	"create connector: two bodies":        {"POST", "/connectors", `{}{}`, 400, "ErrParamInvalid", []string{"body is invalid JSON"}},
	"create connector: double field":      {"POST", "/connectors", `{"name":"a","name":"b"}`, 400, "ErrParamInvalid", []string{"name is invalid: given twice"}},
	"create connector: too large":         {"POST", "/connectors", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "ErrTooLarge", []string{"1048576 bytes"}},
	"validate: neither":                   {"POST", "/connectors/validate", `{"source_type":4}`, 400, "ErrParamInvalid", []string{"connector_id or config is required"}},
	"validate: unknown":                   {"POST", "/connectors/validate", `{"connector_id":5}`, 200, "ErrServer", []string{"not exists"}},
	"validate: bad id":                    {"POST", "/connectors/validate", `{"connector_id":"x"}`, 400, "ErrParamInvalid", []string{"connector_id is invalid"}},
	"validate: other type":                {"POST", "/connectors/validate", `{"connector_id":{oss},"source_type":5}`, 400, "ErrParamInvalid", []string{"source_type is invalid"}},
	"list connectors: everything":         {"GET", "/connectors/list?page=-1&page_size=5000&is_desc=maybe&source_type=x", "", 400, "ErrParamInvalid", []string{"page_size is invalid", "is_desc is invalid", "source_type is invalid"}},
	"list connectors: order":              {"GET", "/connectors/list?order_by=secret", "", 400, "ErrParamInvalid", []string{"order_by is invalid"}},
	"connector files: no id":              {"GET", "/connectors/files/list", "", 400, "ErrParamInvalid", []string{"connector_id is required"}},
	"connector files: unknown":            {"GET", "/connectors/files/list?connector_id=5", "", 200, "ErrServer", []string{"not exists"}},
	"connector files: types":              {"GET", "/connectors/files/list?connector_id={oss}&file_types=2,x&limit=-", "", 400, "ErrParamInvalid", []string{"file_types is invalid", "limit is invalid"}},
	"connector files: unknown type":       {"GET", "/connectors/files/list?connector_id={oss}&file_types=999", "", 400, "ErrParamInvalid", []string{"file_types is invalid: 999"}},
	"connector files: negative limit":     {"GET", "/connectors/files/list?connector_id={oss}&limit=-1", "", 400, "ErrParamInvalid", []string{"limit is invalid"}},
	"get connector: unknown":              {"GET", "/connectors/5", "", 200, "ErrServer", []string{"connector 5 not exists"}},
	"get connector: bad id":               {"GET", "/connectors/x", "", 400, "ErrParamInvalid", []string{"id is invalid"}},
	"get connector by body: no id":        {"POST", "/connectors/get", `{}`, 400, "ErrParamInvalid", []string{"id is required"}},
	"update connector: nothing":           {"PUT", "/connectors/{oss}", `{}`, 400, "ErrParamInvalid", []string{"name or config is required"}},
	"update connector: unknown":           {"PUT", "/connectors/5", `{"name":"a"}`, 200, "ErrServer", []string{"not exists"}},
	"update connector: taken name":        {"PUT", "/connectors/{s3}", `{"name":"oss-test2"}`, 400, "ErrParamInvalid", []string{"exists"}},
	"update connector: other type":        {"PUT", "/connectors/{s3}", `{"config":{"oss":{}}}`, 400, "ErrParamInvalid", []string{"config.s3 is required"}},
	"update connector: bad id":            {"PUT", "/connectors/1.5", `{"name":7}`, 400, "ErrParamInvalid", []string{"id is invalid", "name is invalid"}},
	"delete connector: in use":            {"DELETE", "/connectors/{oss}", "", 409, "ErrConnectorInUse", nil},
	"delete connector: unknown":           {"DELETE", "/connectors/5", "", 200, "ErrServer", []string{"not exists"}},
	"delete connector: bad id":            {"DELETE", "/connectors/-5", "", 400, "ErrParamInvalid", []string{"id is invalid"}},
	"create volume: no name":              {"POST", "/CreateOriginVolume", `{}`, 400, "ErrParamInvalid", []string{"name is required"}},
	"create volume: taken":                {"POST", "/CreateOriginVolume", `{"name":"b-vol2"}`, 400, "ErrParamInvalid", []string{"exists"}},
	"list volumes: page":                  {"POST", "/DescribeOriginVolumes", `{"page":"1","page_size":5000}`, 400, "ErrParamInvalid", []string{"page is invalid", "page_size is invalid"}},
	"volume files: no id":                 {"POST", "/DescribeOriginVolume", `{}`, 400, "ErrParamInvalid", []string{"id is required"}},
	"volume files: unknown":               {"POST", "/DescribeOriginVolume", `{"id":"5"}`, 200, "ErrServer", []string{"not exists"}},
	"volume files: cursor":                {"POST", "/DescribeOriginVolume", `{"id":"{volume}","cursor":"§"}`, 400, "ErrParamInvalid", []string{"cursor is invalid"}},
	"file link: nothing":                  {"POST", "/GetOriginVolumeFileLink", `{}`, 400, "ErrParamInvalid", []string{"volume_id is required", "file_id is required"}},
	"file link: unknown file":             {"POST", "/GetOriginVolumeFileLink", `{"volume_id":{volume},"file_id":"5"}`, 200, "ErrServer", []string{"not exists"}},
	"delete files: none":                  {"POST", "/DeleteOriginVolumeFiles", `{"volume_id":{volume},"file_ids":[]}`, 400, "ErrParamInvalid", []string{"file_ids is required"}},
	"delete files: no array":              {"POST", "/DeleteOriginVolumeFiles", `{"volume_id":{volume},"file_ids":"5"}`, 400, "ErrParamInvalid", []string{"file_ids is invalid: it must be an array"}},
	"delete files: bad id":                {"POST", "/DeleteOriginVolumeFiles", `{"volume_id":{volume},"file_ids":["5",{}]}`, 400, "ErrParamInvalid", []string{"file_ids[1] is invalid"}},
	"delete files: unknown":               {"POST", "/DeleteOriginVolumeFiles", `{"volume_id":{volume},"file_ids":["5"]}`, 200, "ErrServer", []string{"not exists"}},
	"delete volume: in use":               {"POST", "/DeleteOriginVolume", `{"id":{volume}}`, 409, "ErrConflict", nil},
	"delete volume: unknown":              {"POST", "/DeleteOriginVolume", `{"id":5}`, 200, "ErrServer", []string{"not exists"}},
	"create task: nothing":                {"POST", "/task", `{}`, 400, "ErrParamInvalid", []string{"source_connector_id is required", "volume_id is required", "uris is required"}},
	"create task: types":                  {"POST", "/task", `{"source_connector_id":1.5,"volume_id":true,"source_config":{"common_file_task_config":{"uris":["a",1],"load_mode_config":{"load_interval_type":"4"}}},"config_type":7}`, 400, "ErrParamInvalid", []string{"source_connector_id is invalid", "volume_id is invalid", "source_config.common_file_task_config.uris[1] is invalid", "load_interval_type is invalid", "config_type is invalid"}},
	"create task: empty volume":           {"POST", "/task", `{"source_connector_id":{oss},"volume_id":"","uris":["a"]}`, 400, "ErrParamInvalid", []string{"volume_id is required"}},
	"create task: unknown connector":      {"POST", "/task", `{"source_connector_id":5,"volume_id":"{volume}","uris":["a"]}`, 200, "ErrServer", []string{"connector 5 not exists"}},
	"create task: unknown volume":         {"POST", "/task", `{"source_connector_id":{oss},"volume_id":"5","uris":["a"]}`, 200, "ErrServer", []string{"volume 5 not exists"}},
	"create task: schedule":               {"POST", "/task", `{"source_connector_id":{oss},"volume_id":"{volume}","uris":["a"],"load_mode_config":{"load_interval_type":3}}`, 400, "ErrParamInvalid", []string{"interval is invalid"}},
	"create task: interval type":          {"POST", "/task", `{"source_connector_id":{oss},"volume_id":"{volume}","uris":["a"],"load_mode_config":{"load_interval_type":9}}`, 400, "ErrParamInvalid", []string{"load_interval_type is invalid: 9"}},
	"create task: hour of the day":        {"POST", "/task", `{"source_connector_id":{oss},"volume_id":"{volume}","uris":["a"],"load_mode_config":{"load_interval_type":1,"interval":24,"time_zone":"Nowhere"}}`, 400, "ErrParamInvalid", []string{"interval is invalid", "time_zone is invalid"}},
	"create task: empty URI":              {"POST", "/task", `{"source_connector_id":{oss},"volume_id":"{volume}","uris":["",null]}`, 400, "ErrParamInvalid", []string{"uris[1] is invalid"}},
	"list tasks: everything":              {"GET", "/task/list?page=x&page_size=-1&status=a&load_interval_types=b&is_desc=c&source_connector_ids=0", "", 400, "ErrParamInvalid", []string{"page is invalid", "page_size is invalid", "status is invalid", "load_interval_types is invalid", "is_desc is invalid", "source_connector_ids is invalid"}},
	"list tasks: numbers":                 {"GET", "/task/list?status=5&load_interval_types=9&order_by=x", "", 400, "ErrParamInvalid", []string{"status is invalid: 5", "load_interval_types is invalid: 9", "order_by is invalid"}},
	"get task: no id":                     {"GET", "/task/get", "", 400, "ErrParamInvalid", []string{"task_id is required"}},
	"get task: bad id":                    {"GET", "/task/get?task_id=1e3", "", 400, "ErrParamInvalid", []string{"task_id is invalid"}},
	"get task: unknown":                   {"GET", "/task/get?task_id=5", "", 200, "ErrServer", []string{"task 5 not exists"}},
	"task files: unknown":                 {"GET", "/task/files?task_id=5", "", 200, "ErrServer", []string{"not exists"}},
	"task files: status":                  {"GET", "/task/files?task_id={done}&status=7", "", 400, "ErrParamInvalid", []string{"status is invalid: 7"}},
	"update task: no id":                  {"POST", "/task/update", `{"uris":[1]}`, 400, "ErrParamInvalid", []string{"task_id is required", "uris[0] is invalid"}},
	"update task: completed":              {"POST", "/task/update", `{"task_id":"{done}","uris":["a"]}`, 400, "ErrParamInvalid", []string{"completed"}},
	"update task: no type":                {"POST", "/task/update", `{"task_id":"{busy}","load_mode_config":{}}`, 400, "ErrParamInvalid", []string{"load_interval_type is invalid"}},
	"update task: unknown":                {"POST", "/task/update", `{"task_id":5}`, 200, "ErrServer", []string{"not exists"}},
	"delete task: unknown":                {"POST", "/task/delete", `{"task_id":"5"}`, 200, "ErrServer", []string{"not exists"}},
	"delete task: nested id":              {"POST", "/task/delete", `{"task_id":{"id":5}}`, 400, "ErrParamInvalid", []string{"task_id is invalid"}},
	"pause: completed":                    {"POST", "/task/pause", `{"task_id":"{done}"}`, 400, "ErrParamInvalid", []string{"completed"}},
	"pause: no id":                        {"POST", "/task/pause", `{"task_id":null}`, 400, "ErrParamInvalid", []string{"task_id is required"}},
	"pause: unknown":                      {"POST", "/task/pause", `{"task_id":5}`, 200, "ErrServer", []string{"not exists"}},
	"resume: executable":                  {"POST", "/task/resume", `{"task_id":"{busy}"}`, 400, "ErrParamInvalid", []string{"not paused"}},
	"resume: completed":                   {"POST", "/task/resume", `{"task_id":"{done}"}`, 400, "ErrParamInvalid", []string{"not paused"}},
	"resume: unknown":                     {"POST", "/task/resume", `{"task_id":5}`, 200, "ErrServer", []string{"not exists"}},
	"retry: unknown file":                 {"POST", "/task/retry", `{"task_id":"{done}","ids":["5"]}`, 400, "ErrParamInvalid", []string{"5"}},
	"retry: loading":                      {"POST", "/task/retry", `{"task_id":"{busy}"}`, 400, "ErrParamInvalid", nil},
	"retry: paused":                       {"POST", "/task/retry", `{"task_id":"{paused}"}`, 400, "ErrParamInvalid", []string{"paused"}},
	"retry: ids":                          {"POST", "/task/retry", `{"task_id":"{done}","ids":"5"}`, 400, "ErrParamInvalid", []string{"ids is invalid: it must be an array"}},
	"retry: unknown":                      {"POST", "/task/retry", `{"task_id":5}`, 200, "ErrServer", []string{"not exists"}},
	"unknown path":                        {"GET", "/task/nothing", "", 404, "ErrServer", []string{"path not exists"}},
	"wrong method":                        {"GET", "/task/pause", "", 405, "ErrParamInvalid", []string{"method is invalid"}},
	"query that is not URL-encoded":       {"GET", "/task/list?a=%zz", "", 400, "ErrParamInvalid", []string{"query is invalid"}},
	"query with a text that is not UTF-8": {"GET", "/task/list?keyword=%ff", "", 400, "ErrParamInvalid", []string{"keyword is invalid"}},
}

func TestBadRequests(t *testing.T) {
	e := newEnv(t, nil)
	e.put("a", "1")
	conn, volume, done := e.loaded(`["a"]`)
	ids := map[string]string{"oss": conn, "volume": volume, "done": done, "s3": e.id("/connectors", s3Body)}
	more := `{"source_connector_id":` + conn + `,"volume_id":` + volume + `,"uris":["a"]}`
	ids["busy"], ids["paused"] = e.id("/task", more), e.id("/task", more)
	e.ok("POST", "/task/pause", `{"task_id":`+ids["paused"]+`}`)
	for name, tt := range badRequests {
		t.Run(name, func(t *testing.T) {
			w := e.do(tt.method, fill(tt.path, ids), fill(tt.body, ids))
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			checkFailure(t, w.Body.String(), tt.code, tt.msgs)
		})
	}
}

// checkFailure checks the envelope of an error.
func checkFailure(t *testing.T, body, code string, msgs []string) {
	t.Helper()
	var got struct {
		Code string
		Msg  string
		Data json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	if got.Code != code || string(got.Data) != "null" || got.Msg == "" {
		t.Errorf("answer %s, want code %s and null data", body, code)
	}
	for _, want := range msgs {
		if !strings.Contains(got.Msg, want) {
			t.Errorf("message %q lacks %q", got.Msg, want)
		}
	}
}

func TestBadCredentials(t *testing.T) {
	e := newEnv(t, nil)
	tests := map[string]struct {
		token, key string
		status     int
		code, msg  string
	}{
		"none":      {"", "", 401, "ErrUnauthorized", "required"},
		"wrong":     {"x", "", 401, "ErrUnauthorized", "invalid"},
		"wrong key": {"", "x", 401, "ErrUnauthorized", "invalid"},
		"forbidden": {"forbidden", "", 403, "ErrForbidden", "permission"},
		"limited":   {"limited", "", 429, "ErrTooManyRequests", "often"},
		"down":      {"down", "", 503, "ErrServiceUnavailable", "down"},
		"broken":    {"broken", "", 500, "ErrInternal", "internal error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := e.do("GET", "/task/list", "", "Access-Token", tt.token, "moi-key", tt.key)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			checkFailure(t, w.Body.String(), tt.code, []string{tt.msg})
		})
	}
	if w := e.do("GET", "/task/list", "", "Access-Token", "", "moi-key", "xxxx"); w.Code != http.StatusOK {
		t.Errorf("moi-key alone: %d %s", w.Code, w.Body)
	}
}

func TestOtherTenantsThingsDoNotExist(t *testing.T) {
	e := newEnv(t, nil)
	e.put("a", "1")
	conn, volume, id := e.loaded(`["a"]`)
	file := firstID(e.ok("POST", "/DescribeOriginVolume", `{"id":`+volume+`}`))
	for _, call := range [][3]string{
		{"GET", "/connectors/" + conn}, {"PUT", "/connectors/" + conn, `{"name":"mine"}`}, {"DELETE", "/connectors/" + conn},
		{"POST", "/connectors/validate", `{"connector_id":` + conn + `}`}, {"GET", "/connectors/files/list?connector_id=" + conn},
		{"POST", "/connectors/get", `{"id":` + conn + `}`},
		{"POST", "/DescribeOriginVolume", `{"id":` + volume + `}`}, {"POST", "/DeleteOriginVolume", `{"id":` + volume + `}`},
		{"POST", "/GetOriginVolumeFileLink", `{"volume_id":` + volume + `,"file_id":` + file + `}`},
		{"POST", "/DeleteOriginVolumeFiles", `{"volume_id":` + volume + `,"file_ids":[` + file + `]}`},
		{"GET", "/task/get?task_id=" + id}, {"GET", "/task/files?task_id=" + id},
		{"POST", "/task/update", `{"task_id":` + id + `}`}, {"POST", "/task/delete", `{"task_id":` + id + `}`},
		{"POST", "/task/pause", `{"task_id":` + id + `}`}, {"POST", "/task/resume", `{"task_id":` + id + `}`},
		{"POST", "/task/retry", `{"task_id":` + id + `}`},
		{"POST", "/task", `{"source_connector_id":` + conn + `,"volume_id":` + volume + `,"uris":["a"]}`},
	} {
		w := e.do(call[0], call[1], call[2], "Access-Token", "other")
		if w.Code != 200 || !strings.Contains(w.Body.String(), `"ErrServer"`) || !strings.Contains(w.Body.String(), "not exists") {
			t.Errorf("%s %s: %d %s", call[0], call[1], w.Code, w.Body)
		}
	}
	for _, list := range [][2]string{{"GET", "/connectors/list"}, {"GET", "/task/list"}, {"POST", "/DescribeOriginVolumes"}} {
		if w := e.do(list[0], list[1], "", "Access-Token", "other"); !strings.Contains(w.Body.String(), `"total":0`) {
			t.Errorf("%s shows another tenant's things: %s", list[1], w.Body)
		}
	}
}

func TestNotFoundStatusIsTheHostsChoice(t *testing.T) {
	e := newEnv(t, func(c *httpapi.Config) { c.Statuses = map[errs.Kind]int{errs.NotFound: 404} })
	w := e.do("GET", "/task/get?task_id=5", "")
	if w.Code != 404 {
		t.Errorf("status %d, want 404", w.Code)
	}
	checkFailure(t, w.Body.String(), "ErrServer", []string{"not exists"})
}
