package sqlstore

import (
	"context"
	"strings"

	"github.com/inlet-go/inlet/filesync"
)

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
