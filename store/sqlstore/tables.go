package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/query/catalog"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

// tableExtensions are those of the files that statements can name.
var tableExtensions = []string{".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".parquet", ".xlsx"}

// tableBase returns by what name a statement finds a file, "" for one that is
// no table.
func tableBase(uri string) string {
	base := strings.ToLower(path.Base(uri))
	ext := path.Ext(base)
	if !slices.Contains(tableExtensions, ext) {
		return ""
	}
	return strings.TrimSuffix(base, ext)
}

// tableRow is a row of the statements below, in the order of their columns.
type tableRow struct {
	Kind       int
	ID         int64
	Schema     string
	SchemaID   string
	Name       string
	Fence      int64
	Key        string
	Size       int64
	SHA256     []byte
	Tables     string
	Generation int64
	Files      int64
	UpdatedAt  int64
}

// tableSelects read what may be a table, by kind. A condition that follows
// selects among them, by the column of the base name or of the id. The arguments
// are the tenant, of data sources the user twice, and those of the selection.
var tableSelects = map[catalog.Kind]struct{ sql, base, id string }{
	catalog.VolumeFile: {`SELECT 1 AS kind, f.id, v.name AS schema_name, CAST(v.id AS TEXT) AS schema_id, f.uri AS name, f.fence,
			'' AS blob_key, f.size, f.sha256, '' AS tables, 0 AS generation, 0 AS files, 0 AS updated_at
		FROM files f JOIN volumes v ON v.id = f.volume_id WHERE v.tenant = ? AND f.published = 1 AND f.base <> '' AND `, "f.base", "f.id"},
	catalog.SourceFile: {`SELECT 2 AS kind, s.num AS id, d.name AS schema_name, d.id AS schema_id, s.name, 0 AS fence,
			s.blob_key, s.size, s.sha256, s.tables, 0 AS generation, 0 AS files, 0 AS updated_at
		FROM data_sources s JOIN datasets d ON d.num = s.dataset
		WHERE s.tenant = ? AND (? = '' OR s.owner = ?) AND s.status = 2 AND s.base <> '' AND `, "s.base", "s.num"},
	catalog.LakePath: {`SELECT 3 AS kind, p.id, '' AS schema_name, '' AS schema_id, p.path AS name, 0 AS fence,
			'' AS blob_key, g.size, NULL AS sha256, '' AS tables, g.id AS generation, g.files, g.updated_at
		FROM lake_paths p JOIN lake_generations g ON g.id = p.generation WHERE p.tenant = ? AND g.files > 0 AND `, "p.base", "p.id"},
}

// namedTables reads all kinds at once, by names that condition looks for.
func namedTables(condition string) string {
	var parts []string
	for kind := catalog.VolumeFile; kind <= catalog.LakePath; kind++ {
		parts = append(parts, tableSelects[kind].sql+tableSelects[kind].base+" "+condition)
	}
	return strings.Join(parts, " UNION ALL ")
}

// Most statements are of one table: to look for a single name takes SQLite a
// third of the time, as it needs neither an array nor an order.
var (
	oneNamed  = namedTables("= ?") + " LIMIT ?"
	manyNamed = namedTables("{in}") + " ORDER BY 1, 2 LIMIT ?"
)

// readTables runs a statement of tableSelects. Every query does, so that it does
// not look for the fields by their names.
func readTables(ctx context.Context, q session, text string, args ...any) ([]tableRow, error) {
	found, err := q.q.QueryxContext(ctx, q.d.sql(text), args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []tableRow
	for found.Next() {
		var r tableRow
		if err := found.Scan(&r.Kind, &r.ID, &r.Schema, &r.SchemaID, &r.Name, &r.Fence, &r.Key, &r.Size, &r.SHA256,
			&r.Tables, &r.Generation, &r.Files, &r.UpdatedAt); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, found.Err()
}

func tableFiles(rows []tableRow) ([]catalog.File, error) {
	files := make([]catalog.File, len(rows))
	for i := range rows {
		var err error
		if files[i], err = rows[i].file(catalog.Kind(rows[i].Kind)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (r *tableRow) file(kind catalog.Kind) (catalog.File, error) {
	f := catalog.File{
		Kind: kind, ID: r.ID, Schema: r.Schema, SchemaID: r.SchemaID, Name: path.Base(r.Name), Key: r.Key, Size: r.Size,
	}
	copy(f.SHA256[:], r.SHA256)
	switch kind {
	case catalog.VolumeFile:
		f.Key = task.BlobRef{FileID: r.ID, Fence: r.Fence}.Key()
	case catalog.SourceFile:
		var tables []dataset.Table
		if err := json.Unmarshal([]byte(r.Tables), &tables); err != nil {
			return f, fmt.Errorf("tables of data source %d: %w", r.ID, err)
		}
		f.Tables = tables
	case catalog.LakePath:
		f.Path, f.Generation, f.Files, f.UpdatedAt = r.Name, r.Generation, r.Files, fromMilli(r.UpdatedAt)
	}
	return f, nil
}

// NamedFiles see [catalog.Store].
func (s *Store) NamedFiles(ctx context.Context, tenant, user string, bases []string, limit int) ([]catalog.File, error) {
	bases = slices.DeleteFunc(slices.Clone(bases), func(b string) bool { return !storable(b) })
	if len(bases) == 0 {
		return nil, nil
	}
	text, names := oneNamed, any(bases[0])
	if len(bases) > 1 {
		text, names = manyNamed, s.d.array(bases)
	}
	args := []any{tenant, names, tenant, user, user, names, tenant, names, limit}
	var rows []tableRow
	// It is short, and every query needs it: to watch ctx would cost more.
	ctx = context.WithoutCancel(ctx)
	err := s.look(ctx, "tables", func(q session) (err error) {
		rows, err = readTables(ctx, q, text, args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return tableFiles(rows)
}

// FilesAfter see [catalog.Store].
func (s *Store) FilesAfter(ctx context.Context, tenant, user string, kind catalog.Kind, after int64, limit int) ([]catalog.File, error) {
	sel, ok := tableSelects[kind]
	if !ok {
		return nil, errs.New(errs.Internal, "no files are of kind %d", kind)
	}
	args := []any{tenant}
	if kind == catalog.SourceFile {
		args = append(args, user, user)
	}
	var rows []tableRow
	err := s.look(ctx, "tables", func(q session) (err error) {
		rows, err = readTables(ctx, q, sel.sql+sel.id+" > ? ORDER BY "+sel.id+" LIMIT ?", append(args, after, limit)...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return tableFiles(rows)
}
