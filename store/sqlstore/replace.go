package sqlstore

import (
	"context"
	"time"

	"github.com/inlet-go/inlet/task"
)

// ReplaceRun see [task.Tasks].
func (s *Store) ReplaceRun(ctx context.Context, tenant string, id int64, f func(*task.Task) (*task.Run, error)) error {
	var run *task.Run
	var runID int64
	err := s.writeIDs(ctx, taskName(id), 2, func(q session, first int64) error {
		run = nil
		t, err := lockTask(ctx, q, tenant, id)
		if err != nil {
			return err
		}
		old := *t
		next, err := f(t)
		if err != nil {
			return err
		}
		t.ID, t.Tenant = id, tenant
		if err := updateTask(ctx, q, &old, t); err != nil {
			return err
		}
		open, err := openRuns(ctx, q, id)
		if err != nil || len(open) == 0 || next == nil || old.State != "" {
			return err
		}
		for _, o := range open {
			if err := abandonRun(ctx, q, o); err != nil {
				return err
			}
		}
		// The run that it replaces may be of the same millisecond.
		for added := false; !added; next.ScheduledFor = next.ScheduledFor.Add(time.Millisecond) {
			if added, err = insertRun(ctx, q, next, tenant, id, first); err != nil {
				return err
			}
		}
		run, runID = next, first
		if held(t.Status) {
			return stopGroup(ctx, q, first)
		}
		return nil
	})
	if err == nil && run != nil {
		run.ID, run.TaskID, run.Tenant = runID, id, tenant
	}
	return err
}

// abandonRun ends a run before its time. Chunks come before their work, so that
// a worker who commits is waited for, or finds its chunk done. Unfinished files
// are forgotten in the counters of the chunks, and thereby everywhere: in a
// chunk that is done, rows that are not finished do not count.
func abandonRun(ctx context.Context, q session, run int64) error {
	_, err := q.exec(ctx, `UPDATE chunks SET waiting = 0, uploading = 0, retrying = 0, done = 1,
			fence = COALESCE((SELECT w.fence FROM work_items w WHERE w.id = chunks.id), fence),
			bytes = loaded + CASE WHEN failed = 0 THEN 0 ELSE (SELECT COALESCE(sum(f.size), 0) FROM files f
				WHERE f.id BETWEEN chunks.first_file AND chunks.first_file + chunks.span - 1 AND f.status = 4 AND f.size > 0) END
		WHERE run_id = ? AND done = 0`, run)
	if err != nil {
		return err
	}
	if err := dropGroup(ctx, q, run); err != nil {
		return err
	}
	_, err = q.exec(ctx, "UPDATE runs SET state = 3, ended_at = {now} WHERE id = ?", run)
	return err
}
