package query

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// The limits that hold unless Options say otherwise.
const (
	DefaultMaxSQL     = 1 << 20 // bytes of a statement
	DefaultMaxRunTime = 10 * time.Minute
	DefaultMaxRows    = 100_000_000
	DefaultMaxBytes   = 10 << 30 // of a result, as JSON
	DefaultMaxQueued  = 1000
	DefaultRetention  = 7 * 24 * time.Hour
	DefaultMaxIdle    = 10 * time.Minute
	DefaultLease      = 15 * time.Second
	// DefaultRecent is how many bytes of queries that ended are kept in memory,
	// so that asking for their state and result needs no database.
	DefaultRecent = 16 << 20

	maxWorkspace   = 128   // bytes of a workspace's id
	maxTitle       = 255   // characters of a saved statement's title
	maxDescription = 4096  // characters of its description
	maxSaved       = 10000 // saved statements in one list
)

// Options qualifies a Service; zero fields have defaults.
type Options struct {
	// MaxSQL bounds the text of a statement, in bytes; 0 means DefaultMaxSQL.
	MaxSQL int
	// MaxRunTime is how long a query may run once it left the queue; 0 means
	// DefaultMaxRunTime.
	MaxRunTime time.Duration
	// MaxRows and MaxBytes bound a result; one that passes a limit fails. 0
	// means DefaultMaxRows and DefaultMaxBytes.
	MaxRows, MaxBytes int64
	// Running is how many queries run at once on this node; 0 means twice
	// GOMAXPROCS, at least 4. RunningPerWorkspace is how many of them may be
	// of one workspace; 0 means all.
	Running, RunningPerWorkspace int
	// MaxQueued is how many queries may wait on this node; more are refused as
	// RateLimited. QueuedPerWorkspace is how many of them may be of one
	// workspace. 0 means DefaultMaxQueued for both.
	MaxQueued, QueuedPerWorkspace int
	// Retention is how long queries and their results are kept after their
	// end; 0 means DefaultRetention, negative for ever.
	Retention time.Duration
	// MaxIdle is after how much time without a query the engine sleeps; 0
	// means DefaultMaxIdle, negative never.
	MaxIdle time.Duration
	// Node names the node. One that has the same name after a restart ends the
	// queries that it left at once, instead of after the lease. Two nodes that
	// run at the same time must not share a name. May be empty.
	Node string
	// Lease is how long the queries of a node that died wait before others end
	// them; 0 means DefaultLease.
	Lease time.Duration
	// Recent is how many bytes of queries that ended are kept in memory; 0
	// means DefaultRecent, negative none.
	Recent int64
	// SaveWithin lets a query be answered before it is saved, where its caller
	// waited for the end (New.Wait) and its rows, at most 1,000, are kept with it
	// and not in Results. Saving it, with many others in one transaction, then
	// begins at most that much later. Meanwhile this node knows it, others do
	// not, and a crash leaves no trace of it. At most 4 MB are held back. 0 means
	// that no answer comes before its query is durable.
	SaveWithin time.Duration
	// Exporters write results in other formats; package export has some.
	Exporters []Exporter
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger gets a line when a query ends; nil discards.
	Logger *slog.Logger
}

func (o *Options) complete() {
	setDefault(&o.MaxSQL, DefaultMaxSQL)
	setDefault(&o.MaxRunTime, DefaultMaxRunTime)
	setDefault(&o.MaxRows, DefaultMaxRows)
	setDefault(&o.MaxBytes, DefaultMaxBytes)
	setDefault(&o.Running, max(4, 2*runtime.GOMAXPROCS(0)))
	setDefault(&o.RunningPerWorkspace, o.Running)
	setDefault(&o.MaxQueued, DefaultMaxQueued)
	setDefault(&o.QueuedPerWorkspace, o.MaxQueued)
	setDefault(&o.Retention, DefaultRetention)
	setDefault(&o.MaxIdle, DefaultMaxIdle)
	setDefault(&o.Lease, DefaultLease)
	setDefault(&o.Recent, DefaultRecent)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Service is what callers use. It is safe for concurrent use. Queries run on
// the node whose service took them; all nodes over one repository tell of them.
type Service struct {
	repo    Repository
	engine  Engine
	catalog Catalog
	results Results
	opts    Options
	owner   Owner
	tooLong *Failure // of a query that passes MaxRunTime
	limits  string   // those of a result, for the cache
	journal journal
	gate    *gate
	recent  recent
	power   power

	mu      sync.Mutex
	live    map[string]*run    // by query id
	forming map[string]*flight // by what is known before it is prepared; joined without a look
	flights map[string]*flight // by cache key; those that run
	closed  bool
	done    sync.WaitGroup // flights

	life context.Context // ends with Close
	end  context.CancelCauseFunc
}

// NewService returns a service that keeps queries in repo and their rows in
// results. catalog may be nil for an engine that has tables of its own. A
// [Runner] keeps its leases. [Service.Close] ends it.
func NewService(repo Repository, engine Engine, catalog Catalog, results Results, opts *Options) *Service {
	s := &Service{
		repo: repo, engine: engine, catalog: catalog, results: results,
		live: map[string]*run{}, forming: map[string]*flight{}, flights: map[string]*flight{},
	}
	if opts != nil {
		s.opts = *opts
	}
	s.opts.complete()
	s.tooLong = &Failure{Name: ExceededTimeLimit, Type: InsufficientResources,
		Message: fmt.Sprintf("Query exceeded the maximum run time limit of %v", s.opts.MaxRunTime)}
	s.limits = fmt.Sprint(s.opts.MaxRows, s.opts.MaxBytes)
	s.owner = Owner{Node: s.opts.Node, Process: rand.Text()}
	s.journal = journal{repo: repo, owner: s.owner, lease: s.opts.Lease, within: s.opts.SaveWithin}
	s.gate = newGate(s.opts.Running, s.opts.RunningPerWorkspace)
	s.recent = newRecent(s.opts.Recent)
	s.power.lastUsed = s.opts.Now()
	s.life, s.end = context.WithCancelCause(context.Background())
	return s
}

// Close ends the queries that run, as Failed, saves those that are not, and
// waits for the engine to let go of them until ctx ends. The engine is left to
// whoever made it.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end(&Failure{Name: ServerStopped, Type: InsufficientResources, Message: "the server was stopped"})
	done := make(chan struct{})
	go func() {
		s.journal.drain(ctx)
		s.done.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errs.Wrap(errs.Unavailable, ctx.Err(), "queries are still running")
	}
}

// newID returns a UUID of version 7.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// checkWorkspace notes what is wrong with the id of a workspace.
func checkWorkspace(p *errs.Problems, workspace string) {
	p.Check(workspace != "", "workspaceId is required")
	p.Check(len(workspace) <= maxWorkspace && printable(workspace), "workspaceId is invalid: it must be at most %d bytes of text", maxWorkspace)
}

// checkSQL notes what is wrong with the text of a statement.
func (s *Service) checkSQL(p *errs.Problems, text string) {
	p.Check(strings.TrimSpace(text) != "", "sql is required")
	p.Check(len(text) <= s.opts.MaxSQL, "sql is invalid: it is longer than %d bytes", s.opts.MaxSQL)
	p.Check(utf8.ValidString(text) && !strings.ContainsRune(text, 0), "sql is invalid: it must be UTF-8 without NUL bytes")
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// inWorkspace checks the scope and the workspace of a call.
func inWorkspace(sc scope.Scope, workspace string) error {
	if err := sc.Check(); err != nil {
		return err
	}
	var p errs.Problems
	checkWorkspace(&p, workspace)
	return p.Err()
}
