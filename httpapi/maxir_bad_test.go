package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// sick is a bucket whose writes and links can be made to fail.
type sick struct {
	blob.Bucket
	err atomic.Pointer[error]
}

func (b *sick) fail(err error) { b.err.Store(&err) }

func (b *sick) Write(ctx context.Context, key string, r io.Reader, opts *blob.WriteOptions) (blob.Written, error) {
	if err := b.err.Load(); err != nil && *err != nil {
		return blob.Written{}, *err
	}
	return b.Bucket.Write(ctx, key, r, opts)
}

func (b *sick) SignedURL(ctx context.Context, key string, opts *blob.SignOptions) (string, error) {
	if err := b.err.Load(); err != nil && *err != nil {
		return "", *err
	}
	return b.Bucket.SignedURL(ctx, key, opts)
}

func sickEnv(t *testing.T, change func(*httpapi.Config)) (*env, *sick) {
	t.Helper()
	store, err := sqlstore.Open(context.Background(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	bucket := &sick{Bucket: cloud.Memory()}
	return newEnvOn(t, store, bucket, change), bucket
}

// isCode fails unless the answer has the status and the code, and both of its
// texts hold all that are given.
func isCode(t *testing.T, status int, body string, wantStatus, wantCode int, texts ...string) {
	t.Helper()
	var answer struct {
		Code         int
		Msg, Message string
	}
	err := json.Unmarshal([]byte(body), &answer)
	if err != nil || status != wantStatus || answer.Code != wantCode || answer.Msg == "" || answer.Msg != answer.Message {
		t.Errorf("%d %s, want %d with code %d", status, body, wantStatus, wantCode)
	}
	for _, text := range texts {
		if !strings.Contains(answer.Msg, text) {
			t.Errorf("message %q does not tell %q", answer.Msg, text)
		}
	}
}

func TestBadDataSourceRequests(t *testing.T) {
	e := newEnv(t, nil)
	dataset := e.data("POST", "/v2/team/datasets", `{"name":"d","user_id":"ann"}`)["id"].(string)
	of := "/v2/team/datasets/" + dataset
	source := e.data("POST", of+"/datasources", fmt.Sprintf(`{"name":"a.csv","type":"FILE","user_id":"ann","file_object_key":%q}`, e.uploaded("a.csv", "a\n")))["id"].(string)
	tests := map[string]struct {
		method, path, body string
		status, code       int
		texts              []string
	}{
		"create dataset: nothing":      {"POST", "/v2/team/datasets", `{}`, 400, 300001, []string{"user_id is required", "name is required"}},
		"create dataset: types":        {"POST", "/v2/team/datasets", `{"name":1,"description":[],"user_id":"ann"}`, 400, 300001, []string{"name is invalid: it must be a string", "description is invalid"}},
		"create dataset: user's type":  {"POST", "/v2/team/datasets", `{"name":"a","user_id":7}`, 400, 300001, []string{"user_id is required"}},
		"create dataset: no JSON":      {"POST", "/v2/team/datasets", `{"name"`, 400, 300001, []string{"body is invalid JSON"}},
		"list datasets: pages":         {"GET", "/v2/team/datasets?user_id=ann&page_number=0&page_size=x", "", 400, 300001, []string{"page_number", "page_size"}},
		"list datasets: large page":    {"GET", "/v2/team/datasets?user_id=ann&page_size=1001", "", 400, 300001, []string{"page_size is invalid: it must be 1 to 1000"}},
		"list datasets: nobody":        {"GET", "/v2/team/datasets", "", 400, 300001, []string{"user_id is required"}},
		"modify dataset: nothing":      {"POST", of, `{"user_id":"ann"}`, 400, 300001, []string{"name or description is required"}},
		"modify dataset: unknown":      {"POST", "/v2/team/datasets/x", `{"user_id":"ann","name":"a"}`, 200, 300003, []string{`dataset "x" not found`}},
		"modify dataset: another's":    {"POST", of, `{"user_id":"bob","name":"a"}`, 200, 300002, []string{"belongs to another user"}},
		"delete dataset: another's":    {"DELETE", of, `{"user_id":"bob"}`, 200, 300002, nil},
		"overview: unknown":            {"GET", "/v2/team/datasets/x/overview?user_id=ann", "", 200, 300003, nil},
		"status: another's":            {"GET", of + "/status?user_id=bob", "", 200, 300002, nil},
		"create source: nothing":       {"POST", of + "/datasources", `{}`, 400, 300001, []string{"user_id is required", "name is required", "type is required"}},
		"create source: no file":       {"POST", of + "/datasources", `{"name":"a.csv","type":"FILE","user_id":"ann"}`, 400, 300001, []string{"url or file_object_key is required"}},
		"create source: both":          {"POST", of + "/datasources", `{"name":"a.csv","type":"FILE","user_id":"ann","url":"https://h/","file_object_key":"k"}`, 400, 300001, []string{"only one of them"}},
		"create source: type":          {"POST", of + "/datasources", `{"name":"a.csv","type":"file","user_id":"ann","url":"https://h/"}`, 400, 300001, []string{"type is invalid: it must be FILE"}},
		"create source: extension":     {"POST", "/v2/team/datasources", `{"name":"a.png","type":"FILE","user_id":"ann","url":"https://h/"}`, 200, 300004, []string{".png"}},
		"create source: unknown key":   {"POST", "/v2/team/datasources", `{"name":"a.csv","type":"FILE","user_id":"ann","file_object_key":"/tmp/x"}`, 200, 300003, []string{"/tmp/x"}},
		"create source: another's":     {"POST", of + "/datasources", `{"name":"a.csv","type":"FILE","user_id":"bob","url":"https://h/"}`, 200, 300002, nil},
		"list sources: status":         {"GET", of + "/datasources?user_id=ann&status=synched,done", "", 400, 300001, []string{`"done" is none of`}},
		"get source: in another":       {"GET", "/v2/team/datasets/x/datasources/" + source + "?user_id=ann", "", 200, 300003, nil},
		"get source: unknown":          {"GET", of + "/datasources/x?user_id=ann", "", 200, 300003, []string{`data source "x" not found`}},
		"get source: not UTF-8":        {"GET", of + "/datasources/%ff%00?user_id=ann", "", 200, 300003, nil},
		"delete source: nobody":        {"DELETE", of + "/datasources/" + source, "", 400, 300001, []string{"user_id is required"}},
		"presign: too short":           {"POST", of + "/datasources/" + source + "/presign", `{"user_id":"ann","expires_in":59}`, 400, 300001, []string{"expires_in is invalid: it must be 60 to 604800 seconds"}},
		"presign: too long":            {"POST", of + "/datasources/" + source + "/presign", `{"user_id":"ann","expires_in":604801}`, 400, 300001, []string{"expires_in"}},
		"presign: type":                {"POST", of + "/datasources/" + source + "/presign", `{"user_id":"ann","expires_in":"60"}`, 400, 300001, []string{"expires_in is invalid: it must be a whole number"}},
		"init: nothing":                {"POST", "/v2/team/file/init-multipart-upload", `{"user_id":"ann"}`, 400, 300001, []string{"file_name is required", "file_size is required"}},
		"init: empty":                  {"POST", "/v2/team/file/init-multipart-upload", `{"file_name":"a.csv","file_size":0,"user_id":"ann"}`, 200, 300005, nil},
		"init: too large":              {"POST", "/v2/team/file/init-multipart-upload", `{"file_name":"a.csv","file_size":9000000000000000000,"user_id":"ann"}`, 400, 300001, []string{"file_size is invalid"}},
		"init: no number":              {"POST", "/v2/team/file/init-multipart-upload", `{"file_name":"a.csv","file_size":1.5,"user_id":"ann"}`, 400, 300001, []string{"file_size is invalid: it must be a whole number"}},
		"complete: nothing":            {"POST", "/v2/team/file/complete-multipart-upload", `{"user_id":"ann"}`, 400, 300001, []string{"file_object_key is required", "upload_id is required", "part_etags is required"}},
		"complete: parts":              {"POST", "/v2/team/file/complete-multipart-upload", `{"user_id":"ann","file_object_key":"k","upload_id":"u","part_etags":[1,{"etag":2}]}`, 400, 300001, []string{"part_etags[0] is invalid", "part_etags[1].number is required", "part_etags[1].etag is invalid"}},
		"complete: unknown":            {"POST", "/v2/team/file/complete-multipart-upload", `{"user_id":"ann","file_object_key":"k","upload_id":"u","part_etags":[]}`, 200, 300003, []string{`file_object_key "k" not found`}},
		"unknown path":                 {"GET", "/v2/team/nothing?user_id=ann", "", 404, 300003, []string{"path not exists"}},
		"wrong method":                 {"PATCH", of, `{}`, 405, 300001, []string{"method is invalid"}},
		"a body larger than it may be": {"POST", of, `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 400, 300001, []string{"1048576 bytes"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := e.pd(tt.method, tt.path, tt.body)
			isCode(t, w.Code, w.Body.String(), tt.status, tt.code, tt.texts...)
			if w.Header().Get("x-pd-trace-id") == "" {
				t.Error("no trace id")
			}
		})
	}
}

func TestDataSourceCredentials(t *testing.T) {
	e := newEnv(t, nil)
	for key, want := range map[string][2]int{
		"": {403, 1003}, "wrong": {403, 1004}, "expired": {403, 1002}, "limited": {429, 201}, "down": {503, 9999}, "broken": {500, 9999}, "forbidden": {200, 300002},
	} {
		w := e.pd("GET", "/v2/team/datasets?user_id=ann", "", "x-pd-api-key", key)
		isCode(t, w.Code, w.Body.String(), want[0], want[1])
	}
}

// TestDataSourceFaults has a bucket and a store that fail.
func TestDataSourceFaults(t *testing.T) {
	e, bucket := sickEnv(t, nil)
	s := e.data("POST", "/v2/team/datasources", fmt.Sprintf(`{"name":"a.csv","type":"FILE","user_id":"ann","file_object_key":%q}`, e.uploaded("a.csv", "a\n")))
	presign := fmt.Sprintf("/v2/team/datasets/%s/datasources/%s/presign", s["dataset_id"], s["id"])
	body, contentType := form(t, "a.csv", "a\n", "user_id", "ann")
	upload := func() (int, string) {
		w := e.pd("POST", "/v2/team/file/upload-datasource", body, "Content-Type", contentType)
		return w.Code, w.Body.String()
	}
	bucket.fail(errs.Wrap(errs.Unavailable, blob.ErrFull, "blob: storage is full"))
	status, answer := upload()
	isCode(t, status, answer, 200, 300006, "insufficient storage")
	bucket.fail(errs.New(errs.Unavailable, "bucket at 10.0.0.7 is down"))
	status, answer = upload()
	isCode(t, status, answer, 200, 300007)
	if strings.Contains(answer, "10.0.0.7") {
		t.Errorf("the answer tells what is inside: %s", answer)
	}
	w := e.pd("POST", presign, `{"user_id":"ann"}`)
	isCode(t, w.Code, w.Body.String(), 200, 300008)
	bucket.fail(nil)
	e.store.Close()
	w = e.pd("POST", "/v2/team/datasources", `{"name":"a.csv","type":"FILE","user_id":"ann","url":"https://h/"}`)
	isCode(t, w.Code, w.Body.String(), 200, 300011)
}

func TestExternalTraceIDsAreTakenUp(t *testing.T) {
	var log strings.Builder
	e := newEnv(t, func(c *httpapi.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	long := strings.Repeat("t", 200)
	for _, id := range []string{"order-4711", long} {
		w := e.pd("GET", "/v2/team/datasets?user_id=ann", "", "x-pd-external-trace-id", id)
		trace := w.Header().Get("x-pd-trace-id")
		if want := "external_trace_id=" + id[:min(len(id), 128)]; !strings.Contains(log.String(), want+"\n") || !strings.Contains(log.String(), "request_id="+trace) {
			t.Errorf("the log has neither %s nor %s: %s", want, trace, log.String())
		}
	}
}
