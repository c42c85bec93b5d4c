package sqlstore

import (
	"context"
	"fmt"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
)

type savedRow struct {
	ID          string `db:"id"`
	Tenant      string `db:"tenant"`
	Owner       string `db:"owner"`
	Workspace   string `db:"workspace"`
	Title       string `db:"title"`
	Description string `db:"description"`
	Text        string `db:"text"`
	CreatedAt   int64  `db:"created_at"`
	UpdatedAt   int64  `db:"updated_at"`
}

const savedColumns = "id, tenant, owner, workspace, title, description, text, created_at, updated_at"

func savedName(id string) string { return fmt.Sprintf("saved SQL %.80q", id) }

func (r *savedRow) saved() *query.SavedSQL {
	return &query.SavedSQL{
		ID: r.ID, Tenant: r.Tenant, User: r.Owner, Workspace: r.Workspace, Title: r.Title, Description: r.Description,
		SQL: r.Text, CreatedAt: fromMilli(r.CreatedAt), UpdatedAt: fromMilli(r.UpdatedAt),
	}
}

func checkSaved(v *query.SavedSQL) error {
	return checkTexts("workspaceId", v.Workspace, "title", v.Title, "description", v.Description, "sql", v.SQL)
}

// CreateSQL see [query.SavedSQLs].
func (s *Store) CreateSQL(ctx context.Context, v *query.SavedSQL) error {
	if err := checkSaved(v); err != nil {
		return err
	}
	return s.write(ctx, savedName(v.ID), func(q session) error {
		_, err := q.exec(ctx, "INSERT INTO saved_sqls ("+savedColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			v.ID, v.Tenant, v.User, v.Workspace, v.Title, v.Description, v.SQL, milli(v.CreatedAt), milli(v.UpdatedAt))
		return err
	})
}

func getSaved(ctx context.Context, q session, tenant, workspace, id, suffix string) (row savedRow, err error) {
	if !storable(id) || !storable(workspace) {
		return row, errs.New(errs.NotFound, "%s does not exist", savedName(id))
	}
	err = q.get(ctx, &row, "SELECT "+savedColumns+" FROM saved_sqls WHERE id = ? AND tenant = ? AND workspace = ?"+suffix, id, tenant, workspace)
	return row, err
}

// SQL see [query.SavedSQLs].
func (s *Store) SQL(ctx context.Context, tenant, workspace, id string) (*query.SavedSQL, error) {
	var row savedRow
	err := s.look(ctx, savedName(id), func(q session) (err error) {
		row, err = getSaved(ctx, q, tenant, workspace, id, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	return row.saved(), nil
}

// SQLs see [query.SavedSQLs].
func (s *Store) SQLs(ctx context.Context, tenant, workspace string, limit int) ([]*query.SavedSQL, error) {
	var rows []savedRow
	err := s.look(ctx, "saved SQL", func(q session) error {
		return q.all(ctx, &rows, "SELECT "+savedColumns+" FROM saved_sqls WHERE tenant = ? AND workspace = ? ORDER BY id LIMIT ?", tenant, workspace, limit)
	})
	list := make([]*query.SavedSQL, len(rows))
	for i := range rows {
		list[i] = rows[i].saved()
	}
	return list, err
}

// UpdateSQL see [query.SavedSQLs].
func (s *Store) UpdateSQL(ctx context.Context, tenant, workspace, id string, f func(*query.SavedSQL) error) error {
	return s.write(ctx, savedName(id), func(q session) error {
		row, err := getSaved(ctx, q, tenant, workspace, id, " {lock}")
		if err != nil {
			return err
		}
		v := row.saved()
		if err := f(v); err != nil {
			return err
		}
		if err := checkSaved(v); err != nil {
			return err
		}
		_, err = q.exec(ctx, "UPDATE saved_sqls SET title = ?, description = ?, text = ?, updated_at = ? WHERE id = ?",
			v.Title, v.Description, v.SQL, milli(v.UpdatedAt), v.ID)
		return err
	})
}

// DeleteSQL see [query.SavedSQLs].
func (s *Store) DeleteSQL(ctx context.Context, tenant, workspace, id string) error {
	return s.write(ctx, savedName(id), func(q session) error {
		if _, err := getSaved(ctx, q, tenant, workspace, id, " {lock}"); err != nil {
			return err
		}
		_, err := q.exec(ctx, "DELETE FROM saved_sqls WHERE id = ?", id)
		return err
	})
}
