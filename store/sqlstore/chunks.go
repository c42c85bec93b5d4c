package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

type chunkRow struct {
	ID        int64 `db:"id"`
	RunID     int64 `db:"run_id"`
	TaskID    int64 `db:"task_id"`
	FirstFile int64 `db:"first_file"`
	Span      int64 `db:"span"`
	tally
	Done  bool  `db:"done"`
	Fence int64 `db:"fence"`
}

const chunkColumns = "id, run_id, task_id, first_file, span, " + tallyColumns + ", done, fence"

func chunkName(id int64) string { return fmt.Sprintf("chunk %d", id) }

// last returns the greatest id that a file of the chunk can have.
func (c *chunkRow) last() int64 { return c.FirstFile + c.Span - 1 }

// maxURI is the most bytes of a URI: PostgreSQL indexes at most 2,704 bytes of
// a row, and keys of S3 and OSS have at most 1,024.
const maxURI = 2048

// AppendChunk see [task.Runs]. The chunk's work item has the chunk's id.
func (s *Store) AppendChunk(ctx context.Context, l work.Lease, run int64, files []*task.File, skipped int64, next task.Cursor, move *task.StateMove) error {
	for _, f := range files {
		if err := checkTexts("uri", f.URI, "creator", f.Creator); err != nil {
			return err
		}
		if len(f.URI) > maxURI && f.Status != task.Failed { // what failed is in no index
			return errs.New(errs.Invalid, "a uri of %d bytes is longer than %d", len(f.URI), maxURI)
		}
	}
	if move != nil {
		if err := checkTexts("state", move.To); err != nil {
			return err
		}
	}
	cursor, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return s.write(ctx, runName(run), func(q session) error {
			_, err := moveRun(ctx, q, l, run, skipped, string(cursor), move)
			return err
		})
	}
	return s.writeIDs(ctx, runName(run), 1+len(files), func(q session, first int64) error {
		row, err := moveRun(ctx, q, l, run, skipped, string(cursor), move)
		if err != nil {
			return err
		}
		chunk := chunkRow{ID: first, RunID: run, TaskID: row.TaskID, FirstFile: first + 1, Span: int64(len(files))}
		for i, f := range files {
			f.ID, f.ChunkID, f.TaskID = chunk.FirstFile+int64(i), chunk.ID, row.TaskID
			chunk.add(f.Status, f.Size, 1)
		}
		if err := s.d.insertFiles(ctx, q, files); err != nil {
			return err
		}
		return insertChunk(ctx, q, &chunk, row.Tenant)
	})
}

// moveRun checks the claim, adds to what the run skipped, for the claim that
// lists the run moves its cursor, and moves the state of its task.
func moveRun(ctx context.Context, q session, l work.Lease, run, skipped int64, cursor string, move *task.StateMove) (runRow, error) {
	var row runRow
	item, err := leased(ctx, q, l)
	if err != nil {
		return row, err
	}
	if item.Group != run {
		return row, errs.New(errs.Conflict, "%s is not of %s", itemName(l.ID), runName(run))
	}
	sql, args := "UPDATE runs SET skipped = skipped + ?", []any{skipped}
	if item.Kind == task.KindList {
		sql, args = sql+", cursor = ?", append(args, cursor)
	}
	err = q.get(ctx, &row, sql+" WHERE id = ? AND state < 3 RETURNING task_id, tenant", append(args, run)...)
	if err != nil || move == nil {
		return row, err
	}
	n, err := q.exec(ctx, "UPDATE tasks SET state = ? WHERE id = ? AND state = ?", move.To, row.TaskID, move.From)
	if err == nil && n == 0 {
		err = errs.New(errs.Conflict, "%s has another state: it was listed meanwhile", taskName(row.TaskID))
	}
	return row, err
}

// insertChunk adds a chunk and, unless all its files are finished, its item.
func insertChunk(ctx context.Context, q session, c *chunkRow, tenant string) error {
	c.Done = c.open() == 0
	_, err := q.exec(ctx, "INSERT INTO chunks ("+chunkColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
		c.ID, c.RunID, c.TaskID, c.FirstFile, c.Span, c.Waiting, c.Uploading, c.Retrying, c.Failed, c.Success,
		c.Bytes, c.Loaded, bit(c.Done))
	if err != nil || c.Done {
		return err
	}
	return enqueue(ctx, q, c.ID, 0, loadWork(c, tenant))
}

func loadWork(c *chunkRow, tenant string) work.New {
	return work.New{Kind: task.KindLoad, Group: c.RunID, Tenant: tenant, Payload: strconv.FormatInt(c.ID, 10)}
}

func getChunk(ctx context.Context, q session, id int64) (chunkRow, error) {
	var c chunkRow
	err := q.get(ctx, &c, "SELECT "+chunkColumns+" FROM chunks WHERE id = ?", id)
	return c, err
}

// Chunk see [task.Runs].
func (s *Store) Chunk(ctx context.Context, id int64) (*task.Chunk, error) {
	var chunk *task.Chunk
	err := s.read(ctx, chunkName(id), func(q session) error {
		c, err := getChunk(ctx, q, id)
		if err != nil {
			return err
		}
		var row taskRow
		if err := q.get(ctx, &row, taskSelect+" WHERE t.id = ?", c.TaskID); err != nil {
			return err
		}
		t, err := row.task()
		chunk = &task.Chunk{ID: c.ID, RunID: c.RunID, Task: t, Total: c.total(), OK: c.Success, Failed: c.Failed}
		return err
	})
	return chunk, err
}

// ChunkFiles see [task.Runs]. It reads few columns and scans them by hand: this
// is done for every file that is ever loaded.
func (s *Store) ChunkFiles(ctx context.Context, chunk int64) ([]*task.File, error) {
	var list []*task.File
	err := s.read(ctx, chunkName(chunk), func(q session) error {
		list = nil
		c, err := getChunk(ctx, q, chunk)
		if err != nil || c.Done {
			return err
		}
		var tenant string
		if err := q.get(ctx, &tenant, "SELECT tenant FROM runs WHERE id = ?", c.RunID); err != nil {
			return err
		}
		found, err := q.q.QueryxContext(ctx, q.d.sql(`SELECT id, uri, size, etag, mod_time, status FROM files
			WHERE id BETWEEN ? AND ? AND status IN (1, 2, 6) ORDER BY id`), c.FirstFile, c.last())
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			f, modTime := &task.File{Tenant: tenant, TaskID: c.TaskID, ChunkID: chunk}, int64(0)
			if err := found.Scan(&f.ID, &f.URI, &f.Size, &f.ETag, &modTime, &f.Status); err != nil {
				return err
			}
			f.ModTime = fromMilli(modTime)
			list = append(list, f)
		}
		return found.Err()
	})
	return list, err
}

// Unchanged see [task.Runs].
func (s *Store) Unchanged(ctx context.Context, volume, connector int64, files []*task.File) ([]bool, error) {
	same := make([]bool, len(files))
	if len(files) == 0 {
		return same, nil
	}
	uris := make([]string, len(files))
	for i, f := range files {
		uris[i] = f.URI
	}
	var rows []fileRow
	err := s.look(ctx, volumeName(volume), func(q session) error {
		return q.all(ctx, &rows, "SELECT f.uri, f.size, f.etag, f.mod_time {visible}", s.d.array(uris), volume, connector)
	})
	known := make(map[string]fileRow, len(rows))
	for _, r := range rows {
		known[r.URI] = r
	}
	for i, f := range files {
		r, ok := known[f.URI]
		same[i] = ok && r.Size == f.Size && r.ETag == clean(f.ETag) && r.ModTime == milli(f.ModTime)
	}
	return same, err
}
