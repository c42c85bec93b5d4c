package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// LakeSchema is the schema of lake paths.
const LakeSchema = "lake"

// Kind says where a file came in.
type Kind int

// The kinds, in the order in which they are listed.
const (
	VolumeFile Kind = iota + 1
	SourceFile
	LakePath
)

// File is what may be a table: a file, or a lake path.
type File struct {
	Kind     Kind
	ID       int64  // grows in its kind
	Schema   string // the name of the volume or dataset
	SchemaID string
	Name     string // the base name with its extension; of a lake path its last part
	Key      string // of the bytes in the managed bucket
	Size     int64
	SHA256   [sha256.Size]byte
	Tables   []dataset.Table // of a data source

	// Of a lake path.
	Path       string
	Generation int64
	Files      int64
	UpdatedAt  time.Time
}

// Store finds files. Each call sees one consistent state.
type Store interface {
	// NamedFiles returns up to limit files of the tenant whose base name, in
	// lower case and without the extension, is one of bases: what volumes show,
	// and data sources that are synched, only the user's unless user is "". Of
	// a lake path that holds something it is the last part, as it is.
	NamedFiles(ctx context.Context, tenant, user string, bases []string, limit int) ([]File, error)

	// FilesAfter returns up to limit files of one kind, in the order of their
	// ids, behind the given one.
	FilesAfter(ctx context.Context, tenant, user string, kind Kind, after int64, limit int) ([]File, error)

	// LakeFiles see [filesync.Lake].
	LakeFiles(ctx context.Context, tenant, path string, generation int64, afterDir, afterName string, limit int) ([]*filesync.File, error)
}

// Options qualifies a Catalog; zero fields have defaults.
type Options struct {
	// MaxNames bounds the names that one statement may have; 0 means 5,000.
	MaxNames int
	// MaxFound bounds the tables that its names may mean; 0 means 1,000.
	MaxFound int
	// Described is how many descriptions of tables are kept in memory; 0 means
	// 10,000. A table whose description is not there is read once more.
	Described int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Catalog is a [query.Catalog] over a store and a managed bucket. It is safe
// for concurrent use.
type Catalog struct {
	store  Store
	bucket blob.Bucket
	reader *tabular.Reader
	opts   Options

	mu        sync.Mutex
	described map[string][]tabular.Table // by version of a file
	order     []string
}

var _ query.Catalog = (*Catalog)(nil)

// New returns a catalog of what store knows, whose bytes are in bucket and are
// read by reader.
func New(store Store, bucket blob.Bucket, reader *tabular.Reader, opts *Options) *Catalog {
	c := &Catalog{store: store, bucket: bucket, reader: reader, described: map[string][]tabular.Table{}}
	if opts != nil {
		c.opts = *opts
	}
	if c.opts.MaxNames == 0 {
		c.opts.MaxNames = 5000
	}
	if c.opts.MaxFound == 0 {
		c.opts.MaxFound = 1000
	}
	if c.opts.Described == 0 {
		c.opts.Described = 10_000
	}
	if c.opts.Now == nil {
		c.opts.Now = time.Now
	}
	return c
}

// Find see [query.Catalog].
func (c *Catalog) Find(ctx context.Context, sc scope.Scope, names []string) ([]query.Table, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	if len(names) > c.opts.MaxNames {
		return nil, errs.New(errs.TooLarge, "the statement has more than %d names", c.opts.MaxNames)
	}
	wanted := make(map[string]bool, len(names))
	var bases []string
	for _, name := range names {
		name = strings.ToLower(name)
		if name == "" || wanted[name] {
			continue
		}
		wanted[name] = true
		bases = c.appendBases(bases, name)
	}
	files, err := c.store.NamedFiles(ctx, sc.Tenant, sc.User, bases, c.opts.MaxFound)
	if err != nil {
		return nil, err
	}
	if len(files) == c.opts.MaxFound {
		return nil, errs.New(errs.TooLarge, "the names of the statement mean more than %d tables", c.opts.MaxFound)
	}
	var found []query.Table
	for _, f := range files {
		for _, t := range c.tables(ctx, sc, f) {
			if named(t, wanted) {
				found = append(found, t)
			}
		}
	}
	return found, nil
}

// appendBases appends the base names of what a table of that name, in lower
// case, may come from.
func (c *Catalog) appendBases(bases []string, name string) []string {
	bases = append(bases, name)
	if c.reader.Supports(name) {
		bases = append(bases, strings.TrimSuffix(name, path.Ext(name)))
	}
	if strings.Contains(name, "/") {
		bases = append(bases, path.Base(name)) // a whole lake path
	}
	for i, r := range name { // a sheet of a workbook
		if r == '_' && i > 0 {
			bases = append(bases, name[:i])
		}
	}
	return bases
}

// sheets is the extension of files that have several tables.
const sheets = ".xlsx"

func named(t query.Table, wanted map[string]bool) bool {
	if wanted[strings.ToLower(t.Name)] {
		return true
	}
	for _, alias := range t.Aliases {
		if wanted[strings.ToLower(alias)] {
			return true
		}
	}
	return false
}

// pageSize is how many files are listed at a time.
const pageSize = 500

// Tables see [query.Catalog].
func (c *Catalog) Tables(ctx context.Context, sc scope.Scope) iter.Seq2[query.Table, error] {
	return func(yield func(query.Table, error) bool) {
		if err := sc.Check(); err != nil {
			yield(query.Table{}, err)
			return
		}
		for kind := VolumeFile; kind <= LakePath; kind++ {
			for after := int64(0); ; {
				files, err := c.store.FilesAfter(ctx, sc.Tenant, sc.User, kind, after, pageSize)
				if err != nil {
					yield(query.Table{}, err)
					return
				}
				for _, f := range files {
					after = f.ID
					for _, t := range c.tables(ctx, sc, f) {
						if !yield(t, nil) {
							return
						}
					}
				}
				if len(files) < pageSize {
					break
				}
			}
		}
	}
}

// tables returns the tables of a file. One that cannot be read is a table all
// the same: whoever asks for it learns why it has no rows.
func (c *Catalog) tables(ctx context.Context, sc scope.Scope, f File) []query.Table {
	if f.Kind == LakePath {
		return []query.Table{c.lakeTable(sc, f)}
	}
	if !c.reader.Supports(f.Name) {
		return nil
	}
	src := &fileSource{catalog: c, file: f, version: fileVersion(f)}
	described := fromDataset(f.Tables)
	if described == nil && strings.EqualFold(path.Ext(f.Name), sheets) {
		described, _ = src.inspect(ctx) // only it tells the sheets
	}
	stem := strings.TrimSuffix(f.Name, path.Ext(f.Name))
	table := query.Table{
		Schema: f.Schema, SchemaAliases: []string{f.SchemaID}, Name: stem, Aliases: []string{f.Name},
		Version: src.version, Bytes: f.Size, Source: src,
	}
	if len(described) == 1 {
		src.table = &described[0]
	}
	if len(described) <= 1 {
		return []query.Table{table}
	}
	list := make([]query.Table, len(described))
	for i := range described {
		one := *src
		one.table = &described[i]
		list[i] = table
		list[i].Name, list[i].Aliases = stem+"_"+described[i].Name, nil
		list[i].Version += "/" + strconv.Itoa(i)
		list[i].Source = &one
	}
	return list
}

// fileVersion tells equal files by content and format.
func fileVersion(f File) string {
	content := hex.EncodeToString(f.SHA256[:])
	if f.SHA256 == [sha256.Size]byte{} {
		content = f.Key
	}
	return "file/" + content + strings.ToLower(path.Ext(f.Name))
}

// fromDataset returns what is known of the tables of a data source.
func fromDataset(known []dataset.Table) []tabular.Table {
	var list []tabular.Table
	for _, t := range known {
		table := tabular.Table{Name: t.Name, Rows: t.Rows, Charset: t.Charset, Delimiter: t.Delimiter, Columns: make([]tabular.Column, len(t.Columns))}
		for i, col := range t.Columns {
			table.Columns[i] = tabular.Column{Name: col.Name, Original: col.Original, Nullable: col.Nullable}
			if col.Original == "" {
				table.Columns[i].Original = col.Name
			}
			if table.Columns[i].Type.UnmarshalText([]byte(col.Type)) != nil {
				return nil // another version wrote it: look again
			}
		}
		list = append(list, table)
	}
	return list
}

// known returns the description that is kept for a version, or nil.
func (c *Catalog) known(version string) []tabular.Table {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.described[version]
}

func (c *Catalog) keep(version string, tables []tabular.Table) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.described[version] != nil {
		return
	}
	c.described[version] = tables
	c.order = append(c.order, version)
	for len(c.order) > c.opts.Described {
		delete(c.described, c.order[0])
		c.order = c.order[1:]
	}
}

// fileSource is a table of a file.
type fileSource struct {
	catalog *Catalog
	file    File
	offset  int64          // of the file in its object
	version string         // of the file
	table   *tabular.Table // nil while it is not known
}

// Describe see [query.TableSource].
func (s *fileSource) Describe(ctx context.Context) (tabular.Table, error) {
	if s.table != nil {
		return *s.table, nil
	}
	tables, err := s.inspect(ctx)
	if err != nil {
		return tabular.Table{}, err
	}
	return tables[0], nil
}

// inspect reads the file, once in a while.
func (s *fileSource) inspect(ctx context.Context) ([]tabular.Table, error) {
	if tables := s.catalog.known(s.version); tables != nil {
		return tables, nil
	}
	tables, err := s.catalog.reader.Inspect(ctx, s.open())
	if err != nil {
		return nil, errs.Wrap(errs.KindOf(err), err, "%s cannot be read as a table: %s", s.place(), errs.Message(err))
	}
	s.catalog.keep(s.version, tables)
	return tables, nil
}

// place names the file in messages.
func (s *fileSource) place() string {
	if s.file.Path != "" {
		return s.file.Path
	}
	return s.file.Schema + "/" + s.file.Name
}

// Open see [query.TableSource].
func (s *fileSource) Open(ctx context.Context) (tabular.Rows, error) {
	t, err := s.Describe(ctx)
	if err != nil {
		return nil, err
	}
	return s.catalog.reader.Open(ctx, s.open(), t)
}

func (s *fileSource) open() tabular.File {
	return s.catalog.open(s.file.Name, s.file.Key, s.offset, s.file.Size)
}

// open returns a file that is size bytes of an object, from start on.
func (c *Catalog) open(name, key string, start, size int64) tabular.File {
	return tabular.File{Name: name, Size: size, Open: func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		left := size - offset
		if left <= 0 {
			return io.NopCloser(strings.NewReader("")), nil
		}
		if length <= 0 || length > left {
			length = left
		}
		return c.bucket.Open(ctx, key, &blob.OpenOptions{Offset: start + offset, Length: length})
	}}
}

// fresh is how long a lake path is taken for one that is being written: two
// changes within the clock's resolution look alike.
const fresh = time.Second

// lakeTable is a lake path as a table.
func (c *Catalog) lakeTable(sc scope.Scope, f File) query.Table {
	version := fmt.Sprintf("lake/%s/%d/%d/%d/%d", sc.Tenant, f.Generation, f.UpdatedAt.UnixMilli(), f.Files, f.Size)
	if now := c.opts.Now(); now.Sub(f.UpdatedAt) < fresh {
		version += "/" + strconv.FormatInt(now.UnixNano(), 36)
	}
	return query.Table{
		Schema: LakeSchema, Name: f.Name, Aliases: []string{f.Path, strings.TrimPrefix(f.Path, "/")},
		Version: version, Bytes: f.Size,
		Source: &lakeSource{catalog: c, tenant: sc.Tenant, path: f.Path, generation: f.Generation, version: version},
	}
}
