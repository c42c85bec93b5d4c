package blob_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// faulty is a Source in memory whose requests go wrong as a test wishes.
type faulty struct {
	// fault is asked at each Open; nil is no fault. call counts the calls for
	// the key from 1.
	fault func(key string, off int64, call int) *fault

	mu      sync.Mutex
	objects map[string]object
	calls   map[string]int
	opens   atomic.Int32
	open    atomic.Int32 // readers that are not closed
	maxOpen atomic.Int32
}

type object struct {
	data []byte
	etag string
}

// fault is what happens to one request.
type fault struct {
	open    error         // Open fails
	after   int64         // bytes that come before
	read    error         // the body fails (io.EOF: ends)
	stall   bool          // nothing comes any more until the ctx ends
	latency time.Duration // before the first byte
	extra   int           // bytes too many
	flip    bool          // a bit is wrong
}

func newFaulty(objects map[string][]byte) *faulty {
	f := &faulty{objects: map[string]object{}, calls: map[string]int{}}
	for key, data := range objects {
		f.put(key, data)
	}
	return f
}

func (f *faulty) put(key string, data []byte) blob.Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	etag := fmt.Sprintf("%x", rand.Uint64())
	f.objects[key] = object{data, etag}
	return blob.Object{Key: key, Size: int64(len(data)), ETag: etag}
}

// items lists all objects in order of keys, each to be copied to its own key.
func (f *faulty) items() iter.Seq[blob.Item] {
	f.mu.Lock()
	keys := slices.Sorted(maps.Keys(f.objects))
	f.mu.Unlock()
	return func(yield func(blob.Item) bool) {
		for i, key := range keys {
			f.mu.Lock()
			o := f.objects[key]
			f.mu.Unlock()
			src := blob.Object{Key: key, Size: int64(len(o.data)), ETag: o.etag}
			if !yield(blob.Item{Source: src, Key: "files/" + key, Tag: int64(i)}) {
				return
			}
		}
	}
}

func (f *faulty) Stat(context.Context, string) (blob.Object, error) {
	return blob.Object{}, errs.New(errs.Unsupported, "a transfer needs no Stat")
}

func (f *faulty) List(context.Context, string, *blob.ListOptions) iter.Seq2[blob.Object, error] {
	panic("a transfer lists nothing")
}

func (f *faulty) Close() error { return nil }

func (f *faulty) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, errs.Wrap(errs.Canceled, err, "blob %q: canceled", key)
	}
	f.mu.Lock()
	f.calls[key]++
	call := f.calls[key]
	o, ok := f.objects[key]
	f.mu.Unlock()
	f.opens.Add(1)
	if !ok {
		return nil, errs.New(errs.NotFound, "blob %q: not found", key)
	}
	if opts.IfMatch != "" && opts.IfMatch != o.etag {
		return nil, errs.New(errs.Conflict, "blob %q has changed", key)
	}
	flt := &fault{}
	if f.fault != nil {
		if got := f.fault(key, opts.Offset, call); got != nil {
			flt = got
		}
	}
	if flt.open != nil {
		return nil, flt.open
	}
	data := o.data[opts.Offset:]
	if opts.Length > 0 {
		data = data[:min(opts.Length, int64(len(data)))]
	}
	if flt.extra > 0 {
		data = append(slices.Clone(data), make([]byte, flt.extra)...)
	}
	if flt.flip {
		data = slices.Clone(data)
		data[len(data)/2] ^= 1
	}
	f.maxOpen.Store(max(f.maxOpen.Load(), f.open.Add(1)))
	return &faultyBody{ctx: ctx, f: f, fault: flt, r: bytes.NewReader(data)}, nil
}

type faultyBody struct {
	ctx    context.Context
	f      *faulty
	fault  *fault
	r      *bytes.Reader
	n      int64
	closed bool
}

func (b *faultyBody) Read(p []byte) (int, error) {
	if b.fault.latency > 0 {
		select {
		case <-time.After(b.fault.latency):
		case <-b.ctx.Done():
		}
		b.fault.latency = 0
	}
	if err := b.ctx.Err(); err != nil {
		return 0, errs.Wrap(errs.Canceled, err, "canceled")
	}
	if b.fault.read != nil || b.fault.stall {
		left := b.fault.after - b.n
		if left <= 0 && b.fault.stall {
			<-b.ctx.Done()
			return 0, errs.Wrap(errs.Canceled, b.ctx.Err(), "canceled")
		}
		if left <= 0 {
			return 0, b.fault.read
		}
		p = p[:min(left, int64(len(p)))]
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	return n, err
}

func (b *faultyBody) Close() error {
	if !b.closed {
		b.closed = true
		b.f.open.Add(-1)
	}
	return nil
}
