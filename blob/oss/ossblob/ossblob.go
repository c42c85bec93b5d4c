// Package ossblob is a driver of gocloud.dev for Alibaba Cloud OSS: the
// bucket of package oss as a *blob.Bucket.
//
// Keys are the provider's, with one exception: OSS has no keys that begin with
// a slash or a backslash, so these begin with "__0x2f__" and "__0x5c__"
// instead, and a key that begins so by itself with "__0x5f__" for its first
// underscore. Every key that a listing gives can be read.
//
// The escape hatches give: Bucket.As a **oss.Client of Alibaba's SDK;
// ErrorAs a **oss.ServiceError; BeforeRead *blob.OpenOptions, BeforeWrite
// *oss.PutOptions and BeforeSign *blob.SignOptions of Inlet; BeforeList,
// BeforeCopy and BeforeDelete the pointers to the SDK's requests.
package ossblob

import (
	"context"
	"errors"
	"net/http"
	"strings"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	gcblob "gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/oss"
	"github.com/inlet-go/inlet/store/errs"
)

// OpenBucket returns the bucket that cfg names; see [oss.Open].
func OpenBucket(ctx context.Context, cfg oss.Config, opts *oss.Options) (*gcblob.Bucket, error) {
	d, err := OpenDriver(ctx, cfg, opts)
	if err != nil {
		return nil, err
	}
	return gcblob.NewBucket(d), nil
}

// OpenDriver is [OpenBucket] without gocloud's portable layer, for those who
// wrap drivers.
func OpenDriver(ctx context.Context, cfg oss.Config, opts *oss.Options) (driver.Bucket, error) {
	b, err := oss.Open(ctx, cfg, opts)
	if err != nil {
		return nil, err
	}
	return &bucket{b: b, client: b.Client(), name: b.Name()}, nil
}

// bucket is a driver.Bucket.
type bucket struct {
	b      *oss.Bucket
	client *sdk.Client
	name   string
}

// Close closes idle connections.
func (b *bucket) Close() error { return b.b.Close() }

// As gives the SDK's client.
func (b *bucket) As(i any) bool { return assign(i, b.client) }

// ErrorAs gives the SDK's error.
func (b *bucket) ErrorAs(err error, i any) bool {
	p, ok := i.(**sdk.ServiceError)
	return ok && errors.As(err, p)
}

// assign sets *i to v if it has that type.
func assign[T any](i any, v T) bool {
	p, ok := i.(*T)
	if ok {
		*p = v
	}
	return ok
}

var codes = map[errs.Kind]gcerrors.ErrorCode{
	errs.NotFound: gcerrors.NotFound, errs.Forbidden: gcerrors.PermissionDenied, errs.Exists: gcerrors.FailedPrecondition,
	errs.Conflict: gcerrors.FailedPrecondition, errs.Invalid: gcerrors.InvalidArgument, errs.Unsupported: gcerrors.Unimplemented,
	errs.RateLimited: gcerrors.ResourceExhausted, errs.TooLarge: gcerrors.InvalidArgument, errs.Canceled: gcerrors.Canceled,
}

// ErrorCode translates the kinds of errors.
func (b *bucket) ErrorCode(err error) gcerrors.ErrorCode {
	if errors.Is(err, context.DeadlineExceeded) {
		return gcerrors.DeadlineExceeded
	}
	if c, ok := codes[errs.KindOf(err)]; ok {
		return c
	}
	return gcerrors.Unknown
}

// SignedURL signs a GET, PUT or DELETE. OSS always compares the Content-Type
// of a PUT, so that an absent one is enforced too.
func (b *bucket) SignedURL(ctx context.Context, key string, opts *driver.SignedURLOptions) (string, error) {
	sign := &blob.SignOptions{Method: opts.Method, Expires: opts.Expiry, ContentType: opts.ContentType}
	if opts.Method != http.MethodPut {
		sign.ContentType = ""
	}
	if opts.BeforeSign != nil {
		if err := opts.BeforeSign(func(i any) bool { return assign(i, sign) }); err != nil {
			return "", err
		}
	}
	return b.b.SignedURL(ctx, escapeKey(key), sign)
}

// The escapes of first characters; see the package's comment.
var escapes = [][2]string{{"/", "__0x2f__"}, {`\`, "__0x5c__"}, {"_", "__0x5f__"}}

func escapeKey(key string) string {
	switch {
	case strings.HasPrefix(key, "/"), strings.HasPrefix(key, `\`):
	case strings.HasPrefix(key, "__0x2f__"), strings.HasPrefix(key, "__0x5c__"), strings.HasPrefix(key, "__0x5f__"):
	default:
		return key
	}
	for _, e := range escapes {
		if rest, ok := strings.CutPrefix(key, e[0]); ok {
			return e[1] + rest
		}
	}
	return key
}

func unescapeKey(raw string) string {
	for _, e := range escapes {
		if rest, ok := strings.CutPrefix(raw, e[1]); ok {
			return e[0] + rest
		}
	}
	return raw
}
