package sqlstore

import (
	"context"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// CreateTask see [task.Tasks].
func (s *Store) CreateTask(ctx context.Context, t *task.Task, run *task.Run) error {
	row, err := rowOfTask(t)
	if err != nil {
		return err
	}
	var id int64
	err = s.writeIDs(ctx, "task", 3, func(q session, first int64) error {
		id = first
		if err := checkParts(ctx, q, t); err != nil {
			return err
		}
		_, err := q.exec(ctx, `INSERT INTO tasks (id, tenant, name, folded, connector_id, connector_type, volume_id,
			status, creator, uris, schedule_type, every, time_zone, revision, next_run_at, start_at, end_at,
			created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, row.Tenant, row.Name, strings.ToLower(row.Name), row.ConnectorID, row.ConnectorType, row.VolumeID,
			row.Status, row.Creator, row.URIs, row.ScheduleType, row.Every, row.TimeZone, row.Revision, row.NextRunAt,
			row.StartAt, row.EndAt, row.CreatedAt, row.UpdatedAt)
		if err != nil || run == nil {
			return err
		}
		_, err = insertRun(ctx, q, run, t.Tenant, id, first+1)
		if err == nil && held(t.Status) {
			err = stopGroup(ctx, q, first+1)
		}
		return err
	})
	if err != nil {
		return err
	}
	t.ID = id
	if run != nil {
		run.ID, run.TaskID, run.Tenant = id+1, id, t.Tenant
	}
	return nil
}

// checkParts returns NotFound unless the task's volume and connector exist,
// and keeps them from being deleted until the transaction ends.
func checkParts(ctx context.Context, q session, t *task.Task) error {
	var ids []int64
	if err := q.all(ctx, &ids, "SELECT id FROM volumes WHERE id = ? AND tenant = ? {lockExisting}", t.VolumeID, t.Tenant); err != nil {
		return err
	}
	if len(ids) == 0 {
		return errs.New(errs.NotFound, "%s does not exist", volumeName(t.VolumeID))
	}
	ids = nil
	if err := q.all(ctx, &ids, "SELECT id FROM connectors WHERE id = ? AND tenant = ? {lockExisting}", t.ConnectorID, t.Tenant); err != nil {
		return err
	}
	if len(ids) == 0 {
		return errs.New(errs.NotFound, "%s does not exist", connectorName(t.ConnectorID))
	}
	return nil
}

// held tells whether the work of a task in that state is held back.
func held(status task.Status) bool { return status == task.Pausing || status == task.Paused }

// Task see [task.Tasks].
func (s *Store) Task(ctx context.Context, tenant string, id int64) (*task.Task, error) {
	var row taskRow
	err := s.look(ctx, taskName(id), func(q session) error {
		return q.get(ctx, &row, taskSelect+" WHERE t.id = ? AND t.tenant = ?", id, tenant)
	})
	if err != nil {
		return nil, err
	}
	return row.task()
}

// lockTask reads a task that the transaction is about to change.
func lockTask(ctx context.Context, q session, tenant string, id int64) (*task.Task, error) {
	var row taskRow
	if err := q.get(ctx, &row, taskSelect+" WHERE t.id = ? AND t.tenant = ? {lock}", id, tenant); err != nil {
		return nil, err
	}
	return row.task()
}

// UpdateTask see [task.Tasks].
func (s *Store) UpdateTask(ctx context.Context, tenant string, id int64, f func(*task.Task) error) error {
	return s.write(ctx, taskName(id), func(q session) error {
		t, err := lockTask(ctx, q, tenant, id)
		if err != nil {
			return err
		}
		old := *t
		if err := f(t); err != nil {
			return err
		}
		t.ID, t.Tenant = id, tenant
		return updateTask(ctx, q, &old, t)
	})
}

// updateTask writes a task that the transaction has locked, and holds back or
// lets go on the work of its open runs.
func updateTask(ctx context.Context, q session, old, t *task.Task) error {
	row, err := rowOfTask(t)
	if err != nil {
		return err
	}
	// A completed task does not keep its volume and connector from being
	// deleted; before it works again they must be there.
	revived := old.Status == task.Completed && t.Status != task.Completed
	if revived || old.VolumeID != t.VolumeID || old.ConnectorID != t.ConnectorID {
		if err := checkParts(ctx, q, t); err != nil {
			return err
		}
	}
	_, err = q.exec(ctx, `UPDATE tasks SET name = ?, folded = ?, connector_id = ?, connector_type = ?, volume_id = ?,
		status = ?, creator = ?, uris = ?, schedule_type = ?, every = ?, time_zone = ?, revision = ?, next_run_at = ?,
		start_at = ?, end_at = ?, created_at = ?, updated_at = ? WHERE id = ?`,
		row.Name, strings.ToLower(row.Name), row.ConnectorID, row.ConnectorType, row.VolumeID,
		row.Status, row.Creator, row.URIs, row.ScheduleType, row.Every, row.TimeZone, row.Revision, row.NextRunAt,
		row.StartAt, row.EndAt, row.CreatedAt, row.UpdatedAt, row.ID)
	if err != nil || held(old.Status) == held(t.Status) {
		return err
	}
	runs, err := openRuns(ctx, q, t.ID)
	for _, run := range runs {
		if err == nil && held(t.Status) {
			err = stopGroup(ctx, q, run)
		} else if err == nil {
			err = startGroup(ctx, q, run)
		}
	}
	return err
}

// openRuns returns the ids of a task's runs that are not done, in order, which
// is also the order in which their groups are locked.
func openRuns(ctx context.Context, q session, id int64) (runs []int64, err error) {
	err = q.all(ctx, &runs, "SELECT id FROM runs WHERE task_id = ? AND state < 3 ORDER BY id", id)
	return runs, err
}

// OpenRuns see [task.Tasks].
func (s *Store) OpenRuns(ctx context.Context, tenant string, id int64) (runs []int64, err error) {
	err = s.read(ctx, taskName(id), func(q session) error {
		if err := taskExists(ctx, q, tenant, id); err != nil {
			return err
		}
		runs, err = openRuns(ctx, q, id)
		return err
	})
	return runs, err
}

func taskExists(ctx context.Context, q session, tenant string, id int64) error {
	var found int64
	return q.get(ctx, &found, "SELECT id FROM tasks WHERE id = ? AND tenant = ?", id, tenant)
}

// DeleteTask see [task.Tasks].
func (s *Store) DeleteTask(ctx context.Context, tenant string, id int64) error {
	return s.writeIDs(ctx, taskName(id), 1, func(q session, item int64) error {
		if err := taskExists(ctx, q, tenant, id); err != nil {
			return err
		}
		runs, err := openRuns(ctx, q, id)
		if err != nil {
			return err
		}
		// Work before the task, as everyone who commits results locks them.
		for _, run := range runs {
			if err := dropGroup(ctx, q, run); err != nil {
				return err
			}
		}
		n, err := q.exec(ctx, "DELETE FROM tasks WHERE id = ? AND tenant = ?", id, tenant)
		if err != nil {
			return err
		}
		if n == 0 {
			return errs.New(errs.NotFound, "%s does not exist", taskName(id))
		}
		// A run that was added before the task was locked.
		late, err := openRuns(ctx, q, id)
		if err != nil {
			return err
		}
		for _, run := range late {
			if err := dropGroup(ctx, q, run); err != nil {
				return err
			}
		}
		if _, err := q.exec(ctx, "UPDATE runs SET state = 3 WHERE task_id = ? AND state < 3", id); err != nil {
			return err
		}
		return enqueue(ctx, q, item, 0, work.New{
			Kind: task.KindPurge, Group: id, Tenant: tenant, Payload: strconv.FormatInt(id, 10),
		})
	})
}
