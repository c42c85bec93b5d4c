package filesync

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// The limits that hold unless Options say otherwise.
const (
	// DefaultMaxFile is the most bytes of a file.
	DefaultMaxFile = 5 << 40
	// DefaultSmall is up to how many bytes a file is packed with others.
	DefaultSmall = 64 << 10
	// DefaultPack is about how many bytes of small files one pack holds.
	DefaultPack = 4 << 20
	// DefaultQueue is how many bytes of small files wait to be written.
	DefaultQueue = 16 << 20
	// DefaultEndWait is how long End waits for uploads that are going on.
	DefaultEndWait = 30 * time.Second
	// DefaultLease is how long an upload of a dead node counts as going on.
	DefaultLease = 15 * time.Second
)

// announceAfter is how long an upload may take before it is shown as Syncing.
// Most small ones are over by then and cost one transaction instead of two.
const announceAfter = 25 * time.Millisecond

// Service is what callers use. It is safe for concurrent use, and for use on
// several nodes over one repository.
type Service struct {
	repo     Repository
	bucket   blob.Bucket
	opts     Options
	instance string // this process, told from one before it that had its name
	flights  flights
	group    committer
}

// Options qualifies a Service; zero fields have defaults.
type Options struct {
	// Owner names the node in what it has going on; "" means a random name. A
	// node that has the same name after a restart fails at once the uploads
	// that it had when it died, instead of after Lease. Two nodes that run at
	// the same time must not share a name.
	Owner string
	// MaxFile is the most bytes of a file; 0 means DefaultMaxFile.
	MaxFile int64
	// Small is up to how many bytes a file is packed with others, which makes
	// many of them durable at once; 0 means DefaultSmall, negative packs none.
	Small int
	// Pack is about how many bytes of small files one pack holds, which is also
	// what is kept as long as one of them is; 0 means DefaultPack.
	Pack int
	// Queue bounds the bytes of small files that wait to be written; uploads
	// wait while it is full. 0 means DefaultQueue.
	Queue int
	// EndWait is how long End waits for uploads that are going on; 0 means
	// DefaultEndWait, negative not at all.
	EndWait time.Duration
	// RefuseEmpty lets no full sync without files end. By default it ends, and
	// leaves its path empty, as documented.
	RefuseEmpty bool
	// Lease is how long an upload of a node that died counts as going on; 0
	// means DefaultLease.
	Lease time.Duration
	// Logger gets one line per change; nil discards.
	Logger *slog.Logger
}

// NewService returns a service that keeps its state in repo and files' bytes
// in bucket. A [Runner], here or on another node, cleans up behind it.
func NewService(repo Repository, bucket blob.Bucket, opts *Options) *Service {
	s := &Service{repo: repo, bucket: bucket, instance: rand.Text()}
	if opts != nil {
		s.opts = *opts
	}
	setDefault(&s.opts.Owner, s.instance)
	setDefault(&s.opts.MaxFile, DefaultMaxFile)
	setDefault(&s.opts.Small, DefaultSmall)
	setDefault(&s.opts.Pack, DefaultPack)
	setDefault(&s.opts.Queue, DefaultQueue)
	setDefault(&s.opts.EndWait, DefaultEndWait)
	setDefault(&s.opts.Lease, DefaultLease)
	if s.opts.Logger == nil {
		s.opts.Logger = slog.New(slog.DiscardHandler)
	}
	s.flights.init(s.renew, s.opts.Lease/3)
	s.group.init(s)
	return s
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// New is what Start needs; all of it is required.
type New struct {
	Name string
	Path string // absolute; see CheckPath
	Type SyncType
}

// Start starts a sync. Several may be open for one path: each full one has a
// set of its own, and the last to end wins. Errors: Invalid with every wrong
// field.
func (s *Service) Start(ctx context.Context, sc scope.Scope, n New) (*Sync, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	var p errs.Problems
	checkSyncName(&p, n.Name)
	clean, err := CheckPath(n.Path)
	if err != nil {
		p.Addf("%s", errs.Message(err))
	}
	p.Check(n.Type == Full || n.Type == Incremental, "sync_type is invalid: %.40q is neither FullSync nor IncrementalSync", string(n.Type))
	if err := p.Err(); err != nil {
		return nil, err
	}
	sync := &Sync{Tenant: sc.Tenant, Name: n.Name, Path: clean, Type: n.Type, Status: Syncing, Creator: sc.User}
	if err := s.repo.CreateSync(ctx, sync); err != nil {
		return nil, err
	}
	s.opts.Logger.InfoContext(ctx, "sync started", "tenant", sc.Tenant, "sync", sync.ID, "type", sync.Type, "path", sync.Path)
	return sync, nil
}

// Get returns a sync.
func (s *Service) Get(ctx context.Context, sc scope.Scope, id int64) (*Sync, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return s.repo.Sync(ctx, sc.Tenant, id)
}

// Syncs returns the syncs that q selects, in the order of their ids.
func (s *Service) Syncs(ctx context.Context, sc scope.Scope, q SyncQuery) ([]*Sync, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return s.repo.Syncs(ctx, sc.Tenant, q)
}

// History returns the uploads that q selects, in the order of their ids. One
// that is shown as Syncing is going on, or its node died a moment ago.
func (s *Service) History(ctx context.Context, sc scope.Scope, q HistoryQuery) ([]*History, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return s.repo.SyncHistory(ctx, sc.Tenant, q)
}
