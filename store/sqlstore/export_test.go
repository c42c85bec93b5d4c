package sqlstore

import "context"

// FillTasks copies a task n times for a tenant, with ids and times of their own.
func (s *Store) FillTasks(ctx context.Context, id int64, tenant string, n int) error {
	return s.writeIDs(ctx, "tasks", n, func(q session, first int64) error {
		_, err := q.exec(ctx, `WITH RECURSIVE k (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM k WHERE i + 1 < CAST(? AS BIGINT))
			INSERT INTO tasks (id, tenant, name, folded, connector_id, connector_type, volume_id,
				status, creator, uris, schedule_type, every, time_zone, revision, next_run_at, start_at, end_at, created_at, updated_at)
			SELECT k.i + CAST(? AS BIGINT), CAST(? AS TEXT), 'n', 'n', connector_id, connector_type, volume_id, 4, creator, uris, schedule_type,
				every, time_zone, revision, 0, 0, 0, (k.i * 7919) % 1000003, k.i FROM k CROSS JOIN tasks t WHERE t.id = ?`,
			n, first, tenant, id)
		return err
	})
}
