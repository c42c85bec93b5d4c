package sqlstore

import (
	"context"
	"crypto/sha256"

	"github.com/inlet-go/inlet/task"
)

type fileRow struct {
	ID          int64  `db:"id"`
	TaskID      int64  `db:"task_id"`
	ChunkID     int64  `db:"chunk_id"`
	VolumeID    int64  `db:"volume_id"`
	ConnectorID int64  `db:"connector_id"`
	URI         string `db:"uri"`
	Size        int64  `db:"size"`
	ETag        string `db:"etag"`
	ModTime     int64  `db:"mod_time"`
	Status      int    `db:"status"`
	Published   bool   `db:"published"`
	Reason      string `db:"reason"`
	Fence       int64  `db:"fence"`
	SHA256      []byte `db:"sha256"`
	Creator     string `db:"creator"`
	StartAt     int64  `db:"start_at"`
	EndAt       int64  `db:"end_at"`
	UpdatedAt   int64  `db:"updated_at"`
}

const fileColumns = `id, task_id, chunk_id, volume_id, connector_id, uri, size, etag, mod_time, status,
	published, reason, fence, sha256, creator, start_at, end_at, updated_at`

// files reads rows of fileColumns. It scans by hand: chunks have a thousand
// files, and reflection costs more than the database.
func (s session) files(ctx context.Context, text string, args ...any) ([]fileRow, error) {
	found, err := s.q.QueryxContext(ctx, s.d.sql(text), args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []fileRow
	for found.Next() {
		rows = append(rows, fileRow{})
		r := &rows[len(rows)-1]
		err := found.Scan(&r.ID, &r.TaskID, &r.ChunkID, &r.VolumeID, &r.ConnectorID, &r.URI, &r.Size, &r.ETag, &r.ModTime,
			&r.Status, &r.Published, &r.Reason, &r.Fence, &r.SHA256, &r.Creator, &r.StartAt, &r.EndAt, &r.UpdatedAt)
		if err != nil {
			return nil, err
		}
	}
	return rows, found.Err()
}

func (r *fileRow) file(tenant string) *task.File {
	f := &task.File{
		ID: r.ID, Tenant: tenant, TaskID: r.TaskID, ChunkID: r.ChunkID, VolumeID: r.VolumeID, ConnectorID: r.ConnectorID,
		URI: r.URI, Size: r.Size, ETag: r.ETag, ModTime: fromMilli(r.ModTime), Status: task.FileStatus(r.Status),
		Published: r.Published, Reason: r.Reason, Fence: r.Fence, Creator: r.Creator,
		StartAt: fromMilli(r.StartAt), EndAt: fromMilli(r.EndAt), UpdatedAt: fromMilli(r.UpdatedAt),
	}
	copy(f.SHA256[:], r.SHA256)
	return f
}

func files(rows []fileRow, tenant string) []*task.File {
	list := make([]*task.File, len(rows))
	for i := range rows {
		list[i] = rows[i].file(tenant)
	}
	return list
}

// sum returns what is stored of a hash: nothing for the zero value.
func sum(hash [sha256.Size]byte) []byte {
	if hash == [sha256.Size]byte{} {
		return nil
	}
	return hash[:]
}

// tally counts files by status, and their bytes, as a chunk's row does.
type tally struct {
	Waiting   int64 `db:"waiting"`
	Uploading int64 `db:"uploading"`
	Retrying  int64 `db:"retrying"`
	Failed    int64 `db:"failed"`
	Success   int64 `db:"success"`
	Bytes     int64 `db:"bytes"`
	Loaded    int64 `db:"loaded"`
}

const tallyColumns = "waiting, uploading, retrying, failed, success, bytes, loaded"

// add counts n files of the status and of size bytes each, or takes them back
// where n is negative.
func (t *tally) add(status task.FileStatus, size, n int64) {
	size = max(size, 0) * n // an unknown size counts as nothing
	t.Bytes += size
	switch status {
	case task.Waiting:
		t.Waiting += n
	case task.Uploading:
		t.Uploading += n
	case task.Retrying:
		t.Retrying += n
	case task.Failed:
		t.Failed += n
	case task.Success:
		t.Success += n
		t.Loaded += size
	}
}

// open returns how many files are not finished.
func (t *tally) open() int64 { return t.Waiting + t.Uploading + t.Retrying }

func (t *tally) total() int64 { return t.open() + t.Failed + t.Success }
