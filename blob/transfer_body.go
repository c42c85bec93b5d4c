package blob

import (
	"context"
	"errors"
	"io"
)

// body reads a range of an object across failures: it opens the rest again,
// on condition that the ETag is still the listed one. It gives exactly the
// bytes of the range or an error, which it keeps in err. A body is read by
// one goroutine.
type body struct {
	c     *copying
	ctx   context.Context
	obj   Object
	off   int64 // of the next byte
	end   int64
	part  bool // not the whole object
	retry *retry

	rc      io.ReadCloser
	watch   *watch // of the attempt that rc belongs to
	pending error  // came together with bytes

	check *check // of a whole object, where the source can prove it

	received int64 // told to progress
	sinceBad int64 // received since the last failure
	done     bool  // all bytes came and are right
	err      error // what ended the body, other than io.EOF
	final    bool  // err was retried here already, or is permanent
}

// errEnded is the right end of a range, after everything was checked.
var errEnded = errors.New("ended")

func (c *copying) newBody(ctx context.Context, obj Object, off, end int64, s *slot) *body {
	b := &body{c: c, ctx: ctx, obj: obj, off: off, end: end, retry: c.newRetry(s)}
	b.part = off > 0 || end < obj.Size
	if !b.part {
		b.check = c.newCheck(obj)
	}
	return b
}

// Read implements io.Reader. It gives the last byte only when the whole range
// has proved right, so that a bucket that stops reading after the announced
// size cannot publish something else.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	for !b.done {
		n, err := b.attempt(p)
		if n > 0 && b.off == b.end {
			err = b.tail()
		}
		if err == nil && n > 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		if errors.Is(err, errEnded) {
			break
		}
		if err := b.recover(err); err != nil {
			b.err = err
			return 0, err
		}
	}
	b.done = true
	return 0, io.EOF
}

// recover waits for another attempt at what is left, or returns the error that
// ends the body. When nothing is left, only a new body can do better.
func (b *body) recover(err error) error {
	b.close()
	if ctxErr := context.Cause(b.ctx); ctxErr != nil {
		return ctxErr // not this body's own failure
	}
	if b.off == b.end && b.received > 0 {
		b.final = !transient(err)
		return err
	}
	if b.sinceBad >= b.c.t.opts.PartSize {
		b.retry.failed = 0
	}
	b.sinceBad = 0
	err = b.retry.wait(b.ctx, err)
	b.final = err != nil && b.ctx.Err() == nil
	return err
}

// tail reads the end of the stream behind the last byte of the range. A
// failure there does not matter to a part.
func (b *body) tail() error {
	for {
		_, err := b.attempt(nil)
		switch {
		case errors.Is(err, errEnded):
			b.done = true
			return nil
		case err != nil && b.part && transient(err):
			b.close()
			b.done = true
			return nil
		case err != nil:
			return err
		}
	}
}

// attempt reads once, opening what is left of the range if need be. At the
// end it asks for one byte more, which must not come.
func (b *body) attempt(p []byte) (int, error) {
	if b.rc == nil {
		if err := b.open(); err != nil {
			return 0, err
		}
	}
	if err := b.pending; err != nil {
		b.pending = nil
		return 0, b.ended(err)
	}
	left := b.end - b.off
	if left == 0 {
		p = make([]byte, 1)
	} else if int64(len(p)) > left {
		p = p[:left]
	}
	b.watch.wait()
	n, err := b.rc.Read(p)
	err = b.watch.came(err)
	if n > 0 && left == 0 {
		return 0, changed(b.obj.Key)
	}
	if n > 0 {
		b.take(p[:n])
		b.pending = err
		return n, nil
	}
	if err != nil {
		return 0, b.ended(err)
	}
	return 0, nil
}

// open starts an attempt. The range is always given with its length, except
// for the whole object, where a longer one must be noticed.
func (b *body) open() error {
	b.watch = b.c.newWatch(b.ctx, b.obj.Key)
	opts := &OpenOptions{Offset: b.off, IfMatch: b.obj.ETag}
	if b.end < b.obj.Size {
		opts.Length = b.end - b.off
	}
	rc, err := b.c.src.Open(b.watch.ctx, b.obj.Key, opts)
	if err = b.watch.came(err); err != nil {
		b.watch.end()
		return err
	}
	b.rc = rc
	return nil
}

// take accounts for bytes that came.
func (b *body) take(p []byte) {
	n := int64(len(p))
	b.off += n
	b.received += n
	b.sinceBad += n
	b.check.write(p)
	b.c.progress(n)
}

// ended decides what the end of an attempt's stream means.
func (b *body) ended(err error) error {
	if !atEnd(err) {
		return err
	}
	if b.off < b.end {
		return changed(b.obj.Key) // the source says that this is all
	}
	rc := b.rc
	b.rc = nil
	err = rc.Close()
	b.watch.end()
	if err != nil {
		return err
	}
	if err := b.check.err(); err != nil {
		return err
	}
	return errEnded
}

// atEnd tells the end of a stream from failures, which may wrap io.EOF.
func atEnd(err error) bool {
	return err == io.EOF //nolint:errorlint // see above
}

// close ends the attempt under way, if any.
func (b *body) close() {
	if b.rc != nil {
		b.watch.end()
		b.rc.Close()
		b.rc = nil
	}
	b.pending = nil
}
