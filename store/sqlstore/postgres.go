package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"github.com/inlet-go/inlet/store/errs"
)

// defaultSchema holds the tables unless the DSN has a search_path, so that
// they share a database with those of the host without meeting.
const defaultSchema = "inlet"

// migrateLock is the advisory lock that serializes migrations.
const migrateLock = 7_305_437_811

func connectPostgres(ctx context.Context, dsn string, o Options) (*Store, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The cause quotes the DSN, which may hold a password.
		return nil, errs.New(errs.Invalid, "the PostgreSQL URL is invalid")
	}
	schema, _, _ := strings.Cut(config.RuntimeParams["search_path"], ",")
	if schema = strings.Trim(schema, ` "`); schema == "" {
		schema = defaultSchema
		config.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	}
	db := sqlx.NewDb(stdlib.OpenDB(*config), "pgx")
	conns := o.MaxConns
	if conns == 0 {
		conns = 16
	}
	db.SetMaxOpenConns(max(conns, 2))
	db.SetMaxIdleConns(max(conns, 2))
	d := postgresDialect{}
	if err := migratePostgres(ctx, db, schema); err != nil {
		db.Close()
		return nil, d.classify("the database", err)
	}
	return &Store{db: db, reader: db, d: d}, nil
}

func migratePostgres(ctx context.Context, db *sqlx.DB, schema string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The server wakes the next waiter at once; nothing polls.
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(migrateLock)); err != nil {
		return err
	}
	defer func() { // closing the connection gives the lock back as well
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrateLock))
	}()
	var exists bool
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", schema).Scan(&exists); err != nil {
		return err
	}
	if !exists { // creating it, even IF NOT EXISTS, needs a right that the host may not grant
		if _, err := conn.ExecContext(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize()); err != nil {
			return err
		}
	}
	return migrate(ctx, db.DB, goose.DialectPostgres, "postgres")
}

// postgresDialect speaks to PostgreSQL through pgx.
type postgresDialect struct{}

var postgresWords = strings.NewReplacer(
	"{in}", "= ANY(?)",
	// One probe of the index for each URI, whatever the planner believes: to its
	// statistics a new volume is empty, and it would read all of it each time.
	"{visible}", `FROM unnest(?::text[]) AS u (uri) CROSS JOIN LATERAL (SELECT * FROM files
		WHERE volume_id = ? AND connector_id = ? AND uri = u.uri AND published = 1 LIMIT 1) f`,
	// For the same reason; nobody else changes the generation meanwhile.
	"{replaced}", `ctid = ANY(ARRAY(SELECT f.ctid FROM unnest(?::text[]) AS u (name) CROSS JOIN LATERAL
		(SELECT ctid FROM lake_files WHERE generation = ? AND dir = ? AND name = u.name LIMIT 1) f))`,
	"{now}", "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
	"{greatest}", "greatest",
	"{lock}", "FOR UPDATE", "{lockExisting}", "FOR KEY SHARE", "{skipLocked}", "FOR UPDATE SKIP LOCKED",
)

func (postgresDialect) sql(text string) string {
	if strings.Contains(text, "{") {
		text = postgresWords.Replace(text)
	}
	return sqlx.Rebind(sqlx.DOLLAR, text)
}

func (postgresDialect) array(values any) any { return values }

func (postgresDialect) idsInTransaction() bool { return false }

func (postgresDialect) transient(err error) bool {
	var e *pgconn.PgError
	// 40001 serialization failure, 40P01 deadlock.
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

func (postgresDialect) classify(what string, err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		var connecting *pgconn.ConnectError
		if errors.As(err, &connecting) || isClosed(err) {
			return errs.Wrap(errs.Unavailable, err, "%s: the database is not available", what)
		}
		return classifyCommon(what, err)
	}
	switch {
	case e.Code == "23505":
		return errs.Wrap(errs.Exists, err, "%s exists already", what)
	case e.Code == "22021", e.Code == "22P05":
		return errs.Wrap(errs.Invalid, err, "%s: a text holds a NUL byte or is not UTF-8", what)
	case e.Code == "54000":
		return errs.Wrap(errs.TooLarge, err, "%s is too large", what)
	case e.Code == "57014":
		return errs.Wrap(errs.Canceled, err, "%s: canceled", what)
	case e.Code == "40001", e.Code == "40P01",
		strings.HasPrefix(e.Code, "08"), strings.HasPrefix(e.Code, "53"), strings.HasPrefix(e.Code, "57P"),
		strings.HasPrefix(e.Code, "58"), e.Code == "25006":
		return errs.Wrap(errs.Unavailable, err, "%s: the database is not available", what)
	}
	return errs.Wrap(errs.Internal, err, "%s", what)
}

// isClosed reports whether the server or the network ended the connection.
func isClosed(err error) bool {
	return errors.Is(err, sql.ErrConnDone) || err != nil && pgconn.SafeToRetry(err)
}
