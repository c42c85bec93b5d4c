// Package blob moves and keeps bytes under keys.
//
// A [Source] is something to read from: a bucket that belongs to a user, or a
// folder. A [Bucket] can be written too: it is where Inlet keeps what came in.
// The adapters are sub-packages: folder, cloud, s3 and oss. Keys are exactly
// the provider's keys, byte for byte; nothing is escaped on the way.
package blob

import (
	"context"
	"crypto/sha256"
	"io"
	"iter"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// Object describes what is stored under a key.
type Object struct {
	Key         string    // the provider's key; a directory's ends in "/"
	Size        int64     // bytes; 0 for a directory
	ModTime     time.Time // zero where the provider does not tell
	ETag        string    // the provider's version mark without quotes; "" where there is none
	ContentType string    // "" in listings, where providers do not tell
	Dir         bool      // a common prefix, not an object
}

// Source is the read half of object storage.
//
// Errors carry a kind of package errs: NotFound, Forbidden (credentials are
// wrong or lack a right), Conflict (the object changed), RateLimited,
// Unavailable (unreachable, timed out, full) or Invalid (the key cannot
// exist); a message that names the key; and the provider's error as the cause.
// Implementations are safe for concurrent use and honor ctx at any point.
type Source interface {
	// Stat describes the object at key. A directory is NotFound.
	Stat(ctx context.Context, key string) (Object, error)

	// Open reads an object. The reader returns an error, never io.EOF, when
	// fewer bytes arrive than the provider announced. The caller closes it.
	Open(ctx context.Context, key string, opts *OpenOptions) (io.ReadCloser, error)

	// List streams the objects whose key starts with prefix, in the order of
	// their keys' bytes, with memory bounded by one page. It stops after the
	// first error. A prefix that matches nothing yields nothing.
	List(ctx context.Context, prefix string, opts *ListOptions) iter.Seq2[Object, error]

	// Close releases connections. Open readers may fail afterwards.
	Close() error
}

// OpenOptions says which part of an object to read; nil reads all of it.
type OpenOptions struct {
	Offset  int64  // bytes to skip
	Length  int64  // bytes to read at most; 0 means to the end
	IfMatch string // unless "", Open fails with Conflict when the ETag differs
}

// ListOptions says what to list; nil lists every object, at any depth.
type ListOptions struct {
	OneLevel bool   // stop at "/" after the prefix; deeper keys appear as one Dir each
	After    string // start behind this key
	PageSize int    // objects asked for at a time; 0 means 1000, the most S3 gives
}

// Generator is a Source whose objects are made while they are read, such as
// pages of a table. How many bytes they will have is not known before: Size is
// 0 wherever it describes one. A reader that makes bytes slowly shows that it
// does by reads of none without an error.
type Generator interface {
	Source
	Generates()
}

// Bucket is a Source that can be written.
type Bucket interface {
	Source

	// Write stores what r gives under key and replaces what was there. Nothing
	// is visible before it returns nil, and what it acknowledged survives a
	// power cut, unless opts.Deferred left that to Sync.
	Write(ctx context.Context, key string, r io.Reader, opts *WriteOptions) (Written, error)

	// Delete removes keys. A key that does not exist is not an error.
	Delete(ctx context.Context, keys ...string) error

	// SignedURL returns a link that works without credentials until it
	// expires, or an Unsupported error where the bucket cannot sign.
	SignedURL(ctx context.Context, key string, opts *SignOptions) (string, error)
}

// WriteOptions qualifies a write; nil is a plain one.
type WriteOptions struct {
	Size        int64  // bytes that r will give, 0 if unknown; a different count fails with Conflict
	ContentType string // "" means application/octet-stream
	IfNotExist  bool   // fail with Exists when the key is taken
	Deferred    bool   // durable only after the bucket's Sync; ignored by buckets that are no Syncer
}

// Written is what a write acknowledges.
type Written struct {
	Size   int64
	SHA256 [sha256.Size]byte
}

// SignOptions qualifies a signed URL; nil signs a GET for ten minutes.
type SignOptions struct {
	Method             string        // GET (default) or PUT
	Expires            time.Duration // 0 means ten minutes
	ContentType        string        // PUT: the Content-Type that the client must send
	ContentLength      int64         // PUT: the length that the client must send, where the provider can bind it
	ContentDisposition string        // GET: the Content-Disposition of the answer
}

// ErrFull marks the Unavailable errors of buckets that have no more space.
var ErrFull = errs.New(errs.Unavailable, "storage is full")

// Syncer is a Bucket that can make many writes durable together, which is far
// cheaper than one by one.
type Syncer interface {
	// Sync makes every Deferred write that returned before durable.
	Sync(ctx context.Context) error
}

// Stager is a Bucket that takes the parts of an object in any order.
type Stager interface {
	// Stage reserves space for an object of exactly size bytes. It returns an
	// Unavailable error when there is not enough.
	Stage(ctx context.Context, key string, size int64) (Stage, error)
}

// Stage is an object in the making. WriteAt may be called from several
// goroutines for parts that do not overlap.
type Stage interface {
	io.WriterAt
	io.ReaderAt

	// Commit makes the object visible as Write does; opts.Size is not used.
	Commit(ctx context.Context, opts *WriteOptions) error

	// Abort gives the space back. After Commit it does nothing.
	Abort()
}

// Copier is a Bucket that can copy an object of a Source of the same provider
// without moving its bytes through this process.
type Copier interface {
	// CopyFrom returns Unsupported when it cannot copy from src, or cannot
	// tell the SHA-256 of the copy; the caller then moves the bytes itself.
	CopyFrom(ctx context.Context, key string, src Source, obj Object) (Written, error)
}

// PartTaker is a Bucket to which clients can send the parts of an object
// themselves, by signed links. All parts but the last must have at least 5 MiB.
type PartTaker interface {
	// BeginParts begins an object in parts and returns the provider's id of it.
	BeginParts(ctx context.Context, key string) (id string, err error)

	// SignPart returns a link for a PUT of a part, from 1 to 10,000, of exactly
	// size bytes and the type application/octet-stream.
	SignPart(ctx context.Context, key, id string, number int, size int64, expires time.Duration) (string, error)

	// FinishParts makes the object visible that the parts are. A part that is
	// not there, or has another ETag, is an Invalid error; an id that does not
	// exist, or no longer, is NotFound.
	FinishParts(ctx context.Context, key, id string, parts []Part) error

	// AbortParts removes the parts. An id that does not exist is no error.
	AbortParts(ctx context.Context, key, id string) error
}

// Part names a part of an object by its number and the ETag that whoever sent
// it got, quoted or not.
type Part struct {
	Number int
	ETag   string
}
