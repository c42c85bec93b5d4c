package filesync

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// commitWait bounds one group's writes, and its transaction.
const commitWait = time.Minute

// maxGroup is from how many uploads on a group gets no more of them. Those that
// were packed together are recorded together, so a transaction may have nearly
// twice as many.
const maxGroup = 1000

// entry is an upload on its way to be durable.
type entry struct {
	rec  *Record
	data []byte // of a small file, to be packed; nil for others
	lost error  // why its bytes could not be kept
	last bool   // of those that were queued together, which no group divides
	done chan error
}

// committer makes uploads of all callers durable in groups: their bytes with
// one sync of the bucket, then their rows in one transaction. A group is what
// came while the one before was under way, so that nobody waits for more, and
// the bytes of one are written while the rows of the one before are.
type committer struct {
	s *Service

	mu    sync.Mutex
	room  sync.Cond
	bytes int // of data that is not written yet
	write lane
	rows  lane
}

// lane is a queue whose groups are worked on one after the other, by a
// goroutine that is there as long as the queue is not empty.
type lane struct {
	queue   []*entry
	running bool
	work    func(group []*entry)
}

func (c *committer) init(s *Service) {
	c.s = s
	c.room.L = &c.mu
	c.write.work, c.rows.work = c.keep, c.record
}

// add queues an upload and returns where its outcome will be told. It waits
// while too many bytes are queued.
func (c *committer) add(rec *Record, data []byte) <-chan error {
	e := &entry{rec: rec, data: data, done: make(chan error, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.bytes > 0 && c.bytes+len(data) > c.s.opts.Queue {
		c.room.Wait()
	}
	c.bytes += len(data)
	if rec.Status == Finished {
		c.push(&c.write, e)
	} else {
		c.push(&c.rows, e) // it has no bytes that count
	}
	return e.done
}

// push queues entries that stay together; c.mu is held.
func (c *committer) push(l *lane, entries ...*entry) {
	for i, e := range entries {
		e.last = i == len(entries)-1
	}
	l.queue = append(l.queue, entries...)
	if !l.running {
		l.running = true
		go c.drain(l)
	}
}

// drain works on groups until nothing is queued.
func (c *committer) drain(l *lane) {
	for {
		c.mu.Lock()
		n, size := 0, 0
		for n < len(l.queue) {
			if n > 0 && l.queue[n-1].last && (n >= maxGroup || size+len(l.queue[n].data) > c.s.opts.Pack) {
				break
			}
			size += len(l.queue[n].data)
			n++
		}
		group := l.queue[:n:n]
		l.queue = l.queue[n:]
		l.running = n > 0
		c.mu.Unlock()
		if n == 0 {
			return
		}
		l.work(group)
	}
}

// keep makes the group's bytes durable. The callers' contexts do not count:
// the group is everybody's.
func (c *committer) keep(group []*entry) {
	ctx, cancel := context.WithTimeout(context.Background(), commitWait)
	defer cancel()
	err := c.pack(ctx, group)
	if syncer, ok := c.s.bucket.(blob.Syncer); ok && err == nil {
		err = syncer.Sync(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range group {
		c.bytes -= len(e.data)
		e.data = nil
		if err != nil {
			e.lost = unwritten(e.rec.Name, err)
			e.rec.Status, e.rec.Message = Failed, errs.Message(e.lost)
		}
	}
	c.room.Broadcast()
	c.push(&c.rows, group...)
}

// pack writes the small files, those of a sync as one object.
func (c *committer) pack(ctx context.Context, group []*entry) error {
	type pack struct {
		key     string
		size    int64
		readers []io.Reader
	}
	packs := map[int64]*pack{}
	for _, e := range group {
		if e.rec.Place.Key != "" {
			continue
		}
		p := packs[e.rec.SyncID]
		if p == nil {
			p = &pack{key: newKey(e.rec.EndAt)}
			packs[e.rec.SyncID] = p
		}
		e.rec.Place = Place{Key: p.key, Packed: true, Offset: p.size}
		p.size += int64(len(e.data))
		p.readers = append(p.readers, bytes.NewReader(e.data))
	}
	for _, p := range packs {
		_, err := c.s.bucket.Write(ctx, p.key, io.MultiReader(p.readers...), &blob.WriteOptions{Size: p.size, Deferred: true})
		if err != nil {
			return err
		}
	}
	return nil
}

// record writes the group's rows and tells everybody.
func (c *committer) record(group []*entry) {
	ctx, cancel := context.WithTimeout(context.Background(), commitWait)
	defer cancel()
	recs := make([]*Record, len(group))
	for i, e := range group {
		recs[i] = e.rec
	}
	err := c.s.repo.RecordUploads(ctx, recs, c.s.opts.Lease)
	for _, e := range group {
		switch {
		case err != nil:
			e.done <- err
		case e.lost != nil:
			e.done <- e.lost
		default:
			e.done <- e.rec.Err
		}
	}
}
