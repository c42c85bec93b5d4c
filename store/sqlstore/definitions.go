package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

type definitionRow struct {
	Num         int64  `db:"num"`
	ID          string `db:"id"`
	Tenant      string `db:"tenant"`
	ConnectorID string `db:"connector_id"`
	Name        string `db:"name"`
	Type        string `db:"type"`
	Category    string `db:"category"`
	Version     string `db:"version"`
	Description string `db:"description"`
	Technology  string `db:"technology"`
	Runtime     string `db:"runtime"`
	Licence     string `db:"licence"`
	Owner       string `db:"owner"`
	IconURL     string `db:"icon_url"`
	Status      string `db:"status"`
	SourceURL   string `db:"source_url"`
	SHA256      []byte `db:"sha256"`
	Source      string `db:"source"`
	UISpec      []byte `db:"ui_spec"`
	CreatedBy   string `db:"created_by"`
	UpdatedBy   string `db:"updated_by"`
	CreatedAt   int64  `db:"created_at"`
	UpdatedAt   int64  `db:"updated_at"`
	LiveAt      int64  `db:"live_at"`
}

// listedColumns are those of a definition in a list, without its form.
const listedColumns = `num, id, tenant, connector_id, name, type, category, version, description, technology, runtime, licence, owner,
	icon_url, status, source_url, sha256, source, created_by, updated_by, created_at, updated_at, live_at`

const definitionColumns = listedColumns + ", ui_spec"

func definitionName(id string) string { return fmt.Sprintf("definition %.80q", id) }

func (r *definitionRow) definition() (*connector.Definition, error) {
	d := &connector.Definition{
		ID: r.ID, Tenant: r.Tenant, ConnectorID: r.ConnectorID, Name: r.Name, Type: r.Type, Category: r.Category,
		Version: r.Version, Description: r.Description, Technology: r.Technology, Runtime: r.Runtime, Licence: r.Licence,
		Owner: r.Owner, IconURL: r.IconURL, Status: connector.DefinitionStatus(r.Status), SourceURL: r.SourceURL,
		UISpec: r.UISpec, CreatedBy: r.CreatedBy, UpdatedBy: r.UpdatedBy,
		CreatedAt: fromMilli(r.CreatedAt), UpdatedAt: fromMilli(r.UpdatedAt), LiveAt: fromMilli(r.LiveAt),
	}
	copy(d.SHA256[:], r.SHA256)
	if err := json.Unmarshal([]byte(r.Source), &d.Source); err != nil {
		return nil, errs.Wrap(errs.Internal, err, "%s: its program", definitionName(r.ID))
	}
	return d, nil
}

// SaveDefinitions see [connector.DefinitionRepository].
func (s *Store) SaveDefinitions(ctx context.Context, tenant string, defs []*connector.Definition, max int) error {
	for _, d := range defs {
		if err := checkDefinition(d); err != nil {
			return err
		}
	}
	if len(defs) == 0 {
		return nil
	}
	return s.writeIDs(ctx, definitionName(defs[0].ID), len(defs), func(q session, first int64) error {
		// One after the other, or two that make different versions Live at the
		// same time would not see each other.
		_, err := q.exec(ctx, `INSERT INTO definition_tenants (tenant, saves) VALUES (?, 1)
			ON CONFLICT (tenant) DO UPDATE SET saves = definition_tenants.saves + 1`, tenant)
		if err != nil {
			return err
		}
		var replaced []string
		for i, d := range defs {
			old, err := saveDefinition(ctx, q, first+int64(i), tenant, d)
			if err != nil {
				return err
			}
			replaced = append(replaced, old...)
		}
		var n int
		if err := q.get(ctx, &n, "SELECT count(*) FROM definitions WHERE tenant = ?", tenant); err != nil {
			return err
		}
		if n > max {
			return errs.New(errs.TooLarge, "there are %d definitions already, which is as many as there may be", max)
		}
		return s.discardArchives(ctx, q, replaced)
	})
}

func checkDefinition(d *connector.Definition) error {
	return checkTexts("id", d.ID, "tenant", d.Tenant, "connector_id", d.ConnectorID, "name", d.Name, "type", d.Type,
		"category", d.Category, "version", d.Version, "description", d.Description, "technology", d.Technology,
		"runtime", d.Runtime, "licence", d.Licence, "owner", d.Owner, "icon", d.IconURL, "source_url", d.SourceURL,
		"created_by", d.CreatedBy, "updated_by", d.UpdatedBy)
}

// saveDefinition inserts a definition or puts it in the place of the one of
// the same version, whose archive it returns, and retires others.
func saveDefinition(ctx context.Context, q session, num int64, tenant string, d *connector.Definition) ([]string, error) {
	source, err := json.Marshal(d.Source)
	if err != nil {
		return nil, errs.Wrap(errs.Internal, err, "%s: its program", definitionName(d.ID))
	}
	spec := []byte(d.UISpec)
	if spec == nil {
		spec = []byte{}
	}
	var old []string
	err = q.all(ctx, &old, "SELECT source_url FROM definitions WHERE tenant = ? AND connector_id = ? AND version = ? {lock}",
		tenant, d.ConnectorID, d.Version)
	if err != nil {
		return nil, err
	}
	if len(old) > 0 {
		_, err = q.exec(ctx, `UPDATE definitions SET name = ?, type = ?, category = ?, description = ?, technology = ?, runtime = ?,
			licence = ?, owner = ?, icon_url = ?, status = ?, source_url = ?, sha256 = ?, source = ?, ui_spec = ?, updated_at = ?,
			live_at = CASE WHEN live_at = 0 THEN ? ELSE live_at END
			WHERE tenant = ? AND connector_id = ? AND version = ?`,
			d.Name, d.Type, d.Category, d.Description, d.Technology, d.Runtime, d.Licence, d.Owner, d.IconURL, string(d.Status),
			d.SourceURL, sum(d.SHA256), string(source), spec, milli(d.UpdatedAt), milli(d.LiveAt), tenant, d.ConnectorID, d.Version)
	} else {
		_, err = q.exec(ctx, `INSERT INTO definitions (`+definitionColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			num, d.ID, tenant, d.ConnectorID, d.Name, d.Type, d.Category, d.Version, d.Description, d.Technology, d.Runtime,
			d.Licence, d.Owner, d.IconURL, string(d.Status), d.SourceURL, sum(d.SHA256), string(source), d.CreatedBy, d.UpdatedBy,
			milli(d.CreatedAt), milli(d.UpdatedAt), milli(d.LiveAt), spec)
	}
	if err != nil || d.Status != connector.Live {
		return old, err
	}
	_, err = q.exec(ctx, `UPDATE definitions SET status = ?, updated_at = ?
		WHERE tenant = ? AND connector_id = ? AND version <> ? AND status = ?`,
		string(connector.Retired), milli(d.UpdatedAt), tenant, d.ConnectorID, d.Version, string(connector.Live))
	return old, err
}

// discardArchives makes those of the archives garbage that no definition
// names.
func (s *Store) discardArchives(ctx context.Context, q session, keys []string) error {
	keys = slices.DeleteFunc(keys, func(key string) bool { return key == "" })
	if len(keys) == 0 {
		return nil
	}
	var used []string
	err := q.all(ctx, &used, "SELECT source_url FROM definitions WHERE source_url {in}", s.d.array(keys))
	if err != nil {
		return err
	}
	now, err := q.now(ctx)
	if err != nil {
		return err
	}
	return discardKeys(ctx, q, slices.DeleteFunc(keys, func(key string) bool { return slices.Contains(used, key) }), now)
}

// Definition see [connector.DefinitionRepository].
func (s *Store) Definition(ctx context.Context, tenant, id string) (*connector.Definition, error) {
	return s.definitionBy(ctx, "id = ?", tenant, id, id)
}

// LiveDefinition see [connector.DefinitionRepository].
func (s *Store) LiveDefinition(ctx context.Context, tenant, connectorID string) (*connector.Definition, error) {
	return s.definitionBy(ctx, "connector_id = ? AND status = ?", tenant, connectorID, connectorID, string(connector.Live))
}

func (s *Store) definitionBy(ctx context.Context, cond, tenant, id string, args ...any) (*connector.Definition, error) {
	if !storable(id) {
		return nil, errs.New(errs.NotFound, "%s does not exist", definitionName(id))
	}
	var w where
	w.add("tenant = ?", tenant)
	w.add(cond, args...)
	var row definitionRow
	err := s.look(ctx, definitionName(id), func(q session) error {
		return q.get(ctx, &row, "SELECT "+definitionColumns+" FROM definitions"+w.sql(), w.args...)
	})
	if err != nil {
		return nil, err
	}
	return row.definition()
}

// Definitions see [connector.DefinitionRepository].
func (s *Store) Definitions(ctx context.Context, tenant string, dq connector.DefinitionQuery) ([]*connector.Definition, error) {
	var w where
	w.add("tenant = ?", tenant)
	if len(dq.Statuses) > 0 {
		list := make([]string, len(dq.Statuses))
		for i, status := range dq.Statuses {
			list[i] = string(status)
		}
		w.add("status {in}", s.d.array(list))
	}
	if len(dq.Categories) > 0 {
		w.add("category {in}", s.d.array(dq.Categories))
	}
	var rows []definitionRow
	err := s.look(ctx, "definitions", func(q session) error {
		return q.all(ctx, &rows, "SELECT "+listedColumns+" FROM definitions"+w.sql()+orderBy(true, "connector_id", "num"), w.args...)
	})
	if err != nil {
		return nil, err
	}
	list := make([]*connector.Definition, len(rows))
	for i := range rows {
		if list[i], err = rows[i].definition(); err != nil {
			return nil, err
		}
	}
	return list, nil
}
