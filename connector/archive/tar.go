package archive

import (
	"archive/tar"
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/ulikunitz/xz"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// decoder unpacks a stream.
type decoder func(io.Reader) (io.Reader, error)

func newPlain(r io.Reader) (io.Reader, error) { return r, nil }
func newGzip(r io.Reader) (io.Reader, error)  { return gzip.NewReader(r) }
func newBzip2(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }

func newXZ(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }

// counted counts what is read.
type counted struct {
	io.Reader
	n int64
}

// Read implements [io.Reader].
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// unpacked is a stream that a decoder gives; it ends with TooLarge where it
// grows too large, or too fast.
type unpacked struct {
	io.Reader
	packed *counted
	opts   *Options
	n      int64
}

// Read implements [io.Reader].
func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	u.n += int64(n)
	switch {
	case u.n > u.opts.MaxTotal:
		return 0, errs.New(errs.TooLarge, "archive unpacks to more than %d bytes", u.opts.MaxTotal)
	case u.n > ratioFrom && u.n/u.opts.MaxRatio > u.packed.n:
		return 0, errs.New(errs.TooLarge, "archive unpacks to more than %d times its size", u.opts.MaxRatio)
	}
	return n, err
}

// tar goes through a tar.
func (r *Reader) tar(ctx context.Context, a connector.Archive, s *scan, decode decoder) error {
	raw, err := open(ctx, a, 0)
	if err != nil {
		return err
	}
	defer raw.Close()
	packed := &counted{Reader: raw}
	plain, err := decode(bufio.NewReaderSize(packed, 64<<10))
	if err != nil {
		return reason(err)
	}
	stream := &unpacked{Reader: plain, packed: packed, opts: &r.opts}
	entries := tar.NewReader(stream)
	for {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, tar.ErrHeader) && s.entries == 0 {
			return errs.Wrap(errs.Invalid, err, "archive is invalid: it is neither a tar nor a zip")
		}
		if err != nil {
			return reason(err)
		}
		if err := s.tarEntry(h, entries); err != nil {
			return err
		}
	}
	// To the end: what stands there tells whether all of it is right.
	_, err = io.Copy(io.Discard, stream)
	return reason(err)
}

// tarEntry takes up one entry.
func (s *scan) tarEntry(h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader:
		return nil // a note that some tools write, with no file
	case tar.TypeReg, tar.TypeDir:
	case tar.TypeSymlink, tar.TypeLink:
		return errs.New(errs.Invalid, "archive is refused: %q is a link", shown(h.Name))
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return errs.New(errs.Invalid, "archive is refused: %q is a device", shown(h.Name))
	default:
		return errs.New(errs.Invalid, "archive is refused: %q is neither a file nor a folder", shown(h.Name))
	}
	for record := range h.PAXRecords {
		if strings.HasPrefix(record, "GNU.sparse.") {
			return errs.New(errs.Invalid, "archive is refused: %q has holes", shown(h.Name))
		}
	}
	dir := h.Typeflag == tar.TypeDir
	plain, err := s.add(h.Name, dir, h.Size)
	if err != nil || dir || plain == "" {
		return err
	}
	if names := s.wanted(plain); len(names) > 0 {
		return s.keep(plain, names, content)
	}
	return nil
}
