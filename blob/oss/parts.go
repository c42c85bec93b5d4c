package oss

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

var _ blob.PartTaker = (*Bucket)(nil)

// BeginParts begins a multipart upload; see [blob.PartTaker].
func (b *Bucket) BeginParts(ctx context.Context, key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	t := &target{b: b, key: key}
	t.opts.ContentType = defaultContentType
	err := t.Create(ctx)
	return t.id, err
}

// SignPart signs the PUT of a part for up to seven days; see [blob.PartTaker].
// OSS wants the type of the body in the signature.
func (b *Bucket) SignPart(ctx context.Context, key, id string, number int, size int64, expires time.Duration) (string, error) {
	if expires < time.Second || expires > maxExpires {
		return "", errs.New(errs.Invalid, "object %q: a link lives between a second and seven days", key)
	}
	req := &sdk.UploadPartRequest{Bucket: &b.cfg.Bucket, Key: &key, UploadId: &id, PartNumber: int32(number)}
	req.Headers = map[string]string{"Content-Type": defaultContentType, "Content-Length": strconv.FormatInt(size, 10)}
	out, err := b.newClient(b.objects, "content-length").Presign(ctx, req, sdk.PresignExpires(expires))
	if err != nil {
		return "", classify(ctx, err, object(key))
	}
	return out.URL, nil
}

// FinishParts completes a multipart upload; see [blob.PartTaker]. The parts'
// checksums are not known here: who reads the object has its SHA-256.
func (b *Bucket) FinishParts(ctx context.Context, key, id string, parts []blob.Part) error {
	list := make([]sdk.UploadPart, len(parts))
	for _, p := range parts {
		if p.Number < 1 || p.Number > len(list) {
			return errs.New(errs.Invalid, "object %q: part %d is none of %d", key, p.Number, len(list))
		}
		list[p.Number-1] = sdk.UploadPart{PartNumber: int32(p.Number), ETag: sdk.Ptr(`"` + strings.ToUpper(strings.Trim(p.ETag, `"`)) + `"`)}
	}
	out, err := b.client.CompleteMultipartUpload(ctx, &sdk.CompleteMultipartUploadRequest{
		Bucket: &b.cfg.Bucket, Key: &key, UploadId: &id, CompleteMultipartUpload: &sdk.CompleteMultipartUpload{Parts: list},
	})
	if err != nil {
		return classify(ctx, err, object(key))
	}
	if sdk.ToString(out.ETag) == "" {
		return errs.New(errs.Unavailable, "object %q: the answer is not that of a store", key)
	}
	return nil
}

// AbortParts aborts a multipart upload; see [blob.PartTaker].
func (b *Bucket) AbortParts(ctx context.Context, key, id string) error {
	err := (&target{b: b, key: key, id: id}).Abort(ctx)
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	return err
}
