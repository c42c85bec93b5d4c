package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// commit is a CommitFiles in the making.
type commit struct {
	s       *Store
	q       session
	lease   work.Lease
	now     int64
	chunk   chunkRow
	rows    map[int64]*fileRow // the files of the results, as they are
	results []task.FileResult  // those that change something, the last of each file
}

// CommitFiles see [task.Runs]. Results of files that are finished already are
// ignored, so that a commit whose answer was lost may be sent again.
func (s *Store) CommitFiles(ctx context.Context, l work.Lease, chunk int64, results []task.FileResult, done bool) error {
	return s.write(ctx, chunkName(chunk), func(q session) error {
		item, err := leased(ctx, q, l)
		if err != nil {
			return err
		}
		if item.ID != chunk {
			return errs.New(errs.Conflict, "%s is not that of %s", itemName(l.ID), chunkName(chunk))
		}
		c := &commit{s: s, q: q, lease: l}
		if c.chunk, err = getChunk(ctx, q, chunk); err != nil {
			return err
		}
		if c.now, err = q.now(ctx); err != nil {
			return err
		}
		if err := c.load(ctx, results); err != nil {
			return err
		}
		if err := c.apply(ctx); err != nil {
			return err
		}
		return c.close(ctx, done)
	})
}

// load reads the files of the results.
func (c *commit) load(ctx context.Context, results []task.FileResult) error {
	if len(results) == 0 {
		return nil
	}
	low, high := results[0].FileID, results[0].FileID
	for _, r := range results {
		low, high = min(low, r.FileID), max(high, r.FileID)
	}
	if low < c.chunk.FirstFile || high > c.chunk.last() {
		return errs.New(errs.Invalid, "a result is of a file that is not in %s", chunkName(c.chunk.ID))
	}
	if err := c.read(ctx, low, high); err != nil {
		return err
	}
	at := make(map[int64]int, len(results))
	for _, r := range results {
		row := c.rows[r.FileID]
		if row == nil || task.FileStatus(row.Status) == task.Success || task.FileStatus(row.Status) == task.Failed {
			continue
		}
		if !r.Drop && r.Status != task.Uploading && r.Status != task.Failed && r.Status != task.Success {
			return errs.New(errs.Invalid, "file %d: %d is no status that a worker commits", r.FileID, r.Status)
		}
		if i, again := at[r.FileID]; again {
			c.results[i] = r
			continue
		}
		at[r.FileID] = len(c.results)
		c.results = append(c.results, r)
	}
	return nil
}

// read reads what a commit needs of the files with ids from low to high.
func (c *commit) read(ctx context.Context, low, high int64) error {
	found, err := c.q.q.QueryxContext(ctx, c.q.d.sql(
		"SELECT id, volume_id, connector_id, uri, size, status FROM files WHERE id BETWEEN ? AND ?"), low, high)
	if err != nil {
		return err
	}
	defer found.Close()
	c.rows = make(map[int64]*fileRow, high-low+1)
	for found.Next() {
		r := &fileRow{}
		if err := found.Scan(&r.ID, &r.VolumeID, &r.ConnectorID, &r.URI, &r.Size, &r.Status); err != nil {
			return err
		}
		c.rows[r.ID] = r
	}
	return found.Err()
}

// apply changes the files and counts them in the chunk.
func (c *commit) apply(ctx context.Context) error {
	var dropped []int64
	byStatus := map[task.FileStatus][]task.FileResult{}
	for _, r := range c.results {
		row := c.rows[r.FileID]
		c.chunk.add(task.FileStatus(row.Status), row.Size, -1)
		switch {
		case r.Drop:
			dropped = append(dropped, r.FileID)
			continue
		case r.Status == task.Success:
			c.chunk.add(r.Status, r.Size, 1)
		default:
			c.chunk.add(r.Status, row.Size, 1)
		}
		r.Reason, r.ETag = clean(r.Reason), clean(r.ETag)
		byStatus[r.Status] = append(byStatus[r.Status], r)
	}
	for _, status := range []task.FileStatus{task.Uploading, task.Failed} {
		if list := byStatus[status]; len(list) > 0 {
			if err := c.s.d.updateFiles(ctx, c.q, c.lease.Fence, c.now, false, list); err != nil {
				return err
			}
		}
	}
	if len(dropped) > 0 {
		if _, err := c.q.exec(ctx, "DELETE FROM files WHERE id {in}", c.s.d.array(dropped)); err != nil {
			return err
		}
	}
	return c.publish(ctx, byStatus[task.Success])
}

// publish makes files visible in place of what their volume shows under the
// same connector and URI.
func (c *commit) publish(ctx context.Context, results []task.FileResult) error {
	if len(results) == 0 {
		return nil
	}
	volume, connector := c.rows[results[0].FileID].VolumeID, c.rows[results[0].FileID].ConnectorID
	// The lock makes publishers of the same volume take turns.
	var locked int64
	if err := c.q.get(ctx, &locked, "SELECT id FROM volumes WHERE id = ? {lock}", volume); err != nil {
		return fmt.Errorf("%s: %w", volumeName(volume), err)
	}
	hidden, visible := c.latest(results)
	old, err := c.replaced(ctx, volume, connector, visible)
	if err != nil {
		return err
	}
	gone := make([]int64, len(old))
	for i, o := range old {
		gone[i] = o.ID
	}
	if err := c.s.hide(ctx, c.q, gone, c.now); err != nil {
		return err
	}
	if len(hidden) > 0 {
		if err := c.s.d.updateFiles(ctx, c.q, c.lease.Fence, c.now, false, hidden); err != nil {
			return err
		}
		gone = gone[:0]
		for _, r := range hidden {
			gone = append(gone, r.FileID)
		}
		if err := c.s.discard(ctx, c.q, gone, c.now); err != nil {
			return err
		}
	}
	if err := c.s.d.updateFiles(ctx, c.q, c.lease.Fence, c.now, true, visible); err != nil {
		return err
	}
	size, num := int64(0), int64(len(visible)-len(old))
	for _, r := range visible {
		size += r.Size
	}
	for _, o := range old {
		size -= o.Size
	}
	_, err = c.q.exec(ctx, "UPDATE volumes SET size = size + ?, file_num = file_num + ?, updated_at = ? WHERE id = ?",
		size, num, c.now, volume)
	return err
}

// replaced returns the visible files that have the URIs of the results.
func (c *commit) replaced(ctx context.Context, volume, connector int64, results []task.FileResult) ([]fileRow, error) {
	uris := make([]string, len(results))
	for i, r := range results {
		uris[i] = c.rows[r.FileID].URI
	}
	// Listings are in order, so a volume that is loaded for the first time has
	// nothing between these URIs: one probe of the index instead of one each.
	var next []string
	err := c.q.all(ctx, &next, `SELECT uri FROM files WHERE volume_id = ? AND published = 1 AND uri >= ?
		ORDER BY uri LIMIT 1`, volume, slices.Min(uris))
	if err != nil || len(next) == 0 || next[0] > slices.Max(uris) {
		return nil, err
	}
	var old []fileRow
	err = c.q.all(ctx, &old, "SELECT f.id, f.fence, f.size {visible}", c.s.d.array(uris), volume, connector)
	return old, err
}

// latest tells the results that become visible, one for each URI, from those
// that another one of the same URI replaces at once.
func (c *commit) latest(results []task.FileResult) (hidden, visible []task.FileResult) {
	at := make(map[string]int, len(results))
	for _, r := range results {
		uri := c.rows[r.FileID].URI
		if i, again := at[uri]; again {
			hidden, visible[i] = append(hidden, visible[i]), r
			continue
		}
		at[uri] = len(visible)
		visible = append(visible, r)
	}
	return hidden, visible
}

// close writes the chunk's counters and, with done, ends its work.
func (c *commit) close(ctx context.Context, done bool) error {
	if done && c.chunk.open() > 0 {
		return errs.New(errs.Invalid, "%s: %d files are not finished", chunkName(c.chunk.ID), c.chunk.open())
	}
	t := &c.chunk.tally
	_, err := c.q.exec(ctx, `UPDATE chunks SET waiting = ?, uploading = ?, retrying = ?, failed = ?, success = ?,
		bytes = ?, loaded = ?, done = ?, fence = ? WHERE id = ?`,
		t.Waiting, t.Uploading, t.Retrying, t.Failed, t.Success, t.Bytes, t.Loaded, bit(done), c.lease.Fence, c.chunk.ID)
	if err != nil || !done {
		return err
	}
	if err := deleteItem(ctx, c.q, c.lease.ID); err != nil {
		return err
	}
	return endRun(ctx, c.q, c.chunk.RunID)
}
