package trino

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// killGrace is how long a run that was stopped waits for the cluster to
	// agree, killTimeout how long the request itself may take.
	killGrace   = 300 * time.Millisecond
	killTimeout = 30 * time.Second
)

// transport sees the requests of the driver, and sends those that end a query
// itself: the driver sends none when the context ends between two pages, and
// waits half a minute for a cluster that does not answer.
type transport struct {
	base    http.RoundTripper
	killing sync.WaitGroup
}

// followed is what was seen of the requests for a query.
type followed struct {
	mu   sync.Mutex
	url  *url.URL // that ends it
	head http.Header
}

type followKey struct{}

// follow returns a context whose requests are seen.
func follow(ctx context.Context) (context.Context, *followed) {
	f := &followed{}
	return context.WithValue(ctx, followKey{}, f), f
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if f, ok := req.Context().Value(followKey{}).(*followed); ok {
		if req.Method == http.MethodDelete { // kill does it
			return &http.Response{
				Status: "204 No Content", StatusCode: http.StatusNoContent, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: http.Header{}, Body: http.NoBody, Request: req,
			}, nil
		}
		f.note(req)
	}
	return t.next().RoundTrip(req)
}

func (t *transport) next() http.RoundTripper {
	if t.base == nil {
		return http.DefaultTransport
	}
	return t.base
}

// note finds the query in the address of a page: what precedes
// /v1/statement/executing/ID/… is the cluster's address.
func (f *followed) note(req *http.Request) {
	before, after, ok := strings.Cut(req.URL.Path, "/v1/statement/")
	parts := strings.Split(after, "/")
	if !ok || len(parts) < 2 {
		return
	}
	u := *req.URL
	u.Path, u.RawPath, u.RawQuery = before+"/v1/query/"+parts[1], "", ""
	f.mu.Lock()
	defer f.mu.Unlock()
	f.url, f.head = &u, req.Header.Clone()
}

// kill ends the query on the cluster, and waits for it a little.
func (t *transport) kill(f *followed) {
	f.mu.Lock()
	u, head := f.url, f.head
	f.mu.Unlock()
	if u == nil {
		return // the cluster has not told its id
	}
	done := make(chan struct{})
	t.killing.Add(1) // by a run that is counted itself, so that wait has not returned
	go func() {
		defer t.killing.Done()
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodDelete, u.String(), http.NoBody)
		if err != nil {
			return
		}
		req.Header = head
		if resp, err := t.next().RoundTrip(req); err == nil {
			resp.Body.Close()
		}
	}()
	select {
	case <-done:
	case <-time.After(killGrace):
	}
}

func (t *transport) wait() { t.killing.Wait() }
