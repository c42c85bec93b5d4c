package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/task"
)

// moiTasks are the operations on load tasks.
type moiTasks struct {
	service *task.Service
	bare    bool // answer creations without an id
}

func (m *moiTasks) routes() []route {
	bodyID := func(in *input) int64 { return in.body.id("task_id") }
	queryID := func(in *input) int64 { return in.query.id("task_id") }
	return []route{
		call(http.MethodPost, "/task", readNewTask, m.create),
		call(http.MethodGet, "/task/list", readTaskQuery, m.list),
		call(http.MethodPost, "/task/update", readTaskChange, m.update),
		call(http.MethodPost, "/task/delete", bodyID, nothing(m.service.Delete)),
		call(http.MethodPost, "/task/pause", bodyID, nothing(m.service.Pause)),
		call(http.MethodPost, "/task/resume", bodyID, nothing(m.service.Resume)),
		call(http.MethodPost, "/task/retry", readRetry, m.retry),
		call(http.MethodGet, "/task/get", queryID, m.get),
		call(http.MethodGet, "/task/files", readTaskFiles, m.files),
	}
}

// nothing makes an operation that has nothing to tell out of a service's
// method on an id.
func nothing(f func(context.Context, scope.Scope, int64) error) func(context.Context, scope.Scope, int64) (any, error) {
	return func(ctx context.Context, sc scope.Scope, id int64) (any, error) {
		return nil, f(ctx, sc, id)
	}
}

// The objects of a body in which a task's fields may stand: nested, as the
// creation's sample has them, before flat, as the update's has them.
func taskObjects(body object) []object {
	var list []object
	source := body
	if body.has("source_config") {
		source = body.object("source_config")
		list = append(list, source)
	}
	if source.has("common_file_task_config") {
		list = append([]object{source.object("common_file_task_config")}, list...)
	}
	return append(list, body)
}

// readSource reads the URIs and the schedule, nil where there are none.
func readSource(body object) ([]string, *task.Schedule) {
	var uris []string
	var schedule *task.Schedule
	for _, o := range taskObjects(body) {
		if uris == nil && o.has("uris") {
			uris = o.texts("uris")
		}
		if schedule == nil && o.has("load_mode_config") {
			mode := o.object("load_mode_config")
			schedule = &task.Schedule{
				Type: task.Interval(mode.integer("load_interval_type")), Every: mode.integer("interval"), TimeZone: mode.text("time_zone"),
			}
		}
	}
	return uris, schedule
}

// fileConfig is the one config_type that there is: a load of plain files.
const fileConfig = 1

func readNewTask(in *input) task.New {
	n := task.New{
		Name:        in.body.text("name"),
		ConnectorID: in.body.id("source_connector_id"),
		VolumeID:    in.body.id("volume_id"),
	}
	if in.body.has("config_type") && in.body.integer("config_type") != fileConfig {
		in.body.problem("config_type", "it must be 1 (files)")
	}
	uris, schedule := readSource(in.body)
	if len(uris) == 0 {
		in.note("source_config.common_file_task_config.uris is required")
	}
	n.URIs = uris
	if schedule != nil {
		n.Schedule = *schedule
	}
	return n
}

func (m *moiTasks) create(ctx context.Context, sc scope.Scope, n task.New) (any, error) {
	t, err := m.service.Create(ctx, sc, n)
	if err != nil {
		return nil, err
	}
	return created(m.bare, "task_id", strconv.FormatInt(t.ID, 10)), nil
}

func readTaskQuery(in *input) task.Query {
	p := paging(in.query)
	q := task.Query{
		Keyword:        in.query.text("keyword"),
		Statuses:       numbersOf[task.Status](in.query, "status"),
		Intervals:      numbersOf[task.Interval](in.query, "load_interval_types"),
		ConnectorIDs:   in.query.ids("source_connector_ids"),
		ConnectorTypes: numbersOf[connector.SourceType](in.query, "connector_sources"),
		OrderBy:        task.Order(in.query.text("order_by")),
		Offset:         p.offset, Limit: p.limit,
	}
	switch q.OrderBy { // two names that later versions of the product have
	case "started_at":
		q.OrderBy = task.ByStart
	case "ended_at":
		q.OrderBy = task.ByEnd
	}
	if desc := in.query.flag("is_desc"); desc != nil {
		q.Asc = !*desc
	}
	return q
}

// moiTaskList is a page of tasks.
type moiTaskList struct {
	Tasks []moiTask `json:"tasks"`
	Total int       `json:"total"`
}

func (m *moiTasks) list(ctx context.Context, sc scope.Scope, q task.Query) (any, error) {
	found, total, err := m.service.List(ctx, sc, q)
	if err != nil {
		return nil, err
	}
	list := moiTaskList{Tasks: make([]moiTask, len(found)), Total: total}
	for i, t := range found {
		list.Tasks[i] = newMOITask(t)
	}
	return list, nil
}

func (m *moiTasks) get(ctx context.Context, sc scope.Scope, id int64) (any, error) {
	t, err := m.service.Get(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	return map[string]moiTask{"task": newMOITask(t)}, nil
}

// taskChange is what to change of which task.
type taskChange struct {
	id int64
	task.Change
}

func readTaskChange(in *input) taskChange {
	ch := taskChange{id: in.body.id("task_id")}
	ch.Name = in.body.optionalText("name")
	ch.URIs, ch.Schedule = readSource(in.body)
	return ch
}

func (m *moiTasks) update(ctx context.Context, sc scope.Scope, ch taskChange) (any, error) {
	return nil, m.service.Update(ctx, sc, ch.id, ch.Change)
}

// fileIDs names files of a task or of a volume.
type fileIDs struct {
	of    int64
	files []int64
}

func readRetry(in *input) fileIDs {
	return fileIDs{of: in.body.id("task_id"), files: in.body.ids("ids")}
}

func (m *moiTasks) retry(ctx context.Context, sc scope.Scope, q fileIDs) (any, error) {
	_, err := m.service.Retry(ctx, sc, q.of, q.files)
	if errors.Is(err, errs.Conflict) { // the product calls a wrong state a wrong parameter
		err = errs.Wrap(errs.Invalid, err, "%s", errs.Message(err))
	}
	return nil, err
}

// fileQuery is which files of a task or of a volume to list.
type fileQuery struct {
	of int64
	task.FileQuery
}

func readTaskFiles(in *input) fileQuery {
	p := paging(in.query)
	return fileQuery{of: in.query.id("task_id"), FileQuery: task.FileQuery{
		Statuses: numbersOf[task.FileStatus](in.query, "status"), Offset: p.offset, Limit: p.limit,
	}}
}

func (m *moiTasks) files(ctx context.Context, sc scope.Scope, q fileQuery) (any, error) {
	t, err := m.service.Get(ctx, sc, q.of)
	if err != nil {
		return nil, err
	}
	files, total, counts, err := m.service.Files(ctx, sc, q.of, q.FileQuery)
	if err != nil {
		return nil, err
	}
	return moiTaskFiles{
		Total: total, TotalSuccess: counts.Success, TotalFailed: counts.Failed, Files: newMOIFiles(files, t.VolumeName),
	}, nil
}
