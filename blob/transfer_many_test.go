package blob_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/store/errs"
)

// TestTenThousand copies many small objects, a tenth of which fail at first in
// some way, and compares every one.
func TestTenThousand(t *testing.T) {
	objects := map[string][]byte{}
	for i := range 10_000 {
		data := random(i % 300)
		if len(data) >= 8 {
			binary.LittleEndian.PutUint64(data, uint64(i))
		}
		objects[fmt.Sprintf("%05d", i)] = data
	}
	src := newFaulty(objects)
	src.fault = func(key string, off int64, call int) *fault {
		switch {
		case call > 1:
		case key[4] == '3' && key[3] == '1':
			return &fault{open: errs.New(errs.Unavailable, "503")}
		case key[4] == '7':
			return &fault{after: int64(key[3]-'0') * 20, read: io.ErrUnexpectedEOF}
		}
		return nil
	}
	dst := buckets(t)["folder"]
	results := run(t, blob.NewTransfer(&blob.TransferOptions{Backoff: time.Millisecond}), dst, src)
	if len(results) != len(objects) {
		t.Fatalf("%d results", len(results))
	}
	for key, data := range objects {
		if r := results[key]; r.Err != nil || r.Written.SHA256 != sha256.Sum256(data) {
			t.Fatalf("%q: %+v", key, r)
		}
	}
	for _, key := range []string{"00000", "00007", "00013", "05555", "09999"} {
		wantCopied(t, dst, results[key], objects[key])
	}
	n := 0
	for o, err := range dst.List(t.Context(), "", nil) {
		if err != nil || o.Size != int64(len(objects[o.Key[len("files/"):]])) {
			t.Fatalf("%+v, %v", o, err)
		}
		n++
	}
	if n != len(objects) {
		t.Errorf("%d objects in the bucket", n)
	}
}

// TestFairness starts a Copy of one object while another has thousands left
// and holds the whole budget.
func TestFairness(t *testing.T) {
	many := map[string][]byte{}
	for i := range 2000 {
		many[fmt.Sprint(i)] = random(100)
	}
	slow, quick := newFaulty(many), newFaulty(map[string][]byte{"k": random(20_000)})
	delay := func(string, int64, int) *fault { return &fault{latency: 5 * time.Millisecond} }
	slow.fault, quick.fault = delay, delay
	tr := blob.NewTransfer(small())
	dst := buckets(t)["folder"]
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	begun := make(chan struct{})
	var once sync.Once
	var done atomic.Int32
	wg.Go(func() {
		tr.Copy(ctx, dst, slow, slow.items(), &blob.CopyOptions{
			Started: func(i blob.Item) {
				if i.Tag >= 8 {
					once.Do(func() { close(begun) })
				}
			},
			Done: func(blob.Result) error { done.Add(1); return nil },
		})
	})
	<-begun
	before := done.Load()
	wantCopied(t, dst, run(t, tr, dst, quick)["k"], quick.objects["k"].data)
	// 20 parts at half of 8 requests: five or six rounds, in each of which the
	// other Copy finishes about four.
	if meanwhile := done.Load() - before; meanwhile > 200 {
		t.Errorf("%d objects of the other Copy went first", meanwhile)
	}
	cancel()
	wg.Wait()
	if total := slow.maxOpen.Load(); total > 8 {
		t.Errorf("%d requests at once", total)
	}
}

// TestByteBudget lets only two parts into the budget although there are
// requests for eight.
func TestByteBudget(t *testing.T) {
	opts := small()
	opts.Bytes = 2 << 10
	src := newFaulty(map[string][]byte{"a": random(30 << 10), "b": random(3 << 10), "c": random(30 << 10)})
	src.fault = func(string, int64, int) *fault { return &fault{latency: time.Millisecond} }
	dst := buckets(t)["folder"]
	for key, r := range run(t, blob.NewTransfer(opts), dst, src) {
		wantCopied(t, dst, r, src.objects[key].data)
	}
	if n := src.maxOpen.Load(); n > 2 {
		t.Errorf("%d requests of 1 KiB at once in 2 KiB", n)
	}
}

// TestOutOfOrder delays the first part of large objects most, so that all of
// what follows has to be read back for the hash.
func TestOutOfOrder(t *testing.T) {
	src := newFaulty(map[string][]byte{"a": random(30_000), "b": random(12_345)})
	src.fault = func(_ string, off int64, _ int) *fault {
		return &fault{latency: time.Duration(30_000-off) * time.Microsecond}
	}
	dst := buckets(t)["folder"]
	for key, r := range run(t, blob.NewTransfer(small()), dst, src) {
		wantCopied(t, dst, r, src.objects[key].data)
	}
	if n := src.maxOpen.Load(); n < 4 {
		t.Errorf("at most %d parts at once, although each takes long", n)
	}
}

// TestFolderToFolder copies what a listing gives, while one file grows.
func TestFolderToFolder(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{}
	for i := range 200 {
		files[fmt.Sprintf("f%03d", i)] = random(i * 100)
	}
	files["growing"] = random(100_000)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, err := folder.OpenSource(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	items := func(yield func(blob.Item) bool) {
		for o, err := range src.List(t.Context(), "", nil) {
			if err != nil || !yield(blob.Item{Source: o, Key: "files/" + o.Key}) {
				return
			}
		}
	}
	var grow sync.Once
	dst := buckets(t)["folder"]
	results := map[string]blob.Result{}
	err = blob.NewTransfer(small()).Copy(t.Context(), dst, src, items, &blob.CopyOptions{
		Started: func(i blob.Item) {
			if i.Source.Key == "growing" {
				grow.Do(func() { os.WriteFile(filepath.Join(dir, "growing"), random(100_001), 0o600) })
			}
		},
		Done: func(r blob.Result) error {
			results[r.Item.Source.Key] = r
			return nil
		},
	})
	if err != nil || len(results) != len(files) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for key, data := range files {
		if key != "growing" {
			wantCopied(t, dst, results[key], data)
		} else if !errors.Is(results[key].Err, errs.Conflict) {
			t.Errorf("the file that grew: %v, want Conflict", results[key].Err)
		}
	}
}

// flaky is a bucket that fails at first.
type flaky struct {
	blob.Bucket
	fails atomic.Int32
	err   error
}

func (f *flaky) Write(ctx context.Context, key string, r io.Reader, opts *blob.WriteOptions) (blob.Written, error) {
	if f.fails.Add(-1) >= 0 {
		io.CopyN(io.Discard, r, 100)
		return blob.Written{}, f.err
	}
	return f.Bucket.Write(ctx, key, r, opts)
}

func TestBucketFails(t *testing.T) {
	busy := errs.New(errs.Unavailable, "storage is full")
	for fails, want := range map[int32]error{1: nil, 2: nil, 3: errs.Unavailable} {
		dst := &flaky{Bucket: buckets(t)["memory"], err: busy}
		dst.fails.Store(fails)
		src := newFaulty(map[string][]byte{"k": random(2000)})
		r := run(t, blob.NewTransfer(small()), dst, src)["k"]
		if want == nil {
			wantCopied(t, dst, r, src.objects["k"].data)
		} else if !errors.Is(r.Err, want) {
			t.Errorf("%d failures: %v", fails, r.Err)
		}
	}
}

// flakyStager is a bucket whose first stages fail in one of their parts.
type flakyStager struct {
	*folder.Bucket
	fails atomic.Int32
}

func (f *flakyStager) Stage(ctx context.Context, key string, size int64) (blob.Stage, error) {
	st, err := f.Bucket.Stage(ctx, key, size)
	return &flakyStage{st, f}, err
}

type flakyStage struct {
	blob.Stage
	f *flakyStager
}

func (s *flakyStage) WriteAt(p []byte, off int64) (int, error) {
	if off >= 5<<10 && s.f.fails.Add(-1) >= 0 {
		return 0, errs.New(errs.Unavailable, "storage is full")
	}
	return s.Stage.WriteAt(p, off)
}

func TestStageFails(t *testing.T) {
	for fails, want := range map[int32]error{1: nil, 2: nil, 1000: errs.Unavailable} {
		dst := &flakyStager{Bucket: buckets(t)["folder"].(*folder.Bucket)}
		dst.fails.Store(fails)
		src := newFaulty(map[string][]byte{"k": random(30_000)})
		src.fault = func(string, int64, int) *fault { return &fault{latency: 3 * time.Millisecond} }
		r := run(t, blob.NewTransfer(small()), dst, src)["k"]
		if want == nil {
			wantCopied(t, dst, r, src.objects["k"].data)
		} else if !errors.Is(r.Err, want) {
			t.Errorf("%d failures: %v", fails, r.Err)
		} else {
			wantNothing(t, dst)
		}
	}
}

// serverSide is a bucket that copies by itself, except for keys of one byte.
type serverSide struct {
	blob.Bucket
	from *faulty
}

func (s *serverSide) CopyFrom(ctx context.Context, key string, src blob.Source, obj blob.Object) (blob.Written, error) {
	if len(obj.Key) == 1 || src != blob.Source(s.from) {
		return blob.Written{}, errs.New(errs.Unsupported, "not this one")
	}
	data := s.from.objects[obj.Key].data
	return blob.Written{Size: int64(len(data)), SHA256: sha256.Sum256(data)}, nil
}

func TestServerSideCopy(t *testing.T) {
	src := newFaulty(map[string][]byte{"x": random(10), "yy": random(20)})
	dst := &serverSide{buckets(t)["memory"], src}
	results := run(t, blob.NewTransfer(small()), dst, src)
	wantCopied(t, dst, results["x"], src.objects["x"].data)
	if r := results["yy"]; r.Err != nil || r.Written.Size != 20 || src.opens.Load() != 1 {
		t.Errorf("%+v after %d reads", r, src.opens.Load())
	}
}

// TestNoETag copies in one stream where a change between parts could not be
// noticed.
func TestNoETag(t *testing.T) {
	src := newFaulty(map[string][]byte{"k": random(30_000)})
	dst := buckets(t)["folder"]
	items := func(yield func(blob.Item) bool) {
		yield(blob.Item{Source: blob.Object{Key: "k", Size: 30_000}, Key: "k"})
	}
	if err := blob.NewTransfer(small()).Copy(t.Context(), dst, src, items, nil); err != nil {
		t.Fatal(err)
	}
	if n := src.opens.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
