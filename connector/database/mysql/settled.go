package mysql

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/inlet-go/inlet/connector/database"
	"github.com/inlet-go/inlet/store/errs"
)

// open tells whether the server shows this session's own transaction, when the
// oldest one began that may write, and when the oldest statement that writes
// did: it may have begun, and with it its NOW(), long before its transaction,
// while it waited for a lock of the table.
const open = `SELECT COALESCE(SUM(trx_mysql_thread_id = CONNECTION_ID()), 0) > 0,
	MIN(IF(trx_mysql_thread_id = CONNECTION_ID() OR trx_is_read_only = 1 AND trx_rows_modified = 0, NULL, CONVERT_TZ(trx_started, 'SYSTEM', '+00:00'))),
	(SELECT UTC_TIMESTAMP() - INTERVAL MAX(time) + 1 SECOND FROM information_schema.processlist
		WHERE command IN ('Query', 'Execute') AND id <> CONNECTION_ID() AND info NOT LIKE 'SELECT %')
	FROM information_schema.innodb_trx`

// The server shows transactions from a copy, which it makes anew only when
// nobody has looked for a tenth of a second. One that has this session's own
// is new enough; where others look all the time, none may be.
const (
	copyWait  = 120 * time.Millisecond
	copyTries = 10
)

// Settled implements [database.Conn]. Open transactions are shown to users who
// have the right PROCESS. Times without a zone are taken for those of the
// server's zone.
func (c *conn) Settled(ctx context.Context, col database.Column, lag time.Duration) (string, error) {
	local := col.Type == database.Local || col.Type == database.Date
	if !local && col.Type != database.Timestamp {
		return "", nil
	}
	pool := sql.OpenDB(c.connector) // its session is a new one, as what is shown may be old
	defer pool.Close()
	session, err := pool.Conn(ctx)
	if err != nil {
		return "", reason(err)
	}
	defer session.Close()
	at, err := settled(ctx, session, lag)
	if err == nil && local {
		at, err = moved(ctx, session, at)
	}
	if err != nil {
		return "", reason(err)
	}
	if col.Type == database.Date {
		return at.AddDate(0, 0, -1).Format(time.DateOnly), nil
	}
	// Columns without fractions have whole seconds.
	return at.Truncate(time.Second).Add(-time.Microsecond).Format(time.DateTime + ".000000"), nil
}

// settled returns the time before which every open transaction began, in UTC. A
// second is for those that began but do not show it yet.
func settled(ctx context.Context, session *sql.Conn, lag time.Duration) (time.Time, error) {
	var clock string
	if err := session.QueryRowContext(ctx, "SELECT UTC_TIMESTAMP(6)").Scan(&clock); err != nil {
		return time.Time{}, err
	}
	now, err := time.Parse(time.DateTime, clock)
	if err != nil {
		return now, err
	}
	if _, err := session.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
		return now, err
	}
	for range copyTries {
		var fresh bool
		var began, waits sql.NullString
		err := session.QueryRowContext(ctx, open).Scan(&fresh, &began, &waits)
		var refused *mysql.MySQLError
		if errors.As(err, &refused) && refused.Number == 1227 { // no right
			break
		}
		if err != nil {
			return now, err
		}
		if fresh {
			return earliest(now.Add(-time.Second), began, waits)
		}
		select {
		case <-ctx.Done():
			return now, ctx.Err()
		case <-time.After(copyWait):
		}
	}
	return now.Add(-lag), nil
}

func earliest(at time.Time, others ...sql.NullString) (time.Time, error) {
	for _, text := range others {
		if !text.Valid {
			continue
		}
		other, err := time.Parse(time.DateTime, text.String)
		if err != nil {
			return at, err
		}
		if other.Before(at) {
			at = other
		}
	}
	return at, nil
}

// moved returns what clocks of the server's zone show at a time of UTC.
func moved(ctx context.Context, session *sql.Conn, at time.Time) (time.Time, error) {
	var text sql.NullString
	const zone = "SELECT CAST(CONVERT_TZ(CAST(? AS DATETIME(6)), '+00:00', @@global.time_zone) AS CHAR)"
	if err := session.QueryRowContext(ctx, zone, at.Format(time.DateTime+".000000")).Scan(&text); err != nil {
		return at, err
	}
	if !text.Valid {
		return at, errs.New(errs.Unavailable, "the database does not know its own time zone")
	}
	return time.Parse(time.DateTime, text.String)
}
