package sqlstore

import (
	"context"
	"fmt"
	"slices"
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
	made, err := q.exec(ctx, "INSERT INTO lake_paths (id, tenant, path, generation) VALUES (?, ?, ?, ?) ON CONFLICT (tenant, path) DO NOTHING",
		first, row.Tenant, row.Path, first+1)
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

// SyncHistory see [filesync.Syncs].
func (s *Store) SyncHistory(ctx context.Context, tenant string, hq filesync.HistoryQuery) ([]*filesync.History, error) {
	var w where
	if hq.SyncID != 0 {
		w.add("sync_id = ?", hq.SyncID)
	}
	w.add("tenant = ?", tenant)
	sql, args := paged("SELECT id, sync_id, file_name, status, message, start_at, end_at FROM sync_history"+w.sql()+" ORDER BY id",
		w.args, hq.Limit, hq.Offset)
	var rows []struct {
		ID       int64  `db:"id"`
		SyncID   int64  `db:"sync_id"`
		FileName string `db:"file_name"`
		Status   int    `db:"status"`
		Message  string `db:"message"`
		StartAt  int64  `db:"start_at"`
		EndAt    int64  `db:"end_at"`
	}
	if err := s.look(ctx, "history", func(q session) error { return q.all(ctx, &rows, sql, args...) }); err != nil {
		return nil, err
	}
	list := make([]*filesync.History, len(rows))
	for i, r := range rows {
		list[i] = &filesync.History{
			ID: r.ID, SyncID: r.SyncID, FileName: r.FileName, Status: statuses[r.Status], Message: r.Message,
			StartAt: fromMilli(r.StartAt), EndAt: fromMilli(r.EndAt),
		}
	}
	return list, nil
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

// CloseSync see [filesync.Syncs].
func (s *Store) CloseSync(ctx context.Context, tenant string, id int64, instance string) error {
	return s.write(ctx, syncName(id), func(q session) error {
		if _, err := lockSync(ctx, q, tenant, id); err != nil {
			return err
		}
		_, err := q.exec(ctx, "UPDATE syncs SET closing = ? WHERE id = ?", instance, id)
		return err
	})
}

// EndSync see [filesync.Syncs].
func (s *Store) EndSync(ctx context.Context, tenant string, id int64, opts filesync.EndOptions) (outcome filesync.Outcome, err error) {
	err = s.write(ctx, syncName(id), func(q session) error {
		outcome = filesync.Outcome{}
		row, err := lockSync(ctx, q, tenant, id)
		if err != nil {
			return err
		}
		now, err := q.now(ctx)
		if err != nil {
			return err
		}
		if err := failHistory(ctx, q, now, "interrupted: its node stopped", "sync_id = ? AND lease_until <= ?", id, now); err != nil {
			return err
		}
		err = q.get(ctx, &outcome.Open, "SELECT count(*) FROM sync_history WHERE sync_id = ? AND status = 0", id)
		if err != nil || outcome.Open > 0 {
			return err
		}
		if row.Generation != 0 {
			outcome.Empty, err = publish(ctx, q, row, now, opts)
		}
		if err != nil || outcome.Empty {
			return err
		}
		_, err = q.exec(ctx, "UPDATE syncs SET status = 1, end_at = ? WHERE id = ?", now, id)
		return err
	})
	return outcome, err
}

// publish makes a full sync's generation the current one, and the one before
// trash; how many files they have does not matter.
func publish(ctx context.Context, q session, row syncRow, now int64, opts filesync.EndOptions) (empty bool, err error) {
	made, err := generation(ctx, q, row.Generation)
	if err != nil {
		return false, err
	}
	if opts.RefuseEmpty && made.Files == 0 {
		_, err := q.exec(ctx, "UPDATE syncs SET closing = '' WHERE id = ?", row.ID)
		return true, err
	}
	var current int64
	if err := q.get(ctx, &current, "SELECT generation FROM lake_paths WHERE id = ? {lock}", row.PathID); err != nil {
		return false, err
	}
	before, err := generation(ctx, q, current)
	if err != nil {
		return false, err
	}
	if before.shown() {
		_, err = q.exec(ctx, "INSERT INTO lake_trash (sync_id, tenant, path_id, generation, at) VALUES (?, ?, ?, ?, ?)",
			row.ID, row.Tenant, row.PathID, current, now)
	} else if err = showPath(ctx, q, row.Tenant, row.Path); err == nil {
		err = dropGeneration(ctx, q, current, now)
	}
	if err != nil {
		return false, err
	}
	if _, err := q.exec(ctx, "UPDATE lake_generations SET updated_at = ? WHERE id = ?", now, row.Generation); err != nil {
		return false, err
	}
	_, err = q.exec(ctx, "UPDATE lake_paths SET generation = ? WHERE id = ?", row.Generation, row.PathID)
	return false, err
}

type generationRow struct {
	ID        int64  `db:"id"`
	Path      string `db:"path"`
	SyncID    int64  `db:"sync_id"`
	Files     int64  `db:"files"`
	Size      int64  `db:"size"`
	UpdatedAt int64  `db:"updated_at"`
}

// shown tells whether readers see the generation when it is current: it holds
// something, or a full sync left it empty.
func (g generationRow) shown() bool { return g.Files > 0 || g.SyncID != 0 }

func generation(ctx context.Context, q session, id int64) (g generationRow, err error) {
	err = q.get(ctx, &g, "SELECT id, sync_id, files, size, updated_at FROM lake_generations WHERE id = ?", id)
	return g, err
}

// dropGeneration leaves a generation to PurgeDropped.
func dropGeneration(ctx context.Context, q session, id, now int64) error {
	_, err := q.exec(ctx, "INSERT INTO lake_dropped (generation, at) VALUES (?, ?)", id, now)
	return err
}

// showPath adds the folders that lead to a path.
func showPath(ctx context.Context, q session, tenant, path string) error {
	for path != "/" {
		parent, name := splitPath(path)
		n, err := q.exec(ctx, "INSERT INTO lake_folders (tenant, parent, name) VALUES (?, ?, ?) ON CONFLICT (tenant, parent, name) DO NOTHING",
			tenant, parent, name)
		if err != nil || n == 0 {
			return err // one that is there has those above it
		}
		path = parent
	}
	return nil
}

// splitPath returns the folder that an absolute path is in, and its last part.
func splitPath(path string) (parent, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 1)], path[i+1:]
}

// FailSync see [filesync.Syncs].
func (s *Store) FailSync(ctx context.Context, tenant string, id int64, reason string) error {
	return s.write(ctx, syncName(id), func(q session) error {
		row, err := lockSync(ctx, q, tenant, id)
		if err != nil {
			return err
		}
		now, err := q.now(ctx)
		if err != nil {
			return err
		}
		if err := failHistory(ctx, q, now, "the sync was failed: "+reason, "sync_id = ?", id); err != nil {
			return err
		}
		if row.Generation != 0 {
			if err := dropGeneration(ctx, q, row.Generation, now); err != nil {
				return err
			}
		}
		_, err = q.exec(ctx, "UPDATE syncs SET status = 2, end_at = ?, reason = ? WHERE id = ?", now, clean(reason), id)
		return err
	})
}

// failHistory fails uploads that are going on, and counts them. The syncs that
// they may be of are locked.
func failHistory(ctx context.Context, q session, now int64, message, cond string, args ...any) error {
	var of []int64
	args = append([]any{now, clean(message)}, args...)
	err := q.all(ctx, &of, `UPDATE sync_history SET status = 2, end_at = ?, message = ?, owner = '', blob_key = ''
		WHERE status = 0 AND `+cond+" RETURNING sync_id", args...)
	if err != nil {
		return err
	}
	counts := map[int64]int{}
	for _, id := range of {
		counts[id]++
	}
	for id, n := range counts {
		_, err := q.exec(ctx, "UPDATE syncs SET total_files = total_files + ?, num_failed = num_failed + ? WHERE id = ?", n, n, id)
		if err != nil {
			return err
		}
	}
	return nil
}

// failBatch is how many uploads one transaction of FailUploads fails.
const failBatch = 1000

// FailUploads see [filesync.Uploads].
func (s *Store) FailUploads(ctx context.Context, owner, reason string) (int, error) {
	const lost = "(lease_until <= ? OR owner = ?)"
	if owner == "" {
		owner = "-" // nobody's: rows that are not Syncing have none
	}
	for total := 0; ; {
		var found []struct {
			ID     int64 `db:"id"`
			SyncID int64 `db:"sync_id"`
		}
		err := s.look(ctx, "uploads", func(q session) error {
			now, err := q.now(ctx)
			if err != nil {
				return err
			}
			return q.all(ctx, &found, "SELECT id, sync_id FROM sync_history WHERE status = 0 AND "+lost+" ORDER BY sync_id LIMIT ?",
				now, owner, failBatch)
		})
		if err != nil || len(found) == 0 {
			return total, err
		}
		ids, of := make([]int64, len(found)), make([]int64, len(found))
		for i, h := range found {
			ids[i], of[i] = h.ID, h.SyncID
		}
		err = s.write(ctx, "uploads", func(q session) error {
			var locked []int64
			err := q.all(ctx, &locked, "SELECT id FROM syncs WHERE id {in} ORDER BY id {lock}", s.d.array(slices.Compact(of)))
			if err != nil {
				return err
			}
			now, err := q.now(ctx)
			if err != nil {
				return err
			}
			return failHistory(ctx, q, now, reason, "id {in} AND "+lost, s.d.array(ids), now, owner)
		})
		if err != nil {
			return total, err
		}
		total += len(found)
	}
}

// RenewUploads see [filesync.Uploads].
func (s *Store) RenewUploads(ctx context.Context, ids []int64, lease time.Duration) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, "uploads", func(q session) error {
		_, err := q.exec(ctx, "UPDATE sync_history SET lease_until = {now} + ? WHERE id {in} AND status = 0",
			lease.Milliseconds(), s.d.array(ids))
		return err
	})
}
