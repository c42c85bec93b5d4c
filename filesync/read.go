package filesync

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// readBatch is how many rows are read at a time where all are asked for.
const readBatch = 1000

// Paths yields the lake paths that hold something, in the order of their bytes.
func (s *Service) Paths(ctx context.Context, sc scope.Scope) iter.Seq2[*LakePath, error] {
	return func(yield func(*LakePath, error) bool) {
		if err := sc.Check(); err != nil {
			yield(nil, err)
			return
		}
		for after := ""; ; {
			page, err := s.repo.LakePaths(ctx, sc.Tenant, after, readBatch)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, p := range page {
				if !yield(p, nil) {
					return
				}
				after = p.Path
			}
			if len(page) < readBatch {
				return
			}
		}
	}
}

// List returns a page of a folder of the lake, the root "/" among them. A file
// that syncs of two nested paths have is shown as the inner one has it.
// Errors: Invalid; NotFound for a folder that nothing is in.
func (s *Service) List(ctx context.Context, sc scope.Scope, q ListQuery) (*Listing, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	var p errs.Problems
	clean, reason := cleanPath(q.Path)
	p.Check(reason == "", "path is invalid: %s", reason)
	switch q.OrderBy {
	case "", ByName, BySize, ByDate:
	default:
		p.Addf("order is invalid: %.40q is none of name, size, date", string(q.OrderBy))
	}
	reason = checkText(q.Search)
	p.Check(reason == "", "search is invalid: %s", reason)
	if err := p.Err(); err != nil {
		return nil, err
	}
	q.Path = clean
	return s.repo.LakeFolder(ctx, sc.Tenant, q)
}

// Stat returns the file at a path of the lake, or nil where that is a folder.
func (s *Service) Stat(ctx context.Context, sc scope.Scope, path string) (*File, error) {
	f, err := s.File(ctx, sc, path, 0)
	if !errors.Is(err, errs.NotFound) {
		return f, err
	}
	if _, folderErr := s.List(ctx, sc, ListQuery{Path: path, Limit: 1}); folderErr != nil {
		return nil, err
	}
	return nil, nil
}

// File returns the file at a path of the lake, of the current generation or of
// the one that a listing named.
func (s *Service) File(ctx context.Context, sc scope.Scope, path string, generation int64) (*File, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	clean, reason := cleanPath(path)
	if reason != "" {
		return nil, errs.New(errs.Invalid, "path is invalid: %s", reason)
	}
	return s.repo.LakeFile(ctx, sc.Tenant, clean, generation)
}

// Files yields all files of a lake path, as they were together at one moment:
// syncs that end meanwhile do not mix in, though files that incremental ones
// replace meanwhile may be of either version.
func (s *Service) Files(ctx context.Context, sc scope.Scope, path string) iter.Seq2[*File, error] {
	return func(yield func(*File, error) bool) {
		clean, err := CheckPath(path)
		if err = errors.Join(sc.Check(), err); err != nil {
			yield(nil, err)
			return
		}
		var generation int64
		for dir, name := "", ""; ; {
			page, err := s.repo.LakeFiles(ctx, sc.Tenant, clean, generation, dir, name, readBatch)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, f := range page {
				if !yield(f, nil) {
					return
				}
				generation, dir, name = f.Generation, f.Dir, f.Name
			}
			if len(page) < readBatch {
				return
			}
		}
	}
}

// Open reads the bytes of a file, or a part of them, as they were when f was
// looked up: what replaced it since does not matter as long as the collector's
// grace lasts. The caller closes the reader, which fails rather than ends where
// bytes are missing.
func (s *Service) Open(ctx context.Context, f *File, opts *blob.OpenOptions) (io.ReadCloser, error) {
	var o blob.OpenOptions
	if opts != nil {
		o = *opts
	}
	if o.Offset < 0 || o.Length < 0 {
		return nil, errs.New(errs.Invalid, "file %q: negative range", f.Path())
	}
	offset := min(o.Offset, f.Size)
	length := f.Size - offset
	if o.Length > 0 {
		length = min(length, o.Length)
	}
	if length == 0 {
		return io.NopCloser(eof{}), nil
	}
	body, err := s.bucket.Open(ctx, f.Place.Key, &blob.OpenOptions{Offset: f.Place.Offset + offset, Length: length})
	if err != nil {
		return nil, errs.Wrap(errs.KindOf(err), err, "file %q: %s", f.Path(), errs.KindOf(err))
	}
	return &fileReader{body: body, left: length, path: f.Path()}, nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// fileReader reads exactly the bytes that the row tells of.
type fileReader struct {
	body io.ReadCloser
	left int64
	path string
}

// Read implements [io.Reader].
func (r *fileReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if errors.Is(err, io.EOF) && r.left > 0 {
		err = errs.Wrap(errs.Unavailable, io.ErrUnexpectedEOF, "file %q is shorter than it was", r.path)
	}
	return n, err
}

// Close implements [io.Closer].
func (r *fileReader) Close() error { return r.body.Close() }

// SignedURL returns the bucket's own expiring link to a file's bytes, or an
// Unsupported error where the bucket cannot sign or the file is in a pack.
func (s *Service) SignedURL(ctx context.Context, f *File, opts *blob.SignOptions) (string, error) {
	if f.Place.Packed {
		return "", errs.New(errs.Unsupported, "file %q has no object of its own", f.Path())
	}
	return s.bucket.SignedURL(ctx, f.Place.Key, opts)
}
