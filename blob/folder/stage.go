package folder

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

const bufferSize = 256 << 10

// buffers hold a piece of data, and room for a trailer so that a small object
// is written with one system call.
var buffers = sync.Pool{New: func() any { return new([bufferSize + 4096]byte) }}

// Stage is an object in the making, invisible until Commit. It implements
// [blob.Stage]; Write appends and must not be mixed with WriteAt. The caller
// calls Commit or Abort.
type Stage struct {
	b    *Bucket
	key  string
	size int64 // what WriteAt may fill; -1 for a Stage that is appended to
	n    int64 // appended so far

	flushed int64 // what the disk was told to write

	mu   sync.Mutex // guards f against the race of Abort with others
	f    *os.File   // nil when done
	name string     // of the temporary file
}

var _ blob.Stage = (*Stage)(nil)

// Stage reserves space for an object of exactly size bytes, whose parts may be
// written in any order.
func (b *Bucket) Stage(ctx context.Context, key string, size int64) (blob.Stage, error) {
	if size < 0 {
		return nil, errs.New(errs.Invalid, "blob %q: negative size", key)
	}
	s, err := b.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	s.size = size
	if err := reserve(s.f, size); err != nil {
		s.Abort()
		return nil, classify(err, key)
	}
	return s, nil
}

// Create begins an object of unknown size, which is appended to.
func (b *Bucket) Create(ctx context.Context, key string) (*Stage, error) {
	if err := ready(ctx, key); err != nil {
		return nil, err
	}
	f, name, err := b.temps.create(b.root)
	if err != nil {
		return nil, classify(err, key)
	}
	return &Stage{b: b, key: key, size: -1, f: f, name: name}, nil
}

func (s *Stage) file() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil, errs.New(errs.Conflict, "blob %q: already committed or aborted", s.key)
	}
	return s.f, nil
}

// Write appends to an object that Create began.
func (s *Stage) Write(p []byte) (int, error) {
	f, err := s.file()
	if err != nil {
		return 0, err
	}
	n, err := f.Write(p)
	s.n += int64(n)
	return n, classify(err, s.key)
}

// WriteAt writes a part.
func (s *Stage) WriteAt(p []byte, off int64) (int, error) {
	f, err := s.file()
	if err != nil {
		return 0, err
	}
	if off < 0 || off+int64(len(p)) > s.size {
		return 0, errs.New(errs.Invalid, "blob %q: part [%d, %d) is outside of %d bytes", s.key, off, off+int64(len(p)), s.size)
	}
	n, err := f.WriteAt(p, off)
	return n, classify(err, s.key)
}

// ReadAt reads back what was written.
func (s *Stage) ReadAt(p []byte, off int64) (int, error) {
	f, err := s.file()
	if err != nil {
		return 0, err
	}
	n, err := f.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = classify(err, s.key)
	}
	return n, err
}

// Commit makes the object visible and, unless opts.Deferred, durable.
func (s *Stage) Commit(ctx context.Context, opts *blob.WriteOptions) error {
	if opts == nil {
		opts = &blob.WriteOptions{}
	}
	return s.CommitAttributes(ctx, &Attributes{ContentType: opts.ContentType}, opts)
}

// CommitAttributes is Commit with attributes, which replace opts.ContentType.
func (s *Stage) CommitAttributes(ctx context.Context, attrs *Attributes, opts *blob.WriteOptions) error {
	return s.commit(ctx, nil, attrs, opts)
}

// commit appends last, the attributes and the trailer, and publishes the file.
func (s *Stage) commit(ctx context.Context, last []byte, attrs *Attributes, opts *blob.WriteOptions) error {
	if err := ready(ctx, s.key); err != nil {
		return err
	}
	f, err := s.file()
	if err != nil {
		return err
	}
	size, at := s.n+int64(len(last)), s.n
	if s.size >= 0 {
		size, at = s.size, s.size
	}
	tail, err := appendTrailer(last, size, attrs)
	if err != nil {
		return errs.Wrap(errs.Invalid, err, "blob %q: the attributes cannot be kept", s.key)
	}
	if _, err := f.WriteAt(tail, at); err != nil {
		return classify(err, s.key)
	}
	if err := s.b.publish(ctx, s, opts); err != nil {
		return classify(err, s.key)
	}
	return nil
}

// Abort removes the temporary file. After Commit it does nothing.
func (s *Stage) Abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f != nil {
		s.f.Close()
		s.f = nil
		s.b.root.Remove(s.name) // if that fails, the next Open removes it
	}
}

// finish closes the file; the name is no longer this Stage's.
func (s *Stage) finish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return errs.New(errs.Conflict, "blob %q: already committed or aborted", s.key)
	}
	f := s.f
	s.f = nil
	return f.Close()
}

// flushEvery is after how many bytes of an object the disk is told to begin
// writing them, so that little is left to wait for at the end.
const flushEvery = 8 << 20

// flush begins to write out what was appended since it was last called, if
// that is enough and the object will be made durable.
func (s *Stage) flush() {
	if s.b.opts.Relaxed || s.n-s.flushed < flushEvery {
		return
	}
	if f, err := s.file(); err == nil {
		startWriteback(f, s.flushed, s.n-s.flushed)
		s.flushed = s.n
	}
}
