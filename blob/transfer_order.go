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
// order. Writers hand over the buffers whose turn it is, so that reading and
// hashing overlap; the rest is read back, from the page cache as a rule, so
// that no part waits in memory.
type order struct {
	stage    io.ReaderAt
	size     int64
	partSize int64
	hash     hash.Hash
	check    *check // of the source's own checksum, in the same order

	mu      sync.Mutex
	moved   sync.Cond
	written []int64 // the end of what was written of each part
	queue   []chunk // what follows next, in order
	taken   int64   // the end of what is hashed, queued or being read back
	next    int64   // hashed so far
	busy    bool    // hashing, not waiting
	idle    time.Time
	stopped bool
}

// chunk is a filled part of a pooled buffer.
type chunk struct {
	buf *[]byte
	n   int
}

// queued bounds the buffers that wait to be hashed, of one object.
const queued = 4

func newOrder(stage io.ReaderAt, size, partSize int64, check *check) *order {
	o := &order{stage: stage, size: size, partSize: partSize, hash: sha256.New(), check: check, idle: time.Now()}
	o.moved.L = &o.mu
	o.written = make([]int64, (size+partSize-1)/partSize)
	for i := range o.written {
		o.written[i] = int64(i) * partSize
	}
	return o
}

// wrote tells that c is at off, and reports whether c's buffer was taken over.
// Within a part it is called in order.
func (o *order) wrote(c chunk, off int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written[off/o.partSize] = off + int64(c.n)
	take := o.taken == off && len(o.queue) < queued && !o.stopped
	if take {
		o.queue = append(o.queue, c)
		o.taken += int64(c.n)
	}
	o.moved.Signal()
	return take
}

// follow hashes until all is hashed or stop is called. It gives the buffers
// that it took over back to the pool.
func (o *order) follow(pool *sync.Pool) error {
	own := pool.Get().(*[]byte)
	defer pool.Put(own)
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() {
		for _, c := range o.queue {
			pool.Put(c.buf)
		}
		o.queue = nil
	}()
	for o.next < o.size && !o.stopped {
		c := chunk{buf: own}
		queued := len(o.queue) > 0
		if queued {
			c = o.queue[0]
			o.queue = append(o.queue[:0], o.queue[1:]...)
		} else {
			c.n = int(min(o.written[o.next/o.partSize]-o.next, int64(len(*own))))
			if c.n <= 0 {
				o.moved.Wait()
				continue
			}
			o.taken += int64(c.n)
		}
		o.busy = true
		o.mu.Unlock()
		err := o.add(c, !queued)
		if queued {
			pool.Put(c.buf)
		}
		o.mu.Lock()
		o.busy, o.idle = false, time.Now()
		if err != nil {
			return err
		}
		o.next += int64(c.n)
	}
	return nil
}

// add hashes a chunk, after reading it back if it is not in memory.
func (o *order) add(c chunk, readBack bool) error {
	p := (*c.buf)[:c.n]
	if readBack {
		if n, err := o.stage.ReadAt(p, o.next); n < len(p) {
			return err
		}
	}
	o.hash.Write(p)
	o.check.write(p)
	return nil
}

// patience is how long hashing may wait for bytes before another part is
// begun. One stream from a local disk or memory never takes that long.
const patience = 2 * time.Millisecond

// lead is how near its end a part is when the next one is asked for, so that
// no stream has to be waited for between two parts.
const lead = 4 << 20

// starve returns when the part that begins at end should be asked for: the one
// before has nearly arrived, or hashing waits for more than the parts begun so
// far deliver. A source that is faster than the hash is so read in order,
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
		arrived := o.written[(end-1)/o.partSize]
		o.mu.Unlock()
		if wait <= 0 || arrived >= end-lead {
			return
		}
		timer.Reset(min(wait, patience/2))
	}
}

// stop ends follow.
func (o *order) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	o.moved.Signal()
}
