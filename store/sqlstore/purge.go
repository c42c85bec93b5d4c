package sqlstore

import (
	"context"
	"strconv"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// purge is a PurgeTask in the making.
type purge struct {
	q    session
	task int64
	left int64 // rows that may still be removed
}

// PurgeTask see [task.Runs].
func (s *Store) PurgeTask(ctx context.Context, l work.Lease, id int64, limit int) (more bool, err error) {
	err = s.write(ctx, taskName(id), func(q session) error {
		item, err := leased(ctx, q, l)
		if err != nil {
			return err
		}
		if item.Kind != task.KindPurge || item.Payload != strconv.FormatInt(id, 10) {
			return errs.New(errs.Conflict, "%s does not purge %s", itemName(l.ID), taskName(id))
		}
		p := &purge{q: q, task: id, left: int64(max(limit, 1))}
		if err := p.chunks(ctx); err != nil {
			return err
		}
		if p.left > 0 {
			n, err := q.exec(ctx, "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE task_id = ? LIMIT ?)", id, p.left)
			if err != nil {
				return err
			}
			p.left -= n
		}
		if more = p.left <= 0; more {
			return nil
		}
		return finish(ctx, q, item)
	})
	return more, err
}

// chunks removes chunks with those of their files that no volume shows.
func (p *purge) chunks(ctx context.Context) error {
	for p.left > 0 {
		var found []chunkRow
		err := p.q.all(ctx, &found, "SELECT "+chunkColumns+" FROM chunks WHERE task_id = ? ORDER BY first_file LIMIT 10", p.task)
		if err != nil || len(found) == 0 {
			return err
		}
		for i := range found {
			c := &found[i]
			n, err := p.q.exec(ctx, `DELETE FROM files WHERE id IN
				(SELECT id FROM files WHERE id BETWEEN ? AND ? AND published = 0 LIMIT ?)`, c.FirstFile, c.last(), p.left)
			if err != nil {
				return err
			}
			if p.left -= n; p.left <= 0 {
				return nil
			}
			if _, err := p.q.exec(ctx, "DELETE FROM chunks WHERE id = ?", c.ID); err != nil {
				return err
			}
			if p.left--; p.left <= 0 {
				return nil
			}
		}
	}
	return nil
}
