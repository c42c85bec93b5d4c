package query

import (
	"context"
	"time"
)

// Each method of the interfaces below is one transaction. Ids that are unknown
// or belong to another tenant or workspace are NotFound errors.

// Owner is a process that runs queries. It owns them for as long as it renews
// its lease on them.
type Owner struct {
	Node    string // the same after a restart; "" for none
	Process string // another one after a restart
}

// Queries keeps queries.
type Queries interface {
	// SaveQueries adds queries, or replaces what is kept of them, as owner's
	// until its lease ends. Those that are Done, or became another owner's or
	// nobody's, are left as they are.
	SaveQueries(ctx context.Context, owner Owner, lease time.Duration, queries []*Query) error

	// Query returns a query with its inline rows. An empty workspace is any.
	Query(ctx context.Context, tenant, workspace, id string) (*Query, error)

	// Queries returns a workspace's queries, the latest first, without their
	// inline rows, and how many there are without offset and limit.
	Queries(ctx context.Context, tenant, workspace string, offset, limit int) ([]*Query, int, error)

	// CachedQuery returns the latest Finished query with that cache key that
	// ended at or after since, and did not get its answer from the cache.
	CachedQuery(ctx context.Context, tenant, key string, since time.Time) (*Query, error)

	// LastRun returns the latest query that was a run of a saved SQL.
	LastRun(ctx context.Context, tenant, savedSQL string) (*Query, error)

	// CancelQuery asks the owner of a query to cancel it. One that is Done is
	// left as it is.
	CancelQuery(ctx context.Context, tenant, workspace, id string) error

	// RenewQueries renews the lease on all of the owner's queries, and returns
	// the ids of those that it was asked to cancel.
	RenewQueries(ctx context.Context, owner Owner, lease time.Duration) (canceled []string, err error)

	// AbandonQueries ends up to limit queries whose lease ran out, or that are
	// of earlier processes of the owner's node, as Failed with f. It returns
	// how many.
	AbandonQueries(ctx context.Context, owner Owner, f *Failure, limit int) (int, error)

	// ExpireQueries removes up to limit queries that ended before the given
	// time, and returns how many. Result keys that no query shares any more
	// become garbage.
	ExpireQueries(ctx context.Context, before time.Time, limit int) (int, error)
}

// SavedSQLs keeps saved SQL.
type SavedSQLs interface {
	CreateSQL(ctx context.Context, s *SavedSQL) error

	SQL(ctx context.Context, tenant, workspace, id string) (*SavedSQL, error)

	// SQLs returns up to limit saved statements of a workspace, the oldest
	// first.
	SQLs(ctx context.Context, tenant, workspace string, limit int) ([]*SavedSQL, error)

	// UpdateSQL changes the title, the description, the text and the time of
	// the last change; f may run again.
	UpdateSQL(ctx context.Context, tenant, workspace, id string, f func(*SavedSQL) error) error

	DeleteSQL(ctx context.Context, tenant, workspace, id string) error
}

// Repository is both, for wiring.
type Repository interface {
	Queries
	SavedSQLs
}
