// Package sqldb runs queries on a database that the host brings as a *sql.DB:
// PostgreSQL, MySQL and MariaDB by the dialects given here, others by a
// [Dialect] of the host. It links no driver.
//
// Every caller sees the same tables, those of the database; Options.Session
// can make a difference between tenants, by a role or a setting that the
// database's row security reads. A statement runs in a transaction of its own
// that is READ ONLY, and a dialect refuses what such a transaction would still
// let through: files, other connections, settings, locks, sleeping, other
// sessions. That is the second wall. The first is the account that the host
// opens the database with, which should be able to read the tables that are
// meant for queries, and nothing else:
//
//	CREATE ROLE inlet LOGIN PASSWORD '…' NOSUPERUSER NOCREATEDB NOCREATEROLE;
//	GRANT USAGE ON SCHEMA sales TO inlet;
//	GRANT SELECT ON ALL TABLES IN SCHEMA sales TO inlet;
//	ALTER ROLE inlet SET default_transaction_read_only = on;
//
// and of MySQL and MariaDB:
//
//	CREATE USER inlet@'%' IDENTIFIED BY '…';
//	GRANT SELECT ON sales.* TO inlet@'%';
//
// without FILE, PROCESS, EXECUTE or SUPER. Functions and extensions of the
// database's own that read files or connect elsewhere are only held off by
// what the account may execute.
//
// Rows are streamed; a driver that reads a value as a whole allocates it
// before its size can be judged. MySQL bounds values by max_allowed_packet, for
// PostgreSQL the host can set pgproto3's Frontend.SetMaxBodyLen when pgx
// connects.
package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// Options are settings of an [Engine]; nil is the defaults.
type Options struct {
	// Version tells the state that the database is in, such as the number of
	// the last load: answers are kept until it is another one. It is called in
	// each Prepare. Without it answers are volatile, see Cacheable.
	Version func(ctx context.Context) (string, error)

	// Cacheable accepts that an answer may be as old as a caller allows,
	// whatever was written meanwhile. Statements that call functions such as
	// random stay volatile.
	Cacheable bool

	// Session is called first in each transaction, to set the caller's role
	// or what row security reads. Settings must be local to the transaction.
	Session func(ctx context.Context, sc scope.Scope, tx *sql.Tx) error

	StatementBytes int // of a statement; 0 means 1 MiB
	ValueBytes     int // of one value of a result; 0 means 16 MiB
}

// Engine runs statements on a database. It is safe for concurrent use.
type Engine struct {
	name    string
	db      *sql.DB
	dialect Dialect
	opts    Options

	runs atomic.Int64
	life *query.Life
}

var _ query.Engine = (*Engine)(nil)

// New returns an engine on db. name tells the database from others of the
// host: engines of the same name share cached answers. The engine changes
// settings of the sessions of db, which should not be used for anything else;
// the limit of its connections is the limit of statements at a time. The
// caller closes db after the engine.
func New(name string, db *sql.DB, dialect Dialect, opts *Options) *Engine {
	e := &Engine{name: dialect.Name() + "/1/" + name, db: db, dialect: dialect}
	if opts != nil {
		e.opts = *opts
	}
	if e.opts.StatementBytes <= 0 {
		e.opts.StatementBytes = 1 << 20
	}
	if e.opts.ValueBytes <= 0 {
		e.opts.ValueBytes = 16 << 20
	}
	e.life = query.NewLife()
	return e
}

// Name implements [query.Engine]: the dialect's name, the version of the
// translation, and the database's name.
func (e *Engine) Name() string { return e.name }

// Close ends what is running and waits for it. It leaves the database open.
func (e *Engine) Close() error {
	<-e.life.End()
	return nil
}

// Prepare implements [query.Engine]: the statement is checked by the dialect's
// rules and then prepared by the server, which is how a statement that is
// wrong is told from one that failed.
func (e *Engine) Prepare(ctx context.Context, st query.Statement) (query.Prepared, error) {
	if len(st.SQL) > e.opts.StatementBytes {
		return nil, &query.Failure{Name: query.ExceededLimit, Message: "the statement is too long"}
	}
	volatile, refused := e.dialect.Check(st.SQL)
	if refused != nil {
		return nil, refused
	}
	ctx, leave, err := e.life.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	p := &prepared{engine: e, scope: st.Scope, sql: st.SQL}
	p.deps.Volatile = volatile || !e.opts.Cacheable && e.opts.Version == nil
	if e.opts.Version != nil {
		version, err := e.opts.Version(ctx)
		if err != nil {
			return nil, err
		}
		p.deps.Versions = map[string]string{"": version}
	}
	s, err := e.begin(ctx, st.Scope)
	if err != nil {
		return nil, e.reason(ctx, err, st.SQL)
	}
	defer s.end()
	stmt, err := s.tx.PrepareContext(ctx, st.SQL)
	if err != nil {
		return nil, e.reason(ctx, err, st.SQL)
	}
	defer stmt.Close() //nolint:errcheck // the session ends
	return p, nil
}

// serverGrace is how much later than the deadline the server gives up, so that
// it is the caller who ends a statement whenever he still can.
const serverGrace = time.Second

// session is a connection in a read-only transaction.
type session struct {
	conn *sql.Conn
	tx   *sql.Tx
	id   string // the server's
}

func (e *Engine) begin(ctx context.Context, sc scope.Scope) (s *session, err error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	tx, err := beginTx(ctx, conn)
	if err != nil {
		return nil, err
	}
	s = &session{conn: conn, tx: tx}
	var timeout time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(time.Until(deadline), 0) + serverGrace
	}
	if s.id, err = e.dialect.Begin(ctx, tx, timeout); err == nil && e.opts.Session != nil {
		err = e.opts.Session(ctx, sc, tx)
	}
	if err != nil {
		tx.Rollback()
		return nil, err
	}
	return s, nil
}

// beginTx begins a transaction that does not end with ctx: one that does is
// rolled back by a goroutine of its own, which gives the connection up, if it
// is broken, while the session is being discarded; [sql.Conn] cannot stand that.
func beginTx(ctx context.Context, conn *sql.Conn) (*sql.Tx, error) {
	beginning, end := context.WithCancel(context.WithoutCancel(ctx))
	begun := context.AfterFunc(ctx, end)
	tx, err := conn.BeginTx(beginning, &sql.TxOptions{ReadOnly: true})
	if !begun() && err == nil {
		tx.Rollback()
		return nil, ctx.Err()
	}
	if err != nil {
		end()
	}
	return tx, err
}

func (s *session) end() {
	s.tx.Rollback()
	s.conn.Close()
}

// discard ends a session that is to be killed: its connection must not be in
// the pool, where another statement would be hit.
func (s *session) discard() {
	s.tx.Rollback()
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // which closes it
	s.conn.Close()
}

// reason is what an error of the driver means to the caller. The driver's own
// text, which may name the server, is kept from users.
func (e *Engine) reason(ctx context.Context, err error, text string) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return errs.Wrap(errs.Canceled, ended, "the statement was stopped")
	}
	if f := e.dialect.Failure(err, text); f != nil {
		return f
	}
	return errs.Wrap(errs.Unavailable, err, "the database cannot be reached")
}
