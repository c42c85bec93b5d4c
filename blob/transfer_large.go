package blob

import (
	"context"
	"crypto/sha256"
	"io"
	"sync"
)

// large copies an object in ranges that are read in parallel and written at
// their places, and hashes the whole in order meanwhile.
func (c *copying) large(ctx context.Context, stager Stager, item Item, s *slot) (w Written, err error) {
	retry := c.newRetry(s)
	for {
		l := &largeCopy{copying: c, item: item, slot: s}
		if w, err = l.run(ctx, stager); err == nil {
			return w, nil
		}
		c.progress(-l.received)
		if l.final {
			return w, err
		}
		if err := retry.wait(ctx, err); err != nil {
			return w, err
		}
	}
}

// largeCopy is one try at a large object.
type largeCopy struct {
	*copying
	item  Item
	slot  *slot // the item's: held for its first part, and to finish
	stage Stage
	order *order

	mu       sync.Mutex
	received int64
	final    bool // a part failed for good
}

func (l *largeCopy) run(ctx context.Context, stager Stager) (Written, error) {
	size := l.item.Source.Size
	stage, err := stager.Stage(ctx, l.item.Key, size)
	if err != nil {
		return Written{}, err
	}
	defer stage.Abort()
	l.stage = stage
	l.order = newOrder(stage, size, l.t.opts.PartSize, l.newCheck(l.item.Source))
	hashed := make(chan error, 1)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		err := l.order.follow(&l.t.buffers)
		if err != nil {
			cancel(err)
		}
		hashed <- err
	}()
	err = l.fetch(ctx, cancel)
	if err == nil {
		// Finishing takes a turn too, or a bucket that is slow to commit
		// would have ever more objects open.
		err = l.slot.acquire(ctx, parts)
	}
	if err != nil {
		l.order.stop()
	}
	if hashErr := <-hashed; err == nil {
		err = hashErr
	}
	if err == nil {
		err = l.order.check.err()
	}
	if err != nil {
		return Written{}, err
	}
	w := Written{Size: size, SHA256: [sha256.Size]byte(l.order.hash.Sum(nil))}
	return w, stage.Commit(ctx, &WriteOptions{ContentType: l.item.Source.ContentType, Deferred: l.t.opts.Deferred})
}

// fetch reads all parts, each when it helps and the budget lets it. It returns why the
// first of them failed, after all have ended.
func (l *largeCopy) fetch(ctx context.Context, cancel context.CancelCauseFunc) error {
	size, partSize := l.item.Source.Size, l.t.opts.PartSize
	var wg sync.WaitGroup
	for off := int64(0); off < size; off += partSize {
		end := min(off+partSize, size)
		if off > 0 {
			l.order.starve(ctx, off)
		}
		s := &slot{b: l.slot.b, c: l.slot.c, bytes: min(end-off, l.slot.b.total)}
		if off == 0 && l.slot.held {
			s.held, l.slot.held = true, false // the item's turn is its first part's
			s.bytes = l.slot.bytes
		} else if s.acquire(ctx, parts) != nil {
			break
		}
		wg.Go(func() {
			defer s.release()
			if err := l.part(ctx, off, end, s); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// part copies one range.
func (l *largeCopy) part(ctx context.Context, off, end int64, s *slot) error {
	p := l.t.buffers.Get().(*[]byte)
	defer func() { l.t.buffers.Put(p) }()
	b := l.newBody(ctx, l.item.Source, off, end, s)
	defer func() {
		b.close()
		l.mu.Lock()
		l.received += b.received
		l.final = l.final || b.final
		l.mu.Unlock()
	}()
	for {
		n, err := io.ReadFull(b, *p)
		if n > 0 {
			if _, err := l.stage.WriteAt((*p)[:n], off); err != nil {
				return err
			}
			if l.order.wrote(chunk{p, n}, off) {
				p = l.t.buffers.Get().(*[]byte)
			}
			off += int64(n)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF && b.err == nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
