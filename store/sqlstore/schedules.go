package sqlstore

import (
	"context"
	"time"

	"github.com/inlet-go/inlet/task"
)

// DueTasks see [task.Schedules].
func (s *Store) DueTasks(ctx context.Context, now time.Time, limit int) ([]*task.Task, error) {
	var rows []taskRow
	err := s.look(ctx, "due tasks", func(q session) error {
		return q.all(ctx, &rows, taskSelect+` WHERE t.status = 1 AND t.next_run_at > 0 AND t.next_run_at <= ?
			ORDER BY t.next_run_at LIMIT ?`, milli(now), limit)
	})
	if err != nil {
		return nil, err
	}
	return tasks(rows)
}

// StartRun see [task.Schedules].
func (s *Store) StartRun(ctx context.Context, id int64, due, next time.Time, run *task.Run) (started bool, err error) {
	var tenant string
	var runID int64
	err = s.writeIDs(ctx, taskName(id), 2, func(q session, first int64) error {
		started, runID = false, first
		var row taskRow
		if err := q.get(ctx, &row, taskSelect+" WHERE t.id = ? {lock}", id); err != nil {
			return err
		}
		tenant = row.Tenant
		if row.NextRunAt != milli(due) || task.Status(row.Status) != task.Executable {
			return nil // another node was first, or the task was paused
		}
		if _, err := q.exec(ctx, "UPDATE tasks SET next_run_at = ? WHERE id = ?", milli(next), id); err != nil {
			return err
		}
		open, err := openRuns(ctx, q, id)
		if err != nil || len(open) > 0 {
			return err
		}
		started, err = insertRun(ctx, q, run, tenant, id, first)
		return err
	})
	if err == nil && started {
		run.ID, run.TaskID, run.Tenant = runID, id, tenant
	}
	return started && err == nil, err
}

// settleBatch bounds what one transaction of Settle changes.
const settleBatch = 100

// Settle see [task.Schedules]. It goes on in further transactions until
// nothing is left to settle.
func (s *Store) Settle(ctx context.Context, id int64, now time.Time) error {
	if err := s.settleRuns(ctx, id); err != nil {
		return err
	}
	return s.settleTasks(ctx, id, now)
}

// settleRuns ends runs whose work is all finished, but whose end nobody noted.
func (s *Store) settleRuns(ctx context.Context, id int64) error {
	for after := int64(0); ; {
		var runs []int64
		err := s.look(ctx, "runs", func(q session) error {
			sql, args := "SELECT r.id FROM runs r WHERE r.state < 3 AND r.state = 2 AND r.id > ?", []any{after}
			if id != 0 {
				sql, args = sql+" AND r.task_id = ?", append(args, id)
			}
			return q.all(ctx, &runs, sql+` AND NOT EXISTS (SELECT 1 FROM chunks c WHERE c.run_id = r.id AND c.done = 0)
				ORDER BY r.id LIMIT ?`, append(args, settleBatch)...)
		})
		if err != nil || len(runs) == 0 {
			return err
		}
		for _, run := range runs {
			after = run
			if err := s.write(ctx, runName(run), func(q session) error { return endRun(ctx, q, run) }); err != nil {
				return err
			}
		}
	}
}

// settleTasks makes Pausing tasks Paused that nobody works on.
func (s *Store) settleTasks(ctx context.Context, id int64, now time.Time) error {
	for after := int64(0); ; {
		var ids []int64
		err := s.look(ctx, "tasks", func(q session) error {
			sql, args := "SELECT t.id FROM tasks t WHERE t.status = 2 AND t.id > ?", []any{after}
			if id != 0 {
				sql, args = sql+" AND t.id = ?", append(args, id)
			}
			return q.all(ctx, &ids, sql+" AND NOT "+liveLease+" ORDER BY t.id LIMIT ?", append(args, settleBatch)...)
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		err = s.write(ctx, "tasks", func(q session) error {
			_, err := q.exec(ctx, "UPDATE tasks SET status = 3, updated_at = ? WHERE status = 2 AND id {in}", milli(now), s.d.array(ids))
			return err
		})
		if err != nil {
			return err
		}
	}
}

// liveLease tells whether an item of an open run of task t is being worked on.
const liveLease = `EXISTS (SELECT 1 FROM runs r JOIN work_items w ON w.group_id = r.id
	WHERE r.task_id = t.id AND r.state < 3 AND w.state = 1 AND w.lease_until > {now})`
