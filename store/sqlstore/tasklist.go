package sqlstore

import (
	"context"

	"github.com/inlet-go/inlet/task"
)

// taskOrders are indexed, with the tenant before and the id behind.
var taskOrders = map[task.Order]string{
	"": "created_at", task.ByCreated: "created_at", task.ByUpdated: "updated_at", task.ByStart: "start_at",
	task.ByEnd: "end_at", task.ByName: "name", task.ByStatus: "status",
}

// Tasks see [task.Tasks].
func (s *Store) Tasks(ctx context.Context, tenant string, tq task.Query) ([]*task.Task, int, error) {
	var w where
	w.add("tenant = ?", tenant)
	w.keyword("folded", tq.Keyword)
	if len(tq.Statuses) > 0 {
		w.add("status {in}", s.d.array(numbers(tq.Statuses)))
	}
	if len(tq.Intervals) > 0 {
		w.add("schedule_type {in}", s.d.array(numbers(tq.Intervals)))
	}
	if len(tq.ConnectorIDs) > 0 {
		w.add("connector_id {in}", s.d.array(tq.ConnectorIDs))
	}
	if len(tq.ConnectorTypes) > 0 {
		w.add("connector_type {in}", s.d.array(numbers(tq.ConnectorTypes)))
	}
	order, known := taskOrders[tq.OrderBy]
	if !known {
		order = "created_at"
	}
	// Without filters the inner query runs within an index alone, which makes
	// offsets cheap.
	inner, args := paged("SELECT id FROM tasks"+w.sql()+orderBy(tq.Asc, order, "id"), w.args, tq.Limit, tq.Offset)
	var rows []taskRow
	var total int
	err := s.read(ctx, "tasks", func(q session) error {
		rows = nil
		if err := q.get(ctx, &total, "SELECT count(*) FROM tasks"+w.sql(), w.args...); err != nil {
			return err
		}
		return q.all(ctx, &rows, taskSelect+" WHERE t.id IN ("+inner+")"+orderBy(tq.Asc, "t."+order, "t.id"), args...)
	})
	if err != nil {
		return nil, 0, err
	}
	list, err := tasks(rows)
	return list, total, err
}
