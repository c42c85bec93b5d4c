package sqlstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/inlet-go/inlet/filesync"
)

// SyncHistory see [filesync.Syncs].
func (s *Store) SyncHistory(ctx context.Context, tenant string, hq filesync.HistoryQuery) ([]*filesync.History, error) {
	var w where
	if hq.SyncID != 0 {
		w.add("sync_id = ?", hq.SyncID)
	}
	w.add("tenant = ?", tenant)
	sql, args := paged("SELECT id, sync_id, file_name, status, message, start_at, end_at FROM sync_history"+w.sql()+" ORDER BY id",
		w.args, hq.Limit, hq.Offset)
	var rows []struct {
		ID       int64  `db:"id"`
		SyncID   int64  `db:"sync_id"`
		FileName string `db:"file_name"`
		Status   int    `db:"status"`
		Message  string `db:"message"`
		StartAt  int64  `db:"start_at"`
		EndAt    int64  `db:"end_at"`
	}
	if err := s.look(ctx, "history", func(q session) error { return q.all(ctx, &rows, sql, args...) }); err != nil {
		return nil, err
	}
	list := make([]*filesync.History, len(rows))
	for i, r := range rows {
		list[i] = &filesync.History{
			ID: r.ID, SyncID: r.SyncID, FileName: r.FileName, Status: statuses[r.Status], Message: r.Message,
			StartAt: fromMilli(r.StartAt), EndAt: fromMilli(r.EndAt),
		}
	}
	return list, nil
}

// failHistory fails uploads that are going on, and counts them. The syncs that
// they may be of are locked.
func failHistory(ctx context.Context, q session, now int64, message, cond string, args ...any) error {
	var of []int64
	args = append([]any{now, clean(message)}, args...)
	err := q.all(ctx, &of, `UPDATE sync_history SET status = 2, end_at = ?, message = ?, owner = '', process = '', blob_key = ''
		WHERE status = 0 AND `+cond+" RETURNING sync_id", args...)
	if err != nil {
		return err
	}
	counts := map[int64]int{}
	for _, id := range of {
		counts[id]++
	}
	for id, n := range counts {
		_, err := q.exec(ctx, "UPDATE syncs SET total_files = total_files + ?, num_failed = num_failed + ? WHERE id = ?", n, n, id)
		if err != nil {
			return err
		}
	}
	return nil
}

// failBatch is how many uploads one transaction of FailUploads fails.
const failBatch = 1000

// FailUploads see [filesync.Uploads].
func (s *Store) FailUploads(ctx context.Context, owner, instance, reason string) (int, error) {
	const lost = "(lease_until <= ? OR owner = ? AND process <> ?)"
	if owner == "" {
		owner = "-" // nobody's: rows that are not Syncing have none
	}
	for total := 0; ; {
		var found []struct {
			ID     int64 `db:"id"`
			SyncID int64 `db:"sync_id"`
		}
		err := s.look(ctx, "uploads", func(q session) error {
			now, err := q.now(ctx)
			if err != nil {
				return err
			}
			return q.all(ctx, &found, "SELECT id, sync_id FROM sync_history WHERE status = 0 AND "+lost+" ORDER BY sync_id LIMIT ?",
				now, owner, instance, failBatch)
		})
		if err != nil || len(found) == 0 {
			return total, err
		}
		ids, of := make([]int64, len(found)), make([]int64, len(found))
		for i, h := range found {
			ids[i], of[i] = h.ID, h.SyncID
		}
		err = s.write(ctx, "uploads", func(q session) error {
			var locked []int64
			err := q.all(ctx, &locked, "SELECT id FROM syncs WHERE id {in} ORDER BY id {lock}", s.d.array(slices.Compact(of)))
			if err != nil {
				return err
			}
			now, err := q.now(ctx)
			if err != nil {
				return err
			}
			return failHistory(ctx, q, now, reason, "id {in} AND "+lost, s.d.array(ids), now, owner, instance)
		})
		if err != nil {
			return total, err
		}
		total += len(found)
	}
}

// RenewUploads see [filesync.Uploads].
func (s *Store) RenewUploads(ctx context.Context, ids []int64, lease time.Duration) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, "uploads", func(q session) error {
		_, err := q.exec(ctx, "UPDATE sync_history SET lease_until = {now} + ? WHERE id {in} AND status = 0",
			lease.Milliseconds(), s.d.array(ids))
		return err
	})
}

// writeHistory changes the rows of announced uploads and adds those of others.
func (r *recording) writeHistory() error {
	var added []*recorded
	for _, u := range r.items {
		switch {
		case u.refused != nil:
		case u.id == 0:
			added = append(added, u)
		case u.Status == filesync.Syncing:
			_, err := r.q.exec(r.ctx, "UPDATE sync_history SET blob_key = ?, lease_until = ? WHERE id = ?", u.Place.Key, r.now+r.lease, u.id)
			if err != nil {
				return err
			}
		default:
			_, err := r.q.exec(r.ctx, "UPDATE sync_history SET status = ?, message = ?, end_at = ?, owner = '', process = '', blob_key = '' WHERE id = ?",
				slices.Index(statuses, u.Status), clean(u.Message), milli(u.EndAt), u.id)
			if err != nil {
				return err
			}
		}
	}
	if len(added) == 0 {
		return nil
	}
	first, err := next(r.ctx, r.q, "history", len(added))
	if err != nil {
		return err
	}
	for i, u := range added {
		u.id = first + int64(i)
	}
	return r.insertHistory(added)
}

func (r *recording) insertHistory(added []*recorded) error {
	going := func(u *recorded, s string) string {
		if u.Status == filesync.Syncing {
			return s
		}
		return ""
	}
	var c rows
	c.add("id", of(added, func(u *recorded) int64 { return u.id }))
	c.add("sync_id", of(added, func(u *recorded) int64 { return u.SyncID }))
	c.add("tenant", of(added, func(u *recorded) string { return u.Tenant }))
	c.add("file_name", of(added, (*recorded).fileName))
	c.add("status", of(added, func(u *recorded) int64 { return int64(slices.Index(statuses, u.Status)) }))
	c.add("message", of(added, func(u *recorded) string { return clean(u.Message) }))
	c.add("start_at", of(added, func(u *recorded) int64 { return milli(u.StartAt) }))
	c.add("end_at", of(added, func(u *recorded) int64 { return milli(u.EndAt) }))
	c.add("owner", of(added, func(u *recorded) string { return going(u, u.Owner) }))
	c.add("process", of(added, func(u *recorded) string { return going(u, u.Instance) }))
	c.add("lease_until", of(added, func(*recorded) int64 { return r.now + r.lease }))
	c.add("blob_key", of(added, func(u *recorded) string { return going(u, u.Place.Key) }))
	return r.q.d.insertRows(r.ctx, r.q, "sync_history", len(added), c)
}

// count adds to the syncs' numbers.
func (r *recording) count() error {
	type counts struct{ over, failed int }
	all := map[int64]counts{}
	for _, u := range r.items {
		if u.refused != nil {
			continue
		}
		n := all[u.SyncID]
		if u.Status != filesync.Syncing {
			n.over++
			n.failed += bit(u.Status == filesync.Failed)
		}
		all[u.SyncID] = n
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		_, err := r.q.exec(r.ctx, "UPDATE syncs SET total_files = total_files + ?, num_failed = num_failed + ?, active_at = ? WHERE id = ?",
			all[id].over, all[id].failed, r.now, id)
		if err != nil {
			return err
		}
	}
	return nil
}
