package ossblob

import (
	"cmp"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"gocloud.dev/blob/driver"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/oss"
)

// Attributes describes an object by one HEAD request.
func (b *bucket) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	key = escapeKey(key)
	head, err := b.client.HeadObject(ctx, &sdk.HeadObjectRequest{Bucket: &b.name, Key: &key})
	if err != nil {
		return nil, oss.Classify(ctx, err, key)
	}
	a := &driver.Attributes{
		CacheControl:       sdk.ToString(head.CacheControl),
		ContentDisposition: sdk.ToString(head.ContentDisposition),
		ContentEncoding:    sdk.ToString(head.ContentEncoding),
		ContentLanguage:    head.Headers.Get("Content-Language"),
		ContentType:        sdk.ToString(head.ContentType),
		Metadata:           map[string]string{},
		ModTime:            timeOf(head.LastModified),
		Size:               head.ContentLength,
		ETag:               sdk.ToString(head.ETag),
		AsFunc:             func(i any) bool { return assign(i, head) },
	}
	// The ETag is an MD5 only sometimes; Content-MD5 always is.
	if sum, err := base64.StdEncoding.DecodeString(sdk.ToString(head.ContentMD5)); err == nil && len(sum) > 0 {
		a.MD5 = sum
	}
	for k, v := range head.Metadata {
		a.Metadata[unescapeMeta(k)] = unescapeMeta(v)
	}
	return a, nil
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// ListPaged gives one page of ListObjectsV2.
func (b *bucket) ListPaged(ctx context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	req := &sdk.ListObjectsV2Request{Bucket: &b.name, MaxKeys: 1000}
	if opts.PageSize > 0 && opts.PageSize < 1000 {
		req.MaxKeys = int32(opts.PageSize)
	}
	if opts.Prefix != "" {
		req.Prefix = sdk.Ptr(escapeKey(opts.Prefix))
	}
	if opts.Delimiter != "" {
		req.Delimiter = &opts.Delimiter
	}
	if len(opts.PageToken) > 0 {
		req.ContinuationToken = sdk.Ptr(string(opts.PageToken))
	}
	if opts.BeforeList != nil {
		if err := opts.BeforeList(func(i any) bool { return assign(i, req) }); err != nil {
			return nil, err
		}
	}
	out, err := b.client.ListObjectsV2(ctx, req)
	if err != nil {
		return nil, oss.Classify(ctx, err, opts.Prefix)
	}
	page := &driver.ListPage{}
	if out.IsTruncated {
		page.NextPageToken = []byte(sdk.ToString(out.NextContinuationToken))
	}
	for _, o := range out.Contents {
		page.Objects = append(page.Objects, &driver.ListObject{
			Key: unescapeKey(sdk.ToString(o.Key)), ModTime: timeOf(o.LastModified), Size: o.Size,
			AsFunc: func(i any) bool { return assign(i, o) },
		})
	}
	for _, p := range out.CommonPrefixes {
		page.Objects = append(page.Objects, &driver.ListObject{
			Key: unescapeKey(sdk.ToString(p.Prefix)), IsDir: true, AsFunc: func(i any) bool { return assign(i, p) },
		})
	}
	page.Objects = slices.DeleteFunc(page.Objects, func(o *driver.ListObject) bool {
		return !strings.HasPrefix(o.Key, opts.Prefix) // an escaped key under a prefix of underscores
	})
	slices.SortFunc(page.Objects, func(a, b *driver.ListObject) int { return cmp.Compare(a.Key, b.Key) })
	return page, nil
}

// reader is a driver.Reader.
type reader struct {
	io.ReadCloser
	attrs  driver.ReaderAttributes
	header http.Header
}

func (r *reader) Attributes() *driver.ReaderAttributes { return &r.attrs }
func (r *reader) As(i any) bool                        { return assign(i, r.header) }

// NewRangeReader reads by one GET request; a length of 0 by a HEAD.
func (b *bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	key = escapeKey(key)
	open := &blob.OpenOptions{Offset: offset, Length: max(length, 0)}
	if opts.BeforeRead != nil {
		if err := opts.BeforeRead(func(i any) bool { return assign(i, open) }); err != nil {
			return nil, err
		}
	}
	r := &reader{ReadCloser: http.NoBody}
	if length != 0 {
		body, header, err := b.b.OpenHeader(ctx, key, open)
		if err != nil {
			return nil, err
		}
		r.ReadCloser, r.header = body, header
	}
	if r.header == nil { // nothing to read: only what the object is
		o, err := b.b.Stat(ctx, key)
		if err != nil {
			return nil, err
		}
		r.attrs = driver.ReaderAttributes{ContentType: o.ContentType, ModTime: o.ModTime, Size: o.Size}
		return r, nil
	}
	r.attrs.ContentType = r.header.Get("Content-Type")
	r.attrs.ModTime, _ = http.ParseTime(r.header.Get("Last-Modified"))
	size := r.header.Get("Content-Length")
	if _, total, ok := strings.Cut(r.header.Get("Content-Range"), "/"); ok {
		size = total
	}
	r.attrs.Size, _ = strconv.ParseInt(size, 10, 64)
	return r, nil
}
