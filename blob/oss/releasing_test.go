package oss

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/inlet-go/inlet/blob/internal/remote"
)

// slowBody takes its time to give more than what makes net/http begin to send.
type slowBody struct {
	reads   atomic.Int32
	reading atomic.Bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	b.reading.Store(true)
	defer b.reading.Store(false)
	if b.reads.Add(1) > 8 {
		time.Sleep(50 * time.Millisecond)
	}
	return len(p), nil
}

func (b *slowBody) Seek(int64, int) (int64, error) { return 0, nil }

// TestReleasedBodies: an answer that comes before the body was read leaves it
// to the caller.
func TestReleasedBodies(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body.Read(make([]byte, 1))
		w.WriteHeader(http.StatusServiceUnavailable)
		http.NewResponseController(w).Flush()
	}))
	defer srv.Close()
	tr := remote.NewTransport(nil, 4, time.Minute)
	defer tr.CloseIdleConnections()
	for range 5 {
		body := &slowBody{}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL, sdk.TeeReadNopCloser(body))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = 1 << 30
		resp, err := releasing{tr}.RoundTrip(req)
		reading, reads := body.reading.Load(), body.reads.Load()
		if err != nil {
			t.Fatal(err)
		}
		if reading {
			t.Error("the body is being read after the answer")
		}
		resp.Body.Close()
		time.Sleep(60 * time.Millisecond)
		if n := body.reads.Load() - reads; n > 0 {
			t.Errorf("the body was read %d times after the answer", n)
		}
	}
}

// TestReleasedBodiesAreSent: they arrive whole, and their connections are used
// again.
func TestReleasedBodiesAreSent(t *testing.T) {
	var peers atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != r.ContentLength {
			t.Errorf("%d of %d bytes arrived, %v", n, r.ContentLength, err)
		}
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			peers.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	tr := remote.NewTransport(nil, 4, time.Minute)
	defer tr.CloseIdleConnections()
	for i := range 200 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL, sdk.TeeReadNopCloser(bytes.NewReader(make([]byte, i<<10))))
		if err != nil {
			t.Fatal(err)
		}
		if req.ContentLength = int64(i) << 10; i == 0 {
			req.Body = nil
		}
		resp, err := releasing{tr}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if n := peers.Load(); n > 5 {
		t.Errorf("%d connections for requests one after the other", n)
	}
}
