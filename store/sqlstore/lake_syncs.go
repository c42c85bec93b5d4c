package sqlstore

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/inlet-go/inlet/filesync"
)

// What fails and ends syncs and uploads locks in this order: syncs, histories,
// paths, generations, trash; several of a kind by their ids.

// statuses are the states of syncs and uploads, by their number in the tables.
var statuses = []filesync.Status{filesync.Syncing, filesync.Finished, filesync.Failed}

type syncRow struct {
	ID         int64  `db:"id"`
	Tenant     string `db:"tenant"`
	Name       string `db:"name"`
	Path       string `db:"path"`
	PathID     int64  `db:"path_id"`
	Type       string `db:"type"`
	Status     int    `db:"status"`
	Reason     string `db:"reason"`
	Creator    string `db:"creator"`
	StartAt    int64  `db:"start_at"`
	EndAt      int64  `db:"end_at"`
	ActiveAt   int64  `db:"active_at"`
	TotalFiles int64  `db:"total_files"`
	NumFailed  int64  `db:"num_failed"`
	Generation int64  `db:"generation"`
	Closing    string `db:"closing"`
}

const syncColumns = `id, tenant, name, path, path_id, type, status, reason, creator, start_at, end_at, active_at,
	total_files, num_failed, generation, closing`

func (r syncRow) sync() *filesync.Sync {
	return &filesync.Sync{
		ID: r.ID, Tenant: r.Tenant, Name: r.Name, Path: r.Path, Type: filesync.SyncType(r.Type), Status: statuses[r.Status],
		Reason: r.Reason, Creator: r.Creator, StartAt: fromMilli(r.StartAt), EndAt: fromMilli(r.EndAt), ActiveAt: fromMilli(r.ActiveAt),
		TotalFiles: r.TotalFiles, NumFailed: r.NumFailed,
	}
}

func syncs(rows []syncRow) []*filesync.Sync {
	list := make([]*filesync.Sync, len(rows))
	for i, r := range rows {
		list[i] = r.sync()
	}
	return list
}

func syncName(id int64) string { return fmt.Sprintf("sync %d", id) }

// next issues n numbers of a sequence of its own and returns the first.
func next(ctx context.Context, q session, sequence string, n int) (int64, error) {
	var last int64
	err := q.get(ctx, &last, "UPDATE sequences SET last = last + ? WHERE name = ? RETURNING last", n, sequence)
	return last - int64(n) + 1, err
}

// CreateSync see [filesync.Syncs].
func (s *Store) CreateSync(ctx context.Context, y *filesync.Sync) error {
	if err := checkTexts("name", y.Name, "path", y.Path, "tenant", y.Tenant, "creator", y.Creator); err != nil {
		return err
	}
	row := syncRow{Tenant: y.Tenant, Name: y.Name, Path: y.Path, Type: string(y.Type), Creator: y.Creator}
	// The ids are for a path, its first generation, and one of the sync's own.
	err := s.writeIDs(ctx, "sync", 3, func(q session, first int64) (err error) {
		if row.StartAt, err = q.now(ctx); err != nil {
			return err
		}
		row.ActiveAt, row.Generation = row.StartAt, 0
		// First, for everybody: who holds a new path must not wait for a number.
		if row.ID, err = next(ctx, q, "sync", 1); err != nil {
			return err
		}
		if row.PathID, err = ensurePath(ctx, q, row, first); err != nil {
			return err
		}
		if y.Type == filesync.Full {
			row.Generation = first + 2
			if err := insertGeneration(ctx, q, row.Generation, row.PathID, row.ID, row.StartAt); err != nil {
				return err
			}
		}
		_, err = q.exec(ctx, "INSERT INTO syncs ("+syncColumns+") VALUES (?, ?, ?, ?, ?, ?, 0, '', ?, ?, 0, ?, 0, 0, ?, '')",
			row.ID, row.Tenant, row.Name, row.Path, row.PathID, row.Type, row.Creator, row.StartAt, row.ActiveAt, row.Generation)
		return err
	})
	if err == nil {
		*y = *row.sync()
	}
	return err
}

// ensurePath returns the id of the sync's path, which it makes with an empty
// generation where it is new.
func ensurePath(ctx context.Context, q session, row syncRow, first int64) (id int64, err error) {
	made, err := q.exec(ctx, "INSERT INTO lake_paths (id, tenant, path, generation, base) VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, path) DO NOTHING",
		first, row.Tenant, row.Path, first+1, strings.ToLower(path.Base(row.Path)))
	if err != nil {
		return 0, err
	}
	if made == 1 {
		return first, insertGeneration(ctx, q, first+1, first, 0, row.StartAt)
	}
	err = q.get(ctx, &id, "SELECT id FROM lake_paths WHERE tenant = ? AND path = ?", row.Tenant, row.Path)
	return id, err
}

func insertGeneration(ctx context.Context, q session, id, path, sync, now int64) error {
	_, err := q.exec(ctx, "INSERT INTO lake_generations (id, path_id, sync_id, files, size, updated_at) VALUES (?, ?, ?, 0, 0, ?)",
		id, path, sync, now)
	return err
}

// Sync see [filesync.Syncs].
func (s *Store) Sync(ctx context.Context, tenant string, id int64) (*filesync.Sync, error) {
	var row syncRow
	err := s.look(ctx, syncName(id), func(q session) error {
		return q.get(ctx, &row, "SELECT "+syncColumns+" FROM syncs WHERE id = ? AND tenant = ?", id, tenant)
	})
	if err != nil {
		return nil, err
	}
	return row.sync(), nil
}

// Syncs see [filesync.Syncs].
func (s *Store) Syncs(ctx context.Context, tenant string, sq filesync.SyncQuery) ([]*filesync.Sync, error) {
	sql, args := paged("SELECT "+syncColumns+" FROM syncs WHERE tenant = ? ORDER BY id", []any{tenant}, sq.Limit, sq.Offset)
	var rows []syncRow
	err := s.look(ctx, "syncs", func(q session) error { return q.all(ctx, &rows, sql, args...) })
	return syncs(rows), err
}

// IdleSyncs see [filesync.Syncs].
func (s *Store) IdleSyncs(ctx context.Context, before time.Time, limit int) ([]*filesync.Sync, error) {
	var rows []syncRow
	err := s.look(ctx, "syncs", func(q session) error {
		return q.all(ctx, &rows, "SELECT "+syncColumns+` FROM syncs WHERE status = 0 AND active_at <= ? AND NOT EXISTS
			(SELECT 1 FROM sync_history h WHERE h.sync_id = syncs.id AND h.status = 0) ORDER BY active_at LIMIT ?`, milli(before), limit)
	})
	return syncs(rows), err
}

// lockSync returns a sync that has not ended, and keeps it so until the
// transaction ends.
func lockSync(ctx context.Context, q session, tenant string, id int64) (row syncRow, err error) {
	if err := q.get(ctx, &row, "SELECT "+syncColumns+" FROM syncs WHERE id = ? AND tenant = ? {lock}", id, tenant); err != nil {
		return row, err
	}
	if row.Status != 0 {
		return row, filesync.Ended(id)
	}
	return row, nil
}
