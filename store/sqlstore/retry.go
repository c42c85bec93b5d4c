package sqlstore

import (
	"context"
	"maps"
	"slices"

	"github.com/inlet-go/inlet/store/errs"
)

// RetryFiles see [task.Tasks].
func (s *Store) RetryFiles(ctx context.Context, tenant string, id int64, ids []int64) (n int, err error) {
	err = s.write(ctx, taskName(id), func(q session) error {
		n = 0
		t, err := lockTask(ctx, q, tenant, id)
		if err != nil {
			return err
		}
		if err := checkParts(ctx, q, t); err != nil {
			return err
		}
		open, err := openRuns(ctx, q, id)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return errs.New(errs.Conflict, "%s is loading", taskName(id))
		}
		byChunk, err := s.failedFiles(ctx, q, id, ids)
		if err != nil || len(byChunk) == 0 {
			return err
		}
		runs := map[int64]bool{}
		for _, chunk := range slices.Sorted(maps.Keys(byChunk)) {
			c, count, err := s.reopen(ctx, q, tenant, chunk, byChunk[chunk])
			if err != nil {
				return err
			}
			runs[c.RunID] = true
			n += count
		}
		for run := range runs {
			if _, err := q.exec(ctx, "UPDATE runs SET state = 2, ended_at = 0 WHERE id = ?", run); err != nil {
				return err
			}
		}
		_, err = q.exec(ctx, "UPDATE tasks SET status = 1, updated_at = {now} WHERE id = ?", id)
		return err
	})
	return n, err
}

// failedFiles returns the files to retry by chunk; nil stands for all failed
// ones of a chunk.
func (s *Store) failedFiles(ctx context.Context, q session, id int64, ids []int64) (map[int64][]int64, error) {
	byChunk := map[int64][]int64{}
	if len(ids) == 0 {
		var chunks []int64
		err := q.all(ctx, &chunks, "SELECT id FROM chunks WHERE task_id = ? AND failed > 0", id)
		for _, c := range chunks {
			byChunk[c] = nil
		}
		return byChunk, err
	}
	var rows []fileRow
	err := q.all(ctx, &rows, `SELECT id, chunk_id FROM files WHERE id {in} AND task_id = ? AND status = 4`, s.d.array(ids), id)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]bool, len(rows))
	for _, r := range rows {
		found[r.ID] = true
		byChunk[r.ChunkID] = append(byChunk[r.ChunkID], r.ID)
	}
	for _, file := range ids {
		if !found[file] {
			return nil, errs.New(errs.Invalid, "file %d is not a failed file of %s", file, taskName(id))
		}
	}
	return byChunk, nil
}

// reopen makes failed files of a chunk Retrying and enqueues the chunk. Its
// claims count on from those before: a fence names the bytes of one claim.
func (s *Store) reopen(ctx context.Context, q session, tenant string, chunk int64, ids []int64) (chunkRow, int, error) {
	c, err := getChunk(ctx, q, chunk)
	if err != nil {
		return c, 0, err
	}
	// Files that a replaced run left unfinished are only forgotten in the
	// counters: now that the chunk opens again they have to go.
	if _, err := q.exec(ctx, "DELETE FROM files WHERE id BETWEEN ? AND ? AND status IN (1, 2, 6)", c.FirstFile, c.last()); err != nil {
		return c, 0, err
	}
	sql := `UPDATE files SET status = 6, reason = '', start_at = 0, end_at = 0, updated_at = {now}
		WHERE id BETWEEN ? AND ? AND status = 4`
	args := []any{c.FirstFile, c.last()}
	if ids != nil {
		sql, args = sql+" AND id {in}", append(args, s.d.array(ids))
	}
	n, err := q.exec(ctx, sql, args...)
	if err != nil {
		return c, 0, err
	}
	_, err = q.exec(ctx, `UPDATE chunks SET failed = failed - ?, retrying = retrying + ?, waiting = 0, uploading = 0,
		done = 0 WHERE id = ?`, n, n, chunk)
	if err != nil {
		return c, 0, err
	}
	return c, int(n), enqueue(ctx, q, chunk, c.Fence+1, loadWork(&c, tenant))
}
