package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/s3"
	"github.com/inlet-go/inlet/store/errs"
)

func synthetic(size int64) io.Reader {
	return io.NewSectionReader(fakeserver.Synthetic(size, 1), 0, size)
}

// TestRequestsOfAWrite counts what a write costs.
func TestRequestsOfAWrite(t *testing.T) {
	t.Parallel()
	const part = 5 << 20
	tests := []struct {
		size       int64
		known      bool
		put, parts int
	}{
		{0, false, 1, 0}, {1, true, 1, 0}, {1, false, 1, 0}, {300 << 10, false, 1, 0}, {2 << 20, false, 1, 0},
		{part, true, 1, 0}, {part, false, 1, 0}, {part + 1, true, 0, 2}, {part + 1, false, 0, 2}, {3 * part, true, 0, 3}, {3 * part, false, 0, 3},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d known=%t", tt.size, tt.known), func(t *testing.T) {
			t.Parallel()
			srv, b := serve(t, nil, &s3.Options{PartSize: part})
			opts := &blob.WriteOptions{}
			if tt.known {
				opts.Size = tt.size
			}
			w, err := b.Write(t.Context(), "k", synthetic(tt.size), opts)
			if err != nil || w.Size != tt.size {
				t.Fatalf("%+v, %v", w, err)
			}
			if put, parts := srv.Calls("PutObject"), srv.Calls("UploadPart"); put != tt.put || parts != tt.parts {
				t.Errorf("%d puts and %d parts, want %d and %d", put, parts, tt.put, tt.parts)
			}
			c, _, _ := srv.Get("data", "k")
			same(t, c, fakeserver.Synthetic(tt.size, 1))
			if n := srv.Pending(); n > 0 {
				t.Errorf("%d uploads pending", n)
			}
		})
	}
}

func same(t *testing.T, got, want fakeserver.Content) {
	t.Helper()
	if got.Size() != want.Size() {
		t.Fatalf("%d bytes, want %d", got.Size(), want.Size())
	}
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); off < want.Size(); off += 1 << 20 {
		n, _ := got.ReadAt(a, off)
		m, _ := want.ReadAt(b, off)
		if string(a[:n]) != string(b[:m]) {
			t.Fatalf("the bytes differ behind %d", off)
		}
	}
}

// TestFailedUploadsAreRemoved: parts that stay cost money, and nobody sees them.
func TestFailedUploadsAreRemoved(t *testing.T) {
	t.Parallel()
	const size = 12 << 20
	broken := io.MultiReader(synthetic(8<<20), iotestErr{errors.New("the source broke")})
	tests := map[string]struct {
		fault func(*http.Request) *fakeserver.Fault
		r     io.Reader
		opts  *blob.WriteOptions
		kind  errs.Kind
	}{
		"part fails": {fakeserver.Nth(9, fakeserver.Fault{Status: 500}, isOp("PUT", "partNumber")), synthetic(size), nil, errs.Unavailable},
		"part is denied": {fakeserver.Nth(9, fakeserver.Fault{Status: 403, Code: "AccessDenied"}, isOp("PUT", "partNumber")),
			synthetic(size), nil, errs.Forbidden},
		"completion fails": {fakeserver.Nth(9, fakeserver.Fault{Status: 400, Code: "InvalidPart"}, isOp("POST", "uploadId")),
			synthetic(size), nil, errs.Invalid},
		"error in a 200": {fakeserver.Nth(9, fakeserver.Fault{Raw: "<Error><Code>InternalError</Code></Error>"}, isOp("POST", "uploadId")),
			synthetic(size), nil, errs.Unavailable},
		"reader fails": {nil, broken, nil, errs.Internal},
		"too short":    {nil, synthetic(size), &blob.WriteOptions{Size: size + 1}, errs.Conflict},
		"too long":     {nil, synthetic(size), &blob.WriteOptions{Size: size - 1}, errs.Conflict},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, b := serve(t, nil, &s3.Options{PartSize: 5 << 20, Attempts: 2})
			srv.SetHook(tt.fault)
			_, err := b.Write(t.Context(), "k", tt.r, tt.opts)
			if err == nil || errs.KindOf(err) != tt.kind {
				t.Errorf("%v, want kind %v", err, tt.kind)
			}
			if n := srv.Pending(); n > 0 {
				t.Errorf("%d uploads pending", n)
			}
			if _, _, ok := srv.Get("data", "k"); ok {
				t.Error("something is visible")
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		srv, b := serve(t, nil, &s3.Options{PartSize: 5 << 20})
		ctx, cancel := context.WithCancel(t.Context())
		srv.SetHook(func(r *http.Request) *fakeserver.Fault {
			if isOp("PUT", "partNumber")(r) {
				cancel()
			}
			return nil
		})
		if _, err := b.Write(ctx, "k", synthetic(size), nil); errs.KindOf(err) != errs.Canceled {
			t.Errorf("%v, want kind Canceled", err)
		}
		if n := srv.Pending(); n > 0 {
			t.Errorf("%d uploads pending", n)
		}
	})
}

type iotestErr struct{ err error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.err }

// TestLostAnswers: what the server did although its answer did not arrive.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	put := func(r *http.Request) bool { return r.Method == http.MethodPut && !r.URL.Query().Has("partNumber") }
	once := map[string]blob.WriteOptions{"plain": {}, "conditional": {IfNotExist: true}}
	for name, opts := range once {
		t.Run("PUT "+name, func(t *testing.T) {
			t.Parallel()
			srv, b := serve(t, nil, nil)
			srv.SetHook(fakeserver.Nth(1, fakeserver.Fault{Done: true, Status: 500}, put))
			_, err := b.Write(t.Context(), "k", strings.NewReader("x"), &opts)
			if opts.IfNotExist {
				// Nobody knows who wrote it: not "exists", which would blame another writer.
				if !errors.Is(err, errs.Unavailable) || srv.Calls("PutObject") != 1 {
					t.Errorf("%v after %d requests", err, srv.Calls("PutObject"))
				}
			} else if err != nil {
				t.Error(err)
			}
		})
		t.Run("complete "+name, func(t *testing.T) {
			t.Parallel()
			srv, b := serve(t, nil, &s3.Options{PartSize: 5 << 20})
			srv.SetHook(fakeserver.Nth(1, fakeserver.Fault{Done: true, Reset: true}, isOp("POST", "uploadId")))
			_, err := b.Write(t.Context(), "k", synthetic(6<<20), &opts)
			if opts.IfNotExist != errors.Is(err, errs.Unavailable) || !opts.IfNotExist && err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("throttled conditional", func(t *testing.T) {
		t.Parallel()
		srv, b := serve(t, nil, nil)
		srv.SetHook(fakeserver.Nth(2, fakeserver.Fault{Status: 503, Code: "SlowDown"}, put))
		if _, err := b.Write(t.Context(), "k", strings.NewReader("x"), &blob.WriteOptions{IfNotExist: true}); err != nil {
			t.Error(err)
		}
	})
	t.Run("another's upload", func(t *testing.T) {
		t.Parallel()
		srv, b := serve(t, nil, &s3.Options{PartSize: 5 << 20})
		srv.Put("data", "k", fakeserver.Bytes([]byte("old")))
		srv.SetHook(fakeserver.Nth(9, fakeserver.Fault{Status: 404, Code: "NoSuchUpload"}, isOp("POST", "uploadId")))
		if _, err := b.Write(t.Context(), "k", synthetic(6<<20), nil); !errors.Is(err, errs.NotFound) {
			t.Errorf("%v: taken for a success", err)
		}
	})
}

func TestIfNotExistOfLargeObjects(t *testing.T) {
	t.Parallel()
	_, b := serve(t, nil, &s3.Options{PartSize: 5 << 20})
	var wins, losses atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := b.Write(t.Context(), "k", synthetic(6<<20), &blob.WriteOptions{IfNotExist: true})
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
	if wins.Load() != 1 || losses.Load() != 3 {
		t.Errorf("%d wins, %d losses", wins.Load(), losses.Load())
	}
}

// TestUploadMemoryIsBounded writes many large objects at once.
func TestUploadMemoryIsBounded(t *testing.T) {
	const (
		writers = 16
		size    = 16 << 20
		budget  = 20 << 20
		slack   = 24 << 20 // the server's and the test's own buffers, and some garbage
	)
	_, b := serve(t, &fakeserver.Options{Discard: true}, &s3.Options{PartSize: 5 << 20, UploadMemory: budget})
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // collect, and so measure, often
	debug.FreeOSMemory()                             // which collects what the tests before left
	before := heap()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		top := uint64(0)
		for {
			select {
			case <-stop:
				peak <- top
				return
			case <-time.After(5 * time.Millisecond):
				top = max(top, heap())
			}
		}
	}()
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			opts := &blob.WriteOptions{}
			if i%2 == 0 {
				opts.Size = size
			}
			if _, err := b.Write(t.Context(), fmt.Sprint(i), synthetic(size), opts); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(stop)
	top := <-peak
	t.Logf("%d uploads of %d MiB: heap %d MiB at most, %d before", writers, size>>20, top>>20, before>>20)
	if top > before+budget+slack {
		t.Errorf("the heap grew by %d MiB, want at most %d", (top-before)>>20, (budget+slack)>>20)
	}
}

// heap returns the bytes that the last collection found in use: what is garbage
// depends on how busy the machine is.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func TestDeleteFallsBack(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"NotImplemented", "MissingContentMD5"} {
		srv, b := serve(t, nil, nil)
		srv.SetHook(fakeserver.Nth(9, fakeserver.Fault{Status: 400, Code: code}, isOp("POST", "delete")))
		for range 2 {
			for _, k := range []string{"a", "b", "c"} {
				srv.Put("data", k, fakeserver.Bytes(nil))
			}
			if err := b.Delete(t.Context(), "a", "b"); err != nil {
				t.Errorf("%s: %v", code, err)
			}
		}
		if n := srv.Calls("DeleteObjects"); n != 1 {
			t.Errorf("%s: a refused batch was tried %d times", code, n)
		}
		if _, _, ok := srv.Get("data", "a"); ok {
			t.Errorf("%s: not deleted", code)
		}
	}
}

func TestDeleteTellsWhichKeyFailed(t *testing.T) {
	t.Parallel()
	srv, b := serve(t, nil, nil)
	srv.SetHook(func(*http.Request) *fakeserver.Fault {
		return &fakeserver.Fault{Raw: "<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>m</Message></Error></DeleteResult>"}
	})
	if err := b.Delete(t.Context(), "a", "b"); !errors.Is(err, errs.Forbidden) || !strings.Contains(errs.Message(err), `"b"`) {
		t.Error(err)
	}
}
