package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
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
	if !slices.Contains(tableExtensions, path.Ext(base)) {
		return ""
	}
	return base
}

// tableRow is a row of one of the statements below; each has some of it.
type tableRow struct {
	ID         int64  `db:"id"`
	Schema     string `db:"schema_name"`
	SchemaID   string `db:"schema_id"`
	Name       string `db:"name"`
	Fence      int64  `db:"fence"`
	Key        string `db:"blob_key"`
	Size       int64  `db:"size"`
	SHA256     []byte `db:"sha256"`
	Tables     string `db:"tables"`
	Generation int64  `db:"generation"`
	Files      int64  `db:"files"`
	UpdatedAt  int64  `db:"updated_at"`
}

// tableSelects read what may be a table. The words in brackets select by a
// name, or behind an id; the arguments are the tenant, the user twice where
// it counts, and that.
var tableSelects = map[catalog.Kind]struct {
	sql, named, after, order string
	user                     bool
}{
	catalog.VolumeFile: {
		`SELECT f.id, v.name AS schema_name, v.id AS schema_id, f.uri AS name, f.fence, f.size, f.sha256
			FROM files f JOIN volumes v ON v.id = f.volume_id WHERE v.tenant = ? AND f.published = 1 AND f.base <> ''`,
		"f.base {in}", "f.id > ?", "f.id", false,
	},
	catalog.SourceFile: {
		`SELECT s.num AS id, d.name AS schema_name, d.id AS schema_id, s.name, s.blob_key, s.size, s.sha256, s.tables
			FROM data_sources s JOIN datasets d ON d.num = s.dataset
			WHERE s.tenant = ? AND (? = '' OR s.owner = ?) AND s.status = 2 AND s.base <> ''`,
		"s.base {in}", "s.num > ?", "s.num", true,
	},
	catalog.LakePath: {
		`SELECT p.id, p.path AS name, g.id AS generation, g.files, g.size, g.updated_at
			FROM lake_paths p JOIN lake_generations g ON g.id = p.generation WHERE p.tenant = ? AND g.files > 0`,
		"p.base {in}", "p.id > ?", "p.id", false,
	},
}

// tableFiles runs one of the statements.
func tableFiles(ctx context.Context, q session, kind catalog.Kind, tenant, user, condition string, arg any, limit int) ([]catalog.File, error) {
	sel := tableSelects[kind]
	args := []any{tenant}
	if sel.user {
		args = append(args, user, user)
	}
	var rows []tableRow
	err := q.all(ctx, &rows, sel.sql+" AND "+condition+" ORDER BY "+sel.order+" LIMIT ?", append(args, arg, limit)...)
	files := make([]catalog.File, len(rows))
	for i := 0; i < len(rows) && err == nil; i++ {
		files[i], err = rows[i].file(kind)
	}
	return files, err
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
	names := s.d.array(bases)
	var found []catalog.File
	err := s.read(ctx, "tables", func(q session) error {
		found = nil
		for kind := catalog.VolumeFile; kind <= catalog.LakePath && len(found) < limit; kind++ {
			files, err := tableFiles(ctx, q, kind, tenant, user, tableSelects[kind].named, names, limit-len(found))
			if err != nil {
				return err
			}
			found = append(found, files...)
		}
		return nil
	})
	return found, err
}

// FilesAfter see [catalog.Store].
func (s *Store) FilesAfter(ctx context.Context, tenant, user string, kind catalog.Kind, after int64, limit int) (files []catalog.File, err error) {
	if _, ok := tableSelects[kind]; !ok {
		return nil, errs.New(errs.Internal, "no files are of kind %s", strconv.Itoa(int(kind)))
	}
	err = s.look(ctx, "tables", func(q session) (err error) {
		files, err = tableFiles(ctx, q, kind, tenant, user, tableSelects[kind].after, after, limit)
		return err
	})
	return files, err
}
