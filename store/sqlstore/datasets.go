package sqlstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

type datasetRow struct {
	Num         int64  `db:"num"`
	ID          string `db:"id"`
	Tenant      string `db:"tenant"`
	Owner       string `db:"owner"`
	Name        string `db:"name"`
	Description string `db:"description"`
	CreatedAt   int64  `db:"created_at"`
	UpdatedAt   int64  `db:"updated_at"`
}

const datasetColumns = "num, id, tenant, owner, name, description, created_at, updated_at"

func datasetName(id string) string { return fmt.Sprintf("dataset %.80q", id) }

func (r *datasetRow) dataset() *dataset.Dataset {
	return &dataset.Dataset{
		ID: r.ID, Tenant: r.Tenant, Owner: r.Owner, Name: r.Name, Description: r.Description,
		CreatedAt: fromMilli(r.CreatedAt), UpdatedAt: fromMilli(r.UpdatedAt),
	}
}

// foldedTexts is what a search looks at.
func foldedTexts(d *dataset.Dataset) string { return strings.ToLower(d.Name + "\n" + d.Description) }

// CreateDataset see [dataset.Datasets].
func (s *Store) CreateDataset(ctx context.Context, d *dataset.Dataset) error {
	return s.writeIDs(ctx, datasetName(d.ID), 1, func(q session, num int64) error { return insertDataset(ctx, q, num, d) })
}

func insertDataset(ctx context.Context, q session, num int64, d *dataset.Dataset) error {
	err := checkTexts("id", d.ID, "tenant", d.Tenant, "owner", d.Owner, "name", d.Name, "description", d.Description)
	if err != nil {
		return err
	}
	_, err = q.exec(ctx, `INSERT INTO datasets (num, id, tenant, owner, name, description, folded, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		num, d.ID, d.Tenant, d.Owner, d.Name, d.Description, foldedTexts(d), milli(d.CreatedAt), milli(d.UpdatedAt))
	return err
}

// Dataset see [dataset.Datasets].
func (s *Store) Dataset(ctx context.Context, tenant, id string) (*dataset.Dataset, error) {
	var row datasetRow
	err := s.look(ctx, datasetName(id), func(q session) (err error) {
		row, err = getDataset(ctx, q, tenant, id, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	return row.dataset(), nil
}

// getDataset reads a dataset; suffix may lock it.
func getDataset(ctx context.Context, q session, tenant, id, suffix string) (row datasetRow, err error) {
	if !storable(id) {
		return row, errs.New(errs.NotFound, "%s does not exist", datasetName(id))
	}
	err = q.get(ctx, &row, "SELECT "+datasetColumns+" FROM datasets WHERE id = ? AND tenant = ?"+suffix, id, tenant)
	return row, err
}

// Datasets see [dataset.Datasets].
func (s *Store) Datasets(ctx context.Context, tenant, owner string, dq dataset.Query) ([]*dataset.Dataset, int, error) {
	var w where
	w.add("tenant = ? AND owner = ?", tenant, owner)
	w.keyword("folded", dq.Search)
	sql, args := paged("SELECT "+datasetColumns+" FROM datasets"+w.sql()+orderBy(false, "num"), w.args, dq.Limit, dq.Offset)
	var rows []datasetRow
	var total int
	err := s.read(ctx, "datasets", func(q session) error {
		rows = nil
		if err := q.get(ctx, &total, "SELECT count(*) FROM datasets"+w.sql(), w.args...); err != nil {
			return err
		}
		return q.all(ctx, &rows, sql, args...)
	})
	if err != nil {
		return nil, 0, err
	}
	list := make([]*dataset.Dataset, len(rows))
	for i := range rows {
		list[i] = rows[i].dataset()
	}
	return list, total, nil
}

// UpdateDataset see [dataset.Datasets].
func (s *Store) UpdateDataset(ctx context.Context, tenant, id string, f func(*dataset.Dataset) error) error {
	return s.write(ctx, datasetName(id), func(q session) error {
		row, err := getDataset(ctx, q, tenant, id, " {lock}")
		if err != nil {
			return err
		}
		d := row.dataset()
		if err := f(d); err != nil {
			return err
		}
		if err := checkTexts("name", d.Name, "description", d.Description); err != nil {
			return err
		}
		_, err = q.exec(ctx, "UPDATE datasets SET name = ?, description = ?, folded = ?, updated_at = ? WHERE num = ?",
			d.Name, d.Description, foldedTexts(d), milli(d.UpdatedAt), row.Num)
		return err
	})
}

// DeleteDataset see [dataset.Datasets].
func (s *Store) DeleteDataset(ctx context.Context, tenant, id string) error {
	return s.writeIDs(ctx, datasetName(id), 1, func(q session, first int64) error {
		row, err := getDataset(ctx, q, tenant, id, " {lock}")
		if err != nil {
			return err
		}
		if _, err := q.exec(ctx, "DELETE FROM datasets WHERE num = ?", row.Num); err != nil {
			return err
		}
		return enqueue(ctx, q, first, 0, work.New{
			Kind: dataset.KindPurge, Group: row.Num, Tenant: tenant, Payload: strconv.FormatInt(row.Num, 10),
		})
	})
}

// SourceCounts see [dataset.Datasets].
func (s *Store) SourceCounts(ctx context.Context, tenant, id string) (dataset.Counts, error) {
	var rows []struct {
		Status int `db:"status"`
		N      int `db:"n"`
	}
	err := s.read(ctx, datasetName(id), func(q session) error {
		row, err := getDataset(ctx, q, tenant, id, "")
		if err != nil {
			return err
		}
		return q.all(ctx, &rows, "SELECT status, count(*) AS n FROM data_sources WHERE dataset = ? GROUP BY status", row.Num)
	})
	var c dataset.Counts
	for _, row := range rows {
		switch row.Status {
		case sourceSynching:
			c.Synching = row.N
		case sourceSynched:
			c.Synched = row.N
		case sourceInvalid:
			c.Invalid = row.N
		}
	}
	return c, err
}

// PurgeDataset see [dataset.Syncs].
func (s *Store) PurgeDataset(ctx context.Context, l work.Lease, limit int) (more bool, err error) {
	err = s.write(ctx, itemName(l.ID), func(q session) error {
		item, err := leased(ctx, q, l)
		if err != nil {
			return err
		}
		num, err := strconv.ParseInt(item.Payload, 10, 64)
		if err != nil || item.Kind != dataset.KindPurge {
			return errs.New(errs.Conflict, "%s purges no dataset", itemName(l.ID))
		}
		var rows []sourceRow
		err = q.all(ctx, &rows, "SELECT "+sourceColumns+" FROM data_sources WHERE dataset = ? ORDER BY num LIMIT ? {lock}", num, max(limit, 1))
		if err != nil {
			return err
		}
		if err := removeSources(ctx, q, rows); err != nil {
			return err
		}
		if more = len(rows) == max(limit, 1); more {
			return nil
		}
		return finish(ctx, q, item)
	})
	return more, err
}
