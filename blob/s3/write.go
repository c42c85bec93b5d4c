package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

const defaultContentType = "application/octet-stream"

// Write stores an object: by one request if it fits into a part, else by a
// multipart upload, which is removed when it fails. Memory is bounded by
// Options.UploadMemory for all writes together. An object of unknown size may
// have 2.4 TiB with the default part size, and its later parts are larger than
// the first ones, which some servers refuse: say the size where it is known.
func (b *Bucket) Write(ctx context.Context, key string, r io.Reader, opts *blob.WriteOptions) (blob.Written, error) {
	if opts == nil {
		opts = &blob.WriteOptions{}
	}
	if err := remote.CheckKey(key, maxKey); err != nil {
		return blob.Written{}, err
	}
	t := &target{b: b, key: key, opts: *opts}
	if t.opts.ContentType == "" {
		t.opts.ContentType = defaultContentType
	}
	return b.uploader.Upload(ctx, key, r, opts.Size, t)
}

// target is one object in the making.
type target struct {
	b    *Bucket
	key  string
	opts blob.WriteOptions
	id   string // of the multipart upload

	mu    sync.Mutex
	etags map[int]string
}

// fail classifies an error of a write: a failed precondition means that the
// key is taken.
func (t *target) fail(ctx context.Context, err error) error {
	if t.opts.IfNotExist && isCode(err, "PreconditionFailed", "ConditionalRequestConflict") {
		return errs.Wrap(errs.Exists, err, "object %q: already exists", t.key)
	}
	return classify(ctx, err, object(t.key))
}

// retry limits the repeating of a conditional request.
func (t *target) retry(o *s3.Options) {
	if t.opts.IfNotExist {
		o.Retryer = onlyThrottled{o.Retryer}
	}
}

func (t *target) ifNoneMatch() *string {
	if t.opts.IfNotExist {
		return aws.String("*")
	}
	return nil
}

// Put writes the whole object.
func (t *target) Put(ctx context.Context, body []byte, sum [sha256.Size]byte) error {
	out, err := t.b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &t.b.cfg.Bucket, Key: &t.key, Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))),
		ContentType: &t.opts.ContentType, IfNoneMatch: t.ifNoneMatch(),
	}, t.retry, payloadHash(sum))
	if err != nil {
		return t.fail(ctx, err)
	}
	if aws.ToString(out.ETag) == "" {
		return errs.New(errs.Unavailable, "object %q: the answer is not that of a store", t.key)
	}
	return nil
}

// payloadHash spares the SDK to hash the body again for the signature.
func payloadHash(sum [sha256.Size]byte) func(*s3.Options) {
	set := middleware.FinalizeMiddlewareFunc("inlet:PayloadHash",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			return next.HandleFinalize(v4.SetPayloadHash(ctx, hex.EncodeToString(sum[:])), in)
		})
	return s3.WithAPIOptions(func(s *middleware.Stack) error { return s.Finalize.Add(set, middleware.Before) })
}

// Create begins a multipart upload.
func (t *target) Create(ctx context.Context) error {
	out, err := t.b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &t.b.cfg.Bucket, Key: &t.key, ContentType: &t.opts.ContentType,
	})
	if err != nil {
		return t.fail(ctx, err)
	}
	if t.id = aws.ToString(out.UploadId); t.id == "" {
		return errs.New(errs.Unavailable, "object %q: the store began an upload without an id", t.key)
	}
	t.etags = map[int]string{}
	return nil
}

// Part writes one part.
func (t *target) Part(ctx context.Context, n int, body []byte) error {
	out, err := t.b.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &t.b.cfg.Bucket, Key: &t.key, UploadId: &t.id, PartNumber: aws.Int32(int32(n)),
		Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))),
	})
	if err != nil {
		return t.fail(ctx, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.etags[n] = aws.ToString(out.ETag)
	return nil
}

// Complete makes the object visible.
func (t *target) Complete(ctx context.Context, n int) error {
	parts := make([]types.CompletedPart, n)
	for i := range parts {
		parts[i] = types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: aws.String(t.etags[i+1])}
	}
	out, err := t.b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &t.b.cfg.Bucket, Key: &t.key, UploadId: &t.id, IfNoneMatch: t.ifNoneMatch(),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}, t.retry)
	if err == nil && aws.ToString(out.ETag) == "" {
		err = errs.New(errs.Unavailable, "object %q: the answer is not that of a store", t.key)
	}
	if err == nil {
		return nil
	}
	if isCode(err, "NoSuchUpload") && t.completed(ctx, n) {
		return nil // an earlier try succeeded, and its answer was lost
	}
	return t.fail(ctx, err)
}

// completed reports whether the object is the one that the parts make: S3's
// ETag of n parts is the MD5 of their MD5s, and "-n".
func (t *target) completed(ctx context.Context, n int) bool {
	h := md5.New()
	for i := range n {
		sum, err := hex.DecodeString(strings.Trim(t.etags[i+1], `"`))
		if err != nil {
			return false
		}
		h.Write(sum)
	}
	o, err := t.b.Stat(ctx, t.key)
	return err == nil && o.ETag == fmt.Sprintf("%x-%d", h.Sum(nil), n)
}

// Abort removes the parts.
func (t *target) Abort(ctx context.Context) error {
	_, err := t.b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &t.b.cfg.Bucket, Key: &t.key, UploadId: &t.id,
	})
	if err != nil {
		return t.fail(ctx, err)
	}
	return nil
}

// maxCopy is the largest object that one request copies.
const maxCopy = 5 << 30

// CopyFrom copies within a server without moving the bytes through this
// process. It returns Unsupported unless src is a Bucket of this package at
// the same endpoint and with the same credentials (with others, the copy would
// be made with rights that the source's owner may not have), for objects of
// more than 5 GiB, and where the server tells no SHA-256 of the copy. In the
// last case a copy may already exist under key.
func (b *Bucket) CopyFrom(ctx context.Context, key string, src blob.Source, obj blob.Object) (blob.Written, error) {
	from, ok := src.(*Bucket)
	switch {
	case !ok || *from.where.base != *b.where.base || !from.sameAccount(b):
		return blob.Written{}, errs.New(errs.Unsupported, "object %q: cannot be copied from another store", key)
	case obj.Size > maxCopy:
		return blob.Written{}, errs.New(errs.Unsupported, "object %q: too large to be copied at once", key)
	case obj.ETag == "" || b.noCopy.Load():
		return blob.Written{}, errs.New(errs.Unsupported, "object %q: a copy could not be verified", key)
	}
	if err := remote.CheckKey(key, maxKey); err != nil {
		return blob.Written{}, err
	}
	out, err := b.client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &b.cfg.Bucket, Key: &key,
		CopySource:        aws.String(from.cfg.Bucket + "/" + escapePath(obj.Key)),
		CopySourceIfMatch: aws.String(`"` + obj.ETag + `"`),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	if isCode(err, "NotImplemented") {
		return blob.Written{}, errs.Wrap(errs.Unsupported, err, "object %q: the store cannot copy", key)
	}
	if err != nil {
		return blob.Written{}, classify(ctx, err, object(obj.Key))
	}
	w := blob.Written{Size: obj.Size}
	sum := ""
	if out.CopyObjectResult != nil && out.CopyObjectResult.ChecksumType != types.ChecksumTypeComposite {
		sum = aws.ToString(out.CopyObjectResult.ChecksumSHA256)
	}
	if n, err := base64.StdEncoding.Decode(w.SHA256[:], []byte(sum)); err != nil || n != sha256.Size {
		b.noCopy.Store(true)
		return blob.Written{}, errs.New(errs.Unsupported, "object %q: the store does not tell the checksum of a copy", key)
	}
	return w, nil
}

func (b *Bucket) sameAccount(c *Bucket) bool {
	return b.cfg.AccessKeyID == c.cfg.AccessKeyID && b.cfg.SecretAccessKey == c.cfg.SecretAccessKey &&
		b.cfg.SessionToken == c.cfg.SessionToken && b.where.region == c.where.region
}
