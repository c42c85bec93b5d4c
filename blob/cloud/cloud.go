// Package cloud makes a blob.Bucket of any bucket of gocloud.dev.
//
// Keys are those of gocloud's driver, which for some providers are escaped: to
// read objects that others wrote, use package s3 or oss. An ETag is the
// content's MD5 in hexadecimal where gocloud tells it, since that is the only
// version mark that its listings have.
package cloud

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"strings"
	"time"

	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// Bucket is a bucket of gocloud.dev as a [blob.Bucket].
type Bucket struct {
	b *gcblob.Bucket
}

var _ blob.Bucket = (*Bucket)(nil)

// New returns b as a [blob.Bucket], whose Close closes b.
func New(b *gcblob.Bucket) *Bucket { return &Bucket{b: b} }

// Memory returns an empty bucket that is kept in memory, for tests and for
// hosts that want to keep nothing. Each object is held as one slice.
func Memory() *Bucket { return New(memblob.OpenBucket(nil)) }

// Stat describes the object at key.
func (b *Bucket) Stat(ctx context.Context, key string) (blob.Object, error) {
	if err := ready(ctx, key); err != nil {
		return blob.Object{}, err
	}
	a, err := b.b.Attributes(ctx, key)
	if err != nil {
		return blob.Object{}, classify(err, key)
	}
	return blob.Object{
		Key: key, Size: a.Size, ModTime: a.ModTime, ETag: etag(a.MD5, a.ETag), ContentType: a.ContentType,
	}, nil
}

// Open reads an object or a range of it. gocloud has no conditional read, so
// IfMatch compares the attributes before and the time and size after opening.
func (b *Bucket) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	if opts == nil {
		opts = &blob.OpenOptions{}
	}
	if err := ready(ctx, key); err != nil {
		return nil, err
	}
	var before blob.Object
	if opts.IfMatch != "" {
		var err error
		if before, err = b.Stat(ctx, key); err != nil {
			return nil, err
		}
		if before.ETag != opts.IfMatch {
			return nil, changed(key)
		}
	}
	length := opts.Length
	if length == 0 {
		length = -1
	}
	r, err := b.b.NewRangeReader(ctx, key, opts.Offset, length, nil)
	if err != nil {
		return nil, classify(err, key)
	}
	if opts.IfMatch != "" && (r.Size() != before.Size || !r.ModTime().Equal(before.ModTime)) {
		r.Close()
		return nil, changed(key)
	}
	return &reader{ctx: ctx, r: r, key: key}, nil
}

// List streams the objects under prefix. gocloud cannot start in the middle,
// so After reads past what comes before it.
func (b *Bucket) List(ctx context.Context, prefix string, opts *blob.ListOptions) iter.Seq2[blob.Object, error] {
	if opts == nil {
		opts = &blob.ListOptions{}
	}
	size := opts.PageSize
	if size <= 0 {
		size = 1000
	}
	query := &gcblob.ListOptions{Prefix: prefix}
	if opts.OneLevel {
		query.Delimiter = "/"
	}
	return func(yield func(blob.Object, error) bool) {
		token := gcblob.FirstPageToken
		for len(token) > 0 {
			if err := ctx.Err(); err != nil {
				yield(blob.Object{}, classify(err, prefix))
				return
			}
			page, next, err := b.b.ListPage(ctx, token, size, query)
			if err != nil {
				yield(blob.Object{}, classify(err, prefix))
				return
			}
			for _, o := range page {
				if o.Key <= opts.After {
					continue
				}
				if err := ctx.Err(); err != nil {
					yield(blob.Object{}, classify(err, prefix))
					return
				}
				if !yield(object(o), nil) {
					return
				}
			}
			token = next
		}
	}
}

func object(o *gcblob.ListObject) blob.Object {
	if o.IsDir {
		return blob.Object{Key: o.Key, Dir: true}
	}
	return blob.Object{Key: o.Key, Size: o.Size, ModTime: o.ModTime, ETag: etag(o.MD5, "")}
}

// Delete removes keys one by one, which is all that gocloud offers.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := ready(ctx, key); err != nil {
			return err
		}
		if err := b.b.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return classify(err, key)
		}
	}
	return nil
}

// SignedURL returns a link where gocloud's driver can sign one. It cannot
// bind a length or a Content-Disposition: those are an Unsupported error.
func (b *Bucket) SignedURL(ctx context.Context, key string, opts *blob.SignOptions) (string, error) {
	if opts == nil {
		opts = &blob.SignOptions{}
	}
	if err := ready(ctx, key); err != nil {
		return "", err
	}
	if opts.ContentLength > 0 || opts.ContentDisposition != "" {
		return "", errs.New(errs.Unsupported, "blob %q: cannot sign a length or a content disposition", key)
	}
	expiry := opts.Expires
	if expiry == 0 {
		expiry = 10 * time.Minute
	}
	url, err := b.b.SignedURL(ctx, key, &gcblob.SignedURLOptions{
		Method: opts.Method, Expiry: expiry, ContentType: opts.ContentType,
	})
	return url, classify(err, key)
}

// Close closes gocloud's bucket.
func (b *Bucket) Close() error { return b.b.Close() }

// etag prefers the MD5, which listings have too, to the provider's own mark.
func etag(md5 []byte, provider string) string {
	if len(md5) > 0 {
		return hex.EncodeToString(md5)
	}
	return strings.Trim(strings.TrimPrefix(provider, "W/"), `"`)
}

// reader turns errors in the middle of a body into classified ones.
type reader struct {
	ctx context.Context
	r   *gcblob.Reader
	key string
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, classify(err, r.key)
	}
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = classify(err, r.key)
	}
	return n, err
}

func (r *reader) Close() error { return classify(r.r.Close(), r.key) }
