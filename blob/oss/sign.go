package oss

import (
	"context"
	"net/http"
	"strconv"
	"time"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

const (
	defaultExpires = 10 * time.Minute
	maxExpires     = 7 * 24 * time.Hour
)

// SignedURL signs a GET, PUT or DELETE for up to seven days. For a PUT, the
// client must send exactly the Content-Type that was given, or none if none
// was, and the length if one was. It returns Invalid for other times, and
// Unsupported for other methods.
func (b *Bucket) SignedURL(ctx context.Context, key string, opts *blob.SignOptions) (string, error) {
	var o blob.SignOptions
	if opts != nil {
		o = *opts
	}
	if err := checkKey(key); err != nil {
		return "", err
	}
	if o.Expires == 0 {
		o.Expires = defaultExpires
	}
	if o.Expires < time.Second || o.Expires > maxExpires {
		return "", errs.New(errs.Invalid, "object %q: a link lives between a second and seven days", key)
	}
	var req any
	client := b.client
	switch o.Method {
	case "", http.MethodGet:
		req = &sdk.GetObjectRequest{Bucket: &b.cfg.Bucket, Key: &key, ResponseContentDisposition: optional(o.ContentDisposition)}
	case http.MethodPut:
		put := &sdk.PutObjectRequest{Bucket: &b.cfg.Bucket, Key: &key, ContentType: optional(o.ContentType)}
		if o.ContentLength > 0 {
			put.Headers = map[string]string{"Content-Length": strconv.FormatInt(o.ContentLength, 10)}
			client = b.newClient(b.objects, "content-length")
		}
		req = put
	case http.MethodDelete:
		return b.signDelete(ctx, key, o.Expires)
	default:
		return "", errs.New(errs.Unsupported, "object %q: cannot sign %s", key, o.Method)
	}
	// The SDK cuts the expiry to whole seconds of the wall clock.
	out, err := client.Presign(ctx, req, sdk.PresignExpires(o.Expires))
	if err != nil {
		return "", classify(ctx, err, object(key))
	}
	return out.URL, nil
}

// signDelete signs what the SDK's Presign does not know, with the SDK's signer:
// the URL of a signed GET is the same but for the signature.
func (b *Bucket) signDelete(ctx context.Context, key string, expires time.Duration) (string, error) {
	plain, err := b.client.Presign(ctx, &sdk.GetObjectRequest{Bucket: &b.cfg.Bucket, Key: &key}, sdk.PresignExpires(expires))
	if err != nil {
		return "", classify(ctx, err, object(key))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, plain.URL, nil)
	if err != nil {
		return "", classify(ctx, err, object(key))
	}
	req.URL.RawQuery = ""
	err = (&signer.SignerV4{}).Sign(ctx, &signer.SigningContext{
		Product: sdk.Ptr("oss"), Region: &b.cfg.Region, Bucket: &b.cfg.Bucket, Key: &key, Request: req,
		Credentials: &credentials.Credentials{
			AccessKeyID: b.cfg.AccessKeyID, AccessKeySecret: b.cfg.AccessKeySecret, SecurityToken: b.cfg.SecurityToken,
		},
		AuthMethodQuery: true, Time: time.Now().Add(expires),
	})
	if err != nil {
		return "", classify(ctx, err, object(key))
	}
	return req.URL.String(), nil
}
