package task

import (
	"crypto/sha256"
	"fmt"
	"time"
)

// FileStatus is a file's state; the numbers are the wire's (§1.2 of the
// product's own enumeration: 0 unknown).
type FileStatus int

// The states of a file.
const (
	Waiting    FileStatus = 1
	Uploading  FileStatus = 2
	FilePaused FileStatus = 3 // not finished, and its task is paused
	Failed     FileStatus = 4 // Reason says why
	Success    FileStatus = 5
	Retrying   FileStatus = 6
)

// File is one file that a task loads, and, once it is Published, a file of the
// task's volume.
type File struct {
	ID          int64
	Tenant      string
	TaskID      int64
	ChunkID     int64
	VolumeID    int64
	ConnectorID int64
	URI         string // the key in the source
	Size        int64  // bytes; UnknownSize when the source could not tell
	ETag        string // the source's version mark
	ModTime     time.Time
	Status      FileStatus
	Published   bool   // visible in its volume: Success, not removed, not superseded
	Reason      string // why it failed; "" otherwise
	Fence       int64  // of the claim under which its bytes were written; see BlobKey
	SHA256      [sha256.Size]byte
	Creator     string
	StartAt     time.Time
	EndAt       time.Time // zero until it is finished
	UpdatedAt   time.Time
}

// UnknownSize is the Size of a file whose listing failed.
const UnknownSize = -1

// BlobKey returns the key of the file's bytes in the managed bucket.
func (f *File) BlobKey() string { return BlobRef{FileID: f.ID, Fence: f.Fence}.Key() }

// BlobRef names the bytes that one claim wrote for one file. A later claim of
// the same file writes other bytes under another key, so that a worker whose
// lease was taken can never touch what readers see.
type BlobRef struct {
	FileID int64
	Fence  int64
}

// BlobPrefix is the prefix of all keys of loaded files.
const BlobPrefix = "files/"

// Key returns the key in the managed bucket; keys sort by file id.
func (r BlobRef) Key() string { return fmt.Sprintf("%s%014x-%x", BlobPrefix, r.FileID, r.Fence) }

// ParseBlobKey reverses [BlobRef.Key].
func ParseBlobKey(key string) (BlobRef, error) {
	var r BlobRef
	if _, err := fmt.Sscanf(key, BlobPrefix+"%x-%x", &r.FileID, &r.Fence); err != nil || r.Key() != key {
		return BlobRef{}, fmt.Errorf("%q is not the key of a loaded file", key)
	}
	return r, nil
}

// FileQuery selects files of a task or a volume. Zero fields do not filter.
type FileQuery struct {
	Statuses []FileStatus // of a task's files only
	After    int64        // files with a greater id only: for walking by key
	AfterURI string       // in volumes: files behind the one with this URI and the id After
	Offset   int
	Limit    int // 0 means all
}

// FileResult is what became of a file that a worker held.
type FileResult struct {
	FileID  int64
	Status  FileStatus // Uploading, Failed or Success
	Drop    bool       // the row only stood for a listing that has now been made: remove it
	Size    int64
	ETag    string
	ModTime time.Time
	SHA256  [sha256.Size]byte
	Reason  string
	StartAt time.Time
	EndAt   time.Time
}
