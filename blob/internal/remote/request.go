package remote

import (
	"io"
	"net/http"
	"sync"
)

// ReleaseBodies returns rt for callers that use a request's body again, or
// what it reads from, as soon as the request has its answer or its error.
// net/http may read the body for longer when the answer comes early.
func ReleaseBodies(rt http.RoundTripper) http.RoundTripper { return releasing{rt} }

type releasing struct{ rt http.RoundTripper }

func (t releasing) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return t.rt.RoundTrip(req)
	}
	body := &sent{r: req.Body}
	defer body.Close()
	req = req.WithContext(req.Context()) // a copy: the caller's stays as it is
	req.Body, req.GetBody = body, nil
	return t.rt.RoundTrip(req)
}

// sent is a body that ends when its request does.
type sent struct {
	mu sync.Mutex
	r  io.ReadCloser // nil once closed
}

func (s *sent) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.r == nil {
		return 0, io.EOF // an error would end a connection whose body has been read
	}
	return s.r.Read(p)
}

// Close returns when nobody reads the body any more.
func (s *sent) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.r == nil {
		return nil
	}
	r := s.r
	s.r = nil
	return r.Close()
}
