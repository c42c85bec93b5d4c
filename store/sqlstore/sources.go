package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

// The states of a data source as numbers.
const (
	sourceSynching = 1
	sourceSynched  = 2
	sourceInvalid  = 3
)

var sourceStatuses = map[dataset.Status]int{
	dataset.Synching: sourceSynching, dataset.Synched: sourceSynched, dataset.Invalid: sourceInvalid,
}

type sourceRow struct {
	Num       int64  `db:"num"`
	ID        string `db:"id"`
	DatasetID string `db:"dataset_id"`
	Tenant    string `db:"tenant"`
	Owner     string `db:"owner"`
	Name      string `db:"name"`
	URL       string `db:"url"`
	Upload    string `db:"upload"`
	Key       string `db:"blob_key"`
	Size      int64  `db:"size"`
	SHA256    []byte `db:"sha256"`
	Status    int    `db:"status"`
	Reason    string `db:"reason"`
	Tables    string `db:"tables"`
	CreatedAt int64  `db:"created_at"`
	UpdatedAt int64  `db:"updated_at"`
}

// sourceColumns are those of a source without the id of its dataset, which is
// not there any more while it waits to be purged.
const sourceColumns = `num, id, '' AS dataset_id, tenant, owner, name, url, upload, blob_key, size, sha256, status, reason, tables,
	created_at, updated_at`

const sourceSelect = `SELECT s.num, s.id, d.id AS dataset_id, s.tenant, s.owner, s.name, s.url, s.upload, s.blob_key, s.size,
	s.sha256, s.status, s.reason, s.tables, s.created_at, s.updated_at FROM data_sources s JOIN datasets d ON d.num = s.dataset`

func sourceName(id string) string { return fmt.Sprintf("data source %.80q", id) }

func (r *sourceRow) source() (*dataset.DataSource, error) {
	s := &dataset.DataSource{
		ID: r.ID, Dataset: r.DatasetID, Tenant: r.Tenant, Owner: r.Owner, Name: r.Name, Upload: r.Upload, Key: r.Key,
		Size: r.Size, Reason: r.Reason, CreatedAt: fromMilli(r.CreatedAt), UpdatedAt: fromMilli(r.UpdatedAt),
	}
	copy(s.SHA256[:], r.SHA256)
	for status, number := range sourceStatuses {
		if number == r.Status {
			s.Status = status
		}
	}
	if r.Tables != "" {
		if err := json.Unmarshal([]byte(r.Tables), &s.Tables); err != nil {
			return nil, errs.Wrap(errs.Internal, err, "%s: its tables", sourceName(r.ID))
		}
	}
	return s, nil
}

// sealedURL is the field under which the URL of a data source is sealed.
func sealedURL(id string) string { return "url of " + id }

// CreateSource see [dataset.Sources].
func (s *Store) CreateSource(ctx context.Context, src *dataset.DataSource, d *dataset.Dataset, url string) error {
	err := checkTexts("id", src.ID, "tenant", src.Tenant, "owner", src.Owner, "name", src.Name)
	if err != nil {
		return err
	}
	if url != "" {
		sealed, err := s.sealer.Seal(ctx, src.Tenant, 0, map[string]string{sealedURL(src.ID): url})
		if err != nil {
			return errs.Wrap(errs.KindOf(err), err, "%s: its url cannot be sealed", sourceName(src.ID))
		}
		url = sealed[sealedURL(src.ID)]
	}
	return s.writeIDs(ctx, sourceName(src.ID), 2, func(q session, first int64) error {
		num, of := first+1, first
		if d != nil {
			if err := insertDataset(ctx, q, of, d); err != nil {
				return err
			}
		} else {
			row, err := getDataset(ctx, q, src.Tenant, src.Dataset, " {lockExisting}")
			if errors.Is(err, sql.ErrNoRows) {
				err = errs.New(errs.NotFound, "%s does not exist", datasetName(src.Dataset))
			}
			if err != nil {
				return err
			}
			of = row.Num
		}
		if err := holdUpload(ctx, q, src.Upload); err != nil {
			return err
		}
		_, err := q.exec(ctx, `INSERT INTO data_sources (num, id, dataset, tenant, owner, name, url, upload, blob_key, size, sha256,
			status, reason, tables, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)`,
			num, src.ID, of, src.Tenant, src.Owner, src.Name, url, src.Upload, src.Key, src.Size, sum(src.SHA256),
			sourceStatuses[src.Status], clean(src.Reason), milli(src.CreatedAt), milli(src.UpdatedAt))
		if err != nil {
			return err
		}
		return enqueue(ctx, q, num, 0, work.New{Kind: dataset.KindSync, Group: num, Tenant: src.Tenant, Payload: src.ID})
	})
}

// Source see [dataset.Sources].
func (s *Store) Source(ctx context.Context, tenant, of, id string) (*dataset.DataSource, error) {
	var w where
	w.add("s.id = ? AND s.tenant = ?", id, tenant)
	if of != "" {
		w.add("d.id = ?", of)
	}
	if !storable(id) || !storable(of) {
		return nil, errs.New(errs.NotFound, "%s does not exist", sourceName(id))
	}
	var row sourceRow
	err := s.look(ctx, sourceName(id), func(q session) error { return q.get(ctx, &row, sourceSelect+w.sql(), w.args...) })
	if err != nil {
		return nil, err
	}
	return row.source()
}

// Sources see [dataset.Sources].
func (s *Store) Sources(ctx context.Context, tenant, of string, sq dataset.SourceQuery) ([]*dataset.DataSource, int, error) {
	var rows []sourceRow
	var total int
	err := s.read(ctx, datasetName(of), func(q session) error {
		rows = nil
		d, err := getDataset(ctx, q, tenant, of, "")
		if err != nil {
			return err
		}
		var w where
		w.add("dataset = ?", d.Num)
		if len(sq.Statuses) > 0 {
			states := make([]int64, len(sq.Statuses))
			for i, status := range sq.Statuses {
				states[i] = int64(sourceStatuses[status])
			}
			w.add("status {in}", s.d.array(states))
		}
		if err := q.get(ctx, &total, "SELECT count(*) FROM data_sources"+w.sql(), w.args...); err != nil {
			return err
		}
		text, args := paged("SELECT "+sourceColumns+" FROM data_sources"+w.sql()+orderBy(false, "num"), w.args, sq.Limit, sq.Offset)
		return q.all(ctx, &rows, text, args...)
	})
	if err != nil {
		return nil, 0, err
	}
	list := make([]*dataset.DataSource, len(rows))
	for i := range rows {
		if list[i], err = rows[i].source(); err != nil {
			return nil, 0, err
		}
		list[i].Dataset = of
	}
	return list, total, nil
}

// DeleteSource see [dataset.Sources].
func (s *Store) DeleteSource(ctx context.Context, tenant, of, id string) error {
	return s.write(ctx, sourceName(id), func(q session) error {
		if !storable(id) || !storable(of) {
			return sql.ErrNoRows
		}
		var row sourceRow
		err := q.get(ctx, &row, `SELECT `+sourceColumns+` FROM data_sources WHERE id = ? AND tenant = ?
			AND EXISTS (SELECT 1 FROM datasets d WHERE d.num = data_sources.dataset AND d.id = ?) {lock}`, id, tenant, of)
		if err != nil {
			return err
		}
		return removeSources(ctx, q, []sourceRow{row})
	})
}

// removeSources deletes rows that the transaction has locked, with their work.
func removeSources(ctx context.Context, q session, rows []sourceRow) error {
	for _, row := range rows {
		if _, err := q.exec(ctx, "DELETE FROM data_sources WHERE num = ?", row.Num); err != nil {
			return err
		}
		if row.Status == sourceSynching {
			if err := dropGroup(ctx, q, row.Num); err != nil {
				return err
			}
		}
		if err := discardSource(ctx, q, &row); err != nil {
			return err
		}
	}
	return nil
}

// discardSource makes the bytes garbage that a data source no longer has. Of a
// shared upload they are that only when it is expired, and nobody else shares
// it.
func discardSource(ctx context.Context, q session, row *sourceRow) error {
	if row.Upload != "" {
		return forgetUpload(ctx, q, row.Upload)
	}
	if row.Key == "" {
		return nil
	}
	now, err := q.now(ctx)
	if err != nil {
		return err
	}
	return discardKeys(ctx, q, []string{row.Key}, now)
}

// SyncSource see [dataset.Syncs].
func (s *Store) SyncSource(ctx context.Context, id string) (*dataset.DataSource, string, []dataset.Segment, error) {
	var row sourceRow
	var segments []dataset.Segment
	err := s.read(ctx, sourceName(id), func(q session) error {
		segments = nil
		if err := q.get(ctx, &row, sourceSelect+" WHERE s.id = ? AND s.status = ?", id, sourceSynching); err != nil {
			return err
		}
		if row.Upload == "" || row.Key != "" {
			return nil
		}
		parts, err := partsOf(ctx, q, row.Upload)
		for _, p := range parts {
			segments = append(segments, dataset.Segment{Key: p.Key, Size: p.Size})
		}
		return err
	})
	if err != nil {
		return nil, "", nil, err
	}
	src, err := row.source()
	if err != nil || row.URL == "" {
		return src, "", segments, err
	}
	url, err := s.sealer.Open(ctx, row.Tenant, 0, sealedURL(id), row.URL)
	if err != nil {
		return nil, "", nil, errs.Wrap(errs.KindOf(err), err, "%s: its url cannot be read", sourceName(id))
	}
	return src, url, nil, nil
}

// FinishSync see [dataset.Syncs].
func (s *Store) FinishSync(ctx context.Context, l work.Lease, id string, r dataset.SyncResult) error {
	tables, err := json.Marshal(r.Tables)
	if err != nil {
		return errs.Wrap(errs.Internal, err, "%s: its tables", sourceName(id))
	}
	return s.write(ctx, sourceName(id), func(q session) error {
		item, err := leased(ctx, q, l)
		if err != nil {
			return err
		}
		if item.Kind != dataset.KindSync || item.Payload != id {
			return errs.New(errs.Conflict, "%s is not that of %s", itemName(l.ID), sourceName(id))
		}
		var row sourceRow
		if err := q.get(ctx, &row, "SELECT "+sourceColumns+" FROM data_sources WHERE num = ? {lock}", item.ID); err != nil {
			return err
		}
		base := ""
		if len(r.Tables) > 0 {
			base = strings.TrimSuffix(strings.ToLower(row.Name), strings.ToLower(path.Ext(row.Name)))
		}
		kept := row.Upload
		if r.Key != row.Key || r.Key == "" {
			kept = ""
		}
		_, err = q.exec(ctx, `UPDATE data_sources SET url = '', upload = ?, blob_key = ?, size = ?, sha256 = ?, status = ?,
			reason = ?, tables = ?, base = ?, updated_at = ? WHERE num = ?`, kept, r.Key, r.Size, sum(r.SHA256), sourceStatuses[r.Status],
			clean(r.Reason), string(tables), base, milli(r.At), row.Num)
		if err == nil && kept == "" && row.Upload != "" {
			err = forgetUpload(ctx, q, row.Upload)
		}
		if err != nil {
			return err
		}
		return finish(ctx, q, item)
	})
}
