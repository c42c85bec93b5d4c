package s3_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/s3"
	"github.com/inlet-go/inlet/store/errs"
)

// do sends a request without credentials and returns its status and body.
func do(t *testing.T, method, url, body string, header http.Header) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), resp.Header
}

func TestSignedGet(t *testing.T) {
	t.Parallel()
	testSignedGet(t, func(t *testing.T) *s3.Bucket {
		_, b := serve(t, &fakeserver.Options{SessionToken: "tok/+="}, nil)
		return b
	})
}

func TestSignedGetRealServer(t *testing.T) {
	srv := startReal(t)
	testSignedGet(t, srv.bucket)
}

func testSignedGet(t *testing.T, newBucket func(*testing.T) *s3.Bucket) {
	b := newBucket(t)
	key := "files/a b+c ü.csv"
	if _, err := b.Write(t.Context(), key, strings.NewReader("data"), nil); err != nil {
		t.Fatal(err)
	}
	link, err := b.SignedURL(t.Context(), key, &blob.SignOptions{ContentDisposition: `attachment; filename="ü.csv"`})
	if err != nil {
		t.Fatal(err)
	}
	status, body, header := do(t, http.MethodGet, link, "", nil)
	if status != 200 || body != "data" || header.Get("Content-Disposition") != `attachment; filename="ü.csv"` {
		t.Errorf("%d %q %v", status, body, header)
	}
	if status, _, _ := do(t, http.MethodPut, link, "x", nil); status != 403 {
		t.Errorf("PUT: %d", status)
	}
	if status, _, _ := do(t, http.MethodGet, strings.Replace(link, "attachment", "inline", 1), "", nil); status != 403 {
		t.Errorf("tampered: %d", status)
	}
}

func TestSignedPut(t *testing.T) {
	t.Parallel()
	testSignedPut(t, func(t *testing.T) *s3.Bucket {
		_, b := serve(t, nil, nil)
		return b
	})
}

func TestSignedPutRealServer(t *testing.T) {
	srv := startReal(t)
	testSignedPut(t, srv.bucket)
}

func testSignedPut(t *testing.T, newBucket func(*testing.T) *s3.Bucket) {
	b := newBucket(t)
	link, err := b.SignedURL(t.Context(), "k", &blob.SignOptions{Method: http.MethodPut, ContentType: "text/csv", ContentLength: 4})
	if err != nil {
		t.Fatal(err)
	}
	csv := http.Header{"Content-Type": {"text/csv"}}
	for what, status := range map[string]int{
		"other type":   first(do(t, http.MethodPut, link, "data", http.Header{"Content-Type": {"text/html"}})),
		"no type":      first(do(t, http.MethodPut, link, "data", nil)),
		"other length": first(do(t, http.MethodPut, link, "longer", csv)),
		"GET":          first(do(t, http.MethodGet, link, "", nil)),
	} {
		if status != 403 {
			t.Errorf("%s: %d, want 403", what, status)
		}
	}
	if status, body, _ := do(t, http.MethodPut, link, "data", csv); status != 200 {
		t.Errorf("right: %d %s", status, body)
	}
	if o, err := b.Stat(t.Context(), "k"); err != nil || o.Size != 4 || o.ContentType != "text/csv" {
		t.Errorf("%+v, %v", o, err)
	}
}

func first(status int, _ string, _ http.Header) int { return status }

func TestSignedURLExpires(t *testing.T) {
	t.Parallel()
	now := time.Now()
	clock := &now
	srv, b := serve(t, &fakeserver.Options{Now: func() time.Time { return *clock }}, nil)
	srv.Put("data", "k", fakeserver.Bytes([]byte("x")))
	link, err := b.SignedURL(t.Context(), "k", &blob.SignOptions{Expires: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := do(t, http.MethodGet, link, "", nil); status != 200 {
		t.Errorf("fresh: %d", status)
	}
	later := now.Add(62 * time.Second)
	clock = &later
	if status, _, _ := do(t, http.MethodGet, link, "", nil); status != 403 {
		t.Errorf("expired: %d", status)
	}
	for what, opts := range map[string]*blob.SignOptions{"too long": {Expires: 8 * 24 * time.Hour}, "negative": {Expires: -1}} {
		if _, err := b.SignedURL(t.Context(), "k", opts); !errors.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := b.SignedURL(t.Context(), "k", &blob.SignOptions{Method: "DELETE"}); !errors.Is(err, errs.Unsupported) {
		t.Errorf("DELETE: %v", err)
	}
	if u, _ := url.Parse(link); strings.Contains(link, "testsecret") || u.Query().Get("X-Amz-Expires") != "60" {
		t.Errorf("%s", link)
	}
}

func TestCopyFrom(t *testing.T) {
	t.Parallel()
	srv, to := serve(t, nil, nil)
	srv.CreateBucket("source")
	from := open(t, srv, "source", false, nil)
	key := "a b+c/%41 ü.csv"
	data := strings.Repeat("data", 1000)
	if _, err := from.Write(t.Context(), key, strings.NewReader(data), &blob.WriteOptions{ContentType: "text/csv"}); err != nil {
		t.Fatal(err)
	}
	obj, err := from.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	w, err := to.CopyFrom(t.Context(), "copy", from, obj)
	if want := (blob.Written{Size: 4000, SHA256: sha256.Sum256([]byte(data))}); err != nil || w != want {
		t.Errorf("%+v, %v", w, err)
	}
	if got, err := readAll(t.Context(), to, "copy", nil); err != nil || got != data {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	changed := obj
	changed.ETag = "0123"
	if _, err := to.CopyFrom(t.Context(), "copy2", from, changed); !errors.Is(err, errs.Conflict) {
		t.Errorf("changed source: %v", err)
	}
	gone := obj
	gone.Key = "gone"
	if _, err := to.CopyFrom(t.Context(), "copy2", from, gone); !errors.Is(err, errs.NotFound) {
		t.Errorf("missing source: %v", err)
	}
	large := obj
	large.Size = 5<<30 + 1
	if _, err := to.CopyFrom(t.Context(), "copy2", from, large); !errors.Is(err, errs.Unsupported) {
		t.Errorf("large source: %v", err)
	}
}

// TestCopyFromNeedsTheSameAccount: the copy would be made with the managed
// bucket's rights, and a user may name any bucket in a connector.
func TestCopyFromNeedsTheSameAccount(t *testing.T) {
	t.Parallel()
	srv, to := serve(t, nil, nil)
	other, _ := serve(t, nil, nil)
	srv.Put("data", "secret", fakeserver.Bytes([]byte("x")))
	_, etag, _ := srv.Get("data", "secret")
	obj := blob.Object{Key: "secret", Size: 1, ETag: etag}
	good := s3.Config{Endpoint: srv.URL, Bucket: "data", AccessKeyID: "test", SecretAccessKey: "testsecret", PathStyle: true}
	for what, change := range map[string]func(*s3.Config){
		"secret":   func(c *s3.Config) { c.SecretAccessKey = "guess" },
		"key":      func(c *s3.Config) { c.AccessKeyID = "guess" },
		"token":    func(c *s3.Config) { c.SessionToken = "guess" },
		"endpoint": func(c *s3.Config) { c.Endpoint = other.URL },
	} {
		cfg := good
		change(&cfg)
		from, err := s3.Open(t.Context(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.CopyFrom(t.Context(), "stolen", from, obj); !errors.Is(err, errs.Unsupported) {
			t.Errorf("other %s: %v", what, err)
		}
		from.Close()
	}
	if n := srv.Calls("CopyObject"); n > 0 {
		t.Errorf("%d copies were asked for", n)
	}
}

func TestCopyFromWithoutChecksum(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, &fakeserver.Options{NoChecksum: true}, nil)
	srv.Put("data", "k", fakeserver.Bytes([]byte("x")))
	obj, err := b.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := b.CopyFrom(t.Context(), "copy", b, obj); !errors.Is(err, errs.Unsupported) {
			t.Error(err)
		}
	}
	if n := srv.Calls("CopyObject"); n != 1 {
		t.Errorf("%d copies, want one to find out", n)
	}
}
