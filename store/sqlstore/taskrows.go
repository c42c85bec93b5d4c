package sqlstore

import (
	"encoding/json"
	"fmt"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

type taskRow struct {
	ID            int64   `db:"id"`
	Tenant        string  `db:"tenant"`
	Name          string  `db:"name"`
	ConnectorID   int64   `db:"connector_id"`
	ConnectorType int     `db:"connector_type"`
	VolumeID      int64   `db:"volume_id"`
	VolumeName    *string `db:"volume_name"`
	Status        int     `db:"status"`
	Creator       string  `db:"creator"`
	URIs          string  `db:"uris"`
	ScheduleType  int     `db:"schedule_type"`
	Every         int     `db:"every"`
	TimeZone      string  `db:"time_zone"`
	Revision      int64   `db:"revision"`
	State         string  `db:"state"`
	NextRunAt     int64   `db:"next_run_at"`
	StartAt       int64   `db:"start_at"`
	EndAt         int64   `db:"end_at"`
	CreatedAt     int64   `db:"created_at"`
	UpdatedAt     int64   `db:"updated_at"`
}

// taskSelect reads tasks t with the name of their volume, which may be gone.
const taskSelect = `SELECT t.id, t.tenant, t.name, t.connector_id, t.connector_type, t.volume_id,
	(SELECT v.name FROM volumes v WHERE v.id = t.volume_id) AS volume_name, t.status, t.creator, t.uris,
	t.schedule_type, t.every, t.time_zone, t.revision, t.state, t.next_run_at, t.start_at, t.end_at, t.created_at, t.updated_at
	FROM tasks t`

func taskName(id int64) string { return fmt.Sprintf("task %d", id) }

func (r *taskRow) task() (*task.Task, error) {
	t := &task.Task{
		ID: r.ID, Tenant: r.Tenant, Name: r.Name, ConnectorID: r.ConnectorID,
		ConnectorType: connector.SourceType(r.ConnectorType), VolumeID: r.VolumeID, Status: task.Status(r.Status),
		Creator:  r.Creator,
		Schedule: task.Schedule{Type: task.Interval(r.ScheduleType), Every: r.Every, TimeZone: r.TimeZone},
		Revision: r.Revision, State: r.State, NextRunAt: fromMilli(r.NextRunAt), StartAt: fromMilli(r.StartAt), EndAt: fromMilli(r.EndAt),
		CreatedAt: fromMilli(r.CreatedAt), UpdatedAt: fromMilli(r.UpdatedAt),
	}
	if r.VolumeName != nil {
		t.VolumeName = *r.VolumeName
	}
	if err := json.Unmarshal([]byte(r.URIs), &t.URIs); err != nil {
		return nil, errs.Wrap(errs.Internal, err, "%s: stored URIs", taskName(r.ID))
	}
	return t, nil
}

func tasks(rows []taskRow) ([]*task.Task, error) {
	list := make([]*task.Task, len(rows))
	for i := range rows {
		t, err := rows[i].task()
		if err != nil {
			return nil, err
		}
		list[i] = t
	}
	return list, nil
}

// rowOfTask returns what is stored of t.
func rowOfTask(t *task.Task) (taskRow, error) {
	pairs := []string{"name", t.Name, "tenant", t.Tenant, "creator", t.Creator, "time_zone", t.Schedule.TimeZone}
	for _, uri := range t.URIs {
		pairs = append(pairs, "uri", uri)
	}
	if err := checkTexts(pairs...); err != nil {
		return taskRow{}, err
	}
	uris, err := json.Marshal(t.URIs)
	return taskRow{
		ID: t.ID, Tenant: t.Tenant, Name: t.Name, ConnectorID: t.ConnectorID, ConnectorType: int(t.ConnectorType),
		VolumeID: t.VolumeID, Status: int(t.Status), Creator: t.Creator, URIs: string(uris),
		ScheduleType: int(t.Schedule.Type), Every: t.Schedule.Every, TimeZone: t.Schedule.TimeZone, Revision: t.Revision,
		NextRunAt: milli(t.NextRunAt), StartAt: milli(t.StartAt), EndAt: milli(t.EndAt),
		CreatedAt: milli(t.CreatedAt), UpdatedAt: milli(t.UpdatedAt),
	}, err
}
