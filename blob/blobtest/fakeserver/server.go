// Package fakeserver is an object storage server in this process, for tests:
// one storage core that speaks the wire protocols of S3 and of Alibaba OSS.
//
// It verifies every signature with code of its own, never with that of an
// SDK, and makes requests fail on demand (see [Fault]). Objects and listings
// can be synthetic, so that very large ones cost no memory. What it does not
// know (versions, access control, encryption, lifecycle) it refuses.
//
// The S3 protocol follows Amazon's API reference and the Signature Version 4
// documents; OSS follows Alibaba's API reference and its V4 signatures.
package fakeserver

import (
	"context"
	"crypto/md5"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Dialect is a wire protocol.
type Dialect int

// The wire protocols.
const (
	S3 Dialect = iota
	OSS
)

// Options qualifies a server; nil is an S3 server.
type Options struct {
	Dialect      Dialect
	AccessKey    string           // "" means "test"
	SecretKey    string           // "" means "testsecret"
	SessionToken string           // unless "", every request must carry it
	Region       string           // "" means us-east-1, or cn-hangzhou for OSS
	Domain       string           // host of the endpoint, for BUCKET.Domain; "" means s3.test or oss.test
	VirtualOnly  bool             // refuse path-style requests, as OSS does
	Latency      time.Duration    // added to every request
	Discard      bool             // keep sizes and checksums of what is written, not the bytes
	NoChecksum   bool             // S3: CopyObject tells no checksum, as many servers
	Now          func() time.Time // nil means time.Now
	MinPart      int64            // smallest size of a part but the last; 0 means 100 KiB for OSS, 5 MiB for S3
}

// Server is the server. Its methods are safe for concurrent use.
type Server struct {
	URL string // http://127.0.0.1:PORT, once started

	opts    Options
	dialect dialect
	store   store
	hook    atomic.Pointer[Hook]

	mu    sync.Mutex
	calls map[string]int
	conns map[net.Conn]struct{}
	total int // connections ever accepted
}

// New returns a server that serves nothing yet; it is an [http.Handler].
func New(opts *Options) *Server {
	s := &Server{calls: map[string]int{}, conns: map[net.Conn]struct{}{}}
	if opts != nil {
		s.opts = *opts
	}
	s.dialect = s3Dialect
	if s.opts.Dialect == OSS {
		s.dialect = ossDialect
	}
	setDefault(&s.opts.AccessKey, "test")
	setDefault(&s.opts.SecretKey, "testsecret")
	setDefault(&s.opts.Region, s.dialect.region)
	setDefault(&s.opts.Domain, s.dialect.domain)
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	if s.opts.MinPart == 0 {
		s.opts.MinPart = s.dialect.minPart
	}
	s.store = store{buckets: map[string]*bucket{}, uploads: map[string]*upload{}}
	return s
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// Start returns a server that listens on a free port of the loopback
// interface until the test ends, with the given buckets.
func Start(tb testing.TB, opts *Options, buckets ...string) *Server {
	tb.Helper()
	s := New(opts)
	for _, b := range buckets {
		s.CreateBucket(b)
	}
	ts := httptest.NewUnstartedServer(s)
	ts.Config.ConnState = s.connState
	ts.Start()
	s.URL = ts.URL
	tb.Cleanup(func() {
		s.closeConns()
		ts.Close()
	})
	return s
}

// connState counts connections, and remembers them for closeConns.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.total++
		s.conns[c] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, c)
	}
}

// closeConns ends stalled requests, which would otherwise never end.
func (s *Server) closeConns() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Endpoint returns the endpoint under which virtual-host requests work. Its
// host does not resolve: use it with [Server.Transport].
func (s *Server) Endpoint() string { return "http://" + s.opts.Domain }

// Region returns the region that signatures must name.
func (s *Server) Region() string { return s.opts.Region }

// Keys returns the credentials that the server accepts.
func (s *Server) Keys() (access, secret, token string) {
	return s.opts.AccessKey, s.opts.SecretKey, s.opts.SessionToken
}

// Transport returns a transport that connects to this server whatever the
// host, so that BUCKET.Domain needs no name server.
func (s *Server) Transport() *http.Transport {
	u, _ := url.Parse(s.URL)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, u.Host)
		},
		MaxIdleConnsPerHost: 256,
		DisableCompression:  true,
	}
}

// SetHook replaces the hook; nil removes it.
func (s *Server) SetHook(h Hook) {
	if h == nil {
		s.hook.Store(nil)
		return
	}
	s.hook.Store(&h)
}

// Calls returns how many requests of an operation were served, such as
// "GetObject" or "ListObjectsV2". Refused requests count too.
func (s *Server) Calls(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// Connections returns how many connections were accepted so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// CreateBucket makes an empty bucket; an existing one stays.
func (s *Server) CreateBucket(name string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.store.buckets[name] == nil {
		s.store.buckets[name] = newBucket()
	}
}

// Put stores an object as another client would have. The bucket must exist.
func (s *Server) Put(bucket, key string, c Content) {
	o := s.newObject(c, http.Header{"Content-Type": {"application/octet-stream"}})
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.buckets[bucket].put(key, o)
}

// PutRange makes the bucket show n synthetic objects of size bytes each, with
// the keys prefix + "00000000", prefix + "00000001", …; object i is
// Synthetic(size, i+1). They cost no memory and cannot be deleted.
func (s *Server) PutRange(bucket, prefix string, n int, size int64) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	b := s.store.buckets[bucket]
	b.ranges = append(b.ranges, keyRange{prefix, n, size, s.opts.Now().Truncate(time.Second)})
}

// Get returns what is stored under a key, and its ETag; false if nothing is.
func (s *Server) Get(bucket, key string) (Content, string, bool) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	o := s.store.buckets[bucket].get(key)
	if o == nil {
		return nil, "", false
	}
	return o.content, o.etag, true
}

// Pending returns the number of multipart uploads that were neither completed
// nor aborted.
func (s *Server) Pending() int {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return len(s.store.uploads)
}

// newObject computes the checksums of c, unless it is synthetic and large:
// nobody waits for the MD5 of 10 GB.
func (s *Server) newObject(c Content, header http.Header) *object {
	o := &object{content: c, mod: s.opts.Now().UTC().Truncate(time.Second), header: header}
	if syn, ok := c.(synthetic); ok && syn.size > 64<<20 {
		o.etag = bytesETag(md5.Sum([]byte{byte(syn.seed), byte(syn.size)})) + "-2"
		return o
	}
	var sum [md5.Size]byte
	sum, o.crc = checksums(c)
	o.etag = s.dialect.etag(bytesETag(sum))
	return o
}

// split returns the bucket and the key that the request names.
func (s *Server) split(r *http.Request) (bucket, key string, err *apiError) {
	path, uerr := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if uerr != nil {
		return "", "", &apiError{http.StatusBadRequest, "InvalidURI"}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if b, ok := strings.CutSuffix(host, "."+s.opts.Domain); ok {
		return b, path, nil
	}
	bucket, key, _ = strings.Cut(path, "/")
	if s.opts.VirtualOnly && bucket != "" {
		return "", "", &apiError{http.StatusForbidden, "SecondLevelDomainForbidden"}
	}
	return bucket, key, nil
}
