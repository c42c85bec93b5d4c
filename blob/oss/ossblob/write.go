package ossblob

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"gocloud.dev/blob/driver"

	"github.com/inlet-go/inlet/blob/oss"
)

// NewTypedWriter writes through [oss.Bucket.Put]. BufferSize and
// MaxConcurrency are not used: the bucket bounds the memory of all its writes.
func (b *bucket) NewTypedWriter(ctx context.Context, key, contentType string, opts *driver.WriterOptions) (driver.Writer, error) {
	put := &oss.PutOptions{
		ContentType: contentType, CacheControl: opts.CacheControl, ContentDisposition: opts.ContentDisposition,
		ContentEncoding: opts.ContentEncoding, ContentLanguage: opts.ContentLanguage, ContentMD5: opts.ContentMD5,
		Metadata: map[string]string{}, IfNotExist: opts.IfNotExist,
	}
	for k, v := range opts.Metadata {
		name := escapeMeta(k, true)
		if _, ok := put.Metadata[name]; ok {
			return nil, fmt.Errorf("metadata keys collide: %q", k)
		}
		put.Metadata[name] = escapeMeta(v, false)
	}
	if opts.BeforeWrite != nil {
		if err := opts.BeforeWrite(func(i any) bool { return assign(i, put) }); err != nil {
			return nil, err
		}
	}
	return &writer{ctx: ctx, b: b, key: escapeKey(key), opts: put}, nil
}

// writer passes what is written to an upload that reads.
type writer struct {
	ctx  context.Context
	b    *bucket
	key  string
	opts *oss.PutOptions
	pipe *io.PipeWriter
	done chan error

	uploaded bool // by Upload: Close has nothing left to do
}

func (w *writer) start() {
	r, p := io.Pipe()
	w.pipe, w.done = p, make(chan error, 1)
	go func() {
		_, err := w.b.b.Put(w.ctx, w.key, r, w.opts)
		r.CloseWithError(err) // ends a Write that waits
		w.done <- err
	}()
}

func (w *writer) Write(p []byte) (int, error) {
	if w.pipe == nil {
		w.start()
	}
	return w.pipe.Write(p)
}

// Close ends the upload, or gives it up if the ctx is done: that is how the
// portable layer aborts a write.
func (w *writer) Close() error {
	if w.uploaded {
		return nil
	}
	if err := w.ctx.Err(); err != nil && w.pipe == nil {
		return err
	}
	if w.pipe == nil {
		w.start()
	}
	w.pipe.CloseWithError(w.ctx.Err())
	return <-w.done
}

// Upload writes all of r without the detour through a pipe.
func (w *writer) Upload(r io.Reader) error {
	w.uploaded = true
	_, err := w.b.b.Put(w.ctx, w.key, r, w.opts)
	return err
}

// Copy copies within the bucket, up to OSS's limit of 5 GiB.
func (b *bucket) Copy(ctx context.Context, dstKey, srcKey string, opts *driver.CopyOptions) error {
	dstKey, srcKey = escapeKey(dstKey), escapeKey(srcKey)
	req := &sdk.CopyObjectRequest{Bucket: &b.name, Key: &dstKey, SourceKey: &srcKey}
	if opts.BeforeCopy != nil {
		if err := opts.BeforeCopy(func(i any) bool { return assign(i, req) }); err != nil {
			return err
		}
	}
	if _, err := b.client.CopyObject(ctx, req); err != nil {
		return oss.Classify(ctx, err, srcKey)
	}
	return nil
}

// Delete asks first whether the object exists, as gocloud wants a NotFound.
func (b *bucket) Delete(ctx context.Context, key string, opts *driver.DeleteOptions) error {
	key = escapeKey(key)
	if _, err := b.b.Stat(ctx, key); err != nil {
		return err
	}
	req := &sdk.DeleteObjectRequest{Bucket: &b.name, Key: &key}
	if opts != nil && opts.BeforeDelete != nil {
		if err := opts.BeforeDelete(func(i any) bool { return assign(i, req) }); err != nil {
			return err
		}
	}
	if _, err := b.client.DeleteObject(ctx, req); err != nil {
		return oss.Classify(ctx, err, key)
	}
	return nil
}

// escapeMeta percent-encodes what a header cannot carry: in a name all but
// letters, digits and hyphens, in a value all but printable ASCII.
func escapeMeta(s string, name bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
		if alnum || !name && c > ' ' && c < 0x7f && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func unescapeMeta(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}
