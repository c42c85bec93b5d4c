package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

const (
	ingestion = "/api/ingestion/file/sync/"
	trashPath = "/api/ingestion/file/trash"
	lake      = "/api/lake/file"
)

// call sends a request of the file upload API. A body is JSON, or the form that
// filesForm made; key goes into the header unless it is "".
func (e *env) call(key, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	switch {
	case strings.HasPrefix(body, "--"+boundary):
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	case body != "":
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("x-api-key", key)
	}
	w := httptest.NewRecorder()
	e.api.ServeHTTP(w, r)
	return w
}

// must is call for a request that is answered with 200; it returns the body.
func (e *env) must(method, target, body string) string {
	e.t.Helper()
	w := e.call("xxxx", method, target, body)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"msg":"`) {
		e.t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	return strings.TrimSpace(w.Body.String())
}

const boundary = "---011000010111000001101001"

// filesForm makes a multipart body; parts are file names and contents in turn.
func filesForm(parts ...string) string {
	var b strings.Builder
	for i := 0; i < len(parts); i += 2 {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\n%s\r\n", boundary, parts[i], parts[i+1])
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func (e *env) startSync(typ, path string) string {
	e.t.Helper()
	body := fmt.Sprintf(`{"name":"n","path":%q,"api_key":"xxxx","sync_type":%q}`, path, typ)
	w := e.call("", "POST", ingestion+"start", body)
	if w.Code != http.StatusOK {
		e.t.Fatalf("start: %d %s", w.Code, w.Body)
	}
	return regexp.MustCompile(`\d+`).FindString(w.Body.String())
}

var millis = regexp.MustCompile(`("(?:start_time|end_time|trash_time|date)":\s*)[1-9]\d{12}\b`)

// The samples of 004_ddc886d1cd93e300.txt in an order in which they work, and
// the routes beside them.
func TestFileSyncSamples(t *testing.T) {
	e := newEnv(t, nil)
	samples := []struct{ golden, key, method, path, body string }{
		{"start", "", "POST", ingestion + "start", `{"name":"transactions incremental sync 06/12/21","path":"/data/db/transactions","api_key":"xxxx","sync_type":"IncrementalSync"}`},
		{"upload", "xxxx", "POST", lake + "/upload?sync_id=1", filesForm("sales_transaction.parquet", "PAR1")},
		{"upload", "xxxx", "POST", lake + "/upload?path=/data/db/transactions&sync_id=1", filesForm("sales_transaction.parquet", "PAR1 again", "红楼梦.jpg", "jpg")},
		{"done", "", "POST", ingestion + "end", `{"sync_id":1,"api_key":"xxxx"}`},
		{"start_full", "", "POST", ingestion + "start/", `{"name":"hello","path":"/data/db/transactions","sync_type":"Full Sync","api_key":"xxxx"}`},
		{"upload", "", "POST", lake + "/upload?api_key=xxxx&sync_id=2", filesForm("a", "1")},
		{"list", "xxxx", "GET", ingestion + "list?from=0&size=10", ""},
		{"history", "xxxx", "GET", ingestion + "history?from=0&size=10", ""},
		{"history_of_one", "xxxx", "GET", ingestion + "history?from=1&size=1&sync_id=1", ""},
		{"folder", "xxxx", "GET", lake + "?path=/data/db/transactions&sortBy=size&sortMode=0", ""},
		{"folders", "xxxx", "GET", lake + "?path=/data", ""},
		{"info", "xxxx", "GET", lake + "/info?path=/data/db/transactions/sales_transaction.parquet", ""},
		{"folder_info", "xxxx", "GET", lake + "/info?path=/data/db", ""},
		{"done", "", "POST", ingestion + "end", `{"sync_id":"2","api_key":"xxxx"}`},
		{"trash", "xxxx", "GET", trashPath, ""},
		{"done", "", "POST", trashPath + "/restore", `{"sync_id":2,"api_key":"xxxx"}`},
		{"done", "", "POST", trashPath + "/purge", `{"sync_id":2,"api_key":"xxxx"}`},
		{"empty", "xxxx", "GET", trashPath + "?path=/data/db/transactions", ""},
	}
	for _, s := range samples {
		w := e.call(s.key, s.method, s.path, s.body)
		if w.Code != http.StatusOK {
			t.Fatalf("%s %s: %d %s", s.method, s.path, w.Code, w.Body)
		}
		text := millis.ReplaceAllString(w.Body.String(), "${1}1")
		text = regexp.MustCompile(`"generation":"\d+"`).ReplaceAllString(text, `"generation":"<id>"`)
		var out bytes.Buffer
		if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
			t.Fatal(err)
		}
		golden(t, "di/"+s.golden, out.String())
	}
	if e.startSync("incremental sync", "/x") != "3" {
		t.Error("the third sync is not 3")
	}
	e.must("POST", ingestion+"abort", `{"sync_id":3}`)
}

func TestLakeDownload(t *testing.T) {
	e := newEnv(t, nil)
	id := e.startSync("FullSync", "/data")
	e.must("POST", lake+"/upload?sync_id="+id+"&path=/data/below", filesForm("红 .csv", "0123456789", "empty", ""))
	e.must("POST", ingestion+"end", `{"sync_id":`+id+`}`)
	target := lake + "/download?path=" + url.QueryEscape("/data/below/红 .csv")
	tests := []struct {
		header, value string
		status        int
		body          string
	}{
		{"", "", 200, "0123456789"},
		{"Range", "bytes=2-4", 206, "234"},
		{"Range", "bytes=-3", 206, "789"},
		{"Range", "bytes=99-", 416, ""},
		{"If-None-Match", `"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"`, 304, ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("x-api-key", "xxxx")
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		w := httptest.NewRecorder()
		e.api.ServeHTTP(w, r)
		if w.Code != tt.status || tt.body != "" && w.Body.String() != tt.body {
			t.Errorf("%s %s: %d %q", tt.header, tt.value, w.Code, w.Body)
		}
		if tt.status == 200 && !strings.Contains(w.Header().Get("Content-Disposition"), "filename*=utf-8''%E7%BA%A2%20.csv") {
			t.Errorf("headers: %v", w.Header())
		}
	}
	if w := e.call("xxxx", "GET", lake+"/download?path=/data/below/empty", ""); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("an empty file: %d %q", w.Code, w.Body)
	}
	// A page of the set before, which is in the trash by now.
	var folder struct{ Generation string }
	if err := json.Unmarshal([]byte(e.must("GET", lake+"?path=/data/below", "")), &folder); err != nil {
		t.Fatal(err)
	}
	next := e.startSync("FullSync", "/data")
	e.must("POST", ingestion+"end", `{"sync_id":`+next+`}`)
	if w := e.call("xxxx", "GET", target, ""); !strings.Contains(w.Body.String(), `{"code":7,`) {
		t.Errorf("a file that is gone: %s", w.Body)
	}
	if w := e.call("xxxx", "GET", target+"&generation="+folder.Generation, ""); w.Body.String() != "0123456789" {
		t.Errorf("a file of the generation before: %s", w.Body)
	}
	if text := e.must("GET", lake+"?path=/data/below&from=1&size=1&generation="+folder.Generation, ""); !strings.Contains(text, `"total":2`) {
		t.Errorf("a page of the generation before: %s", text)
	}
}

func TestFileSyncRefusals(t *testing.T) {
	e := newEnv(t, nil)
	open, full := e.startSync("IncrementalSync", "/data/open"), e.startSync("FullSync", "/data/full")
	ended := e.startSync("IncrementalSync", "/data/ended")
	e.must("POST", ingestion+"end", `{"sync_id":`+ended+`}`)
	start := func(fields string) string {
		return `{"name":"n","path":"/p","api_key":"xxxx","sync_type":"FullSync"` + fields + `}`
	}
	without := func(field string) string {
		return regexp.MustCompile(`"`+field+`":"[^"]*",?`).ReplaceAllString(`{"name":"n","path":"/p","sync_type":"FullSync","api_key":"xxxx","x":1}`, "")
	}
	path := func(p string) string { return strings.Replace(start(""), `"/p"`, p, 1) }
	name := func(n string) string { return filesForm(n, "x") }
	upload, of := lake+"/upload?sync_id="+open, lake+"/upload?sync_id="
	const missing = "the field `api_key` is missing or empty."
	tests := []struct {
		key, method, target, body string
		status, code              int // the code of the lake; 0 for ingestion
		reason, message           string
	}{
		{"", "POST", ingestion + "start", without("api_key"), 400, 0, "bad_request", missing},
		{"", "POST", ingestion + "start", strings.Replace(start(""), `"xxxx"`, `""`, 1), 400, 0, "bad_request", missing},
		{"", "POST", ingestion + "start", strings.Replace(start(""), `"xxxx"`, `"wrong"`, 1), 400, 0, "bad_request", "invalid api key"},
		{"xxxx", "POST", ingestion + "start", without("name"), 400, 0, "invalid_param", "name is required"},
		{"xxxx", "POST", ingestion + "start", without("path"), 400, 0, "invalid_param", "path is required"},
		{"xxxx", "POST", ingestion + "start", without("sync_type"), 400, 0, "invalid_param", "sync_type is required"},
		{"xxxx", "POST", ingestion + "start", start(`,"name":"m"`), 400, 0, "invalaid_json_format", "name is invalid: given twice"},
		{"xxxx", "POST", ingestion + "start", "{", 400, 0, "invalaid_json_format", "body is invalid JSON at byte 1: unexpected end of JSON input"},
		{"xxxx", "POST", ingestion + "start", path(`7`), 400, 0, "invalid_param", "path is invalid: it must be a string"},
		{"xxxx", "POST", ingestion + "start", path(`" "`), 400, 0, "invalid_param", "path is invalid: it is empty"},
		{"xxxx", "POST", ingestion + "start", path(`"data"`), 400, 0, "invalid_param", "path is invalid: it must start with a slash"},
		{"xxxx", "POST", ingestion + "start", path(`"/"`), 400, 0, "invalid_param", "path is invalid: it must not be the root"},
		{"xxxx", "POST", ingestion + "start", path(`"/a/../b"`), 400, 0, "invalid_param", `path is invalid: it must not hold ".."`},
		{"xxxx", "POST", ingestion + "start", path(`"/tmp/data"`), 400, 0, "invalid_param", "path is invalid: it lies in the staging area /tmp"},
		{"xxxx", "POST", ingestion + "start", path(`"/home/u/.Trash/x"`), 400, 0, "invalid_param", "path is invalid: it lies in the trash"},
		{"xxxx", "POST", ingestion + "start", path(`"/a\u0000"`), 400, 0, "invalid_param", "path is invalid: has a NUL"},
		{"xxxx", "POST", ingestion + "start", strings.Replace(start(""), "FullSync", "Other", 1), 400, 0, "invalid_param", `sync_type is invalid: "Other" is neither FullSync nor IncrementalSync`},
		{"xxxx", "POST", ingestion + "end", `{}`, 400, 0, "invalid_param", "sync_id is required"},
		{"xxxx", "POST", ingestion + "end", `{"sync_id":1.5}`, 400, 0, "invalid_param", "sync_id is invalid: it must be a positive whole number, or a string of one"},
		{"xxxx", "POST", ingestion + "end", `{"sync_id":99}`, 400, 0, "bad_request", "sync info for id 99 not found"},
		{"other", "POST", ingestion + "end", `{"sync_id":` + open + `}`, 400, 0, "bad_request", "sync info for id " + open + " not found"},
		{"other", "POST", ingestion + "abort", `{"sync_id":` + open + `}`, 400, 0, "bad_request", "sync info for id " + open + " not found"},
		{"xxxx", "POST", ingestion + "end", `{"sync_id":` + ended + `}`, 400, 0, "bad_request", "job is already ended"},
		{"xxxx", "POST", ingestion + "abort", `{"sync_id":` + ended + `}`, 400, 0, "bad_request", "job is already ended"},
		{"xxxx", "POST", trashPath + "/restore", `{"sync_id":99}`, 400, 0, "bad_request", "trash of sync 99 does not exist"},
		{"xxxx", "POST", trashPath + "/purge", `{"sync_id":99}`, 400, 0, "bad_request", "trash of sync 99 does not exist"},
		{"", "GET", ingestion + "list", "", 400, 0, "bad_request", missing},
		{"", "GET", ingestion + "history", "", 400, 0, "bad_request", missing},
		{"xxxx", "GET", ingestion + "list?from=-1", "", 400, 0, "invalid_param", "from is invalid: it must not be negative"},
		{"xxxx", "GET", ingestion + "list?size=x", "", 400, 0, "invalid_param", "size is invalid: it must be a whole number; size is invalid: it must be 1 or more"},
		{"xxxx", "GET", ingestion + "history?sync_id=0", "", 400, 0, "invalid_param", "sync_id is invalid: it must be a positive whole number, or a string of one"},

		{"", "POST", upload, name("a"), 200, 22, "", missing},
		{"wrong", "POST", upload, name("a"), 200, 22, "", "invalid api key"},
		{"other", "POST", upload, name("a"), 200, 7, "", "sync info for id " + open + " not found"},
		{"xxxx", "POST", of + "99", name("a"), 200, 7, "", "sync info for id 99 not found"},
		{"xxxx", "POST", of + ended, name("a"), 200, 6, "", "job is already ended"},
		{"xxxx", "POST", lake + "/upload", name("a"), 200, 4, "", "sync_id is required"},
		{"xxxx", "POST", of + "x", name("a"), 200, 4, "", "sync_id is invalid: it must be a positive whole number, or a string of one"},
		{"xxxx", "POST", upload, "{}", 200, 4, "", "Content-Type is invalid: it must be multipart/form-data with a boundary"},
		{"xxxx", "POST", upload, filesForm(), 200, 11, "", "the form holds no file, or one without a name"},
		{"xxxx", "POST", upload, name(""), 200, 11, "", "the form holds no file, or one without a name"},
		{"xxxx", "POST", upload, strings.Replace(name("x"), `; filename="x"`, "", 1), 200, 11, "", "the form holds no file, or one without a name"},
		{"xxxx", "POST", upload, name(".."), 200, 4, "", "file name is invalid: it names a directory"},
		{"xxxx", "POST", upload, name("a/.."), 200, 4, "", "file name is invalid: it names a directory"},
		{"xxxx", "POST", upload, name("a\x00b"), 200, 4, "", "body is invalid: it is no complete form"},
		{"xxxx", "POST", upload, name(strings.Repeat("x", 300)), 200, 4, "", "file name is invalid: longer than 255 bytes"},
		{"xxxx", "POST", upload, strings.TrimSuffix(name("half"), "x\r\n--"+boundary+"--\r\n") + "x", 200, 4, "", `file "half" is invalid: the upload ended early`},
		{"xxxx", "POST", upload, filesForm("big", strings.Repeat("x", 1<<20+1)), 200, 15, "", `file "big" is larger than 1048576 bytes`},
		{"xxxx", "POST", upload + "&path=/data/other", name("a"), 200, 4, "", `path is invalid: it is not "/data/open" or below it, where the sync puts its files`},
		{"xxxx", "GET", lake, "", 200, 4, "", "path is required"},
		{"xxxx", "GET", lake + "?path=/nothing", "", 200, 7, "", `"/nothing" does not exist`},
		{"xxxx", "GET", lake + "?path=/&sortBy=owner&sortMode=2&type=x", "", 200, 4, "", "sortBy is invalid: it must be name, size or date; sortMode is invalid: it must be 1 for ascending or 0 for descending; type is invalid: it must be 0 for folders or 1 for files"},
		{"xxxx", "GET", lake + "/info?path=/nothing", "", 200, 7, "", `"/nothing" does not exist`},
		{"xxxx", "GET", lake + "/download?path=/data/full", "", 200, 7, "", `"/data/full" does not exist`},
		{"", "GET", lake + "/download?path=/data/full/a", "", 200, 22, "", missing},
	}
	for _, tt := range tests {
		w := e.call(tt.key, tt.method, tt.target, tt.body)
		want, err := json.Marshal(map[string]any{"code": tt.status, "reason": tt.reason, "message": tt.message})
		if tt.code != 0 {
			want, err = json.Marshal(map[string]any{"code": tt.code, "msg": tt.message})
		}
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(want, &a) != nil || json.Unmarshal(w.Body.Bytes(), &b) != nil || w.Code != tt.status || !cmp.Equal(a, b) {
			t.Errorf("%s %s %.80q: %d %s, want %d %s", tt.method, tt.target, tt.body, w.Code, w.Body, tt.status, want)
		}
	}
	var failed []string
	for _, h := range e.uploads(open) {
		failed = append(failed, h.FileName+" "+string(h.Status))
	}
	if diff := cmp.Diff([]string{"half Failed", "big Failed"}, failed); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if w := e.call("xxxx", "GET", lake+"?path=/data/open", ""); !strings.Contains(w.Body.String(), `{"code":7,`) {
		t.Errorf("something is visible: %s", w.Body)
	}
	e.must("POST", ingestion+"end", `{"sync_id":`+full+`}`)
}

func (e *env) uploads(sync string) []*filesync.History {
	e.t.Helper()
	var id int64
	if _, err := fmt.Sscan(sync, &id); err != nil {
		e.t.Fatal(err)
	}
	found, err := e.syncs.History(e.t.Context(), scope.Scope{Tenant: "acme"}, filesync.HistoryQuery{SyncID: id})
	if err != nil {
		e.t.Fatal(err)
	}
	return found
}

// A connection that breaks in the middle of a file leaves nothing visible. The
// files of the form before it are kept.
func TestUploadThatBreaks(t *testing.T) {
	e := newEnv(t, nil)
	id := e.startSync("IncrementalSync", "/data")
	ts := httptest.NewServer(e.api)
	defer ts.Close()
	conn, err := net.Dial("tcp", ts.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	body := filesForm("whole", "1", "broken", strings.Repeat("x", 1000))
	fmt.Fprintf(conn, "POST %s/upload?sync_id=%s HTTP/1.1\r\nHost: x\r\nx-api-key: xxxx\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
		lake, id, boundary, len(body), body[:len(body)-500])
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 1000 {
		got = nil
		for _, h := range e.uploads(id) {
			got = append(got, h.FileName+" "+string(h.Status)+" "+h.Message)
		}
		if len(got) == 2 && !strings.Contains(strings.Join(got, ""), "Syncing") {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	slices.Sort(got)
	if len(got) != 2 || got[1] != "whole Finished " || !strings.HasPrefix(got[0], "broken Failed body is invalid: it ended early") {
		t.Errorf("history: %q", got)
	}
	if text := e.must("GET", lake+"?path=/data", ""); !strings.Contains(text, `"total":1`) {
		t.Errorf("visible: %s", text)
	}
}

// With the documented anonymous form, which the host allows by name, uploads
// and lists need no key; all else does, and a wrong key is still wrong.
func TestAnonymousUploads(t *testing.T) {
	e := newEnv(t, func(c *httpapi.Config) { c.AnonymousUploads = "acme" })
	id := e.startSync("IncrementalSync", "/data")
	for _, target := range []string{ingestion + "list", ingestion + "history"} {
		if w := e.call("", "GET", target, ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "[") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if w := e.call("", "POST", lake+"/upload?sync_id="+id, filesForm("a", "1")); strings.TrimSpace(w.Body.String()) != `{"code":0,"msg":null}` {
		t.Errorf("upload: %s", w.Body)
	}
	if w := e.call("wrong", "GET", ingestion+"list", ""); w.Code != 400 {
		t.Errorf("a wrong key: %d", w.Code)
	}
	for _, r := range [][2]string{{"POST", ingestion + "end"}, {"POST", ingestion + "abort"}, {"GET", lake + "?path=/data"}, {"GET", trashPath}} {
		if w := e.call("", r[0], r[1], ""); !strings.Contains(w.Body.String(), "api_key") {
			t.Errorf("%s without a key: %d %s", r[1], w.Code, w.Body)
		}
	}
}

// The status of the lake's errors is 200 unless the host wants others.
func TestLakeStatuses(t *testing.T) {
	e := newEnv(t, func(c *httpapi.Config) { c.Statuses = map[errs.Kind]int{errs.NotFound: 404} })
	if w := e.call("xxxx", "GET", lake+"/info?path=/x", ""); w.Code != 404 || !strings.HasPrefix(w.Body.String(), `{"code":7,`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEndThatHasToWait(t *testing.T) {
	e := newEnv(t, nil)
	id := e.startSync("IncrementalSync", "/data")
	r, w := io.Pipe()
	done := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		req := httptest.NewRequest("POST", lake+"/upload?sync_id="+id, r)
		req.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
		req.Header.Set("x-api-key", "xxxx")
		rec := httptest.NewRecorder()
		e.api.ServeHTTP(rec, req)
		done <- rec
	}()
	whole := filesForm("slow", strings.Repeat("x", 5000))
	if _, err := io.WriteString(w, whole[:4500]); err != nil {
		t.Fatal(err)
	}
	for len(e.uploads(id)) == 0 { // until it is let in
		time.Sleep(time.Millisecond)
	}
	end := `{"sync_id":` + id + `,"api_key":"xxxx"}`
	rec := e.call("", "POST", ingestion+"end", end)
	if rec.Code != 503 || rec.Header().Get("Retry-After") == "" || !strings.Contains(rec.Body.String(), "1 uploads are still going on") {
		t.Errorf("end: %d %s", rec.Code, rec.Body)
	}
	if late := e.call("xxxx", "POST", lake+"/upload?sync_id="+id, filesForm("late", "1")); !strings.Contains(late.Body.String(), `{"code":6,"msg":"sync `+id+` is being ended`) {
		t.Errorf("a late upload: %s", late.Body)
	}
	if _, err := io.WriteString(w, whole[4500:]); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if rec := <-done; !strings.Contains(rec.Body.String(), `{"code":0,`) {
		t.Errorf("upload: %s", rec.Body)
	}
	if rec := e.call("", "POST", ingestion+"end", end); rec.Code != 200 {
		t.Errorf("end again: %d %s", rec.Code, rec.Body)
	}
}
