package oss

import (
	"context"
	"hash/crc64"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

var crcTable = crc64.MakeTable(crc64.ECMA)

// Stat describes the object at key by one HEAD request.
func (b *Bucket) Stat(ctx context.Context, key string) (blob.Object, error) {
	if err := checkKey(key); err != nil {
		return blob.Object{}, err
	}
	head, err := b.client.HeadObject(ctx, &sdk.HeadObjectRequest{Bucket: &b.cfg.Bucket, Key: &key})
	if err != nil {
		return blob.Object{}, classify(ctx, err, object(key))
	}
	return blob.Object{
		Key: key, Size: head.ContentLength, ModTime: sdk.ToTime(head.LastModified),
		ETag: strings.Trim(sdk.ToString(head.ETag), `"`), ContentType: sdk.ToString(head.ContentType),
	}, nil
}

// Open reads an object or a range of it by one GET request. A range that
// starts behind the end holds nothing. The checksum of an object that is read
// whole is compared with OSS's own at its end.
func (b *Bucket) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	body, _, err := b.OpenHeader(ctx, key, opts)
	return body, err
}

// OpenHeader is [Bucket.Open] with the header of the answer, which is nil for
// a range behind the end.
func (b *Bucket) OpenHeader(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, http.Header, error) {
	if opts == nil {
		opts = &blob.OpenOptions{}
	}
	if err := checkKey(key); err != nil {
		return nil, nil, err
	}
	req := &sdk.GetObjectRequest{Bucket: &b.cfg.Bucket, Key: &key}
	if r := remote.Range(opts); r != "" {
		// Without the second header, OSS answers a range that is not all
		// within the object with the whole object.
		req.Range, req.RangeBehavior = &r, sdk.Ptr("standard")
	}
	if opts.IfMatch != "" {
		req.IfMatch = sdk.Ptr(`"` + opts.IfMatch + `"`)
	}
	bodyCtx, cancel := context.WithCancelCause(ctx)
	out, err := b.client.GetObject(bodyCtx, req, func(o *sdk.Options) { o.HttpClient = b.objects })
	if isCode(err, "InvalidRange") {
		cancel(nil)
		return http.NoBody, nil, nil
	}
	if err != nil {
		cancel(nil)
		return nil, nil, classify(ctx, err, object(key))
	}
	length := out.ContentLength
	if out.Headers.Get("Content-Length") == "" {
		length = -1
	}
	size, err := remote.CheckAnswer(out.Headers, out.StatusCode, length, key, opts)
	if err != nil {
		out.Body.Close()
		cancel(nil)
		return nil, nil, err
	}
	body := remote.Body{Key: key, Size: size, Classify: func(err error) error { return classify(ctx, err, object(key)) }}
	if req.Range == nil {
		body.Sum, body.Want = crc64.New(crcTable), sdk.ToString(out.HashCRC64)
	}
	return remote.NewBody(bodyCtx, cancel, out.Body, b.timeout, body), out.Headers, nil
}

// List streams the objects under prefix in pages of ListObjectsV2.
func (b *Bucket) List(ctx context.Context, prefix string, opts *blob.ListOptions) iter.Seq2[blob.Object, error] {
	return remote.List(ctx, prefix, opts, b.page)
}

// page asks for one page.
func (b *Bucket) page(ctx context.Context, q remote.Query) (remote.Page, error) {
	req := &sdk.ListObjectsV2Request{Bucket: &b.cfg.Bucket, MaxKeys: int32(q.Size)} // the SDK asks for encoding-type=url and decodes
	set := func(p **string, v string) {
		if v != "" {
			*p = &v
		}
	}
	set(&req.Prefix, q.Prefix)
	set(&req.Delimiter, q.Delimiter)
	set(&req.StartAfter, q.After)
	set(&req.ContinuationToken, q.Token)
	out, err := b.client.ListObjectsV2(ctx, req)
	if err != nil {
		return remote.Page{}, classify(ctx, err, b.listing(q.Prefix))
	}
	if out.Name == nil {
		// The SDK takes any document, and none at all, for an empty listing.
		return remote.Page{}, errs.New(errs.Unavailable, "%s: the answer is not that of a store", b.listing(q.Prefix))
	}
	p := remote.Page{More: out.IsTruncated, Token: sdk.ToString(out.NextContinuationToken)}
	for _, o := range out.Contents {
		p.Objects = append(p.Objects, blob.Object{
			Key: sdk.ToString(o.Key), Size: o.Size, ModTime: toTime(o.LastModified), ETag: strings.Trim(sdk.ToString(o.ETag), `"`),
		})
	}
	for _, o := range out.CommonPrefixes {
		p.Objects = append(p.Objects, blob.Object{Key: sdk.ToString(o.Prefix), Dir: true})
	}
	return p, nil
}

func toTime(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
