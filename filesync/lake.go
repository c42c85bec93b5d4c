package filesync

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// File is a file that readers of the lake see, or saw.
type File struct {
	LakePath   string // the path of the syncs that it came by
	Generation int64
	Dir        string // below LakePath, without slashes at its ends; mostly ""
	Name       string
	Size       int64 // bytes
	SHA256     [sha256.Size]byte
	SyncID     int64     // the sync that it came by
	StartAt    time.Time // when its upload began
	EndAt      time.Time // when it was whole and durable
	Place      Place
}

// Path returns the file's path in the lake.
func (f *File) Path() string { return join(join(f.LakePath, f.Dir), f.Name) }

// Place is where a file's bytes are: in an object of its own, or one of many
// small ones in a pack.
type Place struct {
	Key    string // in the managed bucket
	Packed bool
	Offset int64 // in the pack
}

// BlobPrefix is the prefix of all keys of lake files.
const BlobPrefix = "lake/"

// epoch is where keys count their milliseconds from, 2025-01-01 UTC, as ids do.
const epoch = 1735689600000

// newKey returns a new key: 14 hexadecimal digits of time, so that what is
// written together lies together, and 64 random bits.
func newKey(now time.Time) string {
	var random [8]byte
	rand.Read(random[:])
	return fmt.Sprintf("%s%014x-%s", BlobPrefix, (now.UnixMilli()-epoch)<<12, hex.EncodeToString(random[:]))
}

// IsBlobKey reports whether a key has the form of those of lake files.
func IsBlobKey(key string) bool {
	rest, ok := strings.CutPrefix(key, BlobPrefix)
	if !ok || len(rest) != 14+1+16 || rest[14] != '-' {
		return false
	}
	strange := func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }
	return !strings.ContainsFunc(rest[:14]+rest[15:], strange)
}

// Trash is a generation that a full sync replaced.
type Trash struct {
	SyncID     int64 // the full sync whose end replaced it, which names it
	Path       string
	Generation int64 // by which its files can be listed and read
	Files      int64
	Size       int64     // bytes of its files
	TrashAt    time.Time // when it was replaced
}

// TrashQuery selects generations in the trash, in the order of their SyncIDs.
type TrashQuery struct {
	Path   string // of this path only
	Offset int
	Limit  int // 0 means all
}

// LakePath is a path of the lake that syncs have filled.
type LakePath struct {
	Path       string
	Generation int64 // the current one
	Files      int64
	Size       int64 // bytes of its files
	UpdatedAt  time.Time
}

// Entry is what a folder of the lake holds: a file or a folder.
type Entry struct {
	Name string
	File *File // nil for a folder
}

// Order says by what a listing is sorted; folders always come first.
type Order string

// The orders.
const (
	ByName Order = "name"
	BySize Order = "size"
	ByDate Order = "date"
)

// ListQuery selects what a folder holds.
type ListQuery struct {
	Path       string
	Generation int64  // of the page before, so that pages fit each other; 0 means the current one
	Search     string // a part of the name, in any case
	OnlyDirs   bool
	OnlyFiles  bool
	OrderBy    Order // "" means ByName
	Desc       bool
	Offset     int
	Limit      int // 0 means all
}

// Listing is a page of a folder.
type Listing struct {
	Entries    []Entry
	Total      int
	Generation int64 // of the lake path that the folder is, or is in; 0 above all lake paths
}
