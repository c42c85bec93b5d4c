// Package s3 reads and writes buckets of Amazon S3 and of servers that speak
// its protocol, on the AWS SDK for Go v2.
//
// Keys are the provider's, byte for byte. Objects are read by signed requests
// over net/http, without the SDK's middleware, which costs a third of the time
// of small reads; everything else goes through the SDK. No checksum headers
// are sent or wanted where the protocol does not need them, because many
// servers refuse them.
//
// The protocol is described in Amazon's "Amazon S3 API Reference".
package s3

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

// maxKey is the longest key in bytes.
const maxKey = 1024

// Config says which bucket is meant. The credentials are used as given: none
// are looked for in the environment or in files.
type Config struct {
	Endpoint        string // HOST, http://HOST or https://HOST, with or without the bucket; "" means Amazon's own
	Region          string // "" means us-east-1
	Bucket          string
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // "" unless the credentials are temporary
	PathStyle       bool   // HOST/BUCKET/KEY rather than BUCKET.HOST/KEY; implied where the host is an address
}

// Options qualifies a bucket; nil means the defaults.
type Options struct {
	// Transport sends the requests. Nil means one of the package's own, which
	// keeps Connections idle connections and uses no proxy.
	Transport http.RoundTripper

	Connections int           // idle connections to keep; 0 means 128. Ignored with Transport.
	Timeout     time.Duration // without any byte, before a request is given up; 0 means one minute
	Attempts    int           // tries of a request; 0 means 5

	PartSize     int64 // bytes of a part, and of the largest object written at once; 0 means 8 MiB, at least 5 MiB
	Parallel     int   // parts of one object sent at once; 0 means 4
	UploadMemory int64 // bytes of all upload buffers together; 0 means 64 MiB
}

const minPartSize = 5 << 20

// Bucket is a bucket of an S3 server.
type Bucket struct {
	cfg      Config
	where    endpoint
	client   *s3.Client
	http     *http.Client
	signer   *v4.Signer
	retryer  aws.Retryer
	timeout  time.Duration
	uploader *remote.Uploader
	own      *http.Transport // nil if the host brought one

	skew   atomic.Int64 // server's clock minus ours, in nanoseconds
	noCopy atomic.Bool  // the server tells no SHA-256 of copies
	noMany atomic.Bool  // the server refuses batch deletes
}

var (
	_ blob.Bucket = (*Bucket)(nil)
	_ blob.Copier = (*Bucket)(nil)
)

// Open returns the bucket that cfg names, without asking the server whether
// it exists. It returns an Invalid error that lists everything wrong in cfg.
func Open(_ context.Context, cfg Config, opts *Options) (*Bucket, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	var p errs.Problems
	p.Check(cfg.Bucket != "", "bucket is required")
	p.Check(cfg.AccessKeyID != "", "access_key_id is required")
	p.Check(cfg.SecretAccessKey != "", "access_key_secret is required")
	p.Check(o.PartSize == 0 || o.PartSize >= minPartSize, "a part needs at least %d bytes", minPartSize)
	where, err := parseEndpoint(cfg.Endpoint, cfg.Region, cfg.Bucket, cfg.PathStyle)
	if err != nil {
		p.Addf("%s", errs.Message(err))
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	b := &Bucket{cfg: cfg, where: where, timeout: o.Timeout}
	if b.timeout <= 0 {
		b.timeout = remote.DefaultTimeout
	}
	rt := o.Transport
	if rt == nil {
		if o.Connections <= 0 {
			o.Connections = remote.DefaultConnections
		}
		b.own = remote.NewTransport(nil, o.Connections, b.timeout)
		rt = b.own
	}
	b.uploader = remote.NewUploader(o.PartSize, o.Parallel, o.UploadMemory)
	b.connect(rt, o.Attempts)
	return b, nil
}

// connect makes the clients over rt.
func (b *Bucket) connect(rt http.RoundTripper, attempts int) {
	if attempts <= 0 {
		attempts = 5
	}
	b.retryer = patient{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Backoff = retry.BackoffDelayerFunc(backoff)
		o.RateLimiter = ratelimit.None // the transfer engine limits requests; a quota would fail them
	})}
	b.http = remote.NewClient(rt)
	b.signer = v4.NewSigner()
	base := b.where.base.String()
	b.client = s3.New(s3.Options{
		Region:                     b.where.region,
		BaseEndpoint:               &base,
		UsePathStyle:               b.where.path,
		Credentials:                credentials.NewStaticCredentialsProvider(b.cfg.AccessKeyID, b.cfg.SecretAccessKey, b.cfg.SessionToken),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		HTTPClient:                 remote.NewClient(remote.Documents(rt, b.timeout)),
		Retryer:                    b.retryer,
		// Expect: 100-continue costs a second per part on servers that ignore it.
		ContinueHeaderThresholdBytes:              -1,
		DisableLogOutputChecksumValidationSkipped: true,
		DisableS3ExpressSessionAuth:               aws.Bool(true),
		DisableMultiRegionAccessPoints:            true,
	})
}

// backoff waits up to 0.2 s before the second try, and up to twice as long
// before each further one, but not more than 5 s. The SDK begins with a second,
// which many small objects feel.
func backoff(attempt int, _ error) (time.Duration, error) {
	limit := 5 * time.Second
	if attempt < 6 {
		limit = min(limit, 100*time.Millisecond<<max(attempt, 1))
	}
	return time.Duration(rand.Int64N(int64(limit))), nil
}

// Close closes idle connections. It returns nil.
func (b *Bucket) Close() error {
	if b.own != nil {
		b.own.CloseIdleConnections()
	}
	return nil
}
