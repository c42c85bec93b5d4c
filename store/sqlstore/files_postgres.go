package sqlstore

import (
	"context"

	"github.com/inlet-go/inlet/task"
)

// insertFiles sends the rows as one array for each column.
func (postgresDialect) insertFiles(ctx context.Context, q session, files []*task.File) error {
	n := len(files)
	ids, volumes, connectors := make([]int64, n), make([]int64, n), make([]int64, n)
	tasks, chunks := make([]int64, n), make([]int64, n)
	uris, etags, reasons, creators := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	sizes, modTimes, statuses := make([]int64, n), make([]int64, n), make([]int64, n)
	starts, ends, updates := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, f := range files {
		ids[i], tasks[i], chunks[i], volumes[i], connectors[i] = f.ID, f.TaskID, f.ChunkID, f.VolumeID, f.ConnectorID
		uris[i], etags[i], reasons[i], creators[i] = f.URI, clean(f.ETag), clean(f.Reason), f.Creator
		sizes[i], modTimes[i], statuses[i] = f.Size, milli(f.ModTime), int64(f.Status)
		starts[i], ends[i], updates[i] = milli(f.StartAt), milli(f.EndAt), milli(f.UpdatedAt)
	}
	_, err := q.exec(ctx, "INSERT INTO files ("+fileColumns+`)
		SELECT v.id, v.task_id, v.chunk_id, v.volume_id, v.connector_id, v.uri, v.size, v.etag, v.mod_time, v.status,
			0, v.reason, 0, NULL, v.creator, v.start_at, v.end_at, v.updated_at
		FROM unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::text[], ?::bigint[],
			?::bigint[], ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[])
		AS v (id, task_id, chunk_id, volume_id, connector_id, uri, size, etag, mod_time, status, reason, creator, start_at, end_at, updated_at)`,
		ids, tasks, chunks, volumes, connectors, uris, sizes, etags, modTimes, statuses, reasons, creators, starts, ends, updates)
	return err
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
