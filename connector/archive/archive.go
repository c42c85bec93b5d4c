// Package archive reads distribution archives where they lie in a bucket: tar,
// plain or compressed with gzip, bzip2 or xz, and zip. Nothing is unpacked to
// disk, and memory does not grow with the archive. An archive that could do
// harm to one that unpacks it is refused, wherever the harm stands in it.
package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// The limits that hold unless Options say otherwise.
const (
	DefaultMaxEntries    = 10_000
	DefaultMaxTotal      = 1 << 30  // bytes of everything, unpacked
	DefaultMaxRatio      = 200      // of unpacked bytes to packed ones
	DefaultMaxPath       = 1024     // bytes of a path
	DefaultMaxDictionary = 16 << 20 // bytes that an xz may ask to be kept in memory; xz -7 asks for as many
	DefaultMaxDirectory  = 4 << 20  // bytes of a zip's list of its files
)

// ratioFrom is from how many unpacked bytes on the ratio counts.
const ratioFrom = 1 << 20

// Options qualifies a Reader; zero fields have defaults.
type Options struct {
	MaxEntries    int   // files and folders; 0 means DefaultMaxEntries, at most 65,534 of a zip
	MaxTotal      int64 // bytes; 0 means DefaultMaxTotal
	MaxRatio      int64 // 0 means DefaultMaxRatio
	MaxPath       int   // bytes; 0 means DefaultMaxPath
	MaxDictionary int64 // bytes; 0 means DefaultMaxDictionary
	MaxDirectory  int64 // bytes; 0 means DefaultMaxDirectory
}

// Reader implements [connector.Archives]. It is safe for concurrent use.
type Reader struct{ opts Options }

var _ connector.Archives = (*Reader)(nil)

// New returns a reader of archives.
func New(opts *Options) *Reader {
	r := &Reader{}
	if opts != nil {
		r.opts = *opts
	}
	if r.opts.MaxEntries == 0 {
		r.opts.MaxEntries = DefaultMaxEntries
	}
	if r.opts.MaxTotal == 0 {
		r.opts.MaxTotal = DefaultMaxTotal
	}
	if r.opts.MaxRatio == 0 {
		r.opts.MaxRatio = DefaultMaxRatio
	}
	if r.opts.MaxPath == 0 {
		r.opts.MaxPath = DefaultMaxPath
	}
	if r.opts.MaxDictionary == 0 {
		r.opts.MaxDictionary = DefaultMaxDictionary
	}
	if r.opts.MaxDirectory == 0 {
		r.opts.MaxDirectory = DefaultMaxDirectory
	}
	return r
}

// Find implements [connector.Archives].
func (r *Reader) Find(ctx context.Context, a connector.Archive, names []string, limit int64) (found *connector.Found, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			found, err = nil, errs.Wrap(errs.Invalid, fmt.Errorf("%v", cause), "archive is invalid: it cannot be read")
		}
	}()
	s := newScan(&r.opts, names, limit)
	raw, err := open(ctx, a, 0)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	head, err := bufio.NewReader(raw).Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, reason(err)
	}
	switch {
	case strings.EqualFold(path.Ext(a.Name), ".zip"), bytes.HasPrefix(head, []byte("PK\x03\x04")):
		err = r.zip(ctx, a, s)
	case bytes.HasPrefix(head, xzMagic):
		if err = r.checkXZ(ctx, a); err == nil {
			err = r.tar(ctx, a, s, newXZ)
		}
	case bytes.HasPrefix(head, []byte("BZh")):
		err = r.tar(ctx, a, s, newBzip2)
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		err = r.tar(ctx, a, s, newGzip)
	default:
		err = r.tar(ctx, a, s, newPlain)
	}
	if err != nil {
		return nil, err
	}
	return s.found()
}

// open reads an archive from an offset to its end.
func open(ctx context.Context, a connector.Archive, offset int64) (io.ReadCloser, error) {
	raw, err := a.Bucket.Open(ctx, a.Key, &blob.OpenOptions{Offset: offset})
	if err != nil {
		return nil, err
	}
	return bounded{ctx, raw}, nil
}

// bounded is a reader of the bucket that ends with ctx. What goes wrong in the
// bucket is no fault of the archive.
type bounded struct {
	ctx context.Context
	io.ReadCloser
}

// Read implements [io.Reader].
func (b bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, errs.Wrap(errs.Canceled, err, "reading the archive was canceled")
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errs.Wrap(kindOr(err, errs.Unavailable), err, "the archive cannot be read now")
	}
	return n, err
}

func kindOr(err error, kind errs.Kind) errs.Kind {
	if k := errs.KindOf(err); k != errs.Internal {
		return k
	}
	return kind
}
