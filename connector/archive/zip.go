package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"io/fs"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// zip goes through the directory of a zip, and unpacks only what is asked for.
func (r *Reader) zip(ctx context.Context, a connector.Archive, s *scan) error {
	ranges := &rangeReader{ctx: ctx, a: a}
	if err := r.checkDirectory(ranges, a.Size); err != nil {
		return err
	}
	// The directory may be longer than it says.
	ranges.left = r.opts.MaxDirectory + maxEnd + 2*window
	ranges.limited = true
	z, err := zip.NewReader(ranges, a.Size)
	if err != nil {
		return reason(err)
	}
	ranges.limited = false
	var best []*zip.File
	for _, f := range z.File {
		dir := f.Mode().IsDir() || strings.HasSuffix(f.Name, "/")
		if mode := f.Mode() &^ fs.ModePerm &^ fs.ModeDir; mode&fs.ModeType != 0 {
			return errs.New(errs.Invalid, "archive is refused: %q is a link or a device", shown(f.Name))
		}
		if f.UncompressedSize64 > 1<<62 || f.CompressedSize64 > 1<<62 {
			return errs.New(errs.TooLarge, "archive unpacks to more than %d bytes", r.opts.MaxTotal)
		}
		plain, err := s.add(f.Name, dir, int64(f.UncompressedSize64))
		if err != nil {
			return err
		}
		if s.total > ratioFrom && s.total/r.opts.MaxRatio > a.Size {
			return errs.New(errs.TooLarge, "archive unpacks to more than %d times its size", r.opts.MaxRatio)
		}
		if names := s.wanted(plain); !dir && plain != "" && len(names) > 0 {
			for _, name := range names {
				s.best[name] = match{path: plain}
			}
			best = append(best, f)
		}
	}
	return s.unzip(best)
}

// unzip reads the files that are still the best match of a name.
func (s *scan) unzip(files []*zip.File) error {
	for _, f := range files {
		plain, err := s.plain(f.Name)
		if err != nil {
			return err
		}
		var names []string
		for _, name := range s.names {
			if s.best[name].path == plain {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			continue
		}
		if f.Flags&1 != 0 {
			return errs.New(errs.Invalid, "archive is refused: %q is encrypted", shown(f.Name))
		}
		content, err := f.Open()
		if err != nil {
			return reason(err)
		}
		err = s.keep(plain, names, content)
		content.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// maxEnd is the most bytes from the record that ends a zip to its end.
const maxEnd = 22 + 1<<16

// checkDirectory reads how many files a zip says that it has. The standard
// library believes it, and makes room for them.
func (r *Reader) checkDirectory(ranges io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, maxEnd))
	if _, err := ranges.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return reason(err)
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < 22 {
		return errs.New(errs.Invalid, "archive is invalid: it is no zip, or ends early")
	}
	end := tail[at:]
	records, length := int(binary.LittleEndian.Uint16(end[10:])), int64(binary.LittleEndian.Uint32(end[12:]))
	switch offset := binary.LittleEndian.Uint32(end[16:]); {
	case records > r.opts.MaxEntries:
		return errs.New(errs.TooLarge, "archive has more than %d entries", r.opts.MaxEntries)
	case length > r.opts.MaxDirectory:
		return errs.New(errs.TooLarge, "archive has a list of files of more than %d bytes", r.opts.MaxDirectory)
	case records == 1<<16-1 || length == 1<<16-1 || offset == 1<<32-1:
		return errs.New(errs.Invalid, "archive is refused: it is a zip64")
	}
	return nil
}

// window is how much of an archive is read at a time.
const window = 256 << 10

// rangeReader reads an archive in a bucket by ranges. It keeps the last one,
// so that many small reads are few requests. It is not for concurrent use.
type rangeReader struct {
	ctx     context.Context
	a       connector.Archive
	start   int64
	held    []byte
	limited bool // whether left counts
	left    int64
}

// ReadAt implements [io.ReaderAt].
func (r *rangeReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off >= r.a.Size {
		return 0, io.EOF
	}
	for n < len(p) && off+int64(n) < r.a.Size {
		if err := r.hold(off + int64(n)); err != nil {
			return n, err
		}
		n += copy(p[n:], r.held[off+int64(n)-r.start:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// hold reads the window that begins at off, unless it is in the one before.
func (r *rangeReader) hold(off int64) error {
	if off >= r.start && off < r.start+int64(len(r.held)) {
		return nil
	}
	length := min(window, r.a.Size-off)
	if r.limited {
		if r.left -= length; r.left < 0 {
			return errs.New(errs.TooLarge, "archive has a list of files that is too long")
		}
	}
	raw, err := r.a.Bucket.Open(r.ctx, r.a.Key, &blob.OpenOptions{Offset: off, Length: length})
	if err != nil {
		return err
	}
	content := bounded{r.ctx, raw}
	defer content.Close()
	r.start, r.held = off, make([]byte, length)
	if _, err := io.ReadFull(content, r.held); err != nil {
		r.held = nil
		return err
	}
	return nil
}
