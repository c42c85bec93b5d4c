package oss

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"slices"
	"strconv"
	"sync"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

const defaultContentType = "application/octet-stream"

// PutOptions qualifies what [Bucket.Put] writes; nil is a plain object.
type PutOptions struct {
	Size               int64 // bytes that the reader will give, 0 if unknown
	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	ContentMD5         []byte            // of the whole object; OSS checks it if the object is written at once
	Metadata           map[string]string // keys and values as they go into headers
	IfNotExist         bool
}

// Write stores an object: by one request if it fits into a part, else by a
// multipart upload, which is removed when it fails. Memory is bounded by
// Options.UploadMemory for all writes together. OSS ignores IfNotExist in
// buckets with versioning.
func (b *Bucket) Write(ctx context.Context, key string, r io.Reader, opts *blob.WriteOptions) (blob.Written, error) {
	if opts == nil {
		opts = &blob.WriteOptions{}
	}
	return b.Put(ctx, key, r, &PutOptions{Size: opts.Size, ContentType: opts.ContentType, IfNotExist: opts.IfNotExist})
}

// Put is [Bucket.Write] with everything that OSS keeps of an object.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, opts *PutOptions) (blob.Written, error) {
	if err := checkKey(key); err != nil {
		return blob.Written{}, err
	}
	t := &target{b: b, key: key}
	if opts != nil {
		t.opts = *opts
	}
	if t.opts.ContentType == "" {
		t.opts.ContentType = defaultContentType
	}
	return b.uploader.Upload(ctx, key, r, t.opts.Size, t)
}

// target is one object in the making.
type target struct {
	b    *Bucket
	key  string
	opts PutOptions
	id   string // of the multipart upload

	mu    sync.Mutex
	parts map[int]part
}

type part struct {
	etag string
	crc  uint64
	size int
}

func (t *target) fail(ctx context.Context, err error) error { return classify(ctx, err, object(t.key)) }

// retry limits the repeating of a conditional request.
func (t *target) retry(o *sdk.Options) {
	if t.opts.IfNotExist {
		o.Retryer = onlyThrottled{t.b.retryer}
	}
}

// optional returns nil for an empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (t *target) forbid() *string {
	if t.opts.IfNotExist {
		return sdk.Ptr("true")
	}
	return nil
}

// common holds the one header that the SDK's requests have no field for.
func (t *target) common() sdk.RequestCommon {
	var c sdk.RequestCommon
	if t.opts.ContentLanguage != "" {
		c.Headers = map[string]string{"Content-Language": t.opts.ContentLanguage}
	}
	return c
}

// Put writes the whole object. The SDK compares the checksum that OSS tells.
func (t *target) Put(ctx context.Context, body []byte, _ [sha256.Size]byte) error {
	req := &sdk.PutObjectRequest{
		Bucket: &t.b.cfg.Bucket, Key: &t.key, Body: bytes.NewReader(body), ContentLength: sdk.Ptr(int64(len(body))),
		ContentType: &t.opts.ContentType, CacheControl: optional(t.opts.CacheControl),
		ContentDisposition: optional(t.opts.ContentDisposition), ContentEncoding: optional(t.opts.ContentEncoding),
		Metadata: t.opts.Metadata, ForbidOverwrite: t.forbid(), RequestCommon: t.common(),
	}
	if t.opts.ContentMD5 != nil {
		req.ContentMD5 = sdk.Ptr(base64.StdEncoding.EncodeToString(t.opts.ContentMD5))
	}
	out, err := t.b.client.PutObject(ctx, req, t.retry)
	if err != nil {
		return t.fail(ctx, err)
	}
	if sdk.ToString(out.ETag) == "" {
		return errs.New(errs.Unavailable, "object %q: the answer is not that of a store", t.key)
	}
	return nil
}

// Create begins a multipart upload. Overwriting is forbidden here to fail
// early, and at the end to be right.
func (t *target) Create(ctx context.Context) error {
	out, err := t.b.client.InitiateMultipartUpload(ctx, &sdk.InitiateMultipartUploadRequest{
		Bucket: &t.b.cfg.Bucket, Key: &t.key,
		ContentType: &t.opts.ContentType, CacheControl: optional(t.opts.CacheControl),
		ContentDisposition: optional(t.opts.ContentDisposition), ContentEncoding: optional(t.opts.ContentEncoding),
		Metadata: t.opts.Metadata, ForbidOverwrite: t.forbid(), RequestCommon: t.common(),
	})
	if err != nil {
		return t.fail(ctx, err)
	}
	if t.id = sdk.ToString(out.UploadId); t.id == "" {
		return errs.New(errs.Unavailable, "object %q: the store began an upload without an id", t.key)
	}
	t.parts = map[int]part{}
	return nil
}

// Part writes one part. The SDK compares the checksum that OSS tells.
func (t *target) Part(ctx context.Context, n int, body []byte) error {
	out, err := t.b.client.UploadPart(ctx, &sdk.UploadPartRequest{
		Bucket: &t.b.cfg.Bucket, Key: &t.key, UploadId: &t.id, PartNumber: int32(n),
		Body: bytes.NewReader(body), ContentLength: sdk.Ptr(int64(len(body))),
	})
	if err != nil {
		return t.fail(ctx, err)
	}
	crc, err := strconv.ParseUint(sdk.ToString(out.HashCRC64), 10, 64)
	if err != nil {
		return errs.New(errs.Unavailable, "object %q: the store tells no checksum of a part", t.key)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts[n] = part{sdk.ToString(out.ETag), crc, len(body)}
	return nil
}

// Complete makes the object visible, and compares its checksum with the one
// that follows from those of its parts.
func (t *target) Complete(ctx context.Context, n int) error {
	list := make([]sdk.UploadPart, n)
	want := uint64(0)
	for i := range list {
		p := t.parts[i+1]
		list[i] = sdk.UploadPart{PartNumber: int32(i + 1), ETag: sdk.Ptr(p.etag)}
		want = sdk.CRC64Combine(want, p.crc, uint64(p.size))
	}
	text := strconv.FormatUint(want, 10)
	out, err := t.b.client.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadRequest{
		Bucket: &t.b.cfg.Bucket, Key: &t.key, UploadId: &t.id, ForbidOverwrite: t.forbid(),
		CompleteMultipartUpload: &sdk.CompleteMultipartUpload{Parts: list},
	}, t.retry)
	if isCode(err, "NoSuchUpload") && t.completed(ctx, text) {
		return nil // an earlier try succeeded, and its answer was lost
	}
	if err != nil {
		return t.fail(ctx, err)
	}
	if sdk.ToString(out.ETag) == "" {
		return errs.New(errs.Unavailable, "object %q: the answer is not that of a store", t.key)
	}
	if got := sdk.ToString(out.HashCRC64); got != "" && got != text {
		return errs.New(errs.Unavailable, "object %q: the checksum of what the store kept is wrong", t.key)
	}
	return nil
}

// completed reports whether the object under the key is the one that the parts
// make.
func (t *target) completed(ctx context.Context, crc string) bool {
	head, err := t.b.client.HeadObject(ctx, &sdk.HeadObjectRequest{Bucket: &t.b.cfg.Bucket, Key: &t.key})
	return err == nil && sdk.ToString(head.HashCRC64) == crc
}

// Abort removes the parts.
func (t *target) Abort(ctx context.Context) error {
	_, err := t.b.client.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadRequest{
		Bucket: &t.b.cfg.Bucket, Key: &t.key, UploadId: &t.id,
	})
	if err != nil {
		return t.fail(ctx, err)
	}
	return nil
}

// maxDelete is how many keys one request may delete.
const maxDelete = 1000

// Delete removes keys, 1000 by a request; those that an XML document cannot
// carry go one by one.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	var many []string
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
		if len(keys) > 1 && remote.FitsXML(key) {
			many = append(many, key)
			continue
		}
		if _, err := b.client.DeleteObject(ctx, &sdk.DeleteObjectRequest{Bucket: &b.cfg.Bucket, Key: &key}); err != nil {
			return classify(ctx, err, object(key))
		}
	}
	for batch := range slices.Chunk(many, maxDelete) {
		if err := b.deleteBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// deleteBatch insists on hearing of every key: OSS leaves out those that it
// did not delete, and tells no reason.
func (b *Bucket) deleteBatch(ctx context.Context, keys []string) error {
	ids := make([]sdk.ObjectIdentifier, len(keys))
	for i := range keys {
		ids[i].Key = &keys[i]
	}
	out, err := b.client.DeleteMultipleObjects(ctx, &sdk.DeleteMultipleObjectsRequest{
		Bucket: &b.cfg.Bucket, Delete: &sdk.Delete{Objects: ids},
	})
	if err != nil {
		return classify(ctx, err, object(keys[0]))
	}
	deleted := make(map[string]bool, len(keys))
	for _, d := range out.DeletedObjects {
		deleted[sdk.ToString(d.Key)] = true
	}
	for _, key := range keys {
		if !deleted[key] {
			return errs.New(errs.Unavailable, "object %q: the store did not delete it", key)
		}
	}
	return nil
}
