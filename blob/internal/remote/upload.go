package remote

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

const (
	maxParts = 10000 // of S3 and of OSS
	growth   = 1250  // parts of unknown size double this often: 10,000 parts of 8 MiB and more hold 2.4 TiB

	// DefaultPartSize is the size of a part, and of the largest object that is
	// written by one request.
	DefaultPartSize = 8 << 20
	// DefaultParallel is how many parts of one object are sent at once.
	DefaultParallel = 4
	// DefaultMemory bounds the buffers of all writes of a bucket together.
	DefaultMemory = 64 << 20
)

// Target is one object in the making. Bodies are buffers, so that every
// request can be repeated.
type Target interface {
	// Put writes the whole object by one request.
	Put(ctx context.Context, body []byte, sum [sha256.Size]byte) error
	// Create begins a multipart upload.
	Create(ctx context.Context) error
	// Part writes part n, counted from 1. It runs concurrently.
	Part(ctx context.Context, n int, body []byte) error
	// Complete makes the object of parts 1 to n visible.
	Complete(ctx context.Context, n int) error
	// Abort removes the parts.
	Abort(ctx context.Context) error
}

// Uploader writes objects with bounded memory.
type Uploader struct {
	partSize int64
	parallel int
	buffers  *buffers
}

// NewUploader returns an uploader; zeros mean the defaults. memory is raised
// to one part if it is less.
func NewUploader(partSize int64, parallel int, memory int64) *Uploader {
	if partSize <= 0 {
		partSize = DefaultPartSize
	}
	if parallel <= 0 {
		parallel = DefaultParallel
	}
	if memory <= 0 {
		memory = DefaultMemory
	}
	memory = max(memory, partSize)
	return &Uploader{partSize: partSize, parallel: parallel, buffers: newBuffers(memory)}
}

// sizeClass rounds up to a size that uploads share.
func (u *Uploader) sizeClass(n int64) int64 {
	for _, c := range []int64{64 << 10, 256 << 10, 1 << 20} {
		if n <= c && c < u.partSize {
			return c
		}
	}
	return u.partSize
}

// Upload writes what r gives, size bytes or an unknown number if size is 0.
// The object is visible only if it returns nil.
func (u *Uploader) Upload(ctx context.Context, key string, r io.Reader, size int64, t Target) (blob.Written, error) {
	in := &input{r: r, key: key, size: size, hash: sha256.New()}
	defer u.buffers.use()()
	class := u.sizeClass(1) // unknown: most objects are small, the others get a whole part
	if size > u.partSize {
		class = u.partAt(0, size)
	} else if size > 0 {
		class = u.sizeClass(size)
	}
	for {
		buf, free, err := u.buffers.get(ctx, class)
		if err != nil {
			return blob.Written{}, Classify(ctx, err, "", 0, fmt.Sprintf("write %q", key))
		}
		if size > 0 {
			buf = buf[:min(size, class)]
		}
		done, err := in.fill(ctx, buf)
		if err != nil {
			free()
			return blob.Written{}, err
		}
		if done {
			w := in.written()
			err := t.Put(ctx, buf[:w.Size], w.SHA256)
			free()
			return w, err
		}
		if class < u.partSize { // unknown size, and more than the buffer holds
			in.unread(buf)
			free()
			class = u.partSize
			continue
		}
		return u.multipart(ctx, in, buf, free, t)
	}
}

// multipart writes the full buffer, and then the rest of the input.
func (u *Uploader) multipart(ctx context.Context, in *input, buf []byte, free func(), t Target) (blob.Written, error) {
	if err := t.Create(ctx); err != nil {
		free()
		return blob.Written{}, err
	}
	n, err := u.parts(ctx, in, buf, free, t)
	if err == nil {
		err = t.Complete(ctx, n)
	}
	if err != nil {
		// The parts cost money until they are removed, also when ctx is done.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return blob.Written{}, errors.Join(err, t.Abort(ctx))
	}
	return in.written(), nil
}

// parts sends the input in parts and returns how many there were.
func (u *Uploader) parts(ctx context.Context, in *input, buf []byte, free func(), t Target) (int, error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(u.parallel)
	send := func(n int, body []byte, free func()) {
		g.Go(func() error {
			defer free()
			return t.Part(gctx, n, body)
		})
	}
	send(1, buf, free)
	n, done, err := 1, false, error(nil)
	for !done && err == nil && gctx.Err() == nil {
		if n == maxParts {
			err = errs.New(errs.TooLarge, "write %q: more than %d parts", in.key, maxParts)
			break
		}
		size := u.partAt(n, in.size)
		if buf, free, err = u.buffers.get(gctx, size); err != nil {
			err = Classify(ctx, err, "", 0, fmt.Sprintf("write %q", in.key))
			break
		}
		before := in.got
		if done, err = in.fill(gctx, buf); err != nil || in.got == before {
			free()
			break
		}
		n++
		send(n, buf[:in.got-before], free)
	}
	if sent := g.Wait(); sent != nil {
		return n, sent // what made gctx end, and thereby perhaps err
	}
	if err == nil && ctx.Err() != nil {
		err = Classify(ctx, ctx.Err(), "", 0, fmt.Sprintf("write %q", in.key))
	}
	return n, err
}

// partAt returns the size of the part that follows n parts. Parts of an
// object of known size are equal, which some servers insist on.
func (u *Uploader) partAt(n int, size int64) int64 {
	if size == 0 {
		return u.partSize << (n / growth)
	}
	const mib = 1 << 20
	least := (size + maxParts - 1) / maxParts
	if least <= u.partSize {
		return u.partSize
	}
	return (least + mib - 1) / mib * mib
}

// input counts and hashes what is written.
type input struct {
	r     io.Reader
	key   string
	size  int64 // announced, or 0
	got   int64
	hash  hash.Hash
	ahead []byte // read before, to be read again
	ended bool
}

// fill reads until buf is full or the input ends. done is true when the input
// has ended, which is known exactly: it looks one byte ahead.
func (in *input) fill(ctx context.Context, buf []byte) (done bool, err error) {
	n := copy(buf, in.ahead)
	if in.ahead = in.ahead[n:]; len(in.ahead) == 0 {
		in.ahead = nil // lets go of what unread has kept
	}
	for n < len(buf) && !in.ended {
		m, err := in.read(ctx, buf[n:])
		if n += m; err != nil {
			return false, err
		}
	}
	in.hash.Write(buf[:n])
	in.got += int64(n)
	if len(in.ahead) == 0 && !in.ended {
		var next [1]byte
		for !in.ended && len(in.ahead) == 0 {
			m, err := in.read(ctx, next[:])
			if err != nil {
				return false, err
			}
			in.ahead = append(in.ahead, next[:m]...)
		}
	}
	done = in.ended && len(in.ahead) == 0
	if over := in.got + int64(len(in.ahead)); in.size > 0 && (over > in.size || done && over < in.size) {
		return false, errs.New(errs.Conflict, "write %q: %d bytes were announced, but the data has another length", in.key, in.size)
	}
	return done, nil
}

// read reads once, and turns the end of the input into in.ended.
func (in *input) read(ctx context.Context, p []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, errs.Wrap(errs.Canceled, context.Cause(ctx), "write %q: canceled", in.key)
	}
	n, err := in.r.Read(p)
	if err == io.EOF {
		in.ended, err = true, nil
	}
	if err != nil {
		if ctx.Err() != nil {
			return n, errs.Wrap(errs.Canceled, err, "write %q: canceled", in.key)
		}
		return n, fmt.Errorf("write %q: read the data: %w", in.key, err)
	}
	return n, nil
}

// unread puts back what fill has read, to be read into a larger buffer. It is
// little, since the copy does not count as a buffer.
func (in *input) unread(buf []byte) {
	in.ahead = append(append([]byte(nil), buf...), in.ahead...)
	in.got = 0
	in.hash.Reset()
}

func (in *input) written() blob.Written {
	return blob.Written{Size: in.got, SHA256: [sha256.Size]byte(in.hash.Sum(nil))}
}
