package filesync

import (
	"strings"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// SyncType says what a sync does with what its path holds already.
type SyncType string

// The types, as they are on the wire.
const (
	Full        SyncType = "FullSync"        // replaces all of it, at the end
	Incremental SyncType = "IncrementalSync" // adds to it, file by file
)

// ParseSyncType reads a type as the documents write it, with or without a
// space and in any case: "FullSync", "Incremental Sync".
func ParseSyncType(s string) (SyncType, error) {
	switch strings.ToLower(strings.ReplaceAll(s, " ", "")) {
	case "fullsync":
		return Full, nil
	case "incrementalsync":
		return Incremental, nil
	}
	return "", errs.New(errs.Invalid, "sync_type is invalid: %.40q is neither FullSync nor IncrementalSync", s)
}

// Status is the state of a sync, and of the upload of one file.
type Status string

// The states, as they are on the wire.
const (
	Syncing  Status = "Syncing"
	Finished Status = "Finished"
	Failed   Status = "Failed" // Reason or Message says why
)

// Sync is one synchronization of a folder with a path of the lake.
type Sync struct {
	ID         int64 // counts from 1
	Tenant     string
	Name       string
	Path       string // absolute and clean
	Type       SyncType
	Status     Status
	Reason     string // why it failed
	Creator    string
	StartAt    time.Time
	EndAt      time.Time // zero until it has ended
	ActiveAt   time.Time // of its start or its last upload
	TotalFiles int64     // uploads that were tried and are over
	NumFailed  int64     // those of them that failed
}

// SyncQuery selects syncs of a tenant, in the order of their ids.
type SyncQuery struct {
	Offset int
	Limit  int // 0 means all
}

// History is one try to upload a file.
type History struct {
	ID       int64 // counts from 1
	SyncID   int64
	FileName string // with the directory below the sync's path, if it has one
	StartAt  time.Time
	EndAt    time.Time // zero while it is going on
	Status   Status
	Message  string // why it failed
}

// HistoryQuery selects uploads of a tenant, in the order of their ids.
type HistoryQuery struct {
	SyncID int64 // 0 means of all syncs
	Offset int
	Limit  int // 0 means all
}

// ErrEnded is the cause of the Conflict errors of syncs that have ended.
var ErrEnded = errs.New(errs.Conflict, "job is already ended")

// Ended returns the error of what a sync that has ended refuses.
func Ended(id int64) error {
	return errs.Wrap(errs.Conflict, ErrEnded, "sync %d has already ended", id)
}

// Ending returns the error of an upload to a sync that is being ended.
func Ending(id int64) error {
	return errs.New(errs.Conflict, "sync %d is being ended and takes no more files", id)
}
