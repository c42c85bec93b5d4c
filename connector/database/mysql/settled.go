package mysql

import (
	"context"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/inlet-go/inlet/connector/database"
	"github.com/inlet-go/inlet/store/errs"
)

// settled is what is behind every open transaction, in UTC. A second is for
// those that began but do not show it yet. A statement that writes may have
// begun, and with it its NOW(), long before its transaction: it waited for a
// lock of the table.
const settled = `LEAST(UTC_TIMESTAMP(6) - INTERVAL 1 SECOND,
	COALESCE((SELECT MIN(CONVERT_TZ(trx_started, 'SYSTEM', '+00:00')) FROM information_schema.innodb_trx
		WHERE trx_is_read_only = 0 OR trx_rows_modified > 0), UTC_TIMESTAMP(6)),
	COALESCE((SELECT UTC_TIMESTAMP(6) - INTERVAL MAX(time) + 1 SECOND FROM information_schema.processlist
		WHERE command IN ('Query', 'Execute') AND id <> CONNECTION_ID() AND info NOT LIKE 'SELECT %'), UTC_TIMESTAMP(6)))`

// unseen is what is settled for a user who may not see open transactions.
const unseen = "UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND"

// Settled implements [database.Conn]. Open transactions are shown to users who
// have the right PROCESS. Times without a zone are taken for those of the
// server's zone.
func (c *conn) Settled(ctx context.Context, col database.Column, lag time.Duration) (string, error) {
	local := col.Type == database.Local || col.Type == database.Date
	if !local && col.Type != database.Timestamp {
		return "", nil
	}
	read := func(expr string, args ...any) (at time.Time, err error) {
		if local {
			expr = "CONVERT_TZ(" + expr + ", '+00:00', @@global.time_zone)"
		}
		var text string
		if err := c.pool.QueryRowContext(ctx, "SELECT CAST("+expr+" AS CHAR)", args...).Scan(&text); err != nil {
			return at, reason(err)
		}
		at, err = time.Parse(time.DateTime, text)
		return at, errs.Wrap(errs.Internal, err, "the database's clock cannot be read")
	}
	at, err := read(settled)
	var refused *mysql.MySQLError
	if errors.As(err, &refused) && errs.KindOf(err) == errs.Forbidden {
		at, err = read(unseen, lag.Microseconds())
	}
	if err != nil {
		return "", err
	}
	if col.Type == database.Date {
		return at.AddDate(0, 0, -1).Format(time.DateOnly), nil
	}
	// Columns without fractions have whole seconds.
	return at.Truncate(time.Second).Add(-time.Microsecond).Format(time.DateTime + ".000000"), nil
}
