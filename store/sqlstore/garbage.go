package sqlstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/inlet-go/inlet/task"
)

// hide makes visible files invisible. Their bytes become garbage; their rows
// stay as their task's history, unless the task is gone.
func (s *Store) hide(ctx context.Context, q session, ids []int64, now int64) error {
	if len(ids) == 0 {
		return nil
	}
	if err := s.discard(ctx, q, ids, now); err != nil {
		return err
	}
	if _, err := q.exec(ctx, "UPDATE files SET published = 0, updated_at = ? WHERE id {in}", now, s.d.array(ids)); err != nil {
		return err
	}
	_, err := q.exec(ctx, `DELETE FROM files WHERE id {in} AND NOT EXISTS
		(SELECT 1 FROM chunks c WHERE c.id = files.chunk_id)`, s.d.array(ids))
	return err
}

// discard makes the bytes of files garbage.
func (s *Store) discard(ctx context.Context, q session, ids []int64, at int64) error {
	_, err := q.exec(ctx, `INSERT INTO garbage (file_id, fence, at) SELECT id, fence, ? FROM files WHERE id {in}
		ON CONFLICT (file_id, fence) DO NOTHING`, at, s.d.array(ids))
	return err
}

type garbageRow struct {
	FileID int64 `db:"file_id"`
	Fence  int64 `db:"fence"`
}

// Garbage see [blob.Garbage].
func (s *Store) Garbage(ctx context.Context, before time.Time, limit int) ([]string, error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := s.emptyVolumes(ctx, before, limit); err != nil {
		return nil, err
	}
	var files []garbageRow
	var keys []string
	err := s.read(ctx, "garbage", func(q session) error {
		err := q.all(ctx, &files, "SELECT file_id, fence FROM garbage WHERE at <= ? ORDER BY at LIMIT ?", milli(before), limit)
		if err != nil {
			return err
		}
		return q.all(ctx, &keys, "SELECT blob_key FROM garbage_keys WHERE at <= ? ORDER BY at LIMIT ?", milli(before), limit-len(files))
	})
	for _, f := range files {
		keys = append(keys, task.BlobRef{FileID: f.FileID, Fence: f.Fence}.Key())
	}
	return keys, err
}

// discardKeys makes the bytes under the keys garbage.
func discardKeys(ctx context.Context, q session, keys []string, at int64) error {
	for _, key := range keys {
		_, err := q.exec(ctx, "INSERT INTO garbage_keys (blob_key, at) VALUES (?, ?) ON CONFLICT (blob_key) DO NOTHING", key, at)
		if err != nil {
			return err
		}
	}
	return nil
}

// emptyVolumes makes up to limit files of deleted volumes garbage.
func (s *Store) emptyVolumes(ctx context.Context, before time.Time, limit int) error {
	var volumes []struct {
		ID int64 `db:"id"`
		At int64 `db:"at"`
	}
	err := s.look(ctx, "deleted volumes", func(q session) error {
		return q.all(ctx, &volumes, "SELECT id, at FROM deleted_volumes WHERE at <= ? ORDER BY at LIMIT 1", milli(before))
	})
	if err != nil || len(volumes) == 0 {
		return err
	}
	v := volumes[0]
	return s.write(ctx, volumeName(v.ID), func(q session) error {
		var ids []int64
		err := q.all(ctx, &ids, "SELECT id FROM files WHERE volume_id = ? AND published = 1 ORDER BY uri, connector_id LIMIT ? {lock}", v.ID, limit)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			_, err := q.exec(ctx, "DELETE FROM deleted_volumes WHERE id = ?", v.ID)
			return err
		}
		return s.hide(ctx, q, ids, v.At)
	})
}

// Collected see [blob.Garbage].
func (s *Store) Collected(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	byFence := map[int64][]int64{} // few: most files were loaded at the first attempt
	var others []string
	for _, key := range keys {
		if r, err := task.ParseBlobKey(key); err == nil {
			byFence[r.Fence] = append(byFence[r.Fence], r.FileID)
		} else {
			others = append(others, key)
		}
	}
	return s.write(ctx, "garbage", func(q session) error {
		for _, fence := range slices.Sorted(maps.Keys(byFence)) {
			_, err := q.exec(ctx, "DELETE FROM garbage WHERE file_id {in} AND fence = ?", s.d.array(byFence[fence]), fence)
			if err != nil {
				return err
			}
		}
		if len(others) == 0 {
			return nil
		}
		_, err := q.exec(ctx, "DELETE FROM garbage_keys WHERE blob_key {in}", s.d.array(others))
		return err
	})
}

// RemoveFiles see [task.Volumes].
func (s *Store) RemoveFiles(ctx context.Context, tenant string, volume int64, ids []int64) error {
	if len(ids) == 0 {
		_, err := s.Volume(ctx, tenant, volume)
		return err
	}
	return s.write(ctx, volumeName(volume), func(q session) error {
		var locked int64
		if err := q.get(ctx, &locked, "SELECT id FROM volumes WHERE id = ? AND tenant = ? {lock}", volume, tenant); err != nil {
			return err
		}
		var rows []fileRow
		err := q.all(ctx, &rows, "SELECT id, size FROM files WHERE id {in} AND volume_id = ? AND published = 1", s.d.array(ids), volume)
		if err != nil {
			return err
		}
		size, found := int64(0), make([]int64, len(rows))
		for i, r := range rows {
			size += r.Size
			found[i] = r.ID
		}
		if err := missing(ids, found); err != nil {
			return err
		}
		now, err := q.now(ctx)
		if err != nil {
			return err
		}
		if err := s.hide(ctx, q, found, now); err != nil {
			return err
		}
		_, err = q.exec(ctx, "UPDATE volumes SET size = size - ?, file_num = file_num - ?, updated_at = ? WHERE id = ?",
			size, len(found), now, volume)
		return err
	})
}
