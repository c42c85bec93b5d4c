package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
)

type lakeFileRow struct {
	Generation int64  `db:"generation"`
	Dir        string `db:"dir"`
	Name       string `db:"name"`
	Size       int64  `db:"size"`
	SHA256     []byte `db:"sha256"`
	SyncID     int64  `db:"sync_id"`
	StartAt    int64  `db:"start_at"`
	EndAt      int64  `db:"end_at"`
	Key        string `db:"blob_key"`
	Packed     bool   `db:"packed"`
	Offset     int64  `db:"blob_offset"`
}

const lakeFileColumns = "generation, dir, name, size, sha256, sync_id, start_at, end_at, blob_key, packed, blob_offset"

func (r lakeFileRow) file(path string) *filesync.File {
	f := &filesync.File{
		LakePath: path, Generation: r.Generation, Dir: r.Dir, Name: r.Name, Size: r.Size, SyncID: r.SyncID,
		StartAt: fromMilli(r.StartAt), EndAt: fromMilli(r.EndAt),
		Place: filesync.Place{Key: r.Key, Packed: r.Packed, Offset: r.Offset},
	}
	copy(f.SHA256[:], r.SHA256)
	return f
}

// splitDir is splitPath for directories of a generation, which are relative.
func splitDir(dir string) (parent, name string) {
	i := strings.LastIndexByte(dir, '/')
	return dir[:max(i, 0)], dir[i+1:]
}

// mount is a lake path that a folder is, or is in, and the folder's place there.
type mount struct {
	generationRow
	dir string
}

// mounts returns what of the lake covers a folder, the innermost path first.
func mounts(ctx context.Context, q session, tenant, path string, gen int64) ([]mount, error) {
	outer := []string{path}
	for p := path; p != "/"; {
		p, _ = splitPath(p)
		outer = append(outer, p)
	}
	var found []generationRow
	err := q.all(ctx, &found, `SELECT g.id, p.path, g.sync_id, g.files, g.size, g.updated_at FROM lake_paths p
		JOIN lake_generations g ON g.id = p.generation WHERE p.tenant = ? AND p.path {in}`, tenant, q.d.array(outer))
	if err != nil {
		return nil, err
	}
	if gen != 0 {
		var one generationRow
		err := q.get(ctx, &one, `SELECT g.id, p.path, g.sync_id, g.files, g.size, g.updated_at FROM lake_generations g
			JOIN lake_paths p ON p.id = g.path_id WHERE g.id = ? AND p.tenant = ?
			AND (p.generation = g.id OR EXISTS (SELECT 1 FROM lake_trash t WHERE t.generation = g.id))`, gen, tenant)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(found, func(g generationRow) bool { return g.Path == one.Path })
		if i < 0 {
			return nil, errs.New(errs.NotFound, "generation %d does not exist at this path", gen)
		}
		found[i] = one
	}
	found = slices.DeleteFunc(found, func(g generationRow) bool { return !g.shown() })
	slices.SortFunc(found, func(a, b generationRow) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	list := make([]mount, len(found))
	for i, g := range found {
		list[i] = mount{g, strings.TrimPrefix(strings.TrimPrefix(path, g.Path), "/")}
	}
	return list, nil
}

func lakeName(path string, gen int64) string {
	if gen != 0 {
		return fmt.Sprintf("%q of generation %d", path, gen)
	}
	return fmt.Sprintf("%q", path)
}

// LakeFile see [filesync.Lake].
func (s *Store) LakeFile(ctx context.Context, tenant, path string, gen int64) (f *filesync.File, err error) {
	folder, name := splitPath(path)
	err = s.read(ctx, lakeName(path, gen), func(q session) error {
		covers, err := mounts(ctx, q, tenant, folder, gen)
		if err != nil {
			return err
		}
		for _, m := range covers {
			var found []lakeFileRow
			err := q.all(ctx, &found, "SELECT "+lakeFileColumns+" FROM lake_files WHERE generation = ? AND dir = ? AND name = ?", m.ID, m.dir, name)
			if err != nil {
				return err
			}
			if len(found) == 1 {
				f = found[0].file(m.Path)
				return nil
			}
		}
		return errs.New(errs.NotFound, "%s does not exist", lakeName(path, gen))
	})
	return f, err
}

// LakeFolder see [filesync.Lake]. Folders and files are selected apart, so that a
// page of a large folder follows its index.
func (s *Store) LakeFolder(ctx context.Context, tenant string, lq filesync.ListQuery) (l *filesync.Listing, err error) {
	err = s.read(ctx, lakeName(lq.Path, lq.Generation), func(q session) error {
		covers, err := mounts(ctx, q, tenant, lq.Path, lq.Generation)
		if err != nil {
			return err
		}
		l = &filesync.Listing{Entries: []filesync.Entry{}}
		if len(covers) > 0 {
			l.Generation = covers[0].ID
		}
		if err := folderExists(ctx, q, tenant, lq.Path, covers); err != nil {
			return err
		}
		v := view{ctx: ctx, q: q, lq: lq, tenant: tenant, covers: covers}
		folders, files := 0, 0
		if !lq.OnlyFiles {
			if folders, err = v.folders(l); err != nil {
				return err
			}
		}
		if !lq.OnlyDirs {
			v.lq.Offset = max(lq.Offset-folders, 0)
			if files, err = v.files(l); err != nil {
				return err
			}
		}
		l.Total = folders + files
		return nil
	})
	return l, err
}

// folderExists returns a NotFound error for a folder that is neither a lake
// path, nor leads to one, nor is a directory in one. The root always exists.
func folderExists(ctx context.Context, q session, tenant, path string, covers []mount) error {
	if path == "/" {
		return nil
	}
	parent, name := splitPath(path)
	ok, err := q.has(ctx, "SELECT EXISTS (SELECT 1 FROM lake_folders WHERE tenant = ? AND parent = ? AND name = ?)", tenant, parent, name)
	for _, m := range covers {
		if err != nil || ok {
			break
		}
		parent, name := splitDir(m.dir)
		ok, err = q.has(ctx, "SELECT EXISTS (SELECT 1 FROM lake_dirs WHERE generation = ? AND parent = ? AND name = ?)", m.ID, parent, name)
	}
	if err == nil && !ok {
		err = errs.New(errs.NotFound, "%q does not exist", path)
	}
	return err
}

// view is a folder as a query asks for it.
type view struct {
	ctx    context.Context
	q      session
	lq     filesync.ListQuery
	tenant string
	covers []mount
}

// search returns the condition on names.
func (v *view) search() (cond string, args []any) {
	if v.lq.Search == "" {
		return "", nil
	}
	lower := strings.Map(func(r rune) rune { // as both databases do it
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, v.lq.Search)
	return ` AND lower(name) LIKE ? ESCAPE '\'`, []any{"%" + likeEscaper.Replace(lower) + "%"}
}

// page adds the entries that are left of the page to l, and returns how many
// there are in all.
func (v *view) page(from string, args []any, columns, order string, dest any) (total int, err error) {
	if err := v.q.get(v.ctx, &total, "SELECT count(*)"+from, args...); err != nil {
		return 0, err
	}
	sql, args := paged("SELECT "+columns+from+order, args, v.lq.Limit, v.lq.Offset)
	return total, v.q.all(v.ctx, dest, sql, args...)
}

func (v *view) folders(l *filesync.Listing) (int, error) {
	cond, pattern := v.search()
	union := "SELECT name FROM lake_folders WHERE tenant = ? AND parent = ?" + cond
	args := append([]any{v.tenant, v.lq.Path}, pattern...)
	for _, m := range v.covers {
		union += " UNION SELECT name FROM lake_dirs WHERE generation = ? AND parent = ?" + cond
		args = append(append(args, m.ID, m.dir), pattern...)
	}
	var names []string
	total, err := v.page(" FROM ("+union+") u", args, "name", orderBy(!v.lq.Desc || v.lq.OrderBy == filesync.BySize || v.lq.OrderBy == filesync.ByDate, "name"), &names)
	for _, name := range names {
		l.Entries = append(l.Entries, filesync.Entry{Name: name})
	}
	return total, err
}

func (v *view) files(l *filesync.Listing) (int, error) {
	if v.lq.Limit > 0 {
		if v.lq.Limit -= len(l.Entries); v.lq.Limit == 0 {
			return v.countFiles()
		}
	}
	from, args := v.filesFrom()
	order := map[filesync.Order]string{filesync.BySize: "size", filesync.ByDate: "end_at"}[v.lq.OrderBy]
	by := orderBy(!v.lq.Desc, "name")
	if order != "" {
		by = orderBy(!v.lq.Desc, order, "name")
	}
	var found []lakeFileRow
	total, err := v.page(from, args, lakeFileColumns, by, &found)
	for _, r := range found {
		i := slices.IndexFunc(v.covers, func(m mount) bool { return m.ID == r.Generation })
		l.Entries = append(l.Entries, filesync.Entry{Name: r.Name, File: r.file(v.covers[i].Path)})
	}
	return total, err
}

// countFiles is files for a page that is full already.
func (v *view) countFiles() (total int, err error) {
	from, args := v.filesFrom()
	err = v.q.get(v.ctx, &total, "SELECT count(*)"+from, args...)
	return total, err
}

// filesFrom selects the folder's files. One of an inner path hides one of the
// same name of an outer path.
func (v *view) filesFrom() (from string, args []any) {
	cond, pattern := v.search()
	if len(v.covers) == 1 {
		m := v.covers[0]
		return " FROM lake_files WHERE generation = ? AND dir = ?" + cond, append([]any{m.ID, m.dir}, pattern...)
	}
	var parts []string
	for i, m := range v.covers {
		part := "SELECT " + lakeFileColumns + " FROM lake_files f WHERE generation = ? AND dir = ?" + cond
		args = append(append(args, m.ID, m.dir), pattern...)
		for _, inner := range v.covers[:i] {
			part += " AND NOT EXISTS (SELECT 1 FROM lake_files i WHERE i.generation = ? AND i.dir = ? AND i.name = f.name)"
			args = append(args, inner.ID, inner.dir)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return " FROM lake_files WHERE 1 = 0", nil
	}
	return " FROM (" + strings.Join(parts, " UNION ALL ") + ") u", args
}

// LakePaths see [filesync.Lake].
func (s *Store) LakePaths(ctx context.Context, tenant, after string, limit int) ([]*filesync.LakePath, error) {
	var found []generationRow
	err := s.look(ctx, "lake paths", func(q session) error {
		return q.all(ctx, &found, `SELECT g.id, p.path, g.sync_id, g.files, g.size, g.updated_at FROM lake_paths p
			JOIN lake_generations g ON g.id = p.generation
			WHERE p.tenant = ? AND p.path > ? AND (g.files > 0 OR g.sync_id <> 0) ORDER BY p.path LIMIT ?`, tenant, after, limit)
	})
	if err != nil {
		return nil, err
	}
	list := make([]*filesync.LakePath, len(found))
	for i, g := range found {
		list[i] = &filesync.LakePath{Path: g.Path, Generation: g.ID, Files: g.Files, Size: g.Size, UpdatedAt: fromMilli(g.UpdatedAt)}
	}
	return list, nil
}

// LakeFiles see [filesync.Lake].
func (s *Store) LakeFiles(ctx context.Context, tenant, path string, gen int64, afterDir, afterName string, limit int) ([]*filesync.File, error) {
	var found []lakeFileRow
	err := s.read(ctx, lakeName(path, gen), func(q session) error {
		found = nil
		covers, err := mounts(ctx, q, tenant, path, gen)
		if err != nil {
			return err
		}
		if len(covers) == 0 || covers[0].Path != path {
			return errs.New(errs.NotFound, "%s does not exist", lakeName(path, gen))
		}
		return q.all(ctx, &found, "SELECT "+lakeFileColumns+` FROM lake_files WHERE generation = ? AND (dir, name) > (?, ?)
			ORDER BY dir, name LIMIT ?`, covers[0].ID, afterDir, afterName, limit)
	})
	if err != nil {
		return nil, err
	}
	list := make([]*filesync.File, len(found))
	for i, r := range found {
		list[i] = r.file(path)
	}
	return list, nil
}
