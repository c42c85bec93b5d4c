package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// link loads a file and returns a link to it.
func (e *env) link(name, text string) string {
	e.t.Helper()
	e.put(name, text)
	uris, err := json.Marshal([]string{name})
	if err != nil {
		e.t.Fatal(err)
	}
	_, volume, _ := e.loaded(string(uris))
	file := firstID(e.ok("POST", "/DescribeOriginVolume", `{"id":`+volume+`}`))
	return linkIn(e.ok("POST", "/GetOriginVolumeFileLink", `{"volume_id":`+volume+`,"file_id":"`+file+`"}`))
}

func linkIn(body string) string {
	_, link, _ := strings.Cut(body, `"link":"`)
	link, _, _ = strings.Cut(link, `"`)
	return link
}

// follow gets a link without credentials.
func (e *env) follow(method, link string, headers ...string) *httptest.ResponseRecorder {
	link = strings.Replace(link, e.prefix+"/", "/", 1) // which do adds
	return e.do(method, link, "", append([]string{"Access-Token", "", "uid", "", "user-id", ""}, headers...)...)
}

func TestLinksServeFiles(t *testing.T) {
	e := newEnv(t, nil)
	const text = "0123456789"
	link := e.link("目录/红楼梦 \"1\".pdf", text)
	if !strings.HasPrefix(link, "http://example.com/inlet/files/") {
		t.Fatalf("link = %s", link)
	}
	sum := sha256.Sum256([]byte(text))
	etag := `"` + hex.EncodeToString(sum[:]) + `"`
	w := e.follow("GET", link)
	if w.Code != 200 || w.Body.String() != text {
		t.Fatalf("%d %q", w.Code, w.Body)
	}
	h := w.Header()
	_, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
	if err != nil || params["filename"] != "红楼梦 \"1\".pdf" {
		t.Errorf("Content-Disposition %q: %v %v", h.Get("Content-Disposition"), params, err)
	}
	for name, want := range map[string]string{
		"ETag": etag, "X-Content-Type-Options": "nosniff", "Content-Type": "application/octet-stream", "Content-Length": "10", "Accept-Ranges": "bytes",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	tests := map[string]struct {
		method  string
		headers []string
		status  int
		body    string
	}{
		"head":             {"HEAD", nil, 200, ""},
		"range":            {"GET", []string{"Range", "bytes=3-5"}, 206, "345"},
		"end":              {"GET", []string{"Range", "bytes=-2"}, 206, "89"},
		"from":             {"GET", []string{"Range", "bytes=9-"}, 206, "9"},
		"outside":          {"GET", []string{"Range", "bytes=10-"}, 416, "invalid range: failed to overlap\n"},
		"if-range fits":    {"GET", []string{"Range", "bytes=0-0", "If-Range", etag}, 206, "0"},
		"if-range differs": {"GET", []string{"Range", "bytes=0-0", "If-Range", `"x"`}, 200, text},
		"unchanged":        {"GET", []string{"If-None-Match", etag}, 304, ""},
		"changed":          {"GET", []string{"If-Match", `"x"`}, 412, ""},
		"wrong method":     {"POST", nil, 405, `{"error":"invalid","message":"method is invalid: POST"}` + "\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if w := e.follow(tt.method, link, tt.headers...); w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, tt.status, tt.body)
			}
		})
	}
	w = e.follow("GET", link, "Range", "bytes=0-1,8-9")
	if w.Code != 206 || !strings.Contains(w.Body.String(), "01") || !strings.Contains(w.Body.String(), "89") {
		t.Errorf("two ranges: %d %q", w.Code, w.Body)
	}
}

func TestLinksAreSignedAndExpire(t *testing.T) {
	now := time.Now()
	e := newEnv(t, func(c *httpapi.Config) {
		c.Now = func() time.Time { return now }
		c.LinkExpiry = time.Minute
		c.BaseURL, c.Prefix = "https://files.example/", "/v1"
	})
	e.prefix = "/v1"
	link := e.link("a.txt", "x")
	u, err := url.Parse(link)
	if err != nil || u.Host != "files.example" || !strings.HasPrefix(u.Path, "/v1/inlet/files/") {
		t.Fatalf("link = %s, %v", link, err)
	}
	change := func(f func(q url.Values)) string {
		v := *u
		q := v.Query()
		f(q)
		v.RawQuery = q.Encode()
		return v.RequestURI()
	}
	tests := map[string]struct {
		target string
		status int
	}{
		"as it is":        {u.RequestURI(), 200},
		"no signature":    {change(func(q url.Values) { q.Del("signature") }), 403},
		"wrong signature": {change(func(q url.Values) { q.Set("signature", "AAAA") }), 403},
		"no base64":       {change(func(q url.Values) { q.Set("signature", "§") }), 403},
		"other tenant":    {change(func(q url.Values) { q.Set("tenant", "globex") }), 403},
		"longer":          {change(func(q url.Values) { q.Set("expires", "99999999999") }), 403},
		"no expiry":       {change(func(q url.Values) { q.Del("expires") }), 400},
		"other name":      {strings.Replace(u.RequestURI(), "a.txt", "b.exe", 1), 403},
		"other id":        {strings.Replace(u.RequestURI(), "/a.txt", "1/a.txt", 1), 403},
		"no id":           {strings.Replace(u.RequestURI(), "/files/", "/files/x", 1), 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := e.follow("GET", tt.target)
			if w.Code != tt.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tt.status)
			}
			if w.Code == 200 {
				return
			}
			var body struct{ Error, Message string }
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error == "" || body.Message == "" {
				t.Errorf("body %s", w.Body)
			}
		})
	}
	now = now.Add(time.Minute)
	if w := e.follow("GET", u.RequestURI()); w.Code != 403 || !strings.Contains(w.Body.String(), "expired") {
		t.Errorf("an old link: %d %s", w.Code, w.Body)
	}
}

func TestLinkOfARemovedFile(t *testing.T) {
	e := newEnv(t, nil)
	link := e.link("a", "x")
	parts := strings.Split(link, "/") // http: "" host inlet files VOLUME FILE NAME
	e.ok("POST", "/DeleteOriginVolumeFiles", fmt.Sprintf(`{"volume_id":%s,"file_ids":[%s]}`, parts[5], parts[6]))
	if w := e.follow("GET", link); w.Code != 404 {
		t.Errorf("%d %s, want 404", w.Code, w.Body)
	}
}

func TestEmptyAndDottedFiles(t *testing.T) {
	e := newEnv(t, nil)
	if w := e.follow("GET", e.link("d/...", "")); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// signing is a bucket that can sign, and can be made to fail.
type signing struct {
	blob.Bucket
	asked *blob.SignOptions
	err   error
}

func (b *signing) SignedURL(_ context.Context, key string, opts *blob.SignOptions) (string, error) {
	if b.asked = opts; b.err != nil {
		return "", b.err
	}
	return "https://bucket.example/" + key, nil
}

func TestLinksOfABucketThatSigns(t *testing.T) {
	store, err := sqlstore.Open(context.Background(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	bucket := &signing{Bucket: cloud.Memory()}
	e := newEnvOn(t, store, bucket, func(c *httpapi.Config) { c.LinkExpiry = time.Minute })
	if link := e.link("书.pdf", "x"); !strings.HasPrefix(link, "https://bucket.example/files/") {
		t.Errorf("link = %s", link)
	}
	if bucket.asked.Expires != time.Minute || !strings.Contains(bucket.asked.ContentDisposition, "filename*=utf-8''%E4%B9%A6.pdf") {
		t.Errorf("asked for %+v", bucket.asked)
	}
	bucket.err = errs.New(errs.Unavailable, "bucket is down")
	volume := firstID(e.ok("POST", "/DescribeOriginVolumes", ""))
	file := firstID(e.ok("POST", "/DescribeOriginVolume", `{"id":`+volume+`}`))
	w := e.do("POST", "/GetOriginVolumeFileLink", `{"volume_id":`+volume+`,"file_id":`+file+`}`)
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOpenAPIDocumentIsServed(t *testing.T) {
	e := newEnv(t, nil)
	w := e.follow("GET", "/openapi.yaml")
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), httpapi.OpenAPI()) || w.Header().Get("Content-Type") != "application/yaml" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := e.follow("GET", "/openapi.yaml", "If-None-Match", w.Header().Get("ETag")); w.Code != http.StatusNotModified {
		t.Errorf("unchanged: %d", w.Code)
	}
}
