package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/inlet-go/inlet/store/work"
)

// claimLanes is among how many lanes a claim chooses by the number of their
// items in flight: those whose turn is longest due.
const claimLanes = 64

// expireBatch bounds the leases that one claim takes from dead nodes.
const expireBatch = 100

type lane struct {
	Kind     string `db:"kind"`
	Group    int64  `db:"group_id"`
	TurnAt   int64  `db:"turn_at"`
	Claims   int64  `db:"claims"`
	InFlight int    `db:"-"` // items of the group that are leased
	Want     int    `db:"-"` // items to take in this round
	Looked   bool   `db:"-"` // whether items were looked for,
	Claimed  bool   `db:"-"` // and found
}

func (l *lane) compare(m *lane) int {
	return cmp.Or(cmp.Compare(l.Group, m.Group), cmp.Compare(l.Kind, m.Kind))
}

// Claim see [work.Leases].
func (s *Store) Claim(ctx context.Context, owner string, kinds []string, limit int, ttl time.Duration) ([]work.Item, error) {
	if limit <= 0 || len(kinds) == 0 {
		return nil, nil
	}
	of := s.d.array(kinds)
	var due bool
	// Most looks find nothing, and must not wait for the write lock.
	err := s.look(ctx, "work items", func(q session) (err error) {
		due, err = q.has(ctx, `SELECT EXISTS (SELECT 1 FROM work_lanes WHERE kind {in} AND turn_at <= {now})
			OR EXISTS (SELECT 1 FROM work_items WHERE state = 1 AND lease_until <= {now} AND kind {in})`, of, of)
		return err
	})
	if err != nil || !due {
		return nil, err
	}
	var items []work.Item
	err = s.write(ctx, "work items", func(q session) error {
		now, err := q.now(ctx)
		if err != nil {
			return err
		}
		if err := s.expire(ctx, q, of, now); err != nil {
			return err
		}
		lanes, err := dueLanes(ctx, q, kinds, now)
		if err != nil {
			return err
		}
		c := claim{owner: owner, now: now, until: now + ttl.Milliseconds(), limit: limit}
		if err := c.take(ctx, q, lanes); err != nil {
			return err
		}
		items = c.items
		return c.turn(ctx, q, lanes)
	})
	return items, err
}

// expire makes items wait whose lease ran out. Their fence stays: until
// somebody claims them, the old claim is the latest.
func (s *Store) expire(ctx context.Context, q session, kinds any, now int64) error {
	var lanes []*lane
	err := q.all(ctx, &lanes, `WITH gone AS MATERIALIZED (SELECT w.id FROM work_items w
			WHERE w.state = 1 AND w.lease_until <= ? AND w.kind {in} ORDER BY w.lease_until LIMIT ? {skipLocked})
		UPDATE work_items SET state = 0, not_before = ? WHERE id IN (SELECT id FROM gone) RETURNING kind, group_id`,
		now, kinds, expireBatch, now)
	slices.SortFunc(lanes, (*lane).compare)
	for _, l := range slices.CompactFunc(lanes, func(a, b *lane) bool { return a.compare(b) == 0 }) {
		if err == nil {
			err = requeue(ctx, q, l.Kind, l.Group)
		}
	}
	return err
}

// dueLanes returns the lanes among which to choose, those that were claimed
// from longest ago first.
func dueLanes(ctx context.Context, q session, kinds []string, now int64) ([]*lane, error) {
	var lanes []*lane
	for _, kind := range kinds { // one by one, each in the order of the index
		var due []*lane
		err := q.all(ctx, &due, `SELECT kind, group_id, turn_at, claims FROM work_lanes WHERE kind = ? AND turn_at <= ?
			ORDER BY turn_at, claims, group_id LIMIT ?`, kind, now, claimLanes)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, due...)
	}
	slices.SortStableFunc(lanes, func(a, b *lane) int {
		return cmp.Or(cmp.Compare(a.TurnAt, b.TurnAt), cmp.Compare(a.Claims, b.Claims))
	})
	lanes = lanes[:min(len(lanes), claimLanes)]
	var leased []int64
	// Only what is in flight is counted, never what waits: lease_until leads to
	// the index that holds nothing else.
	err := q.all(ctx, &leased, "SELECT group_id FROM work_items WHERE state = 1 AND lease_until > 0")
	inFlight := make(map[int64]int, len(leased))
	for _, group := range leased {
		inFlight[group]++
	}
	for _, l := range lanes {
		l.InFlight = inFlight[l.Group]
	}
	return lanes, err
}

// claim is a claim in the making.
type claim struct {
	owner      string
	now, until int64
	limit      int
	items      []work.Item
}

// take leases items of the lanes, giving turns, until there are enough or none
// is left.
func (c *claim) take(ctx context.Context, q session, lanes []*lane) error {
	for len(c.items) < c.limit && len(lanes) > 0 {
		c.share(lanes)
		left := lanes[:0:0]
		for _, l := range lanes {
			got, err := c.lease(ctx, q, l)
			if err != nil {
				return err
			}
			if got == l.Want { // else it has no more
				left = append(left, l)
			}
			l.Want = 0
		}
		lanes = left
	}
	return nil
}

// share says how many items to take from each lane as if none could run out:
// one at a time from the group with the fewest in flight, the first of equals.
func (c *claim) share(lanes []*lane) {
	planned := map[int64]int{}
	for range c.limit - len(c.items) {
		next := slices.MinFunc(lanes, func(a, b *lane) int {
			return cmp.Compare(a.InFlight+planned[a.Group], b.InFlight+planned[b.Group])
		})
		next.Want++
		planned[next.Group]++
	}
}

// lease takes up to l.Want items of the lane, the longest due first.
func (c *claim) lease(ctx context.Context, q session, l *lane) (int, error) {
	if l.Want == 0 {
		return 0, nil
	}
	var rows []itemRow
	err := q.all(ctx, &rows, `WITH picked AS MATERIALIZED (SELECT w.id FROM work_items w
			WHERE w.state = 0 AND w.group_id = ? AND w.kind = ? AND w.not_before <= ?
			ORDER BY w.not_before, w.id LIMIT ? {skipLocked})
		UPDATE work_items SET state = 1, fence = fence + 1, attempt = attempt + 1, owner = ?, lease_until = ?
		WHERE id IN (SELECT id FROM picked) RETURNING id, kind, group_id, tenant, payload, fence, attempt`,
		l.Group, l.Kind, c.now, l.Want, c.owner, c.until)
	slices.SortFunc(rows, func(a, b itemRow) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range rows {
		c.items = append(c.items, work.Item{
			ID: r.ID, Kind: r.Kind, Group: r.Group, Tenant: r.Tenant, Fence: r.Fence, Attempt: r.Attempt, Payload: r.Payload,
		})
	}
	l.InFlight += len(rows)
	l.Looked = true
	l.Claimed = l.Claimed || len(rows) > 0
	return len(rows), err
}

// turn sends the lanes that gave items to the end of the line, and derives the
// turns of all that were looked into.
func (c *claim) turn(ctx context.Context, q session, lanes []*lane) error {
	slices.SortFunc(lanes, (*lane).compare)
	for _, l := range lanes {
		if l.Claimed {
			_, err := q.exec(ctx, "UPDATE work_lanes SET last_claim = ?, claims = claims + 1 WHERE group_id = ? AND kind = ?",
				c.now, l.Group, l.Kind)
			if err != nil {
				return err
			}
		}
		if l.Looked {
			if err := requeue(ctx, q, l.Kind, l.Group); err != nil {
				return err
			}
		}
	}
	return nil
}
