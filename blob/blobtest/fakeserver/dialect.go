package fakeserver

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// dialect is what the two protocols do differently but alike.
type dialect struct {
	prefix    string // of the provider's own headers
	region    string
	domain    string
	minPart   int64
	maxKey    int
	etag      func(md5Hex string) string // how an MD5 becomes an ETag
	escape    func(key string) string    // encoding-type=url
	date      string                     // layout of times in listings
	badKey    string                     // error code for an impossible key
	badDigest string                     // error code for a body with another MD5
	verify    func(s *Server, r *http.Request, bucket, key string) (payload string, err *apiError)
}

var s3Dialect = dialect{
	prefix: "X-Amz-", region: "us-east-1", domain: "s3.test",
	minPart: 5 << 20, maxKey: 1024, etag: func(s string) string { return s },
	escape: func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") },
	date:   "2006-01-02T15:04:05.000Z", badKey: "KeyTooLongError", badDigest: "BadDigest", verify: (*Server).verifyS3,
}

var ossDialect = dialect{
	prefix: "X-Oss-", region: "cn-hangzhou", domain: "oss.test",
	minPart: 100 << 10, maxKey: 1023, etag: strings.ToUpper, escape: url.QueryEscape,
	date: "2006-01-02T15:04:05.000Z", badKey: "InvalidObjectName", badDigest: "InvalidDigest", verify: (*Server).verifyOSS,
}

// request is one request on its way through the server.
type request struct {
	*http.Request
	w       http.ResponseWriter
	s       *Server
	bucket  string
	key     string
	query   url.Values
	payload string // the hash that the signature covers
	fault   *Fault
}

// header returns one of the provider's own headers, such as "copy-source".
func (q *request) own(name string) string { return q.Header.Get(q.s.dialect.prefix + name) }

// operation is a served operation and its name in the API reference.
type operation struct {
	name  string
	serve func(*request) *apiError
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, w: w, s: s, query: r.URL.Query(), fault: &Fault{}}
	var err *apiError
	q.bucket, q.key, err = s.split(r)
	w.Header().Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	op := q.operation()
	s.mu.Lock()
	s.calls[op.name]++
	s.mu.Unlock()
	if hook := s.hook.Load(); hook != nil {
		if f := (*hook)(r); f != nil {
			q.fault = f
		}
	}
	if !q.wait() || q.interfere(op) {
		return
	}
	if err == nil {
		err = q.run(op)
	}
	if err != nil {
		q.fail(err)
	}
}

// wait lets the latency pass, unless the client goes away first.
func (q *request) wait() bool {
	d := q.s.opts.Latency + q.fault.Delay
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-q.Context().Done():
		return false
	}
}

// run verifies the request and serves it.
func (q *request) run(op operation) (err *apiError) {
	if q.payload, err = q.s.dialect.verify(q.s, q.Request, q.bucket, q.key); err != nil {
		return err
	}
	if len(q.key) > q.s.dialect.maxKey ||
		q.s.opts.Dialect == OSS && (strings.HasPrefix(q.key, "/") || strings.HasPrefix(q.key, `\`)) {
		return &apiError{http.StatusBadRequest, q.s.dialect.badKey}
	}
	return op.serve(q)
}

// interfere applies the faults that replace or hide the answer, and reports
// whether nothing is left to be served.
func (q *request) interfere(op operation) bool {
	f := q.fault
	if f.Status == 0 && !f.Reset && f.Raw == "" {
		if f.Cut || f.Stall {
			q.w = &bodyWriter{ResponseWriter: q.w, fault: f, left: f.After, done: q.Context().Done()}
		}
		return false
	}
	if f.Done {
		hidden := *q
		hidden.w, hidden.fault = &blackHole{header: http.Header{}}, &Fault{}
		if err := hidden.run(op); err != nil {
			q.fail(err)
			return true
		}
	}
	switch {
	case f.Reset:
		reset(q.w)
	case f.Raw != "":
		q.w.Header().Set("Content-Type", "application/xml")
		q.w.Write([]byte(f.Raw))
	default:
		if f.Location != "" {
			q.w.Header().Set("Location", f.Location)
		}
		q.fail(&apiError{f.Status, f.Code})
	}
	return true
}

// blackHole is an answer that nobody gets.
type blackHole struct{ header http.Header }

func (b *blackHole) Header() http.Header         { return b.header }
func (b *blackHole) Write(p []byte) (int, error) { return len(p), nil }
func (b *blackHole) WriteHeader(int)             {}

// operation tells what the request asks for.
func (q *request) operation() operation {
	has := func(name string) bool { return q.query.Has(name) }
	copied := q.own("Copy-Source") != ""
	switch {
	case q.key == "":
		return q.bucketOperation(has)
	case q.Method == http.MethodGet && !has("uploadId") && !has("acl") && !has("tagging"):
		return operation{"GetObject", (*request).getObject}
	case q.Method == http.MethodHead:
		return operation{"HeadObject", (*request).getObject}
	case q.Method == http.MethodPut && has("partNumber") && copied:
		return operation{"UploadPartCopy", (*request).uploadPartCopy}
	case q.Method == http.MethodPut && has("partNumber"):
		return operation{"UploadPart", (*request).uploadPart}
	case q.Method == http.MethodPut && copied:
		return operation{"CopyObject", (*request).copyObject}
	case q.Method == http.MethodPut && !has("acl") && !has("tagging"):
		return operation{"PutObject", (*request).putObject}
	case q.Method == http.MethodPost && has("uploads"):
		return operation{"CreateMultipartUpload", (*request).createUpload}
	case q.Method == http.MethodPost && has("uploadId"):
		return operation{"CompleteMultipartUpload", (*request).completeUpload}
	case q.Method == http.MethodDelete && has("uploadId"):
		return operation{"AbortMultipartUpload", (*request).abortUpload}
	case q.Method == http.MethodDelete:
		return operation{"DeleteObject", (*request).deleteObject}
	}
	return operation{"", (*request).unknown}
}

func (q *request) bucketOperation(has func(string) bool) operation {
	switch {
	case q.bucket == "":
	case q.Method == http.MethodGet && q.query.Get("list-type") == "2":
		return operation{"ListObjectsV2", (*request).listObjects}
	case q.Method == http.MethodPost && has("delete"):
		return operation{"DeleteObjects", (*request).deleteObjects}
	case q.Method == http.MethodPut && q.URL.RawQuery == "":
		return operation{"CreateBucket", (*request).createBucket}
	case q.Method == http.MethodDelete && q.URL.RawQuery == "":
		return operation{"DeleteBucket", (*request).deleteBucket}
	case q.Method == http.MethodHead:
		return operation{"HeadBucket", (*request).headBucket}
	}
	return operation{"", (*request).unknown}
}

func (q *request) unknown() *apiError {
	return &apiError{http.StatusNotImplemented, "NotImplemented"}
}
