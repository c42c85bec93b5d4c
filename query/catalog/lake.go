package catalog

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
)

// lakeSource is a lake path as a table: the rows of all its files of tabular
// formats, one file after the other. A column is in the table that one of
// them has; where another lacks it, it is null.
type lakeSource struct {
	catalog    *Catalog
	tenant     string
	path       string
	generation int64
	version    string
}

// files yields the files of the path that are tables.
func (s *lakeSource) files(ctx context.Context) iter.Seq2[*fileSource, error] {
	return func(yield func(*fileSource, error) bool) {
		for dir, name := "", ""; ; {
			page, err := s.catalog.store.LakeFiles(ctx, s.tenant, s.path, s.generation, dir, name, pageSize)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, f := range page {
				dir, name = f.Dir, f.Name
				if f.Size > 0 && s.catalog.reader.Supports(f.Name) && !yield(s.file(f), nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

func (s *lakeSource) file(f *filesync.File) *fileSource {
	src := &fileSource{catalog: s.catalog, file: File{Name: f.Name, Key: f.Place.Key, Size: f.Size, SHA256: f.SHA256}}
	src.version = "file/" + hex.EncodeToString(f.SHA256[:]) + strings.ToLower(f.Name[strings.LastIndexByte(f.Name, '.'):])
	src.offset = f.Place.Offset
	src.file.Path = f.Path()
	return src
}

// one returns the only table of a file.
func one(ctx context.Context, f *fileSource) (tabular.Table, error) {
	tables, err := f.inspect(ctx)
	if err != nil {
		return tabular.Table{}, err
	}
	if len(tables) > 1 {
		return tabular.Table{}, errs.New(errs.Invalid, "%s has %d tables; the files of a lake path must have one each", f.file.Path, len(tables))
	}
	return tables[0], nil
}

// Describe see [query.TableSource].
func (s *lakeSource) Describe(ctx context.Context) (tabular.Table, error) {
	if known := s.catalog.known(s.version); known != nil {
		return known[0], nil
	}
	var u union
	for f, err := range s.files(ctx) {
		if err != nil {
			return tabular.Table{}, err
		}
		t, err := one(ctx, f)
		if err == nil {
			err = u.add(t, f.file.Path)
		}
		if err != nil {
			return tabular.Table{}, err
		}
	}
	if len(u.table.Columns) == 0 {
		return tabular.Table{}, errs.New(errs.Invalid, "%s has no file that can be read as a table; names end with %s",
			s.path, strings.Join(s.catalog.reader.Extensions(), ", "))
	}
	s.catalog.keep(s.version, []tabular.Table{u.table})
	return u.table, nil
}

// union is the table that several tables are together.
type union struct {
	table  tabular.Table
	files  int
	index  map[string]int    // of columns, by name in lower case
	origin map[string]string // the file that a column is from
}

// add unites a file's table with the others by the names of columns.
func (u *union) add(t tabular.Table, file string) error {
	if u.index == nil {
		u.index, u.origin = map[string]int{}, map[string]string{}
	}
	u.table.Rows += t.Rows
	seen := map[string]bool{}
	for _, c := range t.Columns {
		key := strings.ToLower(c.Name)
		seen[key] = true
		i, ok := u.index[key]
		if !ok {
			c.Nullable = c.Nullable || u.files > 0 // the files before lack it
			u.index[key], u.origin[key] = len(u.table.Columns), file
			u.table.Columns = append(u.table.Columns, c)
			continue
		}
		have := &u.table.Columns[i]
		typ, ok := widen(have.Type, c.Type)
		if !ok {
			return errs.New(errs.Invalid, "column %s is %s in %s and %s in %s; give it one type in all files", have.Name, have.Type, u.origin[key], c.Type, file)
		}
		have.Type, have.Nullable = typ, have.Nullable || c.Nullable
	}
	for i := range u.table.Columns {
		if !seen[strings.ToLower(u.table.Columns[i].Name)] {
			u.table.Columns[i].Nullable = true
		}
	}
	u.files++
	return nil
}

// widen returns the type that holds the values of both without loss.
func widen(a, b tabular.Type) (tabular.Type, bool) {
	if a > b {
		a, b = b, a
	}
	switch {
	case a == b:
		return a, true
	case a == tabular.Integer && b == tabular.Decimal, a == tabular.Integer && b == tabular.Real:
		return tabular.Decimal, true // an int64 may have more digits than a float64
	case a == tabular.Real && b == tabular.Decimal:
		return tabular.Decimal, true
	}
	return a, false
}

// Open see [query.TableSource].
func (s *lakeSource) Open(ctx context.Context) (tabular.Rows, error) {
	t, err := s.Describe(ctx)
	if err != nil {
		return nil, err
	}
	next, stop := iter.Pull2(s.files(ctx))
	return &lakeRows{ctx: ctx, table: t, next: next, stop: stop, row: make([]tabular.Value, len(t.Columns))}, nil
}

// lakeRows are the rows of one file after the other.
type lakeRows struct {
	ctx   context.Context // of Open
	table tabular.Table
	next  func() (*fileSource, error, bool)
	stop  func()
	file  tabular.Rows // nil between two
	from  []int        // for each column its index in the file, -1 where it has none
	row   []tabular.Value
	texts [][]byte // of converted numbers
	err   error
}

// Next see [tabular.Rows].
func (r *lakeRows) Next() ([]tabular.Value, error) {
	for r.err == nil {
		if r.file == nil {
			if r.err = r.open(); r.err != nil {
				break
			}
		}
		values, err := r.file.Next()
		if err == nil {
			return r.convert(values), nil
		}
		closed := r.file.Close()
		r.file = nil
		if !errors.Is(err, io.EOF) {
			r.err = err
		} else {
			r.err = closed
		}
	}
	return nil, r.err
}

// open goes on with the next file.
func (r *lakeRows) open() error {
	f, err, ok := r.next()
	if !ok {
		return io.EOF
	}
	if err != nil {
		return err
	}
	t, err := one(r.ctx, f)
	if err != nil {
		return err
	}
	at := make(map[string]int, len(t.Columns))
	for i, c := range t.Columns {
		at[strings.ToLower(c.Name)] = i
	}
	r.from = r.from[:0]
	found := 0
	for _, c := range r.table.Columns {
		i, ok := at[strings.ToLower(c.Name)]
		if !ok {
			i = -1
		} else {
			found++
		}
		r.from = append(r.from, i)
	}
	if found != len(t.Columns) {
		return errs.New(errs.Conflict, "%s changed while it was read", f.file.Path)
	}
	r.file, err = f.catalog.reader.Open(r.ctx, f.open(), t)
	return err
}

// convert puts the values of a file's row where the table has them.
func (r *lakeRows) convert(values []tabular.Value) []tabular.Value {
	if r.texts == nil {
		r.texts = make([][]byte, len(r.row))
	}
	for i, from := range r.from {
		if from < 0 {
			r.row[i] = tabular.Value{}
			continue
		}
		v := values[from]
		if v.Type != r.table.Columns[i].Type && v.Type != tabular.Null { // a number that is a decimal elsewhere
			r.texts[i] = v.Append(r.texts[i][:0])
			if v.Type == tabular.Real {
				r.texts[i] = strconv.AppendFloat(r.texts[i][:0], v.Float, 'f', -1, 64)
			}
			v = tabular.Value{Type: r.table.Columns[i].Type, Bytes: r.texts[i]}
		}
		r.row[i] = v
	}
	return r.row
}

// Close see [tabular.Rows].
func (r *lakeRows) Close() error {
	r.stop()
	if r.err == nil {
		r.err = errs.New(errs.Invalid, "the rows are closed")
	}
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
