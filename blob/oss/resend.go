package oss

import (
	"io"
	"net/http"
	"sync"
)

// releasing is for the SDK, which sends a body again as soon as the try before
// has its answer or its error: net/http may be reading it for longer, when the
// answer comes early. Bodies that the SDK cannot send again are left alone:
// whoever gives one may let its reader wait.
type releasing struct{ rt http.RoundTripper }

// RoundTrip returns when nobody reads a body that may be sent again.
func (t releasing) RoundTrip(req *http.Request) (*http.Response, error) {
	body, ok := req.Body.(interface {
		io.ReadCloser
		IsSeekable() bool
	})
	if !ok || !body.IsSeekable() {
		return t.rt.RoundTrip(req)
	}
	sent := &sent{r: body}
	defer sent.Close()
	req = req.WithContext(req.Context()) // a copy: the caller's stays as it is
	req.Body, req.GetBody = sent, nil
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
