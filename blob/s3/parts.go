package s3

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

var _ blob.PartTaker = (*Bucket)(nil)

// BeginParts begins a multipart upload; see [blob.PartTaker].
func (b *Bucket) BeginParts(ctx context.Context, key string) (string, error) {
	if err := remote.CheckKey(key, maxKey); err != nil {
		return "", err
	}
	t := &target{b: b, key: key, opts: blob.WriteOptions{ContentType: defaultContentType}}
	err := t.Create(ctx)
	return t.id, err
}

// SignPart signs the PUT of a part for up to seven days; see [blob.PartTaker].
func (b *Bucket) SignPart(ctx context.Context, key, id string, number int, size int64, expires time.Duration) (string, error) {
	if expires < time.Second || expires > maxExpires {
		return "", errs.New(errs.Invalid, "object %q: a link lives between a second and seven days", key)
	}
	presigner := s3.NewPresignClient(b.client, s3.WithPresignExpires(expires))
	req, err := presigner.PresignUploadPart(ctx, &s3.UploadPartInput{
		Bucket: &b.cfg.Bucket, Key: &key, UploadId: &id, PartNumber: aws.Int32(int32(number)), ContentLength: aws.Int64(size),
	})
	if err != nil {
		return "", classify(ctx, err, object(key))
	}
	return req.URL, nil
}

// FinishParts completes a multipart upload; see [blob.PartTaker].
func (b *Bucket) FinishParts(ctx context.Context, key, id string, parts []blob.Part) error {
	t := &target{b: b, key: key, id: id, etags: map[int]string{}}
	for _, p := range parts {
		t.etags[p.Number] = `"` + strings.Trim(p.ETag, `"`) + `"`
	}
	return t.Complete(ctx, len(parts))
}

// AbortParts aborts a multipart upload; see [blob.PartTaker].
func (b *Bucket) AbortParts(ctx context.Context, key, id string) error {
	err := (&target{b: b, key: key, id: id}).Abort(ctx)
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	return err
}
