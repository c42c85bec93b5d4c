// Package oss reads and writes buckets of Alibaba Cloud OSS, on Alibaba's own
// SDK v2 with V4 signatures.
//
// Keys are the provider's, byte for byte. Integrity is checked by the
// CRC-64/ECMA that OSS keeps of every object: over each part and the whole of
// what is written, and over objects that are read whole.
//
// The protocol is described in Alibaba's "Object Storage Service API
// Reference". Package ossblob makes the same a driver of gocloud.dev.
package oss

import (
	"context"
	"net/http"
	"time"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/retry"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

// maxKey is the longest key in bytes.
const maxKey = 1023

// Config says which bucket is meant. The credentials are used as given: none
// are looked for in the environment or in files.
type Config struct {
	Endpoint        string // HOST, http://HOST or https://HOST, with or without the bucket; "" follows from Region
	Region          string // such as "cn-hangzhou"; "" derives it from Alibaba's own endpoints
	Bucket          string
	AccessKeyID     string
	AccessKeySecret string
	SecurityToken   string // "" unless the credentials are temporary (STS)
	PathStyle       bool   // HOST/BUCKET/KEY, which OSS itself refuses; implied where the host is an address
	CNAME           bool   // the endpoint is a custom domain that stands for the bucket
}

// Options qualifies a bucket; nil means the defaults.
type Options struct {
	// Transport sends the requests. Nil means one of the package's own, which
	// keeps Connections idle connections and uses no proxy.
	Transport http.RoundTripper

	Connections int           // idle connections to keep; 0 means 128. Ignored with Transport.
	Timeout     time.Duration // without any byte, before a request is given up; 0 means one minute
	Attempts    int           // tries of a request; 0 means 5

	PartSize     int64 // bytes of a part, and of the largest object written at once; 0 means 8 MiB, at least 100 KiB
	Parallel     int   // parts of one object sent at once; 0 means 4
	UploadMemory int64 // bytes of all upload buffers together; 0 means 64 MiB
}

const minPartSize = 100 << 10

// Bucket is a bucket of OSS.
type Bucket struct {
	cfg      Config
	client   *sdk.Client
	objects  *http.Client // for answers that are objects
	timeout  time.Duration
	retryer  retry.Retryer
	uploader *remote.Uploader
	own      *http.Transport // nil if the host brought one
}

var _ blob.Bucket = (*Bucket)(nil)

// Open returns the bucket that cfg names, without asking the server whether
// it exists. It returns an Invalid error that lists everything wrong in cfg.
func Open(_ context.Context, cfg Config, opts *Options) (*Bucket, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	var p errs.Problems
	p.Check(sdk.IsValidBucketName(&cfg.Bucket), "bucket_name must be 3 to 63 lower-case letters, digits and hyphens")
	p.Check(cfg.AccessKeyID != "", "access_key_id is required")
	p.Check(cfg.AccessKeySecret != "", "access_key_secret is required")
	p.Check(o.PartSize == 0 || o.PartSize >= minPartSize, "a part needs at least %d bytes", minPartSize)
	endpoint, region, err := parseEndpoint(cfg.Endpoint, cfg.Region, cfg.Bucket)
	if err != nil {
		p.Addf("%s", errs.Message(err))
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	cfg.Endpoint, cfg.Region = endpoint, region
	b := &Bucket{cfg: cfg, timeout: o.Timeout, uploader: remote.NewUploader(o.PartSize, o.Parallel, o.UploadMemory)}
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
	if o.Attempts <= 0 {
		o.Attempts = 5
	}
	b.retryer = retry.NewStandard(func(r *retry.RetryOptions) { r.MaxAttempts, r.MaxBackoff = o.Attempts, 5*time.Second })
	rt = releasing{rt}
	b.objects = remote.NewClient(rt)
	b.client = b.newClient(remote.NewClient(remote.Documents(rt, b.timeout)))
	return b, nil
}

func (b *Bucket) newClient(client *http.Client, additional ...string) *sdk.Client {
	return sdk.NewClient(&sdk.Config{
		Region: &b.cfg.Region, Endpoint: &b.cfg.Endpoint, UsePathStyle: &b.cfg.PathStyle, UseCName: &b.cfg.CNAME,
		CredentialsProvider: credentials.NewStaticCredentialsProvider(b.cfg.AccessKeyID, b.cfg.AccessKeySecret, b.cfg.SecurityToken),
		SignatureVersion:    sdk.Ptr(sdk.SignatureVersionV4),
		HttpClient:          client, Retryer: b.retryer, RetryMaxAttempts: sdk.Ptr(b.retryer.MaxAttempts()),
		AdditionalHeaders: additional,
	}, func(o *sdk.Options) {
		// The SDK keeps the clock's offset in a field that its requests share
		// without a lock; and types are ours to tell.
		o.FeatureFlags &^= sdk.FeatureCorrectClockSkew | sdk.FeatureAutoDetectMimeType
	})
}

// Client returns the SDK's client of this bucket, for what this package does
// not offer. Its answers may be 8 MiB long, see [Bucket.Open] for objects.
func (b *Bucket) Client() *sdk.Client { return b.client }

// Name returns the bucket's name.
func (b *Bucket) Name() string { return b.cfg.Bucket }

// Close closes idle connections. It returns nil.
func (b *Bucket) Close() error {
	if b.own != nil {
		b.own.CloseIdleConnections()
	}
	return nil
}
