package folder

import (
	"context"
	"errors"
	"io"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// Write stores what r gives under key. Of an object that is larger than one
// buffer, r is read in another goroutine while the piece before is written and
// hashed; that goroutine has ended when Write returns.
func (b *Bucket) Write(ctx context.Context, key string, r io.Reader, opts *blob.WriteOptions) (blob.Written, error) {
	if opts == nil {
		opts = &blob.WriteOptions{}
	}
	s, err := b.Create(ctx, key)
	if err != nil {
		return blob.Written{}, err
	}
	defer s.Abort()
	buf := buffers.Get().(*[bufferSize + 4096]byte)
	defer buffers.Put(buf)
	w := &writing{ctx: ctx, s: s, opts: opts, hash: newHasher()}
	defer w.hash.close()
	n, err := fill(ctx, r, buf[:bufferSize])
	if err != nil {
		return w.piece(buf[:n], err)
	}
	if written, err := w.piece(buf[:n], nil); err != nil {
		return written, err
	}
	return w.rest(r, buf[:bufferSize])
}

// writing is an object in the making.
type writing struct {
	ctx  context.Context // of the Write
	s    *Stage
	opts *blob.WriteOptions
	hash *hasher
}

// piece takes a piece of the object and how reading it ended; nil when more
// follows.
func (w *writing) piece(p []byte, readErr error) (blob.Written, error) {
	total, end := w.s.n+int64(len(p)), errors.Is(readErr, errEnd)
	switch size := w.opts.Size; {
	case readErr != nil && !end:
		return blob.Written{}, classifyRead(readErr, w.s.key)
	case size > 0 && (total > size || end && total < size):
		return blob.Written{}, errs.New(errs.Conflict, "blob %q: not the announced %d bytes came", w.s.key, size)
	case end:
		w.hash.Write(p)
		if err := w.s.commit(w.ctx, p, &Attributes{ContentType: w.opts.ContentType}, w.opts); err != nil {
			return blob.Written{}, err
		}
		return blob.Written{Size: total, SHA256: w.hash.sum()}, nil
	}
	w.hash.begin(p)
	_, err := w.s.Write(p)
	w.hash.wait()
	if err == nil {
		w.s.flush()
	}
	return blob.Written{}, err
}

// filled is a part of the buffer that was read into, and how that ended.
type filled struct {
	p   []byte
	err error
}

// rest writes what follows the first buffer. One half of it is read into while
// the other one is written.
func (w *writing) rest(r io.Reader, buf []byte) (blob.Written, error) {
	free, full := make(chan []byte, 2), make(chan filled)
	free <- buf[:len(buf)/2]
	free <- buf[len(buf)/2:]
	go func() {
		defer close(full)
		for p := range free {
			n, err := fill(w.ctx, r, p)
			full <- filled{p[:n], err}
			if err != nil {
				return
			}
		}
	}()
	var written blob.Written
	var err error
	for f := range full {
		if err != nil {
			continue // only until the reader sees that free is closed
		}
		if written, err = w.piece(f.p, f.err); err != nil || f.err != nil {
			close(free)
			continue
		}
		free <- f.p[:len(buf)/2]
	}
	return written, err
}

// errEnd is the end of the reader, told from an io.EOF that the reader wraps.
var errEnd = errors.New("end")

// fill reads until p is full or the reader ends, which is errEnd.
func fill(ctx context.Context, r io.Reader, p []byte) (int, error) {
	for n := 0; ; {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		m, err := r.Read(p[n:])
		n += m
		switch {
		case err == io.EOF:
			return n, errEnd
		case err != nil:
			return n, err
		case n == len(p):
			return n, nil
		}
	}
}

// classifyRead keeps an error of the reader as it is: it has its own kind. Only
// the end of the context is ours.
func classifyRead(err error, key string) error {
	if kindOf(err) == errs.Canceled {
		return classify(err, key)
	}
	return err
}
