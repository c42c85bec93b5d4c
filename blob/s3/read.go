package s3

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

// Stat describes the object at key by one HEAD request.
func (b *Bucket) Stat(ctx context.Context, key string) (blob.Object, error) {
	if err := remote.CheckKey(key, maxKey); err != nil {
		return blob.Object{}, err
	}
	resp, cancel, err := b.send(ctx, http.MethodHead, key, nil)
	if err != nil {
		return blob.Object{}, classify(ctx, err, object(key))
	}
	resp.Body.Close()
	cancel(nil)
	mod, _ := http.ParseTime(resp.Header.Get("Last-Modified"))
	return blob.Object{
		Key: key, Size: max(resp.ContentLength, 0), ModTime: mod,
		ETag: strings.Trim(resp.Header.Get("ETag"), `"`), ContentType: resp.Header.Get("Content-Type"),
	}, nil
}

// Open reads an object or a range of it by one GET request. A range that
// starts behind the end holds nothing.
func (b *Bucket) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	if opts == nil {
		opts = &blob.OpenOptions{}
	}
	if err := remote.CheckKey(key, maxKey); err != nil {
		return nil, err
	}
	header := http.Header{}
	ranged := remote.Range(opts)
	if ranged != "" {
		header.Set("Range", ranged)
	}
	if opts.IfMatch != "" {
		header.Set("If-Match", `"`+opts.IfMatch+`"`)
	}
	resp, cancel, err := b.send(ctx, http.MethodGet, key, header)
	if isCode(err, "InvalidRange") {
		return http.NoBody, nil
	}
	if err != nil {
		return nil, classify(ctx, err, object(key))
	}
	size, err := remote.CheckAnswer(resp.Header, resp.StatusCode, resp.ContentLength, key, opts)
	if err != nil {
		resp.Body.Close()
		cancel(nil)
		return nil, err
	}
	return remote.NewBody(resp.Request.Context(), cancel, resp.Body, b.timeout, remote.Body{
		Key: key, Size: size, Classify: func(err error) error { return classify(ctx, err, object(key)) },
	}), nil
}

// emptyHash is the SHA-256 of no bytes: the payload of GET and HEAD.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// send signs and sends a request without a body, and repeats it where the SDK
// would. The caller closes the body, or calls cancel.
func (b *Bucket) send(ctx context.Context, method, key string, header http.Header) (*http.Response, context.CancelCauseFunc, error) {
	u := b.where.object(b.cfg.Bucket, key)
	for attempt := 1; ; attempt++ {
		tryCtx, cancel := context.WithCancelCause(ctx)
		resp, err := b.sendOnce(tryCtx, method, u, header)
		if err == nil {
			return resp, cancel, nil
		}
		cancel(nil)
		retry := b.retryer.IsErrorRetryable(err) || b.adjustClock(err)
		if !retry || attempt >= b.retryer.MaxAttempts() || ctx.Err() != nil {
			return nil, nil, err
		}
		delay, derr := b.retryer.RetryDelay(attempt, err)
		if derr != nil {
			return nil, nil, err
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, nil, err
		}
	}
}

func (b *Bucket) sendOnce(ctx context.Context, method string, u *url.URL, header http.Header) (*http.Response, error) {
	req := (&http.Request{
		Method: method, URL: u, Host: u.Host, Header: header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("X-Amz-Content-Sha256", emptyHash)
	creds := aws.Credentials{
		AccessKeyID: b.cfg.AccessKeyID, SecretAccessKey: b.cfg.SecretAccessKey, SessionToken: b.cfg.SessionToken,
	}
	now := time.Now().Add(time.Duration(b.skew.Load()))
	err := b.signer.SignHTTP(ctx, creds, req, emptyHash, "s3", b.where.region, now, func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = true // S3's paths are escaped once
	})
	if err != nil {
		return nil, err
	}
	// Not signed: gateways rewrite it.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, &smithyhttp.RequestSendError{Err: err}
	}
	if resp.StatusCode/100 != 2 {
		return nil, responseError(resp)
	}
	return resp, nil
}

// adjustClock learns the server's clock from a refusal, and reports whether
// that makes another try sensible.
func (b *Bucket) adjustClock(err error) bool {
	var resp *smithyhttp.ResponseError
	if !isCode(err, "RequestTimeTooSkewed") || !errors.As(err, &resp) {
		return false
	}
	date, perr := http.ParseTime(resp.Response.Header.Get("Date"))
	if perr != nil {
		return false
	}
	skew := time.Until(date)
	old := time.Duration(b.skew.Swap(int64(skew)))
	return (skew - old).Abs() > time.Minute
}

// List streams the objects under prefix in pages of ListObjectsV2.
func (b *Bucket) List(ctx context.Context, prefix string, opts *blob.ListOptions) iter.Seq2[blob.Object, error] {
	return remote.List(ctx, prefix, opts, func(ctx context.Context, q remote.Query) (remote.Page, error) {
		in := &s3.ListObjectsV2Input{
			Bucket: &b.cfg.Bucket, MaxKeys: aws.Int32(int32(q.Size)),
			// XML cannot carry every key; see decode.
			EncodingType: types.EncodingTypeUrl,
		}
		set := func(p **string, v string) {
			if v != "" {
				*p = &v
			}
		}
		set(&in.Prefix, q.Prefix)
		set(&in.Delimiter, q.Delimiter)
		set(&in.StartAfter, q.After)
		set(&in.ContinuationToken, q.Token)
		out, err := b.client.ListObjectsV2(ctx, in)
		if err != nil {
			return remote.Page{}, classify(ctx, err, b.listing(prefix))
		}
		if out.Name == nil && out.IsTruncated == nil {
			// The SDK takes any document, and none at all, for an empty listing.
			return remote.Page{}, errs.New(errs.Unavailable, "%s: the answer is not that of a store", b.listing(prefix))
		}
		return page(out)
	})
}

// page converts one answer.
func page(out *s3.ListObjectsV2Output) (remote.Page, error) {
	p := remote.Page{
		Objects: make([]blob.Object, 0, len(out.Contents)+len(out.CommonPrefixes)),
		More:    aws.ToBool(out.IsTruncated), Token: aws.ToString(out.NextContinuationToken),
	}
	for _, o := range out.Contents {
		key, err := decode(out, o.Key)
		if err != nil {
			return p, err
		}
		p.Objects = append(p.Objects, blob.Object{
			Key: key, Size: aws.ToInt64(o.Size), ModTime: aws.ToTime(o.LastModified),
			ETag: strings.Trim(aws.ToString(o.ETag), `"`),
		})
	}
	for _, o := range out.CommonPrefixes {
		key, err := decode(out, o.Prefix)
		if err != nil {
			return p, err
		}
		p.Objects = append(p.Objects, blob.Object{Key: key, Dir: true})
	}
	return p, nil
}

// decode undoes the encoding that was asked for, if the server did it.
func decode(out *s3.ListObjectsV2Output, key *string) (string, error) {
	k := aws.ToString(key)
	if out.EncodingType != types.EncodingTypeUrl {
		return k, nil
	}
	decoded, err := url.QueryUnescape(k)
	if err != nil {
		return "", errs.Wrap(errs.Unavailable, err, "the store lists a key in a wrong encoding: %q", k)
	}
	return decoded, nil
}
