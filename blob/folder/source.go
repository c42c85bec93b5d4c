package folder

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// Source reads a folder of somebody's own files. Keys are the files' paths
// with "/", byte for byte, also where those are not UTF-8. Only regular files
// exist for it, and symbolic links to such, as long as they lead nowhere
// outside of the folder; links to directories are not followed by List.
//
// An ETag is made of size, time of change and inode, so a file that is
// replaced or written while it is copied is noticed.
type Source struct {
	root  *os.Root
	limit int
}

var _ blob.Source = (*Source)(nil)

// OpenSource opens an existing folder for reading. Of the options, only
// SortLimit has a meaning.
func OpenSource(dir string, opts *Options) (*Source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errs.Wrap(kindOf(err), err, "the source's folder cannot be read: %s", reason(err))
	}
	return NewSource(root, opts), nil
}

// NewSource reads the folder that root stands for, and closes root when it is
// closed. It serves hosts that reach the folder step by step from one they
// trust, so that no symbolic link on the way leads elsewhere.
func NewSource(root *os.Root, opts *Options) *Source {
	s := &Source{root: root}
	if opts != nil {
		s.limit = opts.SortLimit
	}
	return s
}

// Close gives up the folder; open readers go on.
func (s *Source) Close() error { return s.root.Close() }

// pathTo turns a key into a path below the root. Keys that no file can have
// are NotFound if they look like a directory's, else Invalid.
func pathTo(ctx context.Context, key string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", classify(err, key)
	}
	if key == "" || strings.IndexByte(key, 0) >= 0 {
		return "", errs.New(errs.Invalid, "blob %q: no file can have this name", key)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return "", errs.New(errs.NotFound, "blob %q: not found", key)
		}
	}
	if os.PathSeparator != '/' && strings.ContainsRune(key, os.PathSeparator) {
		return "", errs.New(errs.NotFound, "blob %q: not found", key)
	}
	return key, nil
}

// Stat describes a file.
func (s *Source) Stat(ctx context.Context, key string) (blob.Object, error) {
	path, err := pathTo(ctx, key)
	if err != nil {
		return blob.Object{}, err
	}
	info, err := s.root.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return blob.Object{}, classifySource(err, key)
	}
	return fileObject(key, info), nil
}

// Open reads a file or a part of it. A change of the file that is seen at the
// end or by Close is a Conflict error.
func (s *Source) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	if opts == nil {
		opts = &blob.OpenOptions{}
	}
	path, err := pathTo(ctx, key)
	if err != nil {
		return nil, err
	}
	if opts.Offset < 0 || opts.Length < 0 {
		return nil, errs.New(errs.Invalid, "blob %q: negative range", key)
	}
	f, err := s.root.OpenFile(path, os.O_RDONLY|nonBlock, 0) // or a pipe would block
	if err != nil {
		return nil, classifySource(err, key)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, classifySource(err, key)
	}
	o := fileObject(key, info)
	if opts.IfMatch != "" && opts.IfMatch != o.ETag {
		f.Close()
		return nil, errs.New(errs.Conflict, "blob %q has changed", key)
	}
	offset := min(opts.Offset, o.Size)
	length := o.Size - offset
	if opts.Length > 0 {
		length = min(length, opts.Length)
	}
	return &sourceReader{ctx: ctx, f: f, opened: o, off: offset, end: offset + length}, nil
}

// sourceReader reads a range of a file that others may change meanwhile.
type sourceReader struct {
	ctx      context.Context
	f        *os.File
	opened   blob.Object
	off, end int64
}

func (r *sourceReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, classify(err, r.opened.Key)
	}
	if r.off == r.end {
		if err := r.unchanged(); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	n, err := r.f.ReadAt(p[:min(int64(len(p)), r.end-r.off)], r.off)
	r.off += int64(n)
	if n > 0 || err == nil {
		return n, nil
	}
	if err == io.EOF {
		return 0, errs.New(errs.Conflict, "blob %q became shorter while it was read", r.opened.Key)
	}
	return 0, classify(err, r.opened.Key)
}

func (r *sourceReader) unchanged() error {
	info, err := r.f.Stat()
	if err != nil {
		return classify(err, r.opened.Key)
	}
	if fileObject(r.opened.Key, info).ETag != r.opened.ETag {
		return errs.New(errs.Conflict, "blob %q changed while it was read", r.opened.Key)
	}
	return nil
}

// Close closes the file. It returns Conflict when the file changed meanwhile.
func (r *sourceReader) Close() error {
	err := r.unchanged()
	if closeErr := r.f.Close(); errors.Is(closeErr, fs.ErrClosed) {
		return nil
	} else if err == nil {
		err = classify(closeErr, r.opened.Key)
	}
	return err
}

func fileObject(key string, info fs.FileInfo) blob.Object {
	return blob.Object{Key: key, Size: info.Size(), ModTime: info.ModTime(), ETag: fileETag(info)}
}

// classifySource also hides what os.Root refuses: a link that leads out of
// the folder leads nowhere.
func classifySource(err error, key string) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && pathErr.Err != nil && pathErr.Err.Error() == "path escapes from parent" {
		return errs.Wrap(errs.NotFound, err, "blob %q: not found", key)
	}
	return classify(err, key)
}
