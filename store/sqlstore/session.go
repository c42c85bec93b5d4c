package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/inlet-go/inlet/store/errs"
)

// session runs statements, in a transaction or on a pool.
type session struct {
	q sqlx.ExtContext
	d dialect
}

// exec runs a statement and returns how many rows it changed.
func (s session) exec(ctx context.Context, text string, args ...any) (int64, error) {
	res, err := s.q.ExecContext(ctx, s.d.sql(text), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// each runs a statement n times, with the arguments of each row.
func (s session) each(ctx context.Context, text string, n int, args func(i int) []any) error {
	text = s.d.sql(text)
	for i := range n {
		if _, err := s.q.ExecContext(ctx, text, args(i)...); err != nil {
			return err
		}
	}
	return nil
}

// get reads one row into dest; sql.ErrNoRows when there is none.
func (s session) get(ctx context.Context, dest any, text string, args ...any) error {
	return sqlx.GetContext(ctx, s.q, dest, s.d.sql(text), args...)
}

// all reads every row into the slice that dest points to.
func (s session) all(ctx context.Context, dest any, text string, args ...any) error {
	return sqlx.SelectContext(ctx, s.q, dest, s.d.sql(text), args...)
}

// has tells whether a query of one truth value, SELECT EXISTS(…), is true.
func (s session) has(ctx context.Context, text string, args ...any) (bool, error) {
	var ok bool
	err := s.get(ctx, &ok, text, args...)
	return ok, err
}

// now returns the database's clock in milliseconds.
func (s session) now(ctx context.Context) (int64, error) {
	var now int64
	err := s.get(ctx, &now, "SELECT {now}")
	return now, err
}

// read runs f, which only reads, on one consistent state of the database. what
// names the thing in errors.
func (s *Store) read(ctx context.Context, what string, f func(q session) error) error {
	return s.try(ctx, s.reader, &sql.TxOptions{ReadOnly: true, Isolation: s.readIsolation()}, what, f)
}

func (s *Store) readIsolation() sql.IsolationLevel {
	if s.d.idsInTransaction() {
		return sql.LevelDefault // SQLite: every transaction is a snapshot
	}
	return sql.LevelRepeatableRead
}

// look runs f, which reads with a single statement, without a transaction.
func (s *Store) look(ctx context.Context, what string, f func(q session) error) error {
	return s.classify(ctx, what, f(session{s.reader, s.d}))
}

// write runs f in a transaction, again when it lost against another one. what
// names the thing in errors.
func (s *Store) write(ctx context.Context, what string, f func(q session) error) error {
	return s.try(ctx, s.db, nil, what, f)
}

// writeIDs is write with n ids that follow each other, starting with first.
func (s *Store) writeIDs(ctx context.Context, what string, n int, f func(q session, first int64) error) error {
	if s.d.idsInTransaction() {
		return s.write(ctx, what, func(q session) error {
			first, err := nextIDs(ctx, q, n)
			if err != nil {
				return err
			}
			return f(q, first)
		})
	}
	// A transaction of its own, as short as can be: all nodes share this row.
	first, err := nextIDs(ctx, session{s.db, s.d}, n)
	if err != nil {
		return s.classify(ctx, what, err)
	}
	return s.write(ctx, what, func(q session) error { return f(q, first) })
}

// epoch is where ids count their milliseconds from, 2025-01-01 UTC.
const epoch = 1735689600000

// nextIDs issues n ids that follow each other and returns the first: 41 bits
// of milliseconds and 12 of sequence, or, when the clock went back or ids went
// ahead of it, the next number. The database issues them, so that no two nodes
// and no step of a clock can repeat one.
func nextIDs(ctx context.Context, q session, n int) (int64, error) {
	var last int64
	err := q.get(ctx, &last, `UPDATE sequences SET last = {greatest}(last + 1, ({now} - ?) * 4096) + ?
		WHERE name = 'id' RETURNING last`, int64(epoch), int64(n-1))
	return last - int64(n) + 1, err
}

// maxTries bounds how often a transaction is repeated.
const maxTries = 10

func (s *Store) try(ctx context.Context, db *sqlx.DB, opts *sql.TxOptions, what string, f func(session) error) error {
	for try := 1; ; try++ {
		err := s.once(ctx, db, opts, f)
		if err == nil || try == maxTries || ctx.Err() != nil || !s.d.transient(err) {
			return s.classify(ctx, what, err)
		}
		s.logger.DebugContext(ctx, "transaction repeated", "what", what, "try", try, "error", err)
		pause := time.NewTimer(rand.N(time.Duration(try*try) * 4 * time.Millisecond))
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// classify gives an error of the database its kind. What went wrong after the
// caller had gone away is no fault of the database.
func (s *Store) classify(ctx context.Context, what string, err error) error {
	var known *errs.Error
	if err != nil && !errors.As(err, &known) && ended(ctx) {
		return errs.Wrap(errs.Canceled, err, "%s: canceled", what)
	}
	return s.d.classify(what, err)
}

// ended reports whether ctx is over. Its deadline may reach a connection a
// moment before it reaches ctx.
func ended(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

func (s *Store) once(ctx context.Context, db *sqlx.DB, opts *sql.TxOptions, f func(session) error) (err error) {
	tx, err := db.BeginTxx(ctx, opts)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit; also runs when f panics
	if err := f(session{tx, s.d}); err != nil {
		return err
	}
	return tx.Commit()
}

// milli and fromMilli convert times as they are stored; zero is 0.
func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
