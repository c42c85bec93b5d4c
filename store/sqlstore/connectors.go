package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

type connectorRow struct {
	ID        int64  `db:"id"`
	Tenant    string `db:"tenant"`
	Name      string `db:"name"`
	Type      int    `db:"type"`
	Config    string `db:"config"`
	Secrets   string `db:"secrets"`
	Revision  int64  `db:"revision"`
	CreatedBy string `db:"created_by"`
	CreatedAt int64  `db:"created_at"`
	UpdatedAt int64  `db:"updated_at"`
}

const connectorColumns = "id, tenant, name, type, config, secrets, revision, created_by, created_at, updated_at"

func connectorName(id int64) string { return fmt.Sprintf("connector %d", id) }

// CreateConnector see [connector.Repository].
func (s *Store) CreateConnector(ctx context.Context, c *connector.Connector) error {
	if err := checkConnector(c); err != nil {
		return err
	}
	var id int64
	// Its id goes into what is sealed, and sealing may ask a remote service:
	// neither belongs into the transaction that inserts.
	err := s.write(ctx, "connector", func(q session) error {
		return q.get(ctx, &id, "UPDATE sequences SET last = last + 1 WHERE name = 'connector' RETURNING last")
	})
	if err != nil {
		return err
	}
	row := connectorRow{
		ID: id, Tenant: c.Tenant, Name: c.Name, Type: int(c.Type), CreatedBy: c.CreatedBy,
		CreatedAt: milli(c.CreatedAt), UpdatedAt: milli(c.UpdatedAt),
	}
	if err := s.seal(ctx, &row, c.Config, nil, nil); err != nil {
		return err
	}
	err = s.write(ctx, fmt.Sprintf("connector %q", c.Name), func(q session) error {
		_, err := q.exec(ctx, `INSERT INTO connectors
			(id, tenant, name, folded, type, config, secrets, revision, created_by, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`,
			row.ID, row.Tenant, row.Name, strings.ToLower(row.Name), row.Type, row.Config, row.Secrets,
			row.CreatedBy, row.CreatedAt, row.UpdatedAt)
		return err
	})
	if err == nil {
		c.ID = id
	}
	return err
}

// checkConnector refuses texts that cannot be stored.
func checkConnector(c *connector.Connector) error {
	return checkTexts("name", c.Name, "tenant", c.Tenant, "created_by", c.CreatedBy)
}

// Connector see [connector.Repository].
func (s *Store) Connector(ctx context.Context, tenant string, id int64) (*connector.Connector, error) {
	row, err := s.connectorRow(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return s.openConnector(ctx, row)
}

func (s *Store) connectorRow(ctx context.Context, tenant string, id int64) (connectorRow, error) {
	var row connectorRow
	err := s.look(ctx, connectorName(id), func(q session) error {
		return q.get(ctx, &row, "SELECT "+connectorColumns+" FROM connectors WHERE id = ? AND tenant = ?", id, tenant)
	})
	return row, err
}

// Connectors see [connector.Repository].
func (s *Store) Connectors(ctx context.Context, tenant string, cq connector.Query) ([]*connector.Connector, int, error) {
	var w where
	w.add("tenant = ?", tenant)
	w.keyword("folded", cq.Keyword)
	if len(cq.IDs) > 0 {
		w.add("id {in}", s.d.array(cq.IDs))
	}
	if len(cq.Types) > 0 {
		w.add("type {in}", s.d.array(numbers(cq.Types)))
	}
	order := map[connector.Order]string{connector.ByUpdated: "updated_at", connector.ByName: "name"}[cq.OrderBy]
	if order == "" {
		order = "created_at"
	}
	// Whether secrets can be read is known only after trying: with a filter on
	// that, the page is cut here.
	byStatus := len(cq.Statuses) > 0
	sql := "SELECT " + connectorColumns + " FROM connectors" + w.sql() + orderBy(!cq.Desc, order, "id")
	args := w.args
	if !byStatus {
		sql, args = paged(sql, args, cq.Limit, cq.Offset)
	}
	var rows []connectorRow
	var total int
	err := s.read(ctx, "connectors", func(q session) error {
		rows = nil
		if err := q.get(ctx, &total, "SELECT count(*) FROM connectors"+w.sql(), w.args...); err != nil {
			return err
		}
		return q.all(ctx, &rows, sql, args...)
	})
	if err != nil {
		return nil, 0, err
	}
	list := make([]*connector.Connector, 0, len(rows))
	for _, row := range rows {
		c, err := s.openConnector(ctx, row)
		if err != nil {
			return nil, 0, err
		}
		if !byStatus || slices.Contains(cq.Statuses, c.Status) {
			list = append(list, c)
		}
	}
	if byStatus {
		total = len(list)
		list = list[min(max(cq.Offset, 0), total):]
		if cq.Limit > 0 {
			list = list[:min(cq.Limit, len(list))]
		}
	}
	return list, total, nil
}

// UpdateConnector see [connector.Repository]. f runs outside of transactions,
// since sealing may ask a remote service; the change is written only where
// nobody changed the connector meanwhile, else all of it runs again.
func (s *Store) UpdateConnector(ctx context.Context, tenant string, id int64, f func(*connector.Connector) error) error {
	for {
		row, err := s.connectorRow(ctx, tenant, id)
		if err != nil {
			return err
		}
		c, err := s.openConnector(ctx, row)
		if err != nil {
			return err
		}
		before := c.Config.Clone()
		if err := f(c); err != nil {
			return err
		}
		if err := checkConnector(c); err != nil {
			return err
		}
		sealed := map[string]string{}
		if err := json.Unmarshal([]byte(row.Secrets), &sealed); err != nil {
			return errs.Wrap(errs.Internal, err, "%s: stored secrets", connectorName(id))
		}
		if err := s.seal(ctx, &row, c.Config, &before, sealed); err != nil {
			return err
		}
		var changed int64
		err = s.write(ctx, fmt.Sprintf("connector %q", c.Name), func(q session) (err error) {
			changed, err = q.exec(ctx, `UPDATE connectors SET name = ?, folded = ?, type = ?, config = ?, secrets = ?,
				revision = revision + 1, created_by = ?, updated_at = ? WHERE id = ? AND revision = ?`,
				c.Name, strings.ToLower(c.Name), int(c.Type), row.Config, row.Secrets,
				c.CreatedBy, milli(c.UpdatedAt), id, row.Revision)
			return err
		})
		if err != nil || changed == 1 {
			return err
		}
	}
}

// DeleteConnector see [connector.Repository].
func (s *Store) DeleteConnector(ctx context.Context, tenant string, id int64) error {
	return s.write(ctx, connectorName(id), func(q session) error {
		n, err := q.exec(ctx, "DELETE FROM connectors WHERE id = ? AND tenant = ?", id, tenant)
		if err != nil {
			return err
		}
		if n == 0 {
			return errs.New(errs.NotFound, "%s does not exist", connectorName(id))
		}
		// After the delete: a task that is being created holds the row, and is
		// seen by this query once it is committed.
		used, err := q.has(ctx, "SELECT EXISTS (SELECT 1 FROM tasks WHERE connector_id = ? AND status <> 4)", id)
		if err == nil && used {
			err = errs.New(errs.Conflict, "%s is used by a task that is not completed", connectorName(id))
		}
		return err
	})
}

// RelatedTasks see [connector.Repository].
func (s *Store) RelatedTasks(ctx context.Context, tenant string, ids []int64) (map[int64][]int64, error) {
	related := map[int64][]int64{}
	if len(ids) == 0 {
		return related, nil
	}
	var rows []struct {
		Connector int64 `db:"connector_id"`
		Task      int64 `db:"id"`
	}
	err := s.look(ctx, "tasks of connectors", func(q session) error {
		return q.all(ctx, &rows, `SELECT connector_id, id FROM tasks WHERE connector_id {in} AND tenant = ?
			ORDER BY connector_id, id`, s.d.array(ids), tenant)
	})
	for _, r := range rows {
		related[r.Connector] = append(related[r.Connector], r.Task)
	}
	return related, err
}
