package s3_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/guard"
	"github.com/inlet-go/inlet/blob/s3"
	"github.com/inlet-go/inlet/store/errs"
)

// serve starts a server with the bucket "data" and opens it.
func serve(t *testing.T, server *fakeserver.Options, opts *s3.Options) (*fakeserver.Server, *s3.Bucket) {
	t.Helper()
	srv := fakeserver.Start(t, server, "data")
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

func isOp(method, query string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == method && (query == "" || r.URL.Query().Has(query))
	}
}

// TestForeignKeys reads what other clients wrote, under keys that escaping
// adapters or XML lose.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, nil, nil)
	keys := []string{
		"tab\tkey", "new\nline\r", "\x01\x02", "esc__0x2f__key", "__0x41__", "a//b", "/lead", "//", "%41", "a+b c", "😀", "\uFFFE",
		"..", "a/../b", "&#x1;", "<k>", "?versionId=1#f",
	}
	for _, k := range keys {
		srv.Put("data", k, fakeserver.Bytes([]byte("of "+k)))
	}
	var listed []string
	for o, err := range b.List(t.Context(), "", &blob.ListOptions{PageSize: 5}) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, o.Key)
		if got, err := readAll(t.Context(), b, o.Key, &blob.OpenOptions{IfMatch: o.ETag}); err != nil || got != "of "+o.Key {
			t.Errorf("%q: %q, %v", o.Key, got, err)
		}
	}
	slices.Sort(keys)
	if diff := cmp.Diff(keys, listed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	srv.Put("data", "\uFFFD\uFFFD", fakeserver.Bytes(nil)) // what an XML encoder would make of "\x01\x02"
	if err := b.Delete(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
	for o, err := range b.List(t.Context(), "", nil) {
		if err != nil || o.Key != "\uFFFD\uFFFD" {
			t.Errorf("left: %q, %v", o.Key, err)
		}
	}
	if _, _, ok := srv.Get("data", "\uFFFD\uFFFD"); !ok {
		t.Error("another object was deleted")
	}
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, &fakeserver.Options{Latency: 5 * time.Millisecond}, nil)
	srv.Put("data", "k", fakeserver.Synthetic(4096, 1))
	const workers = 40
	for range 3 {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range 3 {
					if _, err := readAll(t.Context(), b, "k", nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	// A request that waits dials, and may then be served by a connection that
	// came free meanwhile; with a pool of 10, the SDK's own, it takes a hundred.
	if n := srv.Connections(); n > 2*workers {
		t.Errorf("%d connections for %d workers", n, workers)
	}
}

// TestNoChecksumHeaders looks at every request: what servers are known to
// refuse must not be in it.
func TestNoChecksumHeaders(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, nil, &s3.Options{PartSize: 5 << 20})
	srv.SetHook(func(r *http.Request) *fakeserver.Fault {
		for name, v := range r.Header {
			low := strings.ToLower(name)
			if strings.Contains(low, "checksum") || low == "x-amz-trailer" || low == "expect" || strings.Contains(strings.Join(v, ","), "chunked") {
				t.Errorf("%s %s: header %s: %q", r.Method, r.URL.Path, name, v)
			}
			if low == "accept-encoding" && strings.Contains(r.Header.Get("Authorization"), low) && r.Method == http.MethodGet && !r.URL.Query().Has("list-type") {
				t.Errorf("%s is signed, but gateways rewrite it", name)
			}
		}
		return nil
	})
	for _, size := range []int64{0, 10, 6 << 20} {
		r := io.NewSectionReader(fakeserver.Synthetic(size, 1), 0, size)
		if _, err := b.Write(t.Context(), "k", r, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(t.Context(), b, "k", nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Stat(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	for _, err := range b.List(t.Context(), "", nil) {
		if err != nil {
			t.Error(err)
		}
	}
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Error(err)
	}
}

// TestFaultsOfReads has a case for everything that can go wrong after the
// status line.
func TestFaultsOfReads(t *testing.T) {
	t.Parallel()
	const size = 300_000
	middle := &blob.OpenOptions{Offset: 1000, Length: 2000}
	tests := map[string]struct {
		fault fakeserver.Fault
		opts  *blob.OpenOptions
		kind  errs.Kind
	}{
		"cut":                      {fakeserver.Fault{Cut: true, After: 100_000}, nil, errs.Unavailable},
		"cut at once":              {fakeserver.Fault{Cut: true}, nil, errs.Unavailable},
		"cut one byte early":       {fakeserver.Fault{Cut: true, After: size - 1}, nil, errs.Unavailable},
		"cut a range":              {fakeserver.Fault{Cut: true, After: 500}, middle, errs.Unavailable},
		"stall":                    {fakeserver.Fault{Stall: true, After: 100_000}, nil, errs.Unavailable},
		"stall before the header":  {fakeserver.Fault{Delay: time.Minute}, nil, errs.Unavailable},
		"short range":              {fakeserver.Fault{Grow: -10}, middle, errs.Unavailable},
		"long range":               {fakeserver.Fault{Grow: 10}, middle, errs.Unavailable},
		"range ignored":            {fakeserver.Fault{Range: true}, middle, errs.Unavailable},
		"range from 0 ignored":     {fakeserver.Fault{Range: true}, &blob.OpenOptions{Length: 10}, errs.Unavailable},
		"If-Match ignored":         {fakeserver.Fault{ETag: "other"}, &blob.OpenOptions{IfMatch: "other2"}, errs.Conflict},
		"changed since the list":   {fakeserver.Fault{ETag: "other"}, &blob.OpenOptions{IfMatch: "same"}, errs.Conflict},
		"changed before the range": {fakeserver.Fault{ETag: "other"}, &blob.OpenOptions{IfMatch: "same", Offset: 5}, errs.Conflict},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, b := serve(t, nil, &s3.Options{Timeout: 300 * time.Millisecond, Attempts: 1})
			srv.Put("data", "k", fakeserver.Synthetic(size, 1))
			srv.SetHook(func(*http.Request) *fakeserver.Fault { return &tt.fault })
			started := time.Now()
			data, err := readAll(t.Context(), b, "k", tt.opts)
			if err == nil || errs.KindOf(err) != tt.kind || !strings.Contains(errs.Message(err), `"k"`) {
				t.Errorf("%d bytes, %v; want kind %v", len(data), err, tt.kind)
			}
			if d := time.Since(started); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestFaultsOfLists(t *testing.T) {
	t.Parallel()
	tests := map[string]fakeserver.Fault{
		"repeated page":     {RepeatPage: true},
		"more but no token": {EndlessOff: true},
		"empty pages":       {EmptyPage: true},
		"garbage":           {Raw: "<ListBucketResult><Contents><Key>a"},
		"not XML":           {Raw: "it works!"},
		"a web page":        {Raw: "<html><body>log in first</body></html>"},
		"cut":               {Cut: true, After: 500},
		"stall":             {Stall: true, After: 500},
		"reset":             {Reset: true},
		"endless":           {Raw: "<ListBucketResult><Name>" + strings.Repeat("a", 40<<20)},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, b := serve(t, nil, &s3.Options{Timeout: 500 * time.Millisecond, Attempts: 2})
			srv.PutRange("data", "r/", 2500, 1)
			srv.SetHook(func(*http.Request) *fakeserver.Fault { return &fault })
			n := 0
			var last error
			for _, err := range b.List(t.Context(), "", nil) {
				if last = err; err != nil {
					break
				}
				if n++; n > 3000 {
					t.Fatal("the listing does not end")
				}
			}
			if !errors.Is(last, errs.Unavailable) {
				t.Errorf("after %d objects: %v, want kind Unavailable", n, last)
			}
		})
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	faults := map[string]fakeserver.Fault{
		"throttled": {Status: 503, Code: "SlowDown"}, "internal": {Status: 500, Code: "InternalError"},
		"reset": {Reset: true}, "no document": {Status: 502},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, b := serve(t, nil, nil)
			twice := func() {
				srv.SetHook(fakeserver.Nth(2, fault, func(*http.Request) bool { return true }))
			}
			twice()
			if _, err := b.Write(t.Context(), "k", strings.NewReader("data"), nil); err != nil {
				t.Errorf("Write: %v", err)
			}
			twice()
			if got, err := readAll(t.Context(), b, "k", nil); err != nil || got != "data" {
				t.Errorf("read: %q, %v", got, err)
			}
			twice()
			if _, err := b.Stat(t.Context(), "k"); err != nil {
				t.Errorf("Stat: %v", err)
			}
			twice()
			for _, err := range b.List(t.Context(), "", nil) {
				if err != nil {
					t.Errorf("List: %v", err)
				}
			}
			twice()
			if err := b.Delete(t.Context(), "k"); err != nil {
				t.Errorf("Delete: %v", err)
			}
		})
	}
	t.Run("not what is final", func(t *testing.T) {
		t.Parallel()
		srv, b := serve(t, nil, nil)
		srv.SetHook(func(*http.Request) *fakeserver.Fault { return &fakeserver.Fault{Status: 403, Code: "AccessDenied"} })
		if _, err := readAll(t.Context(), b, "k", nil); !errors.Is(err, errs.Forbidden) || srv.Calls("GetObject") != 1 {
			t.Errorf("%v after %d tries", err, srv.Calls("GetObject"))
		}
	})
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		code   string
		kind   errs.Kind
	}{
		{404, "NoSuchKey", errs.NotFound}, {404, "NoSuchBucket", errs.NotFound}, {403, "AccessDenied", errs.Forbidden},
		{403, "SignatureDoesNotMatch", errs.Forbidden}, {403, "InvalidAccessKeyId", errs.Forbidden},
		{403, "XAdminUserNotFound", errs.Forbidden}, {400, "ExpiredToken", errs.Forbidden}, {400, "InvalidToken", errs.Forbidden},
		{403, "InvalidObjectState", errs.Conflict}, {412, "PreconditionFailed", errs.Conflict},
		{503, "SlowDown", errs.RateLimited}, {429, "TooManyRequests", errs.RateLimited}, {400, "RequestTimeout", errs.Unavailable},
		{500, "InternalError", errs.Unavailable}, {507, "QuotaExceeded", errs.Unavailable}, {503, "ServiceUnavailable", errs.Unavailable},
		{400, "AuthorizationHeaderMalformed", errs.Invalid}, {301, "PermanentRedirect", errs.Invalid},
		{400, "InvalidArgument", errs.Invalid}, {501, "NotImplemented", errs.Unsupported}, {418, "Teapot", errs.Invalid},
		{599, "", errs.Unavailable}, {403, "", errs.Forbidden}, {404, "", errs.NotFound}, {409, "OperationAborted", errs.RateLimited},
	}
	srv, b := serve(t, nil, &s3.Options{Attempts: 1})
	for _, tt := range tests {
		srv.SetHook(func(*http.Request) *fakeserver.Fault { return &fakeserver.Fault{Status: tt.status, Code: tt.code} })
		check := func(what string, err error) {
			t.Helper()
			if err == nil || errs.KindOf(err) != tt.kind {
				t.Errorf("%d %s: %s: %v, want kind %v", tt.status, tt.code, what, err, tt.kind)
			} else if msg := errs.Message(err); !strings.Contains(msg, `"the key"`) || strings.Contains(err.Error(), "testsecret") || strings.Contains(msg, "Signature=") {
				t.Errorf("%d %s: %s: message %q, %v", tt.status, tt.code, what, msg, err)
			}
		}
		_, err := b.Open(t.Context(), "the key", nil)
		check("Open", err)
		_, err = b.Write(t.Context(), "the key", strings.NewReader("x"), nil)
		check("Write", err)
		if tt.code != "NoSuchKey" && tt.code != "" {
			check("Delete", b.Delete(t.Context(), "the key"))
		}
		for _, err := range b.List(t.Context(), "the key", nil) {
			check("List", err)
		}
	}
}

func TestServerIsDown(t *testing.T) {
	t.Parallel()
	cfg := s3.Config{Endpoint: "http://127.0.0.1:1", Bucket: "data", AccessKeyID: "a", SecretAccessKey: "s"}
	b, err := s3.Open(t.Context(), cfg, &s3.Options{Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stat(t.Context(), "k"); !errors.Is(err, errs.Unavailable) {
		t.Errorf("Stat: %v", err)
	}
	if err := b.Delete(t.Context(), "k"); !errors.Is(err, errs.Unavailable) {
		t.Errorf("Delete: %v", err)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	srv := fakeserver.Start(t, &fakeserver.Options{SessionToken: "tok"}, "data")
	good := s3.Config{Endpoint: srv.URL, Bucket: "data", AccessKeyID: "test", SecretAccessKey: "testsecret", SessionToken: "tok"}
	tests := map[string]struct {
		change func(*s3.Config)
		kind   errs.Kind
		text   string
	}{
		"key":    {func(c *s3.Config) { c.AccessKeyID = "other" }, errs.Forbidden, "access key"},
		"secret": {func(c *s3.Config) { c.SecretAccessKey = "other" }, errs.Forbidden, "secret"},
		"token":  {func(c *s3.Config) { c.SessionToken = "other" }, errs.Forbidden, "token"},
		"region": {func(c *s3.Config) { c.Region = "eu-west-1" }, errs.Invalid, "region"},
		"bucket": {func(c *s3.Config) { c.Bucket = "other" }, errs.NotFound, "bucket"},
	}
	for name, tt := range tests {
		cfg := good
		tt.change(&cfg)
		b, err := s3.Open(t.Context(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = readAll(t.Context(), b, "k", nil)
		if errs.KindOf(err) != tt.kind || !strings.Contains(errs.Message(err), tt.text) {
			t.Errorf("wrong %s: %v", name, err)
		}
		for _, err := range b.List(t.Context(), "", nil) {
			if errs.KindOf(err) != tt.kind || !strings.Contains(errs.Message(err), tt.text) {
				t.Errorf("wrong %s: List: %v", name, err)
			}
		}
		b.Close()
	}
}

func TestClockThatIsWrong(t *testing.T) {
	t.Parallel()
	_, b := serve(t, &fakeserver.Options{Now: func() time.Time { return time.Now().Add(time.Hour) }}, nil)
	if _, err := b.Write(t.Context(), "k", strings.NewReader("x"), nil); err != nil {
		t.Errorf("Write: %v", err)
	}
	if got, err := readAll(t.Context(), b, "k", nil); err != nil || got != "x" {
		t.Errorf("read: %q, %v", got, err)
	}
	for _, err := range b.List(t.Context(), "", nil) {
		if err != nil {
			t.Errorf("List: %v", err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	other := fakeserver.Start(t, nil, "data")
	srv, b := serve(t, nil, &s3.Options{Attempts: 1})
	srv.SetHook(func(r *http.Request) *fakeserver.Fault {
		return &fakeserver.Fault{Status: 307, Code: "TemporaryRedirect", Location: other.URL + r.URL.Path}
	})
	if _, err := readAll(t.Context(), b, "k", nil); !errors.Is(err, errs.Invalid) {
		t.Errorf("%v", err)
	}
	if other.Connections() > 0 {
		t.Error("the redirect was followed")
	}
}

// TestGuardedTransport: a refused host is Forbidden, and is not tried again.
func TestGuardedTransport(t *testing.T) {
	t.Parallel()
	srv, allowed := serve(t, nil, &s3.Options{Transport: guard.Transport(&guard.Options{AllowPrivate: true, AnyPort: true})})
	refused := open(t, srv, "data", false, &s3.Options{Transport: guard.Transport(nil)})
	srv.Put("data", "k", fakeserver.Bytes([]byte("x")))
	before := srv.Connections()
	started := time.Now()
	_, err := refused.Stat(t.Context(), "k")
	_, werr := refused.Write(t.Context(), "k", strings.NewReader("y"), nil)
	for _, err := range []error{err, werr} {
		if !errors.Is(err, errs.Forbidden) || !strings.Contains(errs.Message(err), "127.0.0.1") {
			t.Errorf("%v, want kind Forbidden", err)
		}
	}
	if d := time.Since(started); srv.Connections() > before || d > 2*time.Second {
		t.Errorf("%d connections in %v", srv.Connections()-before, d)
	}
	if got, err := readAll(t.Context(), allowed, "k", nil); err != nil || got != "x" {
		t.Errorf("%q, %v", got, err)
	}
}
