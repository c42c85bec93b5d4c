package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
)

type uploadRow struct {
	ID        string `db:"id"`
	Tenant    string `db:"tenant"`
	Owner     string `db:"owner"`
	ObjectKey string `db:"object_key"`
	Name      string `db:"name"`
	Size      int64  `db:"size"`
	SHA256    []byte `db:"sha256"`
	Key       string `db:"blob_key"`
	Provider  string `db:"provider"`
	PartSize  int64  `db:"part_size"`
	State     int    `db:"state"`
	CreatedAt int64  `db:"created_at"`
	ExpiresAt int64  `db:"expires_at"`
}

const uploadColumns = `id, tenant, owner, object_key, name, size, sha256, blob_key, provider, part_size, state, created_at, expires_at`

func uploadName(id string) string { return fmt.Sprintf("upload %.80q", id) }

func (r *uploadRow) upload() *dataset.Upload {
	u := &dataset.Upload{
		ID: r.ID, Tenant: r.Tenant, Owner: r.Owner, ObjectKey: r.ObjectKey, Name: r.Name, Size: r.Size, Key: r.Key,
		Provider: r.Provider, PartSize: r.PartSize, State: dataset.UploadState(r.State),
		CreatedAt: fromMilli(r.CreatedAt), ExpiresAt: fromMilli(r.ExpiresAt),
	}
	copy(u.SHA256[:], r.SHA256)
	return u
}

// CreateUpload see [dataset.Uploads].
func (s *Store) CreateUpload(ctx context.Context, u *dataset.Upload) error {
	err := checkTexts("id", u.ID, "tenant", u.Tenant, "owner", u.Owner, "file_object_key", u.ObjectKey, "name", u.Name, "upload_id", u.Provider)
	if err != nil {
		return err
	}
	return s.write(ctx, uploadName(u.ID), func(q session) error {
		_, err := q.exec(ctx, "INSERT INTO uploads ("+uploadColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			u.ID, u.Tenant, u.Owner, u.ObjectKey, u.Name, u.Size, sum(u.SHA256), u.Key, u.Provider, u.PartSize, int(u.State),
			milli(u.CreatedAt), milli(u.ExpiresAt))
		return err
	})
}

// Upload see [dataset.Uploads].
func (s *Store) Upload(ctx context.Context, tenant, objectKey string) (*dataset.Upload, error) {
	return s.uploadBy(ctx, "object_key", tenant, objectKey, fmt.Sprintf("file_object_key %.80q", objectKey))
}

// UploadByID see [dataset.Uploads].
func (s *Store) UploadByID(ctx context.Context, tenant, id string) (*dataset.Upload, error) {
	return s.uploadBy(ctx, "id", tenant, id, uploadName(id))
}

func (s *Store) uploadBy(ctx context.Context, column, tenant, value, what string) (*dataset.Upload, error) {
	if !storable(value) {
		return nil, errs.New(errs.NotFound, "%s does not exist", what)
	}
	var row uploadRow
	err := s.look(ctx, what, func(q session) error {
		return q.get(ctx, &row, "SELECT "+uploadColumns+" FROM uploads WHERE "+column+" = ? AND tenant = ? AND state <> ?",
			value, tenant, int(dataset.Expired))
	})
	if err != nil {
		return nil, err
	}
	return row.upload(), nil
}

// lockUpload reads an upload that the transaction is about to change. One that
// is not in the state is a Conflict.
func lockUpload(ctx context.Context, q session, id string, state dataset.UploadState) (uploadRow, error) {
	var row uploadRow
	err := q.get(ctx, &row, "SELECT "+uploadColumns+" FROM uploads WHERE id = ? {lock}", id)
	if err == nil && row.State != int(state) {
		err = errs.New(errs.Conflict, "%s is no longer open", uploadName(id))
	}
	return row, err
}

// holdUpload keeps a complete upload, unless id is "", from being forgotten
// until the transaction ends.
func holdUpload(ctx context.Context, q session, id string) error {
	if id == "" {
		return nil
	}
	var found []string
	err := q.all(ctx, &found, "SELECT id FROM uploads WHERE id = ? AND state = ? {lockExisting}", id, int(dataset.Complete))
	if err == nil && len(found) == 0 {
		err = errs.New(errs.NotFound, "%s does not exist", uploadName(id))
	}
	return err
}

// PutPart see [dataset.Uploads].
func (s *Store) PutPart(ctx context.Context, upload string, p dataset.Part) error {
	return s.write(ctx, uploadName(upload), func(q session) error {
		if _, err := lockUpload(ctx, q, upload, dataset.Open); err != nil {
			return err
		}
		var old []string
		err := q.all(ctx, &old, "SELECT blob_key FROM upload_parts WHERE upload = ? AND number = ?", upload, p.Number)
		if err != nil {
			return err
		}
		now, err := q.now(ctx)
		if err != nil {
			return err
		}
		if err := discardKeys(ctx, q, old, now); err != nil {
			return err
		}
		_, err = q.exec(ctx, `INSERT INTO upload_parts (upload, number, size, etag, blob_key) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (upload, number) DO UPDATE SET size = excluded.size, etag = excluded.etag, blob_key = excluded.blob_key`,
			upload, p.Number, p.Size, p.ETag, p.Key)
		return err
	})
}

// Parts see [dataset.Uploads].
func (s *Store) Parts(ctx context.Context, upload string) (parts []dataset.Part, err error) {
	err = s.look(ctx, uploadName(upload), func(q session) (err error) {
		parts, err = partsOf(ctx, q, upload)
		return err
	})
	return parts, err
}

func partsOf(ctx context.Context, q session, upload string) ([]dataset.Part, error) {
	var rows []struct {
		Number int    `db:"number"`
		Size   int64  `db:"size"`
		ETag   string `db:"etag"`
		Key    string `db:"blob_key"`
	}
	err := q.all(ctx, &rows, "SELECT number, size, etag, blob_key FROM upload_parts WHERE upload = ? ORDER BY number", upload)
	parts := make([]dataset.Part, len(rows))
	for i, r := range rows {
		parts[i] = dataset.Part{Number: r.Number, Size: r.Size, ETag: r.ETag, Key: r.Key}
	}
	return parts, err
}

// CompleteUpload see [dataset.Uploads].
func (s *Store) CompleteUpload(ctx context.Context, upload string, until time.Time) error {
	return s.write(ctx, uploadName(upload), func(q session) error {
		if _, err := lockUpload(ctx, q, upload, dataset.Open); err != nil {
			return err
		}
		_, err := q.exec(ctx, "UPDATE uploads SET state = ?, expires_at = ? WHERE id = ?", int(dataset.Complete), milli(until), upload)
		return err
	})
}

// ExpiringUploads see [dataset.Uploads].
func (s *Store) ExpiringUploads(ctx context.Context, now time.Time, limit int) ([]*dataset.Upload, error) {
	var rows []uploadRow
	err := s.look(ctx, "uploads", func(q session) error {
		return q.all(ctx, &rows, "SELECT "+uploadColumns+" FROM uploads WHERE expires_at <= ? ORDER BY expires_at LIMIT ?", milli(now), limit)
	})
	list := make([]*dataset.Upload, len(rows))
	for i := range rows {
		list[i] = rows[i].upload()
	}
	return list, err
}

// ExpireUpload see [dataset.Uploads].
func (s *Store) ExpireUpload(ctx context.Context, upload string, now time.Time) error {
	return s.write(ctx, uploadName(upload), func(q session) error {
		n, err := q.exec(ctx, "UPDATE uploads SET state = ? WHERE id = ? AND expires_at <= ?", int(dataset.Expired), upload, milli(now))
		if err == nil && n == 0 {
			err = errs.New(errs.Conflict, "%s does not expire now", uploadName(upload))
		}
		return err
	})
}

// ForgetUpload see [dataset.Uploads].
func (s *Store) ForgetUpload(ctx context.Context, upload string) error {
	return s.write(ctx, uploadName(upload), func(q session) error { return forgetUpload(ctx, q, upload) })
}

// forgetUpload removes an upload that is expired and that no data source
// shares. Of the transactions that end a use of it, the last one removes it:
// the lock makes them take turns.
func forgetUpload(ctx context.Context, q session, id string) error {
	row, err := lockUpload(ctx, q, id, dataset.Expired)
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, errs.Conflict) {
		return nil // it can still be used, or is gone
	}
	if err != nil {
		return err
	}
	shared, err := q.has(ctx, "SELECT EXISTS (SELECT 1 FROM data_sources WHERE upload = ?)", id)
	if err != nil {
		return err
	}
	if shared {
		_, err := q.exec(ctx, "UPDATE uploads SET expires_at = ? WHERE id = ?", int64(never), id)
		return err
	}
	parts, err := partsOf(ctx, q, id)
	if err != nil {
		return err
	}
	keys := make([]string, 0, len(parts)+1)
	if row.Key != "" {
		keys = append(keys, row.Key)
	}
	for _, p := range parts {
		keys = append(keys, p.Key)
	}
	now, err := q.now(ctx)
	if err != nil {
		return err
	}
	if err := discardKeys(ctx, q, keys, now); err != nil {
		return err
	}
	if _, err := q.exec(ctx, "DELETE FROM upload_parts WHERE upload = ?", id); err != nil {
		return err
	}
	_, err = q.exec(ctx, "DELETE FROM uploads WHERE id = ?", id)
	return err
}
