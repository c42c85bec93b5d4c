package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
)

type trashRow struct {
	SyncID     int64  `db:"sync_id"`
	PathID     int64  `db:"path_id"`
	Path       string `db:"path"`
	Generation int64  `db:"generation"`
	Files      int64  `db:"files"`
	Size       int64  `db:"size"`
	At         int64  `db:"at"`
}

const trashSelect = `SELECT t.sync_id, t.path_id, p.path, t.generation, g.files, g.size, t.at FROM lake_trash t
	JOIN lake_paths p ON p.id = t.path_id JOIN lake_generations g ON g.id = t.generation`

func (r trashRow) trash() *filesync.Trash {
	return &filesync.Trash{
		SyncID: r.SyncID, Path: r.Path, Generation: r.Generation, Files: r.Files, Size: r.Size, TrashAt: fromMilli(r.At),
	}
}

func trashName(sync int64) string { return fmt.Sprintf("trash of sync %d", sync) }

// Trash see [filesync.Bin].
func (s *Store) Trash(ctx context.Context, tenant string, tq filesync.TrashQuery) ([]*filesync.Trash, error) {
	var w where
	w.add("t.tenant = ?", tenant)
	if tq.Path != "" {
		w.add("p.path = ?", tq.Path)
	}
	sql, args := paged(trashSelect+w.sql()+" ORDER BY t.sync_id", w.args, tq.Limit, tq.Offset)
	var found []trashRow
	if err := s.look(ctx, "trash", func(q session) error { return q.all(ctx, &found, sql, args...) }); err != nil {
		return nil, err
	}
	list := make([]*filesync.Trash, len(found))
	for i, r := range found {
		list[i] = r.trash()
	}
	return list, nil
}

// RestoreTrash see [filesync.Bin].
func (s *Store) RestoreTrash(ctx context.Context, tenant string, sync int64) (restored *filesync.Trash, err error) {
	err = s.write(ctx, trashName(sync), func(q session) error {
		var path, current int64
		err := q.get(ctx, &path, "SELECT path_id FROM lake_trash WHERE sync_id = ? AND tenant = ?", sync, tenant)
		if err != nil {
			return err
		}
		if err := q.get(ctx, &current, "SELECT generation FROM lake_paths WHERE id = ? {lock}", path); err != nil {
			return err
		}
		var locked int64 // it may have been purged or restored by somebody else
		if err := q.get(ctx, &locked, "SELECT generation FROM lake_trash WHERE sync_id = ? {lock}", sync); err != nil {
			return err
		}
		var row trashRow
		if err := q.get(ctx, &row, trashSelect+" WHERE t.sync_id = ?", sync); err != nil {
			return err
		}
		restored = row.trash()
		if _, err := q.exec(ctx, "UPDATE lake_trash SET generation = ?, at = {now} WHERE sync_id = ?", current, sync); err != nil {
			return err
		}
		_, err = q.exec(ctx, "UPDATE lake_paths SET generation = ? WHERE id = ?", row.Generation, path)
		return err
	})
	return restored, err
}

// DropTrash see [filesync.Bin].
func (s *Store) DropTrash(ctx context.Context, tenant string, sync int64) error {
	return s.write(ctx, trashName(sync), func(q session) error {
		n, err := dropTrash(ctx, q, "sync_id = ? AND tenant = ?", sync, tenant)
		if err == nil && n == 0 {
			err = errs.New(errs.NotFound, "%s does not exist", trashName(sync))
		}
		return err
	})
}

// DropOldTrash see [filesync.Bin].
func (s *Store) DropOldTrash(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.write(ctx, "trash", func(q session) error {
		n, err = dropTrash(ctx, q, "sync_id IN (SELECT sync_id FROM lake_trash WHERE at <= ? ORDER BY at LIMIT ? {skipLocked})", milli(before), limit)
		return err
	})
	return n, err
}

func dropTrash(ctx context.Context, q session, cond string, args ...any) (int, error) {
	var dropped []int64
	if err := q.all(ctx, &dropped, "DELETE FROM lake_trash WHERE "+cond+" RETURNING generation", args...); err != nil || len(dropped) == 0 {
		return 0, err
	}
	now, err := q.now(ctx)
	for _, id := range dropped {
		if err == nil {
			err = dropGeneration(ctx, q, id, now)
		}
	}
	return len(dropped), err
}

// PurgeDropped see [filesync.Bin]. Objects become garbage before the rows of
// their files go, so that no step can leave one that nobody knows.
func (s *Store) PurgeDropped(ctx context.Context, limit int) (more bool, err error) {
	err = s.write(ctx, "dropped generations", func(q session) error {
		more = false
		var dropped []struct {
			Generation int64 `db:"generation"`
			At         int64 `db:"at"`
		}
		err := q.all(ctx, &dropped, "SELECT generation, at FROM lake_dropped ORDER BY at, generation LIMIT 1 {skipLocked}")
		if err != nil || len(dropped) == 0 {
			return err
		}
		more = true
		gen := dropped[0].Generation
		if n, err := discardBlobs(ctx, q, gen, dropped[0].At, limit); err != nil || n > 0 {
			return err
		}
		for _, table := range []string{"lake_files", "lake_dirs"} {
			if n, err := deleteFirst(ctx, q, table, gen, limit); err != nil || n > 0 {
				return err
			}
		}
		if _, err := q.exec(ctx, "DELETE FROM lake_generations WHERE id = ?", gen); err != nil {
			return err
		}
		_, err = q.exec(ctx, "DELETE FROM lake_dropped WHERE generation = ?", gen)
		return err
	})
	return more, err
}

// deleteFirst deletes the first rows of a generation, up to limit, as one range
// of the primary key.
func deleteFirst(ctx context.Context, q session, table string, gen int64, limit int) (int64, error) {
	dir := map[string]string{"lake_files": "dir", "lake_dirs": "parent"}[table]
	var last []struct {
		Dir  string `db:"dir"`
		Name string `db:"name"`
	}
	err := q.all(ctx, &last, "SELECT "+dir+" AS dir, name FROM "+table+" WHERE generation = ? ORDER BY "+dir+", name LIMIT 1 OFFSET ?", gen, limit-1)
	if err != nil {
		return 0, err
	}
	if len(last) == 0 {
		return q.exec(ctx, "DELETE FROM "+table+" WHERE generation = ?", gen)
	}
	return q.exec(ctx, "DELETE FROM "+table+" WHERE generation = ? AND ("+dir+", name) <= (?, ?)", gen, last[0].Dir, last[0].Name)
}

// discardBlobs makes objects of a generation garbage, and returns how many.
func discardBlobs(ctx context.Context, q session, gen, at int64, limit int) (int, error) {
	var keys []string
	err := q.all(ctx, &keys, "SELECT blob_key FROM lake_blobs WHERE generation = ? LIMIT ?", gen, limit)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	if err := discardKeys(ctx, q, keys, at); err != nil {
		return 0, err
	}
	_, err = q.exec(ctx, "DELETE FROM lake_blobs WHERE blob_key {in}", q.d.array(keys))
	return len(keys), err
}
