package dataset

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/work"
)

// The limits that hold unless Options say otherwise.
const (
	DefaultMaxSize   = 10 << 30       // bytes of a file
	DefaultPartSize  = 16 << 20       // bytes of a part of an upload
	DefaultUploadTTL = 24 * time.Hour // how long an upload can be used
)

// Service is what callers use. It is safe for concurrent use, and for use on
// several nodes over one repository.
type Service struct {
	repo   Repository
	bucket blob.Bucket
	opts   Options
}

// Options qualifies a Service; zero fields have defaults.
type Options struct {
	// Dispatcher is told of new work, so that it need not wait for its next
	// look at the store. May be nil on nodes that do no work.
	Dispatcher work.Dispatcher
	// Extensions that names of files may have, with the dot and in lower case;
	// nil means [Extensions].
	Extensions []string
	// MaxSize bounds a file, uploaded or fetched, in bytes; 0 means
	// DefaultMaxSize.
	MaxSize int64
	// PartSize is the size of the parts of an upload, in bytes; larger files
	// have larger parts, so that there are at most 10,000. 0 means
	// DefaultPartSize; at least 5 MiB where clients upload to S3 or OSS.
	PartSize int64
	// UploadTTL is how long an upload may take, and then how long data sources
	// can be made from it; 0 means DefaultUploadTTL.
	UploadTTL time.Duration
	// Now is the clock of times shown and of expiry; nil means time.Now.
	Now func() time.Time
	// Logger gets one line per change; nil discards.
	Logger *slog.Logger
}

// NewService returns a service that keeps its state in repo and bytes in
// bucket. Work is done by a [Runner], here or on another node.
func NewService(repo Repository, bucket blob.Bucket, opts *Options) *Service {
	s := &Service{repo: repo, bucket: bucket}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Extensions == nil {
		s.opts.Extensions = Extensions()
	}
	if s.opts.MaxSize == 0 {
		s.opts.MaxSize = DefaultMaxSize
	}
	if s.opts.PartSize == 0 {
		s.opts.PartSize = DefaultPartSize
	}
	if s.opts.UploadTTL == 0 {
		s.opts.UploadTTL = DefaultUploadTTL
	}
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.New(slog.DiscardHandler)
	}
	return s
}

// caller checks that the scope names a tenant and a user.
func caller(sc scope.Scope) error {
	if err := sc.Check(); err != nil {
		return err
	}
	var p errs.Problems
	checkUser(&p, sc.User)
	return p.Err()
}

// wake makes this node's dispatcher look for new work at once.
func (s *Service) wake() {
	if s.opts.Dispatcher != nil {
		s.opts.Dispatcher.Wake(KindSync)
		s.opts.Dispatcher.Wake(KindPurge)
	}
}

// OpenSource reads the bytes of a data source, or a part of them. The caller
// closes the reader.
func (s *Service) OpenSource(ctx context.Context, d *DataSource, opts *blob.OpenOptions) (io.ReadCloser, error) {
	return s.bucket.Open(ctx, d.Key, opts)
}

// SignedURL returns the bucket's own expiring link to a data source's bytes,
// or an Unsupported error where the bucket cannot sign.
func (s *Service) SignedURL(ctx context.Context, d *DataSource, opts *blob.SignOptions) (string, error) {
	return s.bucket.SignedURL(ctx, d.Key, opts)
}
