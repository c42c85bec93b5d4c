package s3

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

const (
	defaultExpires = 10 * time.Minute
	maxExpires     = 7 * 24 * time.Hour
)

// SignedURL signs a GET or PUT for up to seven days. For a PUT, the client
// must send exactly the type and the length that were given; without a length
// it may send any. It returns Invalid for other methods and times.
func (b *Bucket) SignedURL(ctx context.Context, key string, opts *blob.SignOptions) (string, error) {
	var o blob.SignOptions
	if opts != nil {
		o = *opts
	}
	if err := remote.CheckKey(key, maxKey); err != nil {
		return "", err
	}
	if o.Expires == 0 {
		o.Expires = defaultExpires
	}
	if o.Expires < time.Second || o.Expires > maxExpires {
		return "", errs.New(errs.Invalid, "object %q: a link lives between a second and seven days", key)
	}
	presigner := s3.NewPresignClient(b.client, s3.WithPresignExpires(o.Expires))
	switch o.Method {
	case "", http.MethodGet:
		in := &s3.GetObjectInput{Bucket: &b.cfg.Bucket, Key: &key}
		if o.ContentDisposition != "" {
			in.ResponseContentDisposition = &o.ContentDisposition
		}
		req, err := presigner.PresignGetObject(ctx, in)
		if err != nil {
			return "", classify(ctx, err, object(key))
		}
		return req.URL, nil
	case http.MethodPut:
		in := &s3.PutObjectInput{Bucket: &b.cfg.Bucket, Key: &key}
		if o.ContentType != "" {
			in.ContentType = &o.ContentType
		}
		if o.ContentLength > 0 {
			in.ContentLength = aws.Int64(o.ContentLength)
		}
		req, err := presigner.PresignPutObject(ctx, in)
		if err != nil {
			return "", classify(ctx, err, object(key))
		}
		return req.URL, nil
	}
	return "", errs.New(errs.Unsupported, "object %q: cannot sign %s", key, o.Method)
}
