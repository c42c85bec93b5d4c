package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

type runRow struct {
	ID           int64  `db:"id"`
	TaskID       int64  `db:"task_id"`
	Tenant       string `db:"tenant"`
	State        int    `db:"state"`
	First        bool   `db:"first"`
	ScheduledFor int64  `db:"scheduled_for"`
	Revision     int64  `db:"revision"`
	URIs         string `db:"uris"`
	Cursor       string `db:"cursor"`
	Skipped      int64  `db:"skipped"`
	StartedAt    int64  `db:"started_at"`
	EndedAt      int64  `db:"ended_at"`
}

const runColumns = "id, task_id, tenant, state, first, scheduled_for, revision, uris, cursor, skipped, started_at, ended_at"

func runName(id int64) string { return fmt.Sprintf("run %d", id) }

func (r *runRow) run() (*task.Run, error) {
	run := &task.Run{
		ID: r.ID, TaskID: r.TaskID, Tenant: r.Tenant, State: task.RunState(r.State), First: r.First,
		ScheduledFor: fromMilli(r.ScheduledFor), Revision: r.Revision, Skipped: r.Skipped,
		StartedAt: fromMilli(r.StartedAt), EndedAt: fromMilli(r.EndedAt),
	}
	err := json.Unmarshal([]byte(r.URIs), &run.URIs)
	if err == nil {
		err = json.Unmarshal([]byte(r.Cursor), &run.Cursor)
	}
	return run, errs.Wrap(errs.Internal, err, "%s: stored URIs and cursor", runName(r.ID))
}

// insertRun adds a run of the task with the work item that lists it; id is the
// run's, the next one the item's. It tells whether the task had none for that
// time before. Unless the run has a start, it starts now; the first one is the
// task's.
func insertRun(ctx context.Context, q session, run *task.Run, tenant string, taskID, id int64) (bool, error) {
	for _, uri := range run.URIs {
		if err := checkTexts("uri", uri); err != nil {
			return false, err
		}
	}
	uris, err := json.Marshal(run.URIs)
	if err != nil {
		return false, err
	}
	cursor, err := json.Marshal(run.Cursor)
	if err != nil {
		return false, err
	}
	state := run.State
	if state == 0 {
		state = task.RunListing
	}
	start := milli(run.StartedAt)
	if start == 0 {
		if start, err = q.now(ctx); err != nil {
			return false, err
		}
	}
	n, err := q.exec(ctx, "INSERT INTO runs ("+runColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (task_id, scheduled_for) DO NOTHING`,
		id, taskID, tenant, int(state), bit(run.First), milli(run.ScheduledFor), run.Revision, string(uris), string(cursor),
		run.Skipped, start, milli(run.EndedAt))
	if err != nil || n == 0 {
		return false, err
	}
	if _, err := q.exec(ctx, "UPDATE tasks SET start_at = ? WHERE id = ? AND start_at = 0", start, taskID); err != nil {
		return false, err
	}
	return true, enqueue(ctx, q, id+1, 0, work.New{
		Kind: task.KindList, Group: id, Tenant: tenant, Payload: strconv.FormatInt(id, 10),
	})
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Run see [task.Runs].
func (s *Store) Run(ctx context.Context, id int64) (run *task.Run, t *task.Task, err error) {
	err = s.read(ctx, runName(id), func(q session) error {
		run, t, err = runAndTask(ctx, q, id)
		return err
	})
	return run, t, err
}

func runAndTask(ctx context.Context, q session, id int64) (*task.Run, *task.Task, error) {
	var row runRow
	if err := q.get(ctx, &row, "SELECT "+runColumns+" FROM runs WHERE id = ?", id); err != nil {
		return nil, nil, err
	}
	var of taskRow
	if err := q.get(ctx, &of, taskSelect+" WHERE t.id = ?", row.TaskID); err != nil {
		return nil, nil, err
	}
	run, err := row.run()
	if err != nil {
		return nil, nil, err
	}
	t, err := of.task()
	return run, t, err
}

// EndListing see [task.Runs].
func (s *Store) EndListing(ctx context.Context, l work.Lease, run int64) error {
	return s.write(ctx, runName(run), func(q session) error {
		item, err := leased(ctx, q, l)
		if err != nil {
			return err
		}
		if item.Group != run || item.Kind != task.KindList {
			return errs.New(errs.Conflict, "work item %d does not list %s", l.ID, runName(run))
		}
		if err := deleteItem(ctx, q, l.ID); err != nil {
			return err
		}
		if _, err := q.exec(ctx, "UPDATE runs SET state = 2 WHERE id = ? AND state = 1", run); err != nil {
			return err
		}
		return endRun(ctx, q, run)
	})
}

// endRun ends a run all of whose work is finished, and completes its task when
// that loads only once.
func endRun(ctx context.Context, q session, run int64) error {
	var taskID []int64
	// The lock makes two workers who finish the last two chunks see each other.
	if err := q.all(ctx, &taskID, "SELECT task_id FROM runs WHERE id = ? AND state = 2 {lock}", run); err != nil || len(taskID) == 0 {
		return err
	}
	open, err := q.has(ctx, "SELECT EXISTS (SELECT 1 FROM chunks WHERE run_id = ? AND done = 0)", run)
	if err != nil || open {
		return err
	}
	now, err := q.now(ctx)
	if err != nil {
		return err
	}
	if _, err := q.exec(ctx, "UPDATE runs SET state = 3, ended_at = ? WHERE id = ?", now, run); err != nil {
		return err
	}
	_, err = q.exec(ctx, `UPDATE tasks SET end_at = ?, updated_at = ?, status = CASE WHEN schedule_type IN (0, 4)
		AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.task_id = tasks.id AND r.state < 3) THEN 4 ELSE status END
		WHERE id = ?`, now, now, taskID[0])
	if err != nil {
		return err
	}
	return dropGroup(ctx, q, run)
}
