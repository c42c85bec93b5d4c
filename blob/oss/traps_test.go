package oss_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/guard"
	"github.com/inlet-go/inlet/blob/oss"
	"github.com/inlet-go/inlet/store/errs"
)

func serve(t *testing.T, server fakeserver.Options, opts *oss.Options) (*fakeserver.Server, *oss.Bucket) {
	t.Helper()
	server.Dialect = fakeserver.OSS
	srv := fakeserver.Start(t, &server, "data")
	return srv, open(t, srv, "data", false, opts)
}

func readAll(ctx context.Context, b blob.Source, key string, opts *blob.OpenOptions) (string, error) {
	r, err := b.Open(ctx, key, opts)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

func synthetic(size int64) io.Reader {
	return io.NewSectionReader(fakeserver.Synthetic(size, 1), 0, size)
}

func always(f fakeserver.Fault) fakeserver.Hook {
	return func(*http.Request) *fakeserver.Fault { return &f }
}

func isOp(method, query string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == method && (query == "" || r.URL.Query().Has(query))
	}
}

// TestRangesBehindTheEnd: without x-oss-range-behavior the server answers with
// the whole object.
func TestRangesBehindTheEnd(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, fakeserver.Options{}, nil)
	srv.Put("data", "k", fakeserver.Bytes([]byte("0123456789")))
	srv.Put("data", "empty", fakeserver.Bytes(nil))
	for _, tt := range []struct {
		key            string
		offset, length int64
		want           string
	}{
		{"k", 8, 10, "89"}, {"k", 10, 0, ""}, {"k", 11, 5, ""}, {"k", 0, 100, "0123456789"}, {"empty", 0, 1, ""}, {"empty", 5, 0, ""},
	} {
		got, err := readAll(t.Context(), b, tt.key, &blob.OpenOptions{Offset: tt.offset, Length: tt.length})
		if err != nil || got != tt.want {
			t.Errorf("%s at %d, %d bytes: %q, %v; want %q", tt.key, tt.offset, tt.length, got, err, tt.want)
		}
	}
}

func TestChecksums(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, fakeserver.Options{}, &oss.Options{PartSize: 1 << 20, Attempts: 2})
	if _, err := b.Write(t.Context(), "k", synthetic(3<<20), nil); err != nil {
		t.Fatal(err)
	}
	srv.SetHook(func(r *http.Request) *fakeserver.Fault {
		if r.Method == http.MethodGet || r.Method == http.MethodPut || r.URL.Query().Has("uploadId") {
			return &fakeserver.Fault{CRC: "12345"}
		}
		return nil
	})
	if _, err := readAll(t.Context(), b, "k", nil); !errors.Is(err, errs.Unavailable) || !strings.Contains(errs.Message(err), "checksum") {
		t.Errorf("read: %v", err)
	}
	if _, err := readAll(t.Context(), b, "k", &blob.OpenOptions{Offset: 1, Length: 10}); err != nil {
		t.Errorf("the checksum of the whole was compared with a range: %v", err)
	}
	if _, err := b.Write(t.Context(), "k2", synthetic(1000), nil); !errors.Is(err, errs.Unavailable) {
		t.Errorf("write: %v", err)
	}
	if _, err := b.Write(t.Context(), "k3", synthetic(3<<20), nil); !errors.Is(err, errs.Unavailable) {
		t.Errorf("part: %v", err)
	}
	srv.SetHook(fakeserver.Nth(1, fakeserver.Fault{CRC: "12345"}, isOp("POST", "uploadId")))
	if _, err := b.Write(t.Context(), "k4", synthetic(3<<20), nil); !errors.Is(err, errs.Unavailable) {
		t.Errorf("completion: %v", err)
	}
	if n := srv.Pending(); n > 0 {
		t.Errorf("%d uploads pending", n)
	}
}

// TestSmallWritesAreOneRequest: the SDK's own uploader makes three of them.
func TestSmallWritesAreOneRequest(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, fakeserver.Options{}, nil)
	for _, size := range []int64{0, 1, 100 << 10, 3 << 20} {
		if _, err := b.Write(t.Context(), "k", synthetic(size), nil); err != nil {
			t.Fatal(err)
		}
	}
	if puts, parts := srv.Calls("PutObject"), srv.Calls("UploadPart"); puts != 4 || parts != 0 {
		t.Errorf("%d puts, %d parts", puts, parts)
	}
	srv.SetHook(fakeserver.Nth(2, fakeserver.Fault{Status: 503, Code: "ServiceUnavailable"}, isOp("PUT", "")))
	if _, err := b.Write(t.Context(), "k", io.MultiReader(strings.NewReader("once")), nil); err != nil {
		t.Errorf("the write was not repeated: %v", err)
	}
}

func TestForbidOverwriteOfLargeObjects(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, fakeserver.Options{}, &oss.Options{PartSize: 1 << 20})
	var headers atomic.Int32
	srv.SetHook(func(r *http.Request) *fakeserver.Fault {
		if r.Method == http.MethodPost && r.Header.Get("X-Oss-Forbid-Overwrite") == "true" {
			headers.Add(1)
		}
		return nil
	})
	var wins, losses atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := b.Write(t.Context(), "k", synthetic(2<<20), &blob.WriteOptions{IfNotExist: true})
			if err == nil {
				wins.Add(1)
			} else if errors.Is(err, errs.Exists) {
				losses.Add(1)
			} else {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 || losses.Load() != 3 || headers.Load() < 5 {
		t.Errorf("%d wins, %d losses, header sent %d times", wins.Load(), losses.Load(), headers.Load())
	}
	if n := srv.Pending(); n > 0 {
		t.Errorf("%d uploads pending", n)
	}
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, fakeserver.Options{}, &oss.Options{PartSize: 1 << 20})
	srv.SetHook(fakeserver.Nth(1, fakeserver.Fault{Done: true, Status: 500}, isOp("PUT", "")))
	if _, err := b.Write(t.Context(), "a", strings.NewReader("x"), &blob.WriteOptions{IfNotExist: true}); !errors.Is(err, errs.Unavailable) {
		t.Errorf("conditional PUT: %v", err)
	}
	srv.SetHook(fakeserver.Nth(1, fakeserver.Fault{Done: true, Reset: true}, isOp("POST", "uploadId")))
	if _, err := b.Write(t.Context(), "b", synthetic(3<<20), nil); err != nil {
		t.Errorf("complete: %v", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	ranged := &blob.OpenOptions{Offset: 1000, Length: 2000}
	reads := map[string]struct {
		fault fakeserver.Fault
		opts  *blob.OpenOptions
		kind  errs.Kind
	}{
		"cut":           {fakeserver.Fault{Cut: true, After: 1000}, nil, errs.Unavailable},
		"stall":         {fakeserver.Fault{Stall: true, After: 1000}, nil, errs.Unavailable},
		"late header":   {fakeserver.Fault{Delay: time.Minute}, nil, errs.Unavailable},
		"range ignored": {fakeserver.Fault{Range: true}, ranged, errs.Unavailable},
		"short range":   {fakeserver.Fault{Grow: -1}, ranged, errs.Unavailable},
		"changed":       {fakeserver.Fault{ETag: "other"}, &blob.OpenOptions{IfMatch: "same"}, errs.Conflict},
		"throttled":     {fakeserver.Fault{Status: 503, Code: "SlowDown"}, nil, errs.RateLimited},
		"qps":           {fakeserver.Fault{Status: 503, Code: "QpsLimitExceeded"}, nil, errs.RateLimited},
		"bad gateway":   {fakeserver.Fault{Status: 502}, nil, errs.Unavailable},
		"denied":        {fakeserver.Fault{Status: 403, Code: "AccessDenied"}, nil, errs.Forbidden},
		"token":         {fakeserver.Fault{Status: 403, Code: "SecurityTokenExpired"}, nil, errs.Forbidden},
		"archived":      {fakeserver.Fault{Status: 403, Code: "InvalidObjectState"}, nil, errs.Conflict},
		"reset":         {fakeserver.Fault{Reset: true}, nil, errs.Unavailable},
	}
	for name, tt := range reads {
		t.Run("read "+name, func(t *testing.T) {
			t.Parallel()
			srv, b := serve(t, fakeserver.Options{}, &oss.Options{Timeout: 300 * time.Millisecond, Attempts: 1})
			srv.Put("data", "k", fakeserver.Synthetic(100_000, 1))
			srv.SetHook(always(tt.fault))
			_, err := readAll(t.Context(), b, "k", tt.opts)
			if err == nil || errs.KindOf(err) != tt.kind || !strings.Contains(errs.Message(err), `"k"`) || strings.Contains(err.Error(), "testsecret") {
				t.Errorf("%v, want kind %v", err, tt.kind)
			}
		})
	}
	for name, fault := range map[string]fakeserver.Fault{
		"repeated page": {RepeatPage: true}, "no token": {EndlessOff: true}, "empty pages": {EmptyPage: true},
		"not XML": {Raw: "it works!"}, "a web page": {Raw: "<html></html>"}, "stall": {Stall: true, After: 300},
		"endless": {Raw: "<ListBucketResult><Name>" + strings.Repeat("a", 20<<20)},
	} {
		t.Run("list "+name, func(t *testing.T) {
			t.Parallel()
			srv, b := serve(t, fakeserver.Options{}, &oss.Options{Timeout: 300 * time.Millisecond, Attempts: 1})
			srv.PutRange("data", "r/", 2500, 1)
			srv.SetHook(always(fault))
			var last error
			n := 0
			for _, err := range b.List(t.Context(), "", nil) {
				if last = err; err != nil {
					break
				}
				if n++; n > 3000 {
					t.Fatal("the listing does not end")
				}
			}
			if !errors.Is(last, errs.Unavailable) {
				t.Errorf("after %d objects: %v", n, last)
			}
		})
	}
}

func TestForeignKeys(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, fakeserver.Options{}, nil)
	keys := []string{"\x01", "%41", "..", "<k>&", "__0x41__", "a b+c", "a//b", "esc__0x2f__key", "new\nline", "tab\tkey", "ü/😀"}
	for _, k := range keys {
		srv.Put("data", k, fakeserver.Bytes([]byte("of "+k)))
	}
	var listed []string
	for o, err := range b.List(t.Context(), "", &blob.ListOptions{PageSize: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, o.Key)
		if got, err := readAll(t.Context(), b, o.Key, &blob.OpenOptions{IfMatch: o.ETag}); err != nil || got != "of "+o.Key {
			t.Errorf("%q: %q, %v", o.Key, got, err)
		}
	}
	if diff := cmp.Diff(keys, listed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := b.Delete(t.Context(), keys...); err != nil {
		t.Error(err)
	}
	if _, _, ok := srv.Get("data", "\x01"); ok {
		t.Error("not deleted")
	}
	for _, key := range []string{"/lead", `\lead`, strings.Repeat("k", 1024), "\xff"} {
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, errs.Invalid) {
			t.Errorf("%.20q: %v, want kind Invalid", key, err)
		}
	}
}

func TestDeleteInsistsOnEveryKey(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, fakeserver.Options{}, nil)
	srv.SetHook(always(fakeserver.Fault{Raw: "<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>"}))
	if err := b.Delete(t.Context(), "a", "b"); !errors.Is(err, errs.Unavailable) || !strings.Contains(errs.Message(err), `"b"`) {
		t.Error(err)
	}
}

func TestSignedURLs(t *testing.T) {
	t.Parallel()
	_, b := serve(t, fakeserver.Options{SessionToken: "tok/+="}, nil)
	link := func(o blob.SignOptions) string {
		t.Helper()
		u, err := b.SignedURL(t.Context(), "dir/a b+ü.csv", &o)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(u, "testsecret") {
			t.Errorf("%s", u)
		}
		return u
	}
	send := func(method, url, body, contentType string) (int, http.Header) {
		t.Helper()
		req, _ := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header
	}
	put := link(blob.SignOptions{Method: "PUT", ContentType: "text/csv", ContentLength: 4})
	get := link(blob.SignOptions{ContentDisposition: `attachment; filename="x.csv"`})
	for _, tt := range []struct {
		method, url, body, contentType string
		status                         int
	}{
		{"PUT", put, "data", "text/html", 403}, {"PUT", put, "data", "", 403}, {"PUT", put, "longer", "text/csv", 403},
		{"PUT", put, "data", "text/csv", 200}, {"GET", put, "", "", 403}, {"GET", get, "", "", 200},
		{"GET", strings.Replace(get, "attachment", "inline", 1), "", "", 403}, {"DELETE", get, "", "", 403},
		{"DELETE", link(blob.SignOptions{Method: "DELETE"}), "", "", 204}, {"GET", get, "", "", 404},
	} {
		status, header := send(tt.method, tt.url, tt.body, tt.contentType)
		if status != tt.status {
			t.Errorf("%s with %q of %d bytes: %d, want %d", tt.method, tt.contentType, len(tt.body), status, tt.status)
		}
		if status == 200 && tt.method == "GET" && header.Get("Content-Disposition") != `attachment; filename="x.csv"` {
			t.Errorf("%v", header)
		}
	}
	if _, err := b.SignedURL(t.Context(), "k", &blob.SignOptions{Expires: 8 * 24 * time.Hour}); !errors.Is(err, errs.Invalid) {
		t.Error(err)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	srv, _ := serve(t, fakeserver.Options{SessionToken: "tok"}, nil)
	good := oss.Config{Endpoint: srv.URL, Bucket: "data", AccessKeyID: "test", AccessKeySecret: "testsecret", SecurityToken: "tok"}
	for name, tt := range map[string]struct {
		change func(*oss.Config)
		kind   errs.Kind
	}{
		"key":    {func(c *oss.Config) { c.AccessKeyID = "other" }, errs.Forbidden},
		"secret": {func(c *oss.Config) { c.AccessKeySecret = "other" }, errs.Forbidden},
		"token":  {func(c *oss.Config) { c.SecurityToken = "other" }, errs.Forbidden},
		"region": {func(c *oss.Config) { c.Region = "cn-beijing" }, errs.Invalid},
		"bucket": {func(c *oss.Config) { c.Bucket = "other" }, errs.NotFound},
	} {
		cfg := good
		tt.change(&cfg)
		b, err := oss.Open(t.Context(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = readAll(t.Context(), b, "k", nil); errs.KindOf(err) != tt.kind {
			t.Errorf("wrong %s: %v", name, err)
		}
		if _, err = b.Stat(t.Context(), "k"); errs.KindOf(err) != tt.kind { // a HEAD: the code is in a header
			t.Errorf("wrong %s: Stat: %v", name, err)
		}
		b.Close()
	}
}

// TestGuardedTransport: a refused host is Forbidden, and is not tried again.
func TestGuardedTransport(t *testing.T) {
	t.Parallel()
	srv, allowed := serve(t, fakeserver.Options{}, &oss.Options{Transport: guard.Transport(&guard.Options{AllowPrivate: true, AnyPort: true})})
	refused := open(t, srv, "data", false, &oss.Options{Transport: guard.Transport(nil)})
	srv.Put("data", "k", fakeserver.Bytes([]byte("x")))
	started := time.Now()
	_, err := refused.Stat(t.Context(), "k")
	_, werr := refused.Write(t.Context(), "k", strings.NewReader("y"), nil)
	for _, err := range []error{err, werr} {
		if !errors.Is(err, errs.Forbidden) || !strings.Contains(errs.Message(err), "127.0.0.1") {
			t.Errorf("%v, want kind Forbidden", err)
		}
	}
	if d := time.Since(started); srv.Connections() > 0 || d > 2*time.Second {
		t.Errorf("%d connections in %v", srv.Connections(), d)
	}
	if got, err := readAll(t.Context(), allowed, "k", nil); err != nil || got != "x" {
		t.Errorf("%q, %v", got, err)
	}
}
