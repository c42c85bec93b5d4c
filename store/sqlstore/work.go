package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

// itemRow is an item as far as holders of a lease need it.
type itemRow struct {
	ID      int64  `db:"id"`
	Kind    string `db:"kind"`
	Group   int64  `db:"group_id"`
	Tenant  string `db:"tenant"`
	Payload string `db:"payload"`
	Fence   int64  `db:"fence"`
	Attempt int    `db:"attempt"`
	State   int    `db:"state"`
	Stopped bool   `db:"stopped"`
}

const itemSelect = `SELECT w.id, w.kind, w.group_id, w.tenant, w.payload, w.fence, w.attempt, w.state,
	EXISTS (SELECT 1 FROM work_stops s WHERE s.group_id = w.group_id) AS stopped FROM work_items w`

func itemName(id int64) string { return fmt.Sprintf("work item %d", id) }

// leased returns the item of a claim that is still its latest, and keeps it
// from being claimed until the transaction ends. Whether the lease ran out
// does not matter: nobody else took the item.
func leased(ctx context.Context, q session, l work.Lease) (itemRow, error) {
	var found []itemRow
	if err := q.all(ctx, &found, itemSelect+" WHERE w.id = ? AND w.fence = ? {lock}", l.ID, l.Fence); err != nil {
		return itemRow{}, err
	}
	if len(found) == 0 || l.Fence == 0 {
		return itemRow{}, errs.New(errs.Conflict, "%s is no longer leased", itemName(l.ID))
	}
	return found[0], nil
}

func deleteItem(ctx context.Context, q session, id int64) error {
	_, err := q.exec(ctx, "DELETE FROM work_items WHERE id = ?", id)
	return err
}

// enqueue adds an item. fence is what its claims count from: more than any
// claim before of an item that has the same id.
func enqueue(ctx context.Context, q session, id, fence int64, n work.New) error {
	if err := checkTexts("kind", n.Kind, "tenant", n.Tenant, "payload", n.Payload); err != nil {
		return err
	}
	due := milli(n.NotBefore)
	if due == 0 {
		var err error
		if due, err = q.now(ctx); err != nil {
			return err
		}
	}
	_, err := q.exec(ctx, `INSERT INTO work_items
		(id, kind, group_id, tenant, payload, state, fence, attempt, owner, not_before, lease_until)
		VALUES (?, ?, ?, ?, ?, 0, ?, 0, '', ?, 0)`, id, n.Kind, n.Group, n.Tenant, n.Payload, fence, due)
	if err != nil {
		return err
	}
	return requeue(ctx, q, n.Kind, n.Group)
}

// Enqueue see [work.Leases].
func (s *Store) Enqueue(ctx context.Context, n work.New) (id int64, err error) {
	err = s.writeIDs(ctx, "work item", 1, func(q session, first int64) error {
		id = first
		return enqueue(ctx, q, first, 0, n)
	})
	return id, err
}

// Renew see [work.Leases].
func (s *Store) Renew(ctx context.Context, leases []work.Lease, ttl time.Duration) (lost []work.Lease, err error) {
	if len(leases) == 0 {
		return nil, nil
	}
	err = s.write(ctx, "leases", func(q session) error {
		var held []int64
		held, lost, err = s.sortLeases(ctx, q, leases, " ORDER BY w.id {lock}")
		if err != nil || len(held) == 0 {
			return err
		}
		_, err = q.exec(ctx, "UPDATE work_items SET state = 1, lease_until = {now} + ? WHERE id {in}",
			ttl.Milliseconds(), s.d.array(held))
		return err
	})
	return lost, err
}

// Check see [work.Leases].
func (s *Store) Check(ctx context.Context, leases []work.Lease) (lost []work.Lease, err error) {
	if len(leases) == 0 {
		return nil, nil
	}
	err = s.look(ctx, "leases", func(q session) error {
		_, lost, err = s.sortLeases(ctx, q, leases, "")
		return err
	})
	return lost, err
}

// sortLeases tells the items that are still held from the leases that are lost.
func (s *Store) sortLeases(ctx context.Context, q session, leases []work.Lease, suffix string) (held []int64, lost []work.Lease, err error) {
	ids := make([]int64, len(leases))
	for i, l := range leases {
		ids[i] = l.ID
	}
	var rows []itemRow
	if err := q.all(ctx, &rows, itemSelect+" WHERE w.id {in}"+suffix, s.d.array(ids)); err != nil {
		return nil, nil, err
	}
	fences := make(map[int64]int64, len(rows))
	for _, r := range rows {
		if !r.Stopped {
			fences[r.ID] = r.Fence
		}
	}
	for _, l := range leases {
		if fence, ok := fences[l.ID]; ok && fence == l.Fence && fence != 0 {
			held = append(held, l.ID)
		} else {
			lost = append(lost, l)
		}
	}
	return held, lost, nil
}

// Expire see [work.Leases]. The next Claim, of whatever node, finds the items.
func (s *Store) Expire(ctx context.Context, owner string) error {
	return s.write(ctx, "work items", func(q session) error {
		_, err := q.exec(ctx, "UPDATE work_items SET lease_until = {now} WHERE state = 1 AND owner = ?", owner)
		return err
	})
}

// Finish see [work.Leases].
func (s *Store) Finish(ctx context.Context, l work.Lease) error {
	return s.write(ctx, itemName(l.ID), func(q session) error {
		item, err := leased(ctx, q, l)
		if err != nil {
			return err
		}
		return finish(ctx, q, item)
	})
}

// Release see [work.Leases]. It gives the item a fence that no claim has, so
// that the lease is void even before the next claim.
func (s *Store) Release(ctx context.Context, l work.Lease, delay time.Duration) error {
	return s.write(ctx, itemName(l.ID), func(q session) error {
		item, err := leased(ctx, q, l)
		if err != nil {
			return err
		}
		_, err = q.exec(ctx, `UPDATE work_items SET state = 0, fence = fence + 1, owner = '', lease_until = 0,
			not_before = {now} + ? WHERE id = ?`, delay.Milliseconds(), l.ID)
		if err != nil {
			return err
		}
		return requeue(ctx, q, item.Kind, item.Group)
	})
}

// StopGroup see [work.Leases].
func (s *Store) StopGroup(ctx context.Context, group int64) error {
	return s.write(ctx, fmt.Sprintf("group %d", group), func(q session) error { return stopGroup(ctx, q, group) })
}

// StartGroup see [work.Leases].
func (s *Store) StartGroup(ctx context.Context, group int64) error {
	return s.write(ctx, fmt.Sprintf("group %d", group), func(q session) error { return startGroup(ctx, q, group) })
}
