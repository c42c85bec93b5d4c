package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/inlet-go/inlet/store/errs"
)

// busyTimeout is how long SQLite waits for another process's transaction.
const busyTimeout = 10 * time.Second

// sqlitePool opens a database. For whole, see sqliteConn.
func sqlitePool(path string, conns int, whole bool, pragmas ...string) *sqlx.DB {
	// The timeout comes first: the pragmas after it may have to wait.
	q := "_pragma=busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")"
	for _, p := range pragmas {
		q += "&_pragma=" + p
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() + "?" + q
	db := sql.OpenDB(sqliteConnector{dsn, whole})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return sqlx.NewDb(db, "sqlite")
}

func connectMemory(ctx context.Context, _ Options) (*Store, error) {
	db := sqlitePool(":memory:", 1, true)
	d := sqliteDialect{}
	if err := migrate(ctx, db.DB, goose.DialectSQLite3, "sqlite"); err != nil {
		db.Close()
		return nil, d.classify("the database in memory", err)
	}
	return &Store{db: db, reader: db, d: d}, nil
}

func connectSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "the path of the database is invalid")
	}
	d := sqliteDialect{}
	what := "the database " + filepath.Base(path)
	unlock, err := lockSidecar(ctx, abs)
	if err != nil {
		return nil, d.classify(what, err)
	}
	defer unlock()
	durability := "synchronous(FULL)"
	if o.Relaxed {
		durability = "synchronous(NORMAL)"
	}
	// The writer waits for each checkpoint, which syncs two files: it comes after
	// 16 MB of the journal.
	db := sqlitePool(abs, 1, true, "journal_mode(WAL)", durability, "cache_size(-64000)", "journal_size_limit(200000000)", "wal_autocheckpoint(4000)")
	if err := migrate(ctx, db.DB, goose.DialectSQLite3, "sqlite"); err != nil {
		db.Close()
		return nil, d.classify(what, err)
	}
	return &Store{db: db, reader: sqlitePool(abs, 4, false, "query_only(1)", "cache_size(-16000)"), d: d}, nil
}

// lockSidecar keeps other processes from opening the database until unlock:
// neither the switch to WAL nor a migration waits for locks by itself.
func lockSidecar(ctx context.Context, path string) (unlock func(), err error) {
	db := sqlitePool(path+".lock", 1, false)
	conn, err := db.Conn(ctx)
	if err == nil {
		for {
			_, err = conn.ExecContext(ctx, "BEGIN EXCLUSIVE")
			if err == nil || ctx.Err() != nil || !(sqliteDialect{}).transient(err) {
				break
			}
		}
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // so does the Close
		conn.Close()
		db.Close()
	}, nil
}

// sqliteDialect speaks to SQLite. Its clock is the process's, which is also
// the database's: all its processes are on one machine.
type sqliteDialect struct{}

var sqliteWords = strings.NewReplacer(
	"{in}", "IN (SELECT value FROM json_each(?))",
	// CROSS JOIN keeps the order: one probe of the index for each URI.
	"{visible}", `FROM json_each(?) u CROSS JOIN files f
		WHERE f.volume_id = ? AND f.connector_id = ? AND f.uri = u.value AND f.published = 1`,
	"{replaced}", "name IN (SELECT value FROM json_each(?)) AND generation = ? AND dir = ?",
	"{now}", "inlet_now()", "{greatest}", "max", "{lock}", "", "{lockExisting}", "", "{skipLocked}", "",
)

func (sqliteDialect) sql(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return sqliteWords.Replace(text)
}

func (sqliteDialect) array(values any) any {
	b, err := json.Marshal(values)
	if err != nil {
		panic(err) // numbers and texts
	}
	return string(b)
}

func (sqliteDialect) idsInTransaction() bool { return true }

func (sqliteDialect) transient(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

func (sqliteDialect) classify(what string, err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return classifyCommon(what, err)
	}
	// Extended codes, where the low byte alone would confuse a taken name with
	// a missing value.
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return errs.Wrap(errs.Exists, err, "%s exists already", what)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_INTERRUPT:
		return errs.Wrap(errs.Canceled, err, "%s: canceled", what)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
		return errs.Wrap(errs.Unavailable, err, "%s: the database is not available", what)
	case sqlite3.SQLITE_TOOBIG:
		return errs.Wrap(errs.TooLarge, err, "%s is too large", what)
	}
	return errs.Wrap(errs.Internal, err, "%s", what)
}
