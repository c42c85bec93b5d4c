package blob

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"sync"
	"time"
)

// order hashes an object front to back while its parts are written in any
// order. Whoever writes the bytes whose turn it is hashes them at once, while
// they are in the processor's cache; the rest is read back by follow, from the
// page cache as a rule, so that no part waits in memory.
type order struct {
	stage    io.ReaderAt
	size     int64
	partSize int64
	hash     hash.Hash
	check    *check // of the source's own checksum, in the same order

	mu      sync.Mutex
	moved   sync.Cond
	written []int64   // the end of what was written of each part
	next    int64     // hashed so far
	busy    bool      // somebody hashes what follows next
	idle    time.Time // since when nobody does
	stopped bool
}

func newOrder(stage io.ReaderAt, size, partSize int64, check *check) *order {
	o := &order{stage: stage, size: size, partSize: partSize, hash: sha256.New(), check: check, idle: time.Now()}
	o.moved.L = &o.mu
	o.written = make([]int64, (size+partSize-1)/partSize)
	for i := range o.written {
		o.written[i] = int64(i) * partSize
	}
	return o
}

// wrote tells that p is at off. Within a part it is called in order.
func (o *order) wrote(p []byte, off int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written[off/o.partSize] = off + int64(len(p))
	if o.next == off && !o.busy {
		o.busy = true
		o.mu.Unlock()
		o.add(p)
		o.mu.Lock()
		o.busy, o.idle = false, time.Now()
		o.next += int64(len(p))
	}
	o.moved.Signal()
}

func (o *order) add(p []byte) {
	o.hash.Write(p)
	o.check.write(p)
}

// follow hashes what the writers do not, until all is hashed or stop is called.
func (o *order) follow(buf []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.next < o.size && !o.stopped {
		ready := o.written[o.next/o.partSize] - o.next
		if o.busy || ready <= 0 {
			o.moved.Wait()
			continue
		}
		o.busy = true
		p, off := buf[:min(ready, int64(len(buf)))], o.next
		o.mu.Unlock()
		n, err := o.stage.ReadAt(p, off)
		if n == len(p) {
			o.add(p)
			err = nil
		}
		o.mu.Lock()
		o.busy, o.idle = false, time.Now()
		if err != nil {
			return err
		}
		o.next += int64(len(p))
	}
	return nil
}

// patience is how long hashing may wait for bytes before another part is
// begun. One stream from a local disk or memory never takes that long.
const patience = 2 * time.Millisecond

// starve returns once hashing waits for more than the parts begun so far, up
// to end, deliver. A source that is faster than the hash is so read in order,
// which saves reading back, and none runs far ahead of it.
func (o *order) starve(ctx context.Context, end int64) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		o.mu.Lock()
		wait := patience
		if !o.busy {
			wait -= time.Since(o.idle)
		}
		hashed := o.next
		o.mu.Unlock()
		if wait <= 0 || hashed >= end {
			return
		}
		timer.Reset(wait)
	}
}

// stop ends follow.
func (o *order) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	o.moved.Signal()
}
