package httpapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// pd sends a request of the data source API as the user "ann".
func (e *env) pd(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	return e.do(method, target, body, append([]string{"Access-Token", "", "x-pd-api-key", "xxxx"}, headers...)...)
}

// data sends a request that must succeed and returns the data of its answer.
func (e *env) data(method, target, body string) map[string]any {
	e.t.Helper()
	w := e.pd(method, target, body)
	var answer struct {
		Code *int
		Data map[string]any
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 || answer.Code == nil || *answer.Code != 0 {
		e.t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	if w.Header().Get("x-pd-trace-id") == "" {
		e.t.Errorf("%s %s: no trace id", method, target)
	}
	return answer.Data
}

// form is a multipart body of fields, which are alternately names and values;
// a name with a dot is a file's.
func form(t *testing.T, fields ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		var part io.Writer
		var err error
		if strings.Contains(fields[i], ".") {
			part, err = w.CreateFormFile("file", fields[i])
		} else {
			part, err = w.CreateFormField(fields[i])
		}
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, fields[i+1])
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}

// uploaded uploads a file and returns its object key.
func (e *env) uploaded(name, text string) string {
	e.t.Helper()
	body, contentType := form(e.t, name, text, "user_id", "ann")
	w := e.pd("POST", "/v2/team/file/upload-datasource", body, "Content-Type", contentType)
	_, key, ok := strings.Cut(w.Body.String(), `"file_object_key":"`)
	key, _, _ = strings.Cut(key, `"`)
	if w.Code != 200 || !ok {
		e.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return key
}

// sourceSamples are the calls of 002_b5728707f13cb807.txt in an order in which
// they work, and those that clients make around them. {url} leads to a csv.
var sourceSamples = []sample{
	{golden: "created", method: "POST", path: "/v2/team/datasets", body: `{"name":"My dataset","description":"for tests","user_id":"ann"}`, saves: "dataset"},
	{golden: "source", method: "POST", path: "/v2/team/datasets/{dataset}/datasources", saves: "source", body: `{
		"name": "test.csv", "type": "FILE", "user_id": "ann", "url": "{url}"}`},
	{golden: "source_list", method: "GET", path: "/v2/team/datasets/{dataset}/datasources?user_id=ann"},
	{golden: "source", method: "GET", path: "/v2/team/datasets/{dataset}/datasources/{source}?user_id=ann"},
	{golden: "status_synching", method: "GET", path: "/v2/team/datasets/{dataset}/status?user_id=ann", drain: true},
	{golden: "status_synched", method: "GET", path: "/v2/team/datasets/{dataset}/status?user_id=ann"},
	{golden: "source_synched", method: "GET", path: "/v2/team/datasets/{dataset}/datasources/{source}?user_id=ann"},
	{golden: "presigned", method: "POST", path: "/v2/team/datasets/{dataset}/datasources/{source}/presign", body: `{"expires_in": 600, "user_id": "ann"}`},
	{golden: "overview", method: "GET", path: "/v2/team/datasets/{dataset}/overview?user_id=ann"},
	{golden: "done", method: "POST", path: "/v2/team/datasets/{dataset}", body: `{"name": "Renamed", "user_id": "ann"}`},
	{golden: "dataset_list", method: "GET", path: "/v2/team/datasets?user_id=ann&search=renamed"},
	{golden: "begun", method: "POST", path: "/v2/team/file/init-multipart-upload", body: `{"file_name": "test.csv", "file_size": 15, "user_id": "ann"}`},
	{golden: "source_alone", method: "POST", path: "/v2/team/datasources", saves: "alone", drain: true, body: `{
		"name": "test.csv", "type": "FILE", "user_id": "ann", "file_object_key": "{key}"}`},
	{golden: "done", method: "DELETE", path: "/v2/team/datasets/{dataset}/datasources/{source}", body: `{"user_id": "ann"}`},
	{golden: "source_list_empty", method: "GET", path: "/v2/team/datasets/{dataset}/datasources?user_id=ann&page_number=2&page_size=5&status=synched,invalid"},
	{golden: "done", method: "DELETE", path: "/v2/team/datasets/{dataset}", body: `{"user_id": "ann"}`, drain: true},
}

var (
	tokensOf = regexp.MustCompile(`(signature=)[\w-]+|(dataset-)[0-9a-v]{24}|(datasource-)[0-9a-v]{24}|(expires=)\d+|\b()[0-9a-v]{24}\b`)
	instants = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
)

// normalSource returns a body as goldens have it: indented, and without what
// differs between runs.
func normalSource(t *testing.T, body []byte) string {
	t.Helper()
	text := tokensOf.ReplaceAllString(string(body), "$1$2$3$4…")
	text = instants.ReplaceAllString(text, `"<time>"`)
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out.String()
}

func TestDataSourceSamples(t *testing.T) {
	e := newEnv(t, nil)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "id,name\n1,ann\n") }))
	defer web.Close()
	ids := map[string]string{"url": web.URL + "/a.csv?X-Amz-Signature=9ca0", "key": e.uploaded("a.csv", "a\n1\n")}
	for _, s := range sourceSamples {
		w := e.pd(s.method, fill(s.path, ids), fill(s.body, ids))
		if w.Code != 200 || w.Header().Get("x-pd-trace-id") != w.Header().Get("X-Request-ID") || w.Header().Get("x-pd-trace-id") == "" {
			t.Fatalf("%s %s: %d %v %s", s.method, s.path, w.Code, w.Header(), w.Body)
		}
		if s.saves != "" {
			ids[s.saves] = firstID(w.Body.String())
		}
		if s.drain {
			e.drain()
		}
		golden(t, "maxir/"+s.golden, normalSource(t, w.Body.Bytes()))
	}
}

// TestUploadInParts goes the way of the product's public client: init, PUT each
// part with no key, complete, create, poll, presign, and a bare GET.
func TestUploadInParts(t *testing.T) {
	e := newEnv(t, nil)
	const text = "id,name\n1,ann\n2,bob\n3,carl\n"
	begun := e.data("POST", "/v2/team/file/init-multipart-upload", fmt.Sprintf(`{"file_name":"名单 1.csv","file_size":%d,"user_id":"ann"}`, len(text)))
	var etags []string
	at := 0
	for i, item := range begun["part_items"].([]any) {
		part := item.(map[string]any)
		size := int(part["size"].(float64))
		if int(part["number"].(float64)) != i+1 {
			t.Errorf("part %d has the number %v", i+1, part["number"])
		}
		w := e.do("PUT", part["upload_url"].(string), text[at:at+size], "Access-Token", "", "Content-Type", "application/octet-stream")
		if w.Code != 200 || w.Body.Len() != 0 || !strings.HasPrefix(w.Header().Get("ETag"), `"`) {
			t.Fatalf("PUT: %d %v %s", w.Code, w.Header(), w.Body)
		}
		key := []string{"number", "part_number"}[i%2]
		etag := []string{w.Header().Get("ETag"), strings.Trim(w.Header().Get("ETag"), `"`)}[i%2]
		text, _ := json.Marshal(map[string]any{key: i + 1, "etag": etag})
		etags = append(etags, string(text))
		at += size
	}
	if at != len(text) {
		t.Errorf("the parts have %d bytes, want %d", at, len(text))
	}
	key := begun["file_object_key"].(string)
	done := e.data("POST", "/v2/team/file/complete-multipart-upload", fmt.Sprintf(
		`{"file_object_key":%q,"upload_id":%q,"part_etags":[%s],"user_id":"ann"}`, key, begun["upload_id"], strings.Join(etags, ",")))
	if done["file_object_key"] != key {
		t.Errorf("completed %v", done)
	}
	s := e.data("POST", "/v2/team/datasources", fmt.Sprintf(`{"name":"名单 1.csv","type":"FILE","user_id":"ann","file_object_key":%q}`, key))
	one := fmt.Sprintf("/v2/team/datasets/%s/datasources/%s", s["dataset_id"], s["id"])
	w := e.pd("POST", one+"/presign", `{"user_id":"ann"}`)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"code":300008`) {
		t.Errorf("a link before there are bytes: %d %s", w.Code, w.Body)
	}
	e.drain()
	if got := e.data("GET", one+"?user_id=ann", ""); got["status"] != "synched" || got["size"] != float64(len(text)) {
		t.Errorf("it is %v", got)
	}
	link := e.data("POST", one+"/presign", `{"user_id":"ann","expires_in":60}`)
	w = e.follow("GET", link["presigned_url"].(string))
	want := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(text)))
	if w.Code != 200 || w.Body.String() != text || w.Header().Get("ETag") != want || w.Header().Get("X-Content-Type-Options") != "nosniff" ||
		!strings.Contains(w.Header().Get("Content-Disposition"), "filename*=utf-8''%E5%90%8D%E5%8D%95%201.csv") {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
	if w := e.follow("GET", link["presigned_url"].(string), "Range", "bytes=3-6"); w.Code != 206 || w.Body.String() != "name" {
		t.Errorf("range: %d %q", w.Code, w.Body)
	}
	e.data("DELETE", one+"?user_id=ann", "") // some proxies drop the bodies of deletes
	if w := e.follow("GET", link["presigned_url"].(string)); w.Code != 404 {
		t.Errorf("a link to what is deleted: %d %s", w.Code, w.Body)
	}
}

// A link is for one thing, of one tenant, for one time and method.
func TestLinksOfDataSourcesAreSigned(t *testing.T) {
	e := newEnv(t, nil)
	s := e.data("POST", "/v2/team/datasources", fmt.Sprintf(`{"name":"a.csv","type":"FILE","user_id":"ann","file_object_key":%q}`, e.uploaded("a.csv", "a\n1\n")))
	e.drain()
	got := e.data("POST", fmt.Sprintf("/v2/team/datasets/%s/datasources/%s/presign", s["dataset_id"], s["id"]), `{"user_id":"ann"}`)
	begun := e.data("POST", "/v2/team/file/init-multipart-upload", `{"file_name":"a.csv","file_size":15,"user_id":"ann"}`)
	part := begun["part_items"].([]any)[0].(map[string]any)["upload_url"].(string)
	link := got["presigned_url"].(string)
	at, err := time.Parse(time.RFC3339, got["expires_at"].(string))
	if in := time.Until(at); err != nil || in < 595*time.Second || in > 605*time.Second {
		t.Errorf("expires in %v, want ten minutes", in)
	}
	change := func(link, key, value string) string {
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set(key, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	tests := map[string]struct {
		method, link string
		status       int
	}{
		"as it is":            {"GET", link, 200},
		"its head":            {"HEAD", link, 200},
		"another tenant":      {"GET", change(link, "tenant", "globex"), 403},
		"for longer":          {"GET", change(link, "expires", "99999999999"), 403},
		"another signature":   {"GET", change(link, "signature", "AAAA"), 403},
		"another name":        {"GET", strings.Replace(link, "a.csv", "b.html", 1), 403},
		"another data source": {"GET", strings.Replace(link, s["id"].(string), "datasource-x", 1), 403},
		"written to":          {"PUT", link, 405},
		"a part read":         {"GET", part, 405},
		"another part":        {"PUT", strings.Replace(part, "/1?", "/2?", 1), 403},
		"another upload":      {"PUT", strings.Replace(part, begun["upload_id"].(string), "x", 1), 403},
		"a part of a tenant":  {"PUT", change(part, "tenant", "globex"), 403},
		"a part, cut short":   {"PUT", part, 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if w := e.follow(tt.method, tt.link); w.Code != tt.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tt.status)
			}
		})
	}
}

func TestUploadForms(t *testing.T) {
	e := newEnv(t, nil)
	tests := map[string]struct {
		fields []string
		want   string
	}{
		"file first":         {[]string{"a.csv", "a\n", "user_id", "ann"}, `"code":0`},
		"user first":         {[]string{"user_id", "ann", "a.csv", "a\n"}, `"code":0`},
		"other fields":       {[]string{"x", "y", "a.csv", "a\n", "user_id", "ann", "z", strings.Repeat("z", 9999)}, `"code":0`},
		"path in the name":   {[]string{`C:\fakepath\a.csv`, "a\n", "user_id", "ann"}, `"code":0`},
		"no user":            {[]string{"a.csv", "a\n"}, `"code":300001,"msg":"user_id is required"`},
		"no file":            {[]string{"user_id", "ann"}, `"code":300001,"msg":"file is required"`},
		"two files":          {[]string{"user_id", "ann", "a.csv", "a\n", "b.csv", "b\n"}, `"code":300001,"msg":"file is invalid: only one`},
		"long user":          {[]string{"a.csv", "a\n", "user_id", strings.Repeat("x", 5000)}, `"code":300001,"msg":"user_id is invalid: longer`},
		"extension":          {[]string{"a.exe", "MZ", "user_id", "ann"}, `"code":300004`},
		"empty":              {[]string{"a.csv", "", "user_id", "ann"}, `"code":300005`},
		"larger than it may": {[]string{"a.csv", strings.Repeat("x", maxUpload+1), "user_id", "ann"}, `"code":300001,"msg":"file is larger than 1048576 bytes`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			body, contentType := form(t, tt.fields...)
			w := e.pd("POST", "/v2/team/file/upload-datasource", body, "Content-Type", contentType)
			if !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("%d %s, want %s", w.Code, w.Body, tt.want)
			}
		})
	}
	body, contentType := form(t, "a.csv", strings.Repeat("x", 1000), "user_id", "ann")
	for name, tt := range map[string][2]string{
		"cut in the file":   {body[:500], contentType},
		"cut behind it":     {body[:len(body)-20], contentType},
		"no form":           {`{"user_id":"ann"}`, "application/json"},
		"another boundary":  {body, "multipart/form-data; boundary=x"},
		"without a content": {"", contentType},
	} {
		t.Run(name, func(t *testing.T) {
			w := e.pd("POST", "/v2/team/file/upload-datasource", tt[0], "Content-Type", tt[1])
			if w.Code != 400 || !strings.Contains(w.Body.String(), `"code":300001`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}
