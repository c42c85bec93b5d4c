package cloud

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"sync"

	gcblob "gocloud.dev/blob"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// buffers holds copy buffers: io.Copy to or from a gocloud blob would allocate
// a new one of 1 MiB for each object.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// Write stores what r gives under key. Nothing is visible before gocloud's
// writer is closed, and a canceled context makes that a failure.
func (b *Bucket) Write(ctx context.Context, key string, r io.Reader, opts *blob.WriteOptions) (blob.Written, error) {
	if opts == nil {
		opts = &blob.WriteOptions{}
	}
	if err := ready(ctx, key); err != nil {
		return blob.Written{}, err
	}
	contentType := opts.ContentType
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	// gocloud's only way to give up a write is to cancel its context.
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.b.NewWriter(wctx, key, &gcblob.WriterOptions{
		ContentType: contentType, DisableContentTypeDetection: true, IfNotExist: opts.IfNotExist,
	})
	if err != nil {
		return blob.Written{}, classifyWrite(err, key, opts)
	}
	hash := sha256.New()
	n, err := copyTo(ctx, w, hash, r, key, opts)
	if err == nil && opts.Size > 0 && n != opts.Size {
		err = errs.New(errs.Conflict, "blob %q: %d bytes came, not %d", key, n, opts.Size)
	}
	if err != nil {
		cancel()
		w.Close() // reports the cancel, which is not why it failed
		return blob.Written{}, err
	}
	if err := w.Close(); err != nil {
		return blob.Written{}, classifyWrite(err, key, opts)
	}
	written := blob.Written{Size: n}
	hash.Sum(written.SHA256[:0])
	return written, nil
}

// copyTo moves the bytes. An error of r is returned as it is, with its kind.
func copyTo(ctx context.Context, w io.Writer, hash hash.Hash, r io.Reader, key string, opts *blob.WriteOptions) (int64, error) {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	var total int64
	for {
		if err := ctx.Err(); err != nil {
			return total, classify(err, key)
		}
		n, err := r.Read(buf[:])
		total += int64(n)
		if opts.Size > 0 && total > opts.Size {
			return total, errs.New(errs.Conflict, "blob %q: more than the announced %d bytes came", key, opts.Size)
		}
		if n > 0 {
			hash.Write(buf[:n])
			if _, err := w.Write(buf[:n]); err != nil {
				return total, classifyWrite(err, key, opts)
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
