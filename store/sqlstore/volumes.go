package sqlstore

import (
	"context"
	"fmt"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

type volumeRow struct {
	ID        int64  `db:"id"`
	Tenant    string `db:"tenant"`
	Name      string `db:"name"`
	Owner     string `db:"owner"`
	Size      int64  `db:"size"`
	FileNum   int64  `db:"file_num"`
	CreatedAt int64  `db:"created_at"`
	UpdatedAt int64  `db:"updated_at"`
}

const volumeColumns = "id, tenant, name, owner, size, file_num, created_at, updated_at"

func (r volumeRow) volume() *task.Volume {
	return &task.Volume{
		ID: r.ID, Tenant: r.Tenant, Name: r.Name, Owner: r.Owner, Size: r.Size, FileNum: r.FileNum,
		CreatedAt: fromMilli(r.CreatedAt), UpdatedAt: fromMilli(r.UpdatedAt),
	}
}

func volumeName(id int64) string { return fmt.Sprintf("volume %d", id) }

// CreateVolume see [task.Volumes].
func (s *Store) CreateVolume(ctx context.Context, v *task.Volume) error {
	if err := checkTexts("name", v.Name, "tenant", v.Tenant, "owner", v.Owner); err != nil {
		return err
	}
	var id int64
	err := s.writeIDs(ctx, fmt.Sprintf("volume %q", v.Name), 1, func(q session, first int64) error {
		id = first
		_, err := q.exec(ctx, "INSERT INTO volumes ("+volumeColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			id, v.Tenant, v.Name, v.Owner, v.Size, v.FileNum, milli(v.CreatedAt), milli(v.UpdatedAt))
		return err
	})
	if err == nil {
		v.ID = id
	}
	return err
}

// Volume see [task.Volumes].
func (s *Store) Volume(ctx context.Context, tenant string, id int64) (*task.Volume, error) {
	var row volumeRow
	err := s.look(ctx, volumeName(id), func(q session) error {
		return q.get(ctx, &row, "SELECT "+volumeColumns+" FROM volumes WHERE id = ? AND tenant = ?", id, tenant)
	})
	if err != nil {
		return nil, err
	}
	return row.volume(), nil
}

// Volumes see [task.Volumes].
func (s *Store) Volumes(ctx context.Context, tenant string, vq task.VolumeQuery) ([]*task.Volume, int, error) {
	sql, args := paged("SELECT "+volumeColumns+" FROM volumes WHERE tenant = ? ORDER BY created_at DESC, id DESC",
		[]any{tenant}, vq.Limit, vq.Offset)
	var rows []volumeRow
	var total int
	err := s.read(ctx, "volumes", func(q session) error {
		rows = nil
		if err := q.get(ctx, &total, "SELECT count(*) FROM volumes WHERE tenant = ?", tenant); err != nil {
			return err
		}
		return q.all(ctx, &rows, sql, args...)
	})
	if err != nil {
		return nil, 0, err
	}
	list := make([]*task.Volume, len(rows))
	for i, row := range rows {
		list[i] = row.volume()
	}
	return list, total, nil
}

// DeleteVolume see [task.Volumes]. The files' bytes become garbage bit by bit,
// as Garbage is asked for: a volume may hold millions.
func (s *Store) DeleteVolume(ctx context.Context, tenant string, id int64) error {
	return s.write(ctx, volumeName(id), func(q session) error {
		n, err := q.exec(ctx, "DELETE FROM volumes WHERE id = ? AND tenant = ?", id, tenant)
		if err != nil {
			return err
		}
		if n == 0 {
			return errs.New(errs.NotFound, "%s does not exist", volumeName(id))
		}
		// After the delete: a task that is being created holds the row, and is
		// seen by this query once it is committed.
		used, err := q.has(ctx, "SELECT EXISTS (SELECT 1 FROM tasks WHERE volume_id = ? AND status <> 4)", id)
		if err != nil {
			return err
		}
		if used {
			return errs.New(errs.Conflict, "%s is used by a task that is not completed", volumeName(id))
		}
		_, err = q.exec(ctx, "INSERT INTO deleted_volumes (id, at) VALUES (?, {now})", id)
		return err
	})
}

// VolumeFiles see [task.Volumes].
func (s *Store) VolumeFiles(ctx context.Context, tenant string, volume int64, fq task.FileQuery) ([]*task.File, int, error) {
	var w where
	w.add("volume_id = ? AND published = 1", volume)
	if fq.AfterURI != "" {
		w.add("uri >= ? AND (uri > ? OR connector_id > (SELECT a.connector_id FROM files a WHERE a.id = ?))",
			fq.AfterURI, fq.AfterURI, fq.After)
	}
	// The inner query runs within the index alone, which makes offsets cheap.
	inner, args := paged("SELECT id FROM files"+w.sql()+" ORDER BY uri, connector_id", w.args, fq.Limit, fq.Offset)
	var rows []fileRow
	var total int
	err := s.read(ctx, volumeName(volume), func(q session) error {
		if err := q.get(ctx, &total, "SELECT file_num FROM volumes WHERE id = ? AND tenant = ?", volume, tenant); err != nil {
			return err
		}
		var err error
		rows, err = q.files(ctx, "SELECT "+fileColumns+" FROM files WHERE id IN ("+inner+") ORDER BY uri, connector_id", args...)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return files(rows, tenant), total, nil
}

// VolumeFile see [task.Volumes].
func (s *Store) VolumeFile(ctx context.Context, tenant string, volume, file int64) (*task.File, error) {
	var row fileRow
	err := s.look(ctx, fmt.Sprintf("file %d", file), func(q session) error {
		return q.get(ctx, &row, "SELECT "+fileColumns+` FROM files WHERE id = ? AND volume_id = ? AND published = 1
			AND EXISTS (SELECT 1 FROM volumes v WHERE v.id = volume_id AND v.tenant = ?)`, file, volume, tenant)
	})
	if err != nil {
		return nil, err
	}
	return row.file(tenant), nil
}
