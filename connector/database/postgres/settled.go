package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inlet-go/inlet/connector/database"
)

// settled is what is behind every open transaction of the database, other than
// this program's own, which only read. A second is for those that began but do
// not show it yet, and for columns of whole seconds. A user without the rights
// of pg_read_all_stats sees when its own role's transactions began; when others
// are connected, and on a standby, which does not show those of its primary,
// only $1, the lag, is between the clock and what is settled. When a prepared
// transaction began is not shown either.
const settled = `WITH session AS (
		SELECT a.*, pg_has_role('pg_read_all_stats', 'USAGE') OR pg_has_role(a.usesysid, 'USAGE') AND a.state IS DISTINCT FROM 'disabled' AS shown
		FROM pg_stat_activity a
		WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'walsender')
	), lag AS (SELECT make_interval(secs => $1) AS time)
	SELECT date_trunc('%[1]s', least(
		clock_timestamp() - interval '1 second',
		(SELECT min(xact_start) FROM session WHERE application_name <> 'inlet' OR usename <> current_user OR backend_xid IS NOT NULL),
		(SELECT min(prepared) - (SELECT time FROM lag) FROM pg_prepared_xacts WHERE database = current_database()),
		CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_xact_replay_timestamp(), clock_timestamp()) - (SELECT time FROM lag)
			WHEN EXISTS (SELECT FROM session WHERE NOT shown) THEN clock_timestamp() - (SELECT time FROM lag) END
	))::%[2]s - interval '1 microsecond'`

// Settled implements [database.Conn]. Times without a zone are taken for those
// of the zone that the server has for this user and database.
func (c *conn) Settled(ctx context.Context, col database.Column, lag time.Duration) (string, error) {
	var query string
	switch col.Type {
	case database.Timestamp:
		query = fmt.Sprintf("SELECT (%s)::text", fmt.Sprintf(settled, "second", "timestamptz"))
	case database.Local:
		query = fmt.Sprintf("SELECT (%s)::text", fmt.Sprintf(settled, "second", "timestamp"))
	case database.Date:
		query = fmt.Sprintf("SELECT (%s)::date::text", fmt.Sprintf(settled, "day", "timestamp"))
	default:
		return "", nil
	}
	config := c.pool.Config().ConnConfig
	delete(config.RuntimeParams, "timezone") // the server's own, which those of the pool do not have
	session, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", reason(err)
	}
	defer session.Close(context.WithoutCancel(ctx))
	var text string
	err = session.QueryRow(ctx, query, lag.Seconds()).Scan(&text)
	return text, reason(err)
}
