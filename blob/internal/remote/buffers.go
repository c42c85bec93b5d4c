package remote

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// buffers hands out buffers whose sizes together stay within a limit, and
// keeps those that came back for as long as anybody uses them. A sync.Pool
// would keep more than the limit until the next collections.
type buffers struct {
	limit  int64
	memory *semaphore.Weighted

	mu    sync.Mutex
	users int
	held  int64 // bytes handed out or kept
	kept  map[int64][][]byte
}

func newBuffers(limit int64) *buffers {
	return &buffers{limit: limit, memory: semaphore.NewWeighted(limit), kept: map[int64][][]byte{}}
}

// use must be called before get; when the last user calls done, what is kept
// goes back to the collector.
func (b *buffers) use() (done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.users--; b.users == 0 {
			b.drop(b.limit)
		}
	}
}

// get waits until the limit allows n more bytes, which the caller gives back
// by free. A single buffer may be larger than the limit; it then waits until
// it is alone.
func (b *buffers) get(ctx context.Context, n int64) (buf []byte, free func(), err error) {
	weight := min(n, b.limit)
	if err := b.memory.Acquire(ctx, weight); err != nil {
		return nil, nil, err
	}
	buf = b.take(n)
	return buf, func() {
		b.mu.Lock()
		b.kept[n] = append(b.kept[n], buf)
		b.mu.Unlock()
		b.memory.Release(weight)
	}, nil
}

func (b *buffers) take(n int64) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if list := b.kept[n]; len(list) > 0 {
		b.kept[n] = list[:len(list)-1]
		return list[len(list)-1]
	}
	b.drop(b.held + n - b.limit)
	b.held += n
	return make([]byte, n)
}

// drop forgets kept buffers of at least n bytes, as far as there are any.
func (b *buffers) drop(n int64) {
	for size, list := range b.kept {
		for ; n > 0 && len(list) > 0; n -= size {
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			b.held -= size
		}
		if b.kept[size] = list; len(list) == 0 {
			delete(b.kept, size)
		}
	}
}
