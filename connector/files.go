package connector

import (
	"context"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// File is an entry of a connector's listing.
type File struct {
	URI  string // the key; a directory's is without its trailing slash
	Name string // the last part of the URI
	Size int64  // bytes; 0 for a directory
	Type FileType
}

// FilesQuery says what Files lists.
type FilesQuery struct {
	Dir    string     // "" is the top
	Types  []FileType // none, or one that is UnknownFile, means all; directories are always listed
	Cursor string     // Next of the page before
	Limit  int        // 0 means Options.MaxFiles, which also bounds it
}

// FilesPage is a page of a directory.
type FilesPage struct {
	Files []File
	Next  string // the next page's Cursor; "" on the last page
}

// Files lists one level of the connector's source.
func (s *Service) Files(ctx context.Context, sc scope.Scope, id int64, q FilesQuery) (FilesPage, error) {
	if err := sc.Check(); err != nil {
		return FilesPage{}, err
	}
	var p errs.Problems
	for _, t := range q.Types {
		p.Check(t.Known(), "file_types is invalid: %d is not between 0 and %d", t, lastFileType)
	}
	p.Check(q.Limit >= 0, "limit is invalid: it must not be negative")
	if err := p.Err(); err != nil {
		return FilesPage{}, err
	}
	src, err := s.Source(ctx, sc.Tenant, id)
	if err != nil {
		return FilesPage{}, err
	}
	defer src.Close()
	return s.page(ctx, src, q)
}

func (s *Service) page(ctx context.Context, src blob.Source, q FilesQuery) (FilesPage, error) {
	limit := q.Limit
	if limit == 0 || limit > s.opts.MaxFiles {
		limit = s.opts.MaxFiles
	}
	prefix := strings.TrimPrefix(q.Dir, "/")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	page := FilesPage{Files: []File{}}
	last := ""
	for obj, err := range src.List(ctx, prefix, &blob.ListOptions{OneLevel: true, After: q.Cursor}) {
		if err != nil {
			return FilesPage{}, err
		}
		if obj.Key == prefix {
			continue // the marker object that some tools make for a directory
		}
		file := File{URI: strings.TrimSuffix(obj.Key, "/"), Size: obj.Size, Type: Directory}
		if !obj.Dir {
			file.URI, file.Type = obj.Key, FileTypeOf(obj.Key)
		}
		file.Name = file.URI[strings.LastIndexByte(file.URI, '/')+1:]
		if !obj.Dir && !wanted(q.Types, file.Name) {
			continue
		}
		if len(page.Files) == limit {
			page.Next = last
			break
		}
		page.Files = append(page.Files, file)
		last = obj.Key
	}
	return page, nil
}

func wanted(types []FileType, name string) bool {
	for _, t := range types {
		if t == UnknownFile || t.matches(name) {
			return true
		}
	}
	return len(types) == 0
}
