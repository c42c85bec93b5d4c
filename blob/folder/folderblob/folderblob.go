// Package folderblob offers a folder bucket as a bucket of gocloud.dev.
//
// Unlike gocloud's fileblob it is durable, its IfNotExist is atomic, bytes and
// attributes change together, and any key can be kept. It signs no URLs.
package folderblob

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/store/errs"
)

// OpenBucket opens the folder bucket in dir; see [folder.Open] for the options
// and errors. The same folder may be open as a [folder.Bucket] too.
func OpenBucket(dir string, opts *folder.Options) (*gcblob.Bucket, error) {
	b, err := folder.Open(dir, opts)
	if err != nil {
		return nil, err
	}
	return gcblob.NewBucket(OpenDriver(b)), nil
}

// OpenDriver returns gocloud's driver interface over b, which closing it closes.
func OpenDriver(b *folder.Bucket) driver.Bucket { return &bucket{b} }

type bucket struct{ b *folder.Bucket }

var codes = map[errs.Kind]gcerrors.ErrorCode{
	errs.NotFound:    gcerrors.NotFound,
	errs.Exists:      gcerrors.FailedPrecondition, // what gocloud promises for IfNotExist
	errs.Conflict:    gcerrors.FailedPrecondition,
	errs.Invalid:     gcerrors.InvalidArgument,
	errs.Forbidden:   gcerrors.PermissionDenied,
	errs.Unsupported: gcerrors.Unimplemented,
	errs.Unavailable: gcerrors.ResourceExhausted,
	errs.Canceled:    gcerrors.Canceled,
}

func (b *bucket) ErrorCode(err error) gcerrors.ErrorCode {
	if code, ok := codes[errs.KindOf(err)]; ok {
		return code
	}
	return gcerrors.Unknown
}

// As gives the *folder.Bucket.
func (b *bucket) As(i any) bool {
	p, ok := i.(**folder.Bucket)
	if ok {
		*p = b.b
	}
	return ok
}

// ErrorAs gives the *errs.Error.
func (b *bucket) ErrorAs(err error, i any) bool {
	p, ok := i.(**errs.Error)
	return ok && errors.As(err, p)
}

func (b *bucket) Close() error { return b.b.Close() }

func (b *bucket) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	o, a, err := b.b.Attributes(ctx, key)
	if err != nil {
		return nil, err
	}
	metadata := make(map[string]string, len(a.Metadata))
	for k, v := range a.Metadata {
		metadata[k] = string(v)
	}
	return &driver.Attributes{
		CacheControl: a.CacheControl, ContentDisposition: a.ContentDisposition, ContentEncoding: a.ContentEncoding,
		ContentLanguage: a.ContentLanguage, ContentType: a.ContentType, Metadata: metadata,
		CreateTime: o.ModTime, ModTime: o.ModTime, Size: o.Size, MD5: a.MD5, ETag: `"` + o.ETag + `"`,
	}, nil
}

const defaultPageSize = 1000

// ListPaged lists behind the token, which is the last key of the page before.
func (b *bucket) ListPaged(ctx context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	if opts.BeforeList != nil {
		if err := opts.BeforeList(nothing); err != nil {
			return nil, err
		}
	}
	size := opts.PageSize
	if size == 0 {
		size = defaultPageSize
	}
	after := string(opts.PageToken)
	page := &driver.ListPage{}
	list := &blob.ListOptions{After: after, OneLevel: opts.Delimiter == "/"}
	last := after
	for o, err := range b.b.List(ctx, opts.Prefix, list) {
		if err != nil {
			return nil, err
		}
		item := &driver.ListObject{Key: o.Key, ModTime: o.ModTime, Size: o.Size, IsDir: o.Dir}
		if group, ok := groupOf(o.Key, opts); ok && !o.Dir {
			item = &driver.ListObject{Key: group, IsDir: true}
		}
		if item.IsDir && item.Key == last {
			continue // of a group that was given already
		}
		if len(page.Objects) == size {
			page.NextPageToken = []byte(last)
			break
		}
		page.Objects = append(page.Objects, item)
		last = item.Key
	}
	return page, nil
}

// groupOf returns the common prefix that stands for key. The bucket knows "/"
// only; other delimiters read over what they group.
func groupOf(key string, opts *driver.ListOptions) (string, bool) {
	if opts.Delimiter == "" || opts.Delimiter == "/" {
		return "", false
	}
	before, _, found := strings.Cut(key[len(opts.Prefix):], opts.Delimiter)
	return opts.Prefix + before + opts.Delimiter, found
}

func (b *bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	if opts.BeforeRead != nil {
		if err := opts.BeforeRead(nothing); err != nil {
			return nil, err
		}
	}
	// gocloud's length 0 is nothing, and a negative one is to the end.
	r, err := b.b.OpenReader(ctx, key, &blob.OpenOptions{Offset: offset, Length: max(length, 0)})
	if err != nil {
		return nil, err
	}
	o := r.Object()
	attrs := driver.ReaderAttributes{ContentType: o.ContentType, ModTime: o.ModTime, Size: o.Size}
	return &reader{Reader: r, attrs: attrs, empty: length == 0}, nil
}

type reader struct {
	*folder.Reader
	attrs driver.ReaderAttributes
	empty bool
}

func (r *reader) Read(p []byte) (int, error) {
	if r.empty {
		return 0, io.EOF
	}
	return r.Reader.Read(p)
}

func (r *reader) Attributes() *driver.ReaderAttributes { return &r.attrs }
func (r *reader) As(any) bool                          { return false }

// Delete is NotFound for a missing key, as gocloud wants it.
func (b *bucket) Delete(ctx context.Context, key string, opts *driver.DeleteOptions) error {
	if opts.BeforeDelete != nil {
		if err := opts.BeforeDelete(nothing); err != nil {
			return err
		}
	}
	if _, err := b.b.Stat(ctx, key); err != nil {
		return err
	}
	return b.b.Delete(ctx, key)
}

func (b *bucket) SignedURL(ctx context.Context, key string, opts *driver.SignedURLOptions) (string, error) {
	if opts.BeforeSign != nil {
		if err := opts.BeforeSign(nothing); err != nil {
			return "", err
		}
	}
	return b.b.SignedURL(ctx, key, &blob.SignOptions{Method: opts.Method, Expires: max(opts.Expiry, time.Second)})
}

// nothing is the asFunc of hooks: there is no request to change.
func nothing(any) bool { return false }
