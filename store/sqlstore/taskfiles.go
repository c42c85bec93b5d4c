package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

// missing returns a NotFound error that names an id that was not found.
func missing(ids, found []int64) error {
	for _, id := range ids {
		if !slices.Contains(found, id) {
			return errs.New(errs.NotFound, "file %d does not exist", id)
		}
	}
	return nil
}

// shown says how the stored states of a task's files show: what is not
// finished is paused while the task is.
type shown struct{ paused bool }

func (s shown) status(stored task.FileStatus) task.FileStatus {
	if s.paused && stored != task.Success && stored != task.Failed {
		return task.FilePaused
	}
	return stored
}

// stored returns the stored states that show as one of those asked for, all if
// none is asked for.
func (s shown) stored(asked []task.FileStatus) []task.FileStatus {
	var list []task.FileStatus
	for _, status := range []task.FileStatus{task.Waiting, task.Uploading, task.Retrying, task.Failed, task.Success} {
		if len(asked) == 0 || slices.Contains(asked, s.status(status)) {
			list = append(list, status)
		}
	}
	return list
}

var tallyOf = map[task.FileStatus]string{
	task.Waiting: "waiting", task.Uploading: "uploading", task.Retrying: "retrying", task.Failed: "failed", task.Success: "success",
}

// page is a part of one chunk's files.
type page struct {
	FirstFile int64 `db:"first_file"`
	Span      int64 `db:"span"`
	Before    int64 `db:"before"` // selected files in the chunks before
	N         int64 `db:"n"`      // selected files in this one
	Done      bool  `db:"done"`
}

// TaskFiles see [task.Tasks]. Where a page lies is told by the counters of the
// chunks, so that the cost of a page does not grow with its offset.
func (s *Store) TaskFiles(ctx context.Context, tenant string, id int64, fq task.FileQuery) ([]*task.File, int, error) {
	var list []*task.File
	var total int
	err := s.read(ctx, taskName(id), func(q session) error {
		list, total = nil, 0
		var status int
		if err := q.get(ctx, &status, "SELECT status FROM tasks WHERE id = ? AND tenant = ?", id, tenant); err != nil {
			return err
		}
		show := shown{paused: held(task.Status(status))}
		statuses := show.stored(fq.Statuses)
		if len(statuses) == 0 {
			return nil
		}
		var err error
		var rows []fileRow
		if rows, total, err = s.taskFiles(ctx, q, id, statuses, fq); err != nil {
			return err
		}
		list = files(rows, tenant)
		for _, f := range list {
			f.Status = show.status(f.Status)
		}
		return nil
	})
	return list, total, err
}

func (s *Store) taskFiles(ctx context.Context, q session, id int64, statuses []task.FileStatus, fq task.FileQuery) ([]fileRow, int, error) {
	columns := make([]string, len(statuses))
	for i, status := range statuses {
		columns[i] = tallyOf[status]
	}
	n := strings.Join(columns, " + ")
	var total int
	err := q.get(ctx, &total, "SELECT CAST(COALESCE(sum("+n+"), 0) AS BIGINT) FROM chunks WHERE task_id = ?", id)
	if err != nil {
		return nil, 0, err
	}
	offset, limit := int64(max(fq.Offset, 0)), int64(fq.Limit)
	if limit <= 0 {
		limit = int64(total)
	}
	var pages []page
	if fq.After == 0 {
		err = q.all(ctx, &pages, `SELECT first_file, span, before, n, done FROM (SELECT first_file, span, done, `+n+` AS n,
				CAST(sum(`+n+`) OVER (ORDER BY first_file) AS BIGINT) - (`+n+`) AS before FROM chunks WHERE task_id = ?) p
			WHERE n > 0 AND before + n > ? AND before < ? ORDER BY first_file`, id, offset, offset+limit)
		if len(pages) > 0 {
			offset -= pages[0].Before
		}
	} else {
		// A walk by key: an offset would count from the key.
		err = q.all(ctx, &pages, `SELECT first_file, span, 0 AS before, `+n+` AS n, done FROM chunks
			WHERE task_id = ? AND first_file + span > ? AND `+n+` > 0 ORDER BY first_file LIMIT ?`,
			id, fq.After+1, offset+limit+1)
	}
	if err != nil {
		return nil, 0, err
	}
	rows, err := s.pageRows(ctx, q, pages, statuses, fq.After, offset, limit)
	return rows, total, err
}

// pageRows reads the files of the pages, without the first offset ones, until
// there are limit.
func (s *Store) pageRows(ctx context.Context, q session, pages []page, statuses []task.FileStatus, after, offset, limit int64) ([]fileRow, error) {
	var all []fileRow
	of, ofDone := s.d.array(numbers(statuses)), s.d.array(numbers(finished(statuses)))
	for _, p := range pages {
		if int64(len(all)) >= limit {
			break
		}
		selected := of
		if p.Done {
			selected = ofDone // see abandonRun
		}
		rows, err := q.files(ctx, "SELECT "+fileColumns+` FROM files WHERE id BETWEEN ? AND ? AND status {in}
			ORDER BY id LIMIT ?`, max(p.FirstFile, after+1), p.FirstFile+p.Span-1, selected, offset+limit-int64(len(all)))
		if err != nil {
			return nil, err
		}
		skip := min(offset, int64(len(rows)))
		offset -= skip
		all = append(all, rows[skip:]...)
	}
	return all, nil
}

func finished(statuses []task.FileStatus) []task.FileStatus {
	return slices.DeleteFunc(slices.Clone(statuses), func(s task.FileStatus) bool { return s != task.Failed && s != task.Success })
}

// TaskCounts see [task.Tasks].
func (s *Store) TaskCounts(ctx context.Context, tenant string, id int64) (task.Counts, error) {
	var c struct {
		tally
		Skipped int64 `db:"skipped"`
		Listing int64 `db:"listing"`
	}
	err := s.read(ctx, taskName(id), func(q session) error {
		if err := taskExists(ctx, q, tenant, id); err != nil {
			return err
		}
		var sums []string
		for _, column := range strings.Split(tallyColumns, ", ") {
			sums = append(sums, fmt.Sprintf("CAST(COALESCE(sum(%s), 0) AS BIGINT) AS %s", column, column))
		}
		return q.get(ctx, &c, "SELECT "+strings.Join(sums, ", ")+`,
			(SELECT CAST(COALESCE(sum(r.skipped), 0) AS BIGINT) FROM runs r WHERE r.task_id = ?) AS skipped,
			(SELECT count(*) FROM runs r WHERE r.task_id = ? AND r.state < 3 AND r.state = 1) AS listing
			FROM chunks WHERE task_id = ?`, id, id, id)
	})
	return task.Counts{
		Total: c.total(), Success: c.Success, Failed: c.Failed, Skipped: c.Skipped,
		Bytes: c.Bytes, Loaded: c.Loaded, Listed: c.Listing == 0,
	}, err
}
