package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
)

// queryStatuses are the states as they are stored.
var queryStatuses = []query.Status{query.Queued, query.Planning, query.Running, query.Finished, query.Failed}

func queryStatus(s query.Status) int64 {
	for i, status := range queryStatuses {
		if s == status {
			return int64(i)
		}
	}
	return int64(len(queryStatuses)) - 1
}

type queryRow struct {
	ID          string `db:"id"`
	Tenant      string `db:"tenant"`
	Owner       string `db:"owner"`
	Workspace   string `db:"workspace"`
	Text        string `db:"text"`
	SavedSQL    string `db:"saved_sql"`
	Status      int    `db:"status"`
	StatementID string `db:"statement_id"`
	StartedAt   int64  `db:"started_at"`
	RunAt       int64  `db:"run_at"`
	EndedAt     int64  `db:"ended_at"`
	Progress    string `db:"progress"`
	Failure     string `db:"failure"`
	Columns     string `db:"columns"`
	RowCount    int64  `db:"row_count"`
	ResultSize  int64  `db:"result_size"`
	ResultKey   string `db:"result_key"`
	Inline      []byte `db:"inline"`
	FromCache   bool   `db:"from_cache"`
	CacheKey    string `db:"cache_key"`
}

// queryColumns are all but the inline rows.
const queryColumns = `id, tenant, owner, workspace, text, saved_sql, status, statement_id, started_at, run_at, ended_at,
	progress, failure, columns, row_count, result_size, result_key, from_cache, cache_key`

func queryName(id string) string { return fmt.Sprintf("query %.80q", id) }

func (r *queryRow) query() (*query.Query, error) {
	if r.Status < 0 || r.Status >= len(queryStatuses) {
		return nil, fmt.Errorf("query %s has the status %d", r.ID, r.Status)
	}
	q := &query.Query{
		ID: r.ID, Tenant: r.Tenant, User: r.Owner, Workspace: r.Workspace, SQL: r.Text, SavedSQL: r.SavedSQL,
		Status: queryStatuses[r.Status], StatementID: r.StatementID,
		StartedAt: fromMilli(r.StartedAt), RunAt: fromMilli(r.RunAt), EndedAt: fromMilli(r.EndedAt),
		Result:    query.Result{Rows: r.RowCount, Size: r.ResultSize, Key: r.ResultKey, Inline: r.Inline},
		FromCache: r.FromCache, CacheKey: r.CacheKey,
	}
	for _, part := range []struct {
		text string
		into any
	}{{r.Progress, &q.Progress}, {r.Failure, &q.Failure}, {r.Columns, &q.Columns}} {
		if part.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
			return nil, fmt.Errorf("query %s: %w", r.ID, err)
		}
	}
	return q, nil
}

// saveQuery leaves alone what another process has, or what is done.
const saveQuery = `INSERT INTO queries (id, tenant, owner, workspace, text, saved_sql, status, statement_id, started_at, run_at, ended_at,
		progress, failure, columns, row_count, result_size, result_key, inline, from_cache, cache_key, node, process, lease_until, cancel)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {now} + ?, 0)
	ON CONFLICT (id) DO UPDATE SET status = excluded.status, statement_id = excluded.statement_id, run_at = excluded.run_at,
		ended_at = excluded.ended_at, progress = excluded.progress, failure = excluded.failure, columns = excluded.columns,
		row_count = excluded.row_count, result_size = excluded.result_size, result_key = excluded.result_key,
		inline = excluded.inline, from_cache = excluded.from_cache, cache_key = excluded.cache_key, lease_until = excluded.lease_until
	WHERE queries.process = excluded.process AND queries.status < 3`

// SaveQueries see [query.Queries].
func (s *Store) SaveQueries(ctx context.Context, owner query.Owner, lease time.Duration, queries []*query.Query) error {
	rows := make([][]any, len(queries))
	for i, v := range queries {
		row, err := queryArgs(v)
		if err != nil {
			return err
		}
		rows[i] = append(row, owner.Node, owner.Process, lease.Milliseconds())
	}
	return s.write(ctx, "queries", func(q session) error {
		return q.each(ctx, saveQuery, len(rows), func(i int) []any { return rows[i] })
	})
}

func queryArgs(v *query.Query) ([]any, error) {
	if err := checkTexts("id", v.ID, "tenant", v.Tenant, "user", v.User, "workspaceId", v.Workspace, "sql", v.SQL); err != nil {
		return nil, err
	}
	progress, err := json.Marshal(v.Progress)
	if err != nil {
		return nil, err
	}
	failure, columns := "", ""
	if v.Failure != nil {
		f := *v.Failure
		f.Message = clean(f.Message)
		text, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		failure = string(text)
	}
	if v.Columns != nil {
		named := make([]query.Column, len(v.Columns))
		for i, c := range v.Columns {
			named[i] = query.Column{Name: clean(c.Name), Type: clean(c.Type)}
		}
		text, err := json.Marshal(named)
		if err != nil {
			return nil, err
		}
		columns = string(text)
	}
	return []any{
		v.ID, v.Tenant, v.User, v.Workspace, v.SQL, v.SavedSQL, queryStatus(v.Status), clean(v.StatementID),
		milli(v.StartedAt), milli(v.RunAt), milli(v.EndedAt), string(progress), failure, columns,
		v.Result.Rows, v.Result.Size, v.Result.Key, v.Result.Inline, bit(v.FromCache), v.CacheKey,
	}, nil
}

// Query see [query.Queries].
func (s *Store) Query(ctx context.Context, tenant, workspace, id string) (*query.Query, error) {
	if !storable(id) || !storable(workspace) {
		return nil, errs.New(errs.NotFound, "%s does not exist", queryName(id))
	}
	return s.oneQuery(ctx, queryName(id), "id = ? AND tenant = ? AND (? = '' OR workspace = ?)", id, tenant, workspace, workspace)
}

func (s *Store) oneQuery(ctx context.Context, what, where string, args ...any) (*query.Query, error) {
	var row queryRow
	err := s.look(ctx, what, func(q session) error {
		return q.get(ctx, &row, "SELECT "+queryColumns+", inline FROM queries WHERE "+where, args...)
	})
	if err != nil {
		return nil, err
	}
	return row.query()
}

// Queries see [query.Queries].
func (s *Store) Queries(ctx context.Context, tenant, workspace string, offset, limit int) ([]*query.Query, int, error) {
	var rows []queryRow
	var total int
	err := s.read(ctx, "queries", func(q session) error {
		rows = nil
		if err := q.get(ctx, &total, "SELECT count(*) FROM queries WHERE tenant = ? AND workspace = ?", tenant, workspace); err != nil {
			return err
		}
		return q.all(ctx, &rows, "SELECT "+queryColumns+" FROM queries WHERE tenant = ? AND workspace = ? ORDER BY id DESC LIMIT ? OFFSET ?",
			tenant, workspace, limit, offset)
	})
	if err != nil {
		return nil, 0, err
	}
	list := make([]*query.Query, len(rows))
	for i := range rows {
		if list[i], err = rows[i].query(); err != nil {
			return nil, 0, err
		}
	}
	return list, total, nil
}

// CachedQuery see [query.Queries].
func (s *Store) CachedQuery(ctx context.Context, tenant, key string, since time.Time) (*query.Query, error) {
	return s.oneQuery(ctx, "cached answer", `cache_key = ? AND cache_key <> '' AND status = 3 AND from_cache = 0 AND ended_at >= ? AND tenant = ?
		ORDER BY ended_at DESC LIMIT 1`, key, milli(since), tenant)
}

// LastRun see [query.Queries].
func (s *Store) LastRun(ctx context.Context, tenant, savedSQL string) (*query.Query, error) {
	return s.oneQuery(ctx, "run of saved SQL", "saved_sql = ? AND saved_sql <> '' AND tenant = ? ORDER BY id DESC LIMIT 1", savedSQL, tenant)
}

// CancelQuery see [query.Queries].
func (s *Store) CancelQuery(ctx context.Context, tenant, workspace, id string) error {
	if _, err := s.Query(ctx, tenant, workspace, id); err != nil {
		return err
	}
	return s.write(ctx, queryName(id), func(q session) error {
		_, err := q.exec(ctx, "UPDATE queries SET cancel = 1 WHERE id = ? AND tenant = ? AND status < 3", id, tenant)
		return err
	})
}

// RenewQueries see [query.Queries].
func (s *Store) RenewQueries(ctx context.Context, owner query.Owner, lease time.Duration) (canceled []string, err error) {
	err = s.write(ctx, "queries", func(q session) error {
		canceled = nil
		if _, err := q.exec(ctx, "UPDATE queries SET lease_until = {now} + ? WHERE status < 3 AND process = ?", lease.Milliseconds(), owner.Process); err != nil {
			return err
		}
		return q.all(ctx, &canceled, "SELECT id FROM queries WHERE status < 3 AND process = ? AND cancel = 1", owner.Process)
	})
	return canceled, err
}

// AbandonQueries see [query.Queries].
func (s *Store) AbandonQueries(ctx context.Context, owner query.Owner, f *query.Failure, limit int) (int, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return 0, err
	}
	var n int64
	err = s.write(ctx, "queries", func(q session) (err error) {
		n, err = q.exec(ctx, `UPDATE queries SET status = 4, failure = ?, ended_at = {now} WHERE status < 3 AND id IN
			(SELECT id FROM queries WHERE status < 3 AND (lease_until < {now} OR node = ? AND node <> '' AND process <> ?) LIMIT ? {lock})`,
			string(text), owner.Node, owner.Process, limit)
		return err
	})
	return int(n), err
}

// ExpireQueries see [query.Queries].
func (s *Store) ExpireQueries(ctx context.Context, before time.Time, limit int) (int, error) {
	var rows []struct {
		ID  string `db:"id"`
		Key string `db:"result_key"`
	}
	err := s.write(ctx, "queries", func(q session) error {
		rows = nil
		err := q.all(ctx, &rows, "SELECT id, result_key FROM queries WHERE status >= 3 AND ended_at < ? ORDER BY ended_at LIMIT ? {lock}", milli(before), limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		ids, keys := make([]string, len(rows)), []string{}
		for i, r := range rows {
			ids[i] = r.ID
			if r.Key != "" {
				keys = append(keys, r.Key)
			}
		}
		if _, err := q.exec(ctx, "DELETE FROM queries WHERE id {in}", s.d.array(ids)); err != nil {
			return err
		}
		return s.discardResults(ctx, q, keys)
	})
	return len(rows), err
}

// discardResults makes the results garbage that no query has any more.
func (s *Store) discardResults(ctx context.Context, q session, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	var shared []string
	if err := q.all(ctx, &shared, "SELECT result_key FROM queries WHERE result_key <> '' AND result_key {in}", s.d.array(keys)); err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, key := range shared {
		kept[key] = true
	}
	var gone []string
	for _, key := range keys {
		if !kept[key] {
			gone = append(gone, key)
		}
	}
	now, err := q.now(ctx)
	if err != nil {
		return err
	}
	return discardKeys(ctx, q, gone, now)
}
