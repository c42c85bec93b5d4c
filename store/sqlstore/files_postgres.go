package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/inlet-go/inlet/task"
)

// insertFiles sends the rows as one array for each column, or one value where
// all rows have the same, as a chunk's files do in most columns.
func (postgresDialect) insertFiles(ctx context.Context, q session, files []*task.File) error {
	var c columns
	c.add("id", "bigint", column(files, func(f *task.File) int64 { return f.ID }))
	c.add("task_id", "bigint", column(files, func(f *task.File) int64 { return f.TaskID }))
	c.add("chunk_id", "bigint", column(files, func(f *task.File) int64 { return f.ChunkID }))
	c.add("volume_id", "bigint", column(files, func(f *task.File) int64 { return f.VolumeID }))
	c.add("connector_id", "bigint", column(files, func(f *task.File) int64 { return f.ConnectorID }))
	c.add("uri", "text", column(files, func(f *task.File) string { return f.URI }))
	c.add("size", "bigint", column(files, func(f *task.File) int64 { return f.Size }))
	c.add("etag", "text", column(files, func(f *task.File) string { return clean(f.ETag) }))
	c.add("mod_time", "bigint", column(files, func(f *task.File) int64 { return milli(f.ModTime) }))
	c.add("status", "bigint", column(files, func(f *task.File) int64 { return int64(f.Status) }))
	c.add("reason", "text", column(files, func(f *task.File) string { return clean(f.Reason) }))
	c.add("creator", "text", column(files, func(f *task.File) string { return f.Creator }))
	c.add("start_at", "bigint", column(files, func(f *task.File) int64 { return milli(f.StartAt) }))
	c.add("end_at", "bigint", column(files, func(f *task.File) int64 { return milli(f.EndAt) }))
	c.add("updated_at", "bigint", column(files, func(f *task.File) int64 { return milli(f.UpdatedAt) }))
	c.add("base", "text", column(files, func(f *task.File) string { return tableBase(f.URI) }))
	_, err := q.exec(ctx, fmt.Sprintf("INSERT INTO files (published, fence, %s) SELECT 0, 0, %s FROM unnest(%s) AS v (%s)",
		strings.Join(c.names, ", "), strings.Join(c.values, ", "), strings.Join(c.arrays, ", "), strings.Join(c.varying, ", ")),
		append(c.same, c.args...)...)
	return err
}

// columns are the parts of a statement that inserts many rows.
type columns struct {
	names, values, arrays, varying []string
	same, args                     []any
}

// add takes a column; values is a slice of what its rows hold, or, when that is
// all the same, a single value.
func (c *columns) add(name, kind string, values any) {
	c.names = append(c.names, name)
	switch values.(type) {
	case []int64, []string:
		c.values = append(c.values, "v."+name)
		c.arrays = append(c.arrays, "?::"+kind+"[]")
		c.varying = append(c.varying, name)
		c.args = append(c.args, values)
	default:
		c.values = append(c.values, "?::"+kind)
		c.same = append(c.same, values)
	}
}

// column returns what f gives of each file, or the one value when it is always
// the same; ids are never.
func column[T int64 | string](files []*task.File, f func(*task.File) T) any {
	values := make([]T, len(files))
	same := len(files) > 1
	for i, file := range files {
		values[i] = f(file)
		same = same && values[i] == values[0]
	}
	if same {
		return values[0]
	}
	return values
}

// updateFiles touches rows by id only: with a condition on a transient state
// the planner expects no rows and joins them one by one.
func (postgresDialect) updateFiles(ctx context.Context, q session, fence, now int64, published bool, results []task.FileResult) error {
	n := len(results)
	ids, starts, ends := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, r := range results {
		ids[i], starts[i], ends[i] = r.FileID, milli(r.StartAt), milli(r.EndAt)
	}
	switch results[0].Status {
	case task.Uploading:
		_, err := q.exec(ctx, `UPDATE files f SET status = 2, start_at = v.start_at, updated_at = ?
			FROM unnest(?::bigint[], ?::bigint[]) AS v (id, start_at) WHERE f.id = v.id`, now, ids, starts)
		return err
	case task.Failed:
		reasons := make([]string, n)
		for i, r := range results {
			reasons[i] = r.Reason
		}
		_, err := q.exec(ctx, `UPDATE files f SET status = 4, reason = v.reason, start_at = v.start_at, end_at = v.end_at, updated_at = ?
			FROM unnest(?::bigint[], ?::text[], ?::bigint[], ?::bigint[]) AS v (id, reason, start_at, end_at) WHERE f.id = v.id`,
			now, ids, reasons, starts, ends)
		return err
	}
	sizes, modTimes, etags, sums := make([]int64, n), make([]int64, n), make([]string, n), make([][]byte, n)
	for i, r := range results {
		sizes[i], modTimes[i], etags[i], sums[i] = r.Size, milli(r.ModTime), r.ETag, sum(r.SHA256)
	}
	_, err := q.exec(ctx, `UPDATE files f SET status = 5, published = ?, reason = '', size = v.size, etag = v.etag, mod_time = v.mod_time,
			fence = ?, sha256 = v.sha256, start_at = v.start_at, end_at = v.end_at, updated_at = ?
		FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::bytea[], ?::bigint[], ?::bigint[])
			AS v (id, size, etag, mod_time, sha256, start_at, end_at) WHERE f.id = v.id`,
		bit(published), fence, now, ids, sizes, etags, modTimes, sums, starts, ends)
	return err
}
