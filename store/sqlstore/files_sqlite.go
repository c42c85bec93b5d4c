package sqlstore

import (
	"context"

	"github.com/inlet-go/inlet/task"
)

const insertFile = "INSERT INTO files (" + fileColumns + ", base) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, NULL, ?, ?, ?, ?, ?)"

// insertFiles runs a statement for each row: SQLite is in the process, and one
// statement for many rows costs more, in JSON or in arguments, than it saves.
func (sqliteDialect) insertFiles(ctx context.Context, q session, files []*task.File) error {
	return q.each(ctx, insertFile, len(files), func(i int) []any {
		f := files[i]
		return []any{
			f.ID, f.TaskID, f.ChunkID, f.VolumeID, f.ConnectorID, f.URI, f.Size, clean(f.ETag), milli(f.ModTime), int(f.Status),
			clean(f.Reason), f.Creator, milli(f.StartAt), milli(f.EndAt), milli(f.UpdatedAt), tableBase(f.URI),
		}
	})
}

func (sqliteDialect) updateFiles(ctx context.Context, q session, fence, now int64, published bool, results []task.FileResult) error {
	switch results[0].Status {
	case task.Uploading:
		return q.each(ctx, "UPDATE files SET status = 2, start_at = ?, updated_at = ? WHERE id = ?", len(results), func(i int) []any {
			return []any{milli(results[i].StartAt), now, results[i].FileID}
		})
	case task.Failed:
		return q.each(ctx, "UPDATE files SET status = 4, reason = ?, start_at = ?, end_at = ?, updated_at = ? WHERE id = ?",
			len(results), func(i int) []any {
				r := &results[i]
				return []any{r.Reason, milli(r.StartAt), milli(r.EndAt), now, r.FileID}
			})
	}
	return q.each(ctx, `UPDATE files SET status = 5, published = ?, reason = '', size = ?, etag = ?, mod_time = ?, fence = ?,
		sha256 = ?, start_at = ?, end_at = ?, updated_at = ? WHERE id = ?`, len(results), func(i int) []any {
		r := &results[i]
		return []any{
			bit(published), r.Size, r.ETag, milli(r.ModTime), fence, sum(r.SHA256), milli(r.StartAt), milli(r.EndAt), now, r.FileID,
		}
	})
}
