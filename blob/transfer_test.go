package blob_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/store/errs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small limits make a kilobyte a large object.
func small() *blob.TransferOptions {
	return &blob.TransferOptions{
		Requests: 8, PartSize: 1 << 10, LargeFrom: 4 << 10, Buffer: 300, Attempts: 3, Backoff: time.Millisecond,
	}
}

func random(n int) []byte {
	data := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(data)
	return data
}

// buckets are the two ways to write: a Stager, and one that only streams.
func buckets(t *testing.T) map[string]blob.Bucket {
	f, err := folder.Open(t.TempDir(), &folder.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	m := cloud.Memory()
	t.Cleanup(func() {
		f.Close()
		m.Close()
	})
	return map[string]blob.Bucket{"folder": f, "memory": m}
}

// run copies everything and returns the results by key of the source.
func run(t *testing.T, tr *blob.Transfer, dst blob.Bucket, src *faulty) map[string]blob.Result {
	t.Helper()
	results := map[string]blob.Result{}
	var progress, want int64
	opts := &blob.CopyOptions{
		Progress: func(n int64) { atomic.AddInt64(&progress, n) },
		Done: func(r blob.Result) error { // serialized: the race detector sees if not
			if _, ok := results[r.Item.Source.Key]; ok {
				t.Errorf("%q is done twice", r.Item.Source.Key)
			}
			results[r.Item.Source.Key] = r
			if r.Err == nil {
				want += r.Written.Size
			}
			return nil
		},
	}
	if err := tr.Copy(t.Context(), dst, src, src.items(), opts); err != nil {
		t.Fatalf("Copy: %v", err)
	}
	if progress != want {
		t.Errorf("progress of %d bytes was told, but %d were copied", progress, want)
	}
	if n := src.open.Load(); n != 0 {
		t.Errorf("%d readers of the source were not closed", n)
	}
	return results
}

// wantCopied checks acknowledgement and content.
func wantCopied(t *testing.T, dst blob.Bucket, r blob.Result, data []byte) {
	t.Helper()
	if r.Err != nil {
		t.Errorf("%q: %v", r.Item.Source.Key, r.Err)
		return
	}
	if want := (blob.Written{Size: int64(len(data)), SHA256: sha256.Sum256(data)}); r.Written != want {
		t.Errorf("%q: acknowledged %d bytes %x, want %d %x", r.Item.Source.Key, r.Written.Size, r.Written.SHA256, want.Size, want.SHA256)
	}
	body, err := dst.Open(t.Context(), r.Item.Key, nil)
	if err != nil {
		t.Errorf("%q: %v", r.Item.Key, err)
		return
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
		t.Errorf("%q holds %d other bytes (%v)", r.Item.Key, len(got), err)
	}
}

func wantNothing(t *testing.T, dst blob.Bucket) {
	t.Helper()
	for o, err := range dst.List(context.Background(), "", nil) {
		t.Errorf("visible: %+v, %v", o, err)
	}
}

func TestCopyAllSizes(t *testing.T) {
	objects := map[string][]byte{}
	for _, n := range []int{0, 1, 299, 300, 301, 1023, 1024, 4095, 4096, 4097, 5000, 50_000, 51_200} {
		objects[fmt.Sprintf("%06d", n)] = random(n)
	}
	for name, dst := range buckets(t) {
		t.Run(name, func(t *testing.T) {
			src := newFaulty(objects)
			results := run(t, blob.NewTransfer(small()), dst, src)
			for key, data := range objects {
				wantCopied(t, dst, results[key], data)
			}
			if m := src.maxOpen.Load(); m > 8 {
				t.Errorf("%d requests at once, want at most 8", m)
			}
		})
	}
}

var errReset = fmt.Errorf("read tcp: %w", syscall.ECONNRESET)

type faultCase struct {
	fault func(key string, off int64, call int) *fault
	kind  errs.Kind
	fails bool
	opens int32 // at most, for the object that is no large one; 0 means any
}

func faultCases() map[string]faultCase {
	busy := errs.New(errs.RateLimited, "slow down")
	once := func(f fault) func(string, int64, int) *fault {
		return func(_ string, _ int64, call int) *fault {
			if call == 1 {
				return &f
			}
			return nil
		}
	}
	always := func(f fault) func(string, int64, int) *fault {
		return func(string, int64, int) *fault { return &f }
	}
	return map[string]faultCase{
		"busy at first":              {fault: once(fault{open: busy})},
		"always busy":                {fault: always(fault{open: busy}), fails: true, kind: errs.RateLimited, opens: 3},
		"missing":                    {fault: always(fault{open: errs.New(errs.NotFound, "gone")}), fails: true, kind: errs.NotFound, opens: 1},
		"forbidden":                  {fault: always(fault{open: errs.New(errs.Forbidden, "no")}), fails: true, kind: errs.Forbidden, opens: 1},
		"cut at once":                {fault: once(fault{read: io.ErrUnexpectedEOF})},
		"cut, wrapping io.EOF":       {fault: once(fault{after: 500, read: errs.Wrap(errs.Unavailable, io.EOF, "cut")}), opens: 2},
		"cut in the middle":          {fault: once(fault{after: 500, read: io.ErrUnexpectedEOF}), opens: 2},
		"reset in the middle":        {fault: once(fault{after: 777, read: errReset}), opens: 2},
		"reset every 400 bytes":      {fault: always(fault{after: 400, read: errReset}), fails: true},
		"reset every 1900 bytes":     {fault: always(fault{after: 1900, read: errReset})},
		"reset behind the last byte": {fault: once(fault{after: 1024, read: errReset})},
		"always cut at once":         {fault: always(fault{read: errs.New(errs.Unavailable, "down")}), fails: true, kind: errs.Unavailable},
		"ends early":                 {fault: always(fault{after: 900, read: io.EOF}), fails: true, kind: errs.Conflict, opens: 1},
		"ends before the first byte": {fault: always(fault{read: io.EOF}), fails: true, kind: errs.Conflict, opens: 1},
		"changed at first request":   {fault: always(fault{open: errs.New(errs.Conflict, "changed")}), fails: true, kind: errs.Conflict, opens: 1},
		"stalls once":                {fault: once(fault{after: 10, stall: true})},
		"stalls always":              {fault: always(fault{stall: true}), fails: true, kind: errs.Unavailable, opens: 3},
		"permanent in the middle":    {fault: always(fault{after: 100, read: errors.New("a bug")}), fails: true, kind: errs.Internal, opens: 1},
	}
}

func TestFaults(t *testing.T) {
	data := random(20_000)
	objects := map[string][]byte{"large": data, "whole": data[:4000]}
	for name, tt := range faultCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for bucket, dst := range buckets(t) {
				for key, data := range objects {
					src := newFaulty(map[string][]byte{key: data})
					src.fault = tt.fault
					opts := small()
					opts.Idle = 30 * time.Millisecond
					r := run(t, blob.NewTransfer(opts), dst, src)[key]
					if !tt.fails || r.Err == nil && name == "reset every 400 bytes" && key == "large" && bucket == "folder" {
						wantCopied(t, dst, r, data)
						dst.Delete(t.Context(), r.Item.Key)
					} else if r.Err == nil || tt.kind != 0 && errs.KindOf(r.Err) != tt.kind {
						t.Errorf("%s to %s: %v, want kind %v", key, bucket, r.Err, tt.kind)
					}
					if n := src.opens.Load(); tt.opens > 0 && key == "whole" && n > tt.opens {
						t.Errorf("%s to %s: %d requests, want at most %d", key, bucket, n, tt.opens)
					}
				}
				wantNothing(t, dst)
			}
		})
	}
}

// TestExtraBytes is about providers that send more than they listed.
func TestExtraBytes(t *testing.T) {
	for name, dst := range buckets(t) {
		for _, n := range []int{0, 10, 4000, 20_000} {
			src := newFaulty(map[string][]byte{"k": random(n)})
			src.fault = func(_ string, off int64, _ int) *fault { return &fault{extra: 1} }
			if r := run(t, blob.NewTransfer(small()), dst, src)["k"]; !errors.Is(r.Err, errs.Conflict) {
				t.Errorf("%d bytes and one to %s: %v, want Conflict", n, name, r.Err)
			}
		}
		wantNothing(t, dst)
	}
}

// TestChangedMidway replaces the object once the first bytes were read.
func TestChangedMidway(t *testing.T) {
	for name, dst := range buckets(t) {
		for _, n := range []int{4000, 50_000} {
			src := newFaulty(map[string][]byte{"k": random(n)})
			items := src.items()
			src.fault = func(_ string, off int64, call int) *fault {
				if call == 2 {
					src.put("k", make([]byte, n))
				}
				return &fault{after: 700, read: errReset}
			}
			var got error
			err := blob.NewTransfer(small()).Copy(t.Context(), dst, src, items, &blob.CopyOptions{
				Done: func(r blob.Result) error { got = r.Err; return nil },
			})
			if err != nil || !errors.Is(got, errs.Conflict) {
				t.Errorf("%d bytes to %s: %v, %v; want Conflict", n, name, got, err)
			}
		}
		wantNothing(t, dst)
	}
}

// summed is a source that knows the MD5 of its objects.
type summed struct{ *faulty }

func (s summed) Checksum(obj blob.Object) (hash.Hash, []byte) {
	sum := md5.Sum(s.objects[obj.Key].data)
	return md5.New(), sum[:]
}

func TestChecksum(t *testing.T) {
	for name, dst := range buckets(t) {
		for _, n := range []int{100, 20_000} {
			for _, wrong := range []int{0, 1, 100} {
				src := newFaulty(map[string][]byte{"k": random(n)})
				src.fault = func(_ string, off int64, call int) *fault {
					return &fault{flip: off == 0 && call <= wrong}
				}
				var got error
				err := blob.NewTransfer(small()).Copy(t.Context(), dst, summed{src}, src.items(), &blob.CopyOptions{
					Done: func(r blob.Result) error { got = r.Err; return nil },
				})
				if err != nil || (wrong < 100) != (got == nil) {
					t.Errorf("%d bytes to %s, %d times wrong: %v, %v", n, name, wrong, got, err)
				}
				dst.Delete(t.Context(), "files/k")
			}
		}
		wantNothing(t, dst)
	}
}

// TestCancel stops a Copy whose requests all hang.
func TestCancel(t *testing.T) {
	for name, dst := range buckets(t) {
		objects := map[string][]byte{}
		for i := range 50 {
			objects[fmt.Sprint(i)] = random(i * 400)
		}
		src := newFaulty(objects)
		var hanging sync.WaitGroup
		hanging.Add(8)
		var n atomic.Int32
		src.fault = func(string, int64, int) *fault {
			if n.Add(1) <= 8 {
				hanging.Done()
			}
			return &fault{after: 1, stall: true}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		paused := errors.New("paused")
		go func() {
			hanging.Wait()
			cancel(paused)
		}()
		started := time.Now()
		err := blob.NewTransfer(small()).Copy(ctx, dst, src, src.items(), &blob.CopyOptions{
			Done: func(r blob.Result) error {
				if r.Item.Source.Size > 0 {
					t.Errorf("%q is reported: %v", r.Item.Key, r.Err)
				}
				return nil
			},
		})
		if !errors.Is(err, paused) {
			t.Errorf("%s: Copy = %v, want the cause", name, err)
		}
		if d := time.Since(started); d > time.Second {
			t.Errorf("%s: took %v", name, d)
		}
		if n := src.open.Load(); n != 0 {
			t.Errorf("%s: %d readers left open", name, n)
		}
		dst.Delete(t.Context(), "files/0") // of size 0, may have been copied
		wantNothing(t, dst)
	}
}

func TestDoneEndsCopy(t *testing.T) {
	objects := map[string][]byte{}
	for i := range 100 {
		objects[fmt.Sprint(i)] = random(10)
	}
	dst := buckets(t)["memory"]
	enough, n := errors.New("enough"), 0
	src := newFaulty(objects)
	err := blob.NewTransfer(small()).Copy(t.Context(), dst, src, src.items(), &blob.CopyOptions{
		Done: func(blob.Result) error {
			if n++; n == 5 {
				return enough
			}
			return nil
		},
	})
	if !errors.Is(err, enough) || src.opens.Load() > 30 {
		t.Errorf("Copy = %v after %d requests", err, src.opens.Load())
	}
	src.fault = func(string, int64, int) *fault { return &fault{open: errs.New(errs.NotFound, "gone")} }
	if err := blob.NewTransfer(nil).Copy(t.Context(), dst, src, src.items(), nil); !errors.Is(err, errs.NotFound) {
		t.Errorf("without Done: %v, want the first item's error", err)
	}
}
