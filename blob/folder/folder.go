// Package folder keeps blobs in a local folder.
//
// [Open] gives the managed, durable bucket: an object's bytes and attributes
// become visible with one rename, after they are on disk. Its folder belongs
// to Inlet alone:
//
//	objects/   one file per object; see the format of names and files below
//	tmp/       writes under way; what a crash leaves there is removed by Open
//
// [OpenSource] reads a folder of somebody's own files.
//
// # Names
//
// A key is cut into pieces, each a directory and the last a file, such that
// any key can be kept and that the byte order of keys is the order of a walk.
// A piece ends behind "/", or after 9 bytes of a path segment and every 64
// bytes of the rest. Ids that count time in their high digits so share a
// directory per minute, which bounds directories and still groups what was
// written together. Lower-case ASCII letters, digits and "-._" stand for
// themselves, any other byte is "%" and two digits; the piece's kind is the
// last character: "+" a directory for a piece with "/", "~" a directory for
// one without, "=" an object.
//
// # Files
//
// A file is the object's bytes, then its attributes in JSON, then a trailer of
// 32 bytes, little endian: the size of the data (8), a random version (8), the
// size of the attributes (4), their CRC-32C (4), the CRC-32C of the 24 bytes
// so far (4), and "Inl1". A file that was cut short or is not ours is
// therefore recognized, and never taken for data.
package folder

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// Options qualifies a bucket or a source; nil is the default.
type Options struct {
	// Relaxed acknowledges writes before they are on disk: a power cut may lose
	// the last seconds, though never half of an object becomes readable.
	Relaxed bool

	// SortLimit bounds the names of one directory that a listing holds in
	// memory; 0 means 65536. Larger directories are read several times.
	SortLimit int
}

const (
	objectsDir       = "objects"
	tempDir          = "tmp"
	maxKey           = 1024 // bytes, as S3
	defaultSortLimit = 64 << 10
)

// Bucket is a [blob.Bucket] in a local folder. It is also a [blob.Syncer] and
// a [blob.Stager]. Several processes may use one folder at once.
type Bucket struct {
	root    *os.Root
	dir     *os.File // of root, for syncfs
	temps   *temps
	dirs    dirSync
	pending pendingSync
	opts    Options

	closeOnce sync.Once
}

var (
	_ blob.Bucket = (*Bucket)(nil)
	_ blob.Syncer = (*Bucket)(nil)
	_ blob.Stager = (*Bucket)(nil)
)

// Open opens the bucket in dir, which is made if it does not exist, and
// removes what writers that no longer run have left behind.
func Open(dir string, opts *Options) (*Bucket, error) {
	b := &Bucket{}
	if opts != nil {
		b.opts = *opts
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, openError(err)
	}
	var err error
	if b.root, err = os.OpenRoot(dir); err != nil {
		return nil, openError(err)
	}
	if err := b.prepare(); err != nil {
		b.Close()
		return nil, openError(err)
	}
	return b, nil
}

func (b *Bucket) prepare() error {
	for _, dir := range []string{objectsDir, tempDir} {
		if err := b.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	var err error
	if b.dir, err = b.root.Open("."); err != nil {
		return err
	}
	if !b.opts.Relaxed {
		if err := syncDir(b.root, "."); err != nil {
			return err
		}
	}
	b.temps, err = openTemps(b.root)
	return err
}

func openError(err error) error {
	return errs.Wrap(kindOf(err), err, "the bucket's folder cannot be used: %s", reason(err))
}

// Close gives up the folder. Writes under way fail; readers go on.
func (b *Bucket) Close() error {
	var err error
	b.closeOnce.Do(func() {
		if b.temps != nil {
			err = b.temps.close(b.root)
		}
		if b.dir != nil {
			err = errors.Join(err, b.dir.Close())
		}
		err = errors.Join(err, b.root.Close())
	})
	return err
}

// Stat describes the object at key.
func (b *Bucket) Stat(ctx context.Context, key string) (blob.Object, error) {
	o, _, err := b.Attributes(ctx, key)
	return o, err
}

// Attributes describes the object at key with all that is kept about it.
func (b *Bucket) Attributes(ctx context.Context, key string) (blob.Object, Attributes, error) {
	f, o, tr, err := b.open(ctx, key)
	if err != nil {
		return blob.Object{}, Attributes{}, err
	}
	defer f.Close()
	attrs, err := tr.readAttributes(f)
	if err != nil {
		return blob.Object{}, Attributes{}, classify(err, key)
	}
	o.ContentType = attrs.ContentType
	return o, attrs, nil
}

// open opens an object's file and reads its trailer.
func (b *Bucket) open(ctx context.Context, key string) (*os.File, blob.Object, trailer, error) {
	if err := ready(ctx, key); err != nil {
		return nil, blob.Object{}, trailer{}, err
	}
	f, err := b.root.Open(objectsDir + "/" + pathOf(key))
	if err != nil {
		return nil, blob.Object{}, trailer{}, classify(err, key)
	}
	o, tr, err := describe(f, key)
	if err != nil {
		f.Close()
		return nil, blob.Object{}, trailer{}, classify(err, key)
	}
	return f, o, tr, nil
}

// describe reads what the file system and the trailer tell about an object.
func describe(f *os.File, key string) (blob.Object, trailer, error) {
	info, err := f.Stat()
	if err != nil {
		return blob.Object{}, trailer{}, err
	}
	tr, err := readTrailer(f, info.Size())
	if err != nil {
		return blob.Object{}, trailer{}, err
	}
	return blob.Object{Key: key, Size: tr.size, ModTime: info.ModTime(), ETag: tr.etag()}, tr, nil
}

// Open reads an object or a part of it; see OpenReader.
func (b *Bucket) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	r, err := b.OpenReader(ctx, key, opts)
	if err != nil {
		return nil, err // not a nil *Reader in an interface
	}
	return r, nil
}

// OpenReader reads an object or a part of it, as it is now: overwriting and
// deleting do not disturb open readers.
func (b *Bucket) OpenReader(ctx context.Context, key string, opts *blob.OpenOptions) (*Reader, error) {
	if opts == nil {
		opts = &blob.OpenOptions{}
	}
	if opts.Offset < 0 || opts.Length < 0 {
		return nil, errs.New(errs.Invalid, "blob %q: negative range", key)
	}
	f, o, tr, err := b.open(ctx, key)
	if err != nil {
		return nil, err
	}
	attrs, err := tr.readAttributes(f)
	if err == nil && opts.IfMatch != "" && opts.IfMatch != o.ETag {
		err = errs.New(errs.Conflict, "blob %q has changed", key)
	}
	if err != nil {
		f.Close()
		return nil, classify(err, key)
	}
	o.ContentType = attrs.ContentType
	offset := min(opts.Offset, o.Size)
	length := o.Size - offset
	if opts.Length > 0 {
		length = min(length, opts.Length)
	}
	return &Reader{ctx: ctx, object: o, f: f, r: io.NewSectionReader(f, offset, length)}, nil
}

// Reader reads one version of an object. It is not safe for concurrent use.
type Reader struct {
	ctx    context.Context
	object blob.Object
	f      *os.File
	r      *io.SectionReader
}

// Object describes the version that is read.
func (r *Reader) Object() blob.Object { return r.object }

// Read implements io.Reader. It fails once the context of Open ended.
func (r *Reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, classify(err, r.object.Key)
	}
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = classify(err, r.object.Key)
	}
	return n, err
}

// Close closes the file.
func (r *Reader) Close() error { return classify(r.f.Close(), r.object.Key) }

// Delete removes objects, and directories that become empty.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	dirs := map[string]bool{}
	defer func() {
		for dir := range dirs {
			b.dirs.prune(b.root, dir)
		}
	}()
	for _, key := range keys {
		if err := ready(ctx, key); err != nil {
			return err
		}
		path := objectsDir + "/" + pathOf(key)
		if err := b.root.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return classify(err, key)
		}
		dirs[parent(path)] = true
	}
	return nil
}

// SignedURL is Unsupported: links to a folder are served over HTTP by whoever
// mounts it there.
func (b *Bucket) SignedURL(_ context.Context, key string, _ *blob.SignOptions) (string, error) {
	return "", errs.New(errs.Unsupported, "blob %q: a folder cannot sign links", key)
}
