package sqlstore

import (
	"context"
	"log/slog"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/catalog"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// Options qualifies a Store. Only Sealer is required.
type Options struct {
	// Sealer encrypts the secrets of connectors at rest: seal.New of package
	// seal, or seal.Plaintext to ask for none by name.
	Sealer Sealer

	// AllowLostKey opens a database whose secrets were sealed under a key that
	// the Sealer does not have. Connectors with such secrets are then
	// [connector.Unreadable] until they get new ones; without it Open fails.
	AllowLostKey bool

	// Relaxed lets SQLite lose the last commits in a power cut, never its
	// integrity, for several times as many commits a second. PostgreSQL has a
	// setting of its own, synchronous_commit.
	Relaxed bool

	// MaxConns bounds the connections to PostgreSQL; 0 means 16, the least is
	// 2. SQLite always has one for writing and four for reading.
	MaxConns int

	// Logger gets a line when a transaction had to be repeated; nil discards.
	Logger *slog.Logger
}

// Store is a database. It is safe for concurrent use.
type Store struct {
	db     *sqlx.DB // for writing, and for all on PostgreSQL
	reader *sqlx.DB
	d      dialect
	sealer Sealer
	logger *slog.Logger
}

var (
	_ connector.Repository           = (*Store)(nil)
	_ connector.DefinitionRepository = (*Store)(nil)
	_ dataset.Repository             = (*Store)(nil)
	_ task.Repository                = (*Store)(nil)
	_ filesync.Repository            = (*Store)(nil)
	_ query.Repository               = (*Store)(nil)
	_ catalog.Store                  = (*Store)(nil)
	_ work.Leases                    = (*Store)(nil)
	_ blob.Garbage                   = (*Store)(nil)
)

// Open connects to the database that dsn names, brings its schema up to date
// and checks that the Sealer has the key of the secrets in it. Any number of
// processes may do so at once. Errors: Invalid (the dsn, a missing or wrong
// Sealer), Unsupported (a newer version wrote the database), Unavailable.
func Open(ctx context.Context, dsn string, opts *Options) (*Store, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Sealer == nil {
		return nil, errs.New(errs.Invalid, "sqlstore needs Options.Sealer; seal.Plaintext() keeps secrets unencrypted")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := connect(ctx, dsn, o)
	if err != nil {
		return nil, err
	}
	s.sealer, s.logger = o.Sealer, o.Logger
	if err := s.checkKey(ctx, o.AllowLostKey); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// connect opens the pools and migrates, under a lock that other processes
// respect.
func connect(ctx context.Context, dsn string, o Options) (*Store, error) {
	scheme, rest, _ := strings.Cut(dsn, ":")
	switch {
	case dsn == "mem:":
		return connectMemory(ctx, o)
	case scheme == "sqlite" && rest != "":
		return connectSQLite(ctx, rest, o)
	case scheme == "postgres" || scheme == "postgresql":
		return connectPostgres(ctx, dsn, o)
	}
	// The rest of the text may hold a password.
	return nil, errs.New(errs.Invalid, "the database must be mem:, sqlite:PATH or postgres://…, not %q", scheme+":")
}

// Close releases the connections. Calls in flight may fail.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.reader != s.db {
		if e := s.reader.Close(); err == nil {
			err = e
		}
	}
	return err
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.classify(ctx, "the database", s.reader.PingContext(ctx))
}
