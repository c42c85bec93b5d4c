package sqlstore

import "context"

// A lane is the queue of one kind of one group. Claims go by lanes, so that
// their cost does not grow with the number of waiting items. Everything that
// changes which items wait calls requeue or requeueGroup afterwards, in the
// same transaction. Items are locked before lanes, and lanes in the order of
// group and kind, so that transactions do not wait for each other in a circle.

// requeue derives the lane's turn from its waiting items, and adds the lane
// where it is missing.
func requeue(ctx context.Context, q session, kind string, group int64) error {
	// The lane's lock comes first, in a statement of its own: the next one then
	// sees every item of transactions that held it before.
	_, err := q.exec(ctx, `INSERT INTO work_lanes (kind, group_id, last_claim, claims, turn_at) VALUES (?, ?, 0, 0, ?)
		ON CONFLICT (group_id, kind) DO UPDATE SET claims = work_lanes.claims`, kind, group, int64(never))
	if err != nil {
		return err
	}
	return setTurns(ctx, q, group, "kind = ?", kind)
}

// requeueGroup derives the turns of all lanes of a group.
func requeueGroup(ctx context.Context, q session, group int64) error {
	var locked []string
	if err := q.all(ctx, &locked, "SELECT kind FROM work_lanes WHERE group_id = ? ORDER BY kind {lock}", group); err != nil {
		return err
	}
	return setTurns(ctx, q, group, "1 = 1")
}

func setTurns(ctx context.Context, q session, group int64, cond string, args ...any) error {
	args = append([]any{int64(never), int64(never), group}, args...)
	_, err := q.exec(ctx, `UPDATE work_lanes SET turn_at = CASE
			WHEN EXISTS (SELECT 1 FROM work_stops s WHERE s.group_id = work_lanes.group_id) THEN ?
			ELSE COALESCE((SELECT {greatest}(work_lanes.last_claim, w.not_before) FROM work_items w
				WHERE w.state = 0 AND w.group_id = work_lanes.group_id AND w.kind = work_lanes.kind
				ORDER BY w.not_before LIMIT 1), ?) END
		WHERE group_id = ? AND `+cond, args...)
	return err
}

// stopGroup and startGroup hold back the items of a group, and let them go on.
func stopGroup(ctx context.Context, q session, group int64) error {
	_, err := q.exec(ctx, "INSERT INTO work_stops (group_id) VALUES (?) ON CONFLICT (group_id) DO NOTHING", group)
	if err != nil {
		return err
	}
	return requeueGroup(ctx, q, group)
}

func startGroup(ctx context.Context, q session, group int64) error {
	if _, err := q.exec(ctx, "DELETE FROM work_stops WHERE group_id = ?", group); err != nil {
		return err
	}
	return requeueGroup(ctx, q, group)
}

// dropGroup removes a group and its items.
func dropGroup(ctx context.Context, q session, group int64) error {
	for _, sql := range []string{
		"DELETE FROM work_items WHERE group_id = ?",
		"DELETE FROM work_lanes WHERE group_id = ?",
		"DELETE FROM work_stops WHERE group_id = ?",
	} {
		if _, err := q.exec(ctx, sql, group); err != nil {
			return err
		}
	}
	return nil
}

// finish removes an item, and its lane when that was the last one.
func finish(ctx context.Context, q session, item itemRow) error {
	if err := deleteItem(ctx, q, item.ID); err != nil {
		return err
	}
	var locked []string
	err := q.all(ctx, &locked, "SELECT kind FROM work_lanes WHERE group_id = ? AND kind = ? {lock}", item.Group, item.Kind)
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, `DELETE FROM work_lanes WHERE group_id = ? AND kind = ? AND NOT EXISTS
		(SELECT 1 FROM work_items w WHERE w.group_id = work_lanes.group_id AND w.kind = work_lanes.kind)`, item.Group, item.Kind)
	return err
}
