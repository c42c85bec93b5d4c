package oss_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/oss"
)

// early answers its first PUT before the body was read, and reads it while the
// next one is sent, as a RoundTripper may.
type early struct {
	next  http.RoundTripper
	first io.ReadCloser
	puts  int
	late  int64 // bytes read behind the answer
}

func (e *early) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPut {
		return e.next.RoundTrip(req)
	}
	if e.puts++; e.puts == 1 {
		e.first = req.Body
		return &http.Response{
			StatusCode: http.StatusServiceUnavailable, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: http.NoBody, Request: req,
		}, nil
	}
	if e.puts == 2 {
		e.late, _ = io.Copy(io.Discard, e.first)
		e.first.Close()
	}
	return e.next.RoundTrip(req)
}

// TestResend: what is sent again is whole, although the try before may still
// be reading.
func TestResend(t *testing.T) {
	t.Parallel()
	srv := fakeserver.Start(t, &fakeserver.Options{Dialect: fakeserver.OSS}, "data")
	tr := &early{next: http.DefaultTransport}
	b := open(t, srv, "data", false, &oss.Options{Transport: tr})
	want := strings.Repeat("0123456789", 100_000)
	if _, err := b.Write(t.Context(), "k", strings.NewReader(want), nil); err != nil {
		t.Fatal(err)
	}
	if tr.late > 0 || tr.puts != 2 {
		t.Errorf("%d bytes of the first of %d tries were read behind its answer", tr.late, tr.puts)
	}
	if got, err := readAll(t.Context(), b, "k", nil); err != nil || got != want {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
}

// TestStalledStream: a refusal does not wait for a body that cannot be sent
// again.
func TestStalledStream(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, fakeserver.Options{}, nil)
	srv.SetHook(always(fakeserver.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}))
	r, w := io.Pipe()
	defer w.Close()
	go w.Write(make([]byte, 1<<20))
	done := make(chan error, 1)
	go func() {
		_, err := b.Client().PutObject(t.Context(), &sdk.PutObjectRequest{Bucket: sdk.Ptr("data"), Key: sdk.Ptr("k"), Body: r})
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the refusal waits for the body")
	}
}
