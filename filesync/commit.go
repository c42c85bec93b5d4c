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

// commitWait bounds one group's writes and transaction.
const commitWait = time.Minute

// maxGroup is the most uploads that are recorded in one transaction.
const maxGroup = 1000

// entry is an upload on its way to be durable.
type entry struct {
	rec  *Record
	data []byte // of a small file, to be packed; nil for others
	done chan error
}

// committer makes uploads of all callers durable in groups: their bytes with
// one sync of the bucket, then their rows in one transaction. A group is what
// came while the one before was under way, so that nobody waits for more.
type committer struct {
	s *Service

	mu      sync.Mutex
	room    sync.Cond
	queue   []*entry
	bytes   int // of data that is queued or being written
	running bool
}

func (c *committer) init(s *Service) {
	c.s = s
	c.room.L = &c.mu
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
	c.queue = append(c.queue, e)
	if !c.running {
		c.running = true
		go c.run()
	}
	return e.done
}

// run commits groups until nothing is queued.
func (c *committer) run() {
	for {
		group := c.next()
		if group == nil {
			return
		}
		err := c.commit(group)
		c.mu.Lock()
		for _, e := range group {
			c.bytes -= len(e.data)
		}
		c.room.Broadcast()
		c.mu.Unlock()
		for _, e := range group {
			if err == nil {
				e.done <- e.rec.Err
			} else {
				e.done <- err
			}
		}
	}
}

// next takes the next group, or returns nil and lets the goroutine end.
func (c *committer) next() []*entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.running = false
		return nil
	}
	n, size := 0, 0
	for n < len(c.queue) && n < maxGroup && (n == 0 || size+len(c.queue[n].data) <= c.s.opts.Pack) {
		size += len(c.queue[n].data)
		n++
	}
	group := c.queue[:n:n]
	c.queue = c.queue[n:]
	return group
}

// commit writes the group's small files, makes its bytes durable, and records
// it. The callers' contexts do not count: the group is everybody's.
func (c *committer) commit(group []*entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitWait)
	defer cancel()
	wrote, err := c.pack(ctx, group)
	if syncer, ok := c.s.bucket.(blob.Syncer); ok && wrote && err == nil {
		err = syncer.Sync(ctx)
	}
	recs := make([]*Record, len(group))
	for i, e := range group {
		recs[i] = e.rec
	}
	if err == nil {
		return c.s.repo.RecordUploads(ctx, recs, c.s.opts.Lease)
	}
	return c.lost(recs, err)
}

// lost records uploads whose bytes could not be kept, as failed.
func (c *committer) lost(recs []*Record, cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitWait)
	defer cancel()
	for _, rec := range recs {
		if rec.Status == Finished {
			rec.Status, rec.Message = Failed, errs.Message(unwritten(rec.Name, cause))
		}
	}
	err := c.s.repo.RecordUploads(ctx, recs, c.s.opts.Lease)
	for _, rec := range recs {
		if rec.Err == nil {
			rec.Err = unwritten(rec.Name, cause)
		}
	}
	return err
}

// pack writes the small files, those of a sync as one object, and tells
// whether the group has bytes that are to be made durable.
func (c *committer) pack(ctx context.Context, group []*entry) (bool, error) {
	type pack struct {
		key     string
		size    int64
		readers []io.Reader
	}
	packs := map[int64]*pack{}
	wrote := false
	for _, e := range group {
		wrote = wrote || e.rec.Status == Finished
		if e.rec.Status != Finished || e.rec.Place.Key != "" {
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
			return false, err
		}
	}
	return wrote, nil
}
