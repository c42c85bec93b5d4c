package filesync

import (
	"context"
	"time"
)

// Each method of the interfaces below is one transaction. Ids and paths that
// are unknown or belong to another tenant are NotFound errors.

// Syncs keeps syncs and the history of their uploads.
type Syncs interface {
	// CreateSync stores a sync that starts, and sets its ID. A full one gets a
	// generation of its own.
	CreateSync(ctx context.Context, s *Sync) error

	Sync(ctx context.Context, tenant string, id int64) (*Sync, error)

	Syncs(ctx context.Context, tenant string, q SyncQuery) ([]*Sync, error)

	// SyncHistory returns uploads of the tenant's syncs.
	SyncHistory(ctx context.Context, tenant string, q HistoryQuery) ([]*History, error)

	// CloseSync makes a sync refuse new uploads, except those that the
	// instance has let in already. One that has ended is Conflict, by Ended.
	CloseSync(ctx context.Context, tenant string, id int64, instance string) error

	// EndSync ends a sync, unless uploads are going on: it then changes
	// nothing and says how many. A full sync's generation becomes the current
	// one, and the one before becomes trash named by the sync. Uploads whose
	// lease ran out do not count: they fail. One that has ended is Conflict.
	EndSync(ctx context.Context, tenant string, id int64, opts EndOptions) (Outcome, error)

	// FailSync ends a sync as Failed, with its uploads that are going on, and
	// drops the generation of a full one. One that has ended is Conflict.
	FailSync(ctx context.Context, tenant string, id int64, reason string) error

	// IdleSyncs returns syncs that are Syncing, not active since the given
	// time and without an upload that is going on, the longest idle first.
	IdleSyncs(ctx context.Context, before time.Time, limit int) ([]*Sync, error)
}

// EndOptions qualifies the end of a sync.
type EndOptions struct {
	RefuseEmpty bool // leave a full sync without files open, for uploads too
}

// Outcome is what the end of a sync came to.
type Outcome struct {
	Open  int  // uploads that go on; the sync has not ended
	Empty bool // refused: a full sync without files; the sync has not ended
}

// Uploads records the uploads of files.
type Uploads interface {
	// RecordUploads records what became of uploads, in their order. Syncing
	// announces one that will take longer; Finished makes its file visible to
	// those who see its generation, in place of one with the same directory
	// and name, whose bytes become garbage; Failed only writes history. The
	// upload's ID is set, or its Err where its sync is unknown, ended, closed
	// or no longer counts on it; other uploads are recorded all the same.
	// The files of a packed object come in one call.
	RecordUploads(ctx context.Context, uploads []*Record, lease time.Duration) error

	// RenewUploads extends the lease of announced uploads.
	RenewUploads(ctx context.Context, ids []int64, lease time.Duration) error

	// FailUploads makes announced uploads Failed whose lease ran out, or that
	// are of other instances of the owner than the given one, unless the owner
	// is "", and returns how many.
	FailUploads(ctx context.Context, owner, instance, reason string) (int, error)
}

// Record is what became of an upload.
type Record struct {
	ID       int64 // of its history; 0 when it was not announced
	Tenant   string
	SyncID   int64
	Owner    string // the node
	Instance string // the process; see CloseSync
	Status   Status
	Message  string
	Dir      string
	Name     string
	StartAt  time.Time
	EndAt    time.Time
	Size     int64
	SHA256   [32]byte
	Place    Place // of an announced upload: the key that it will write
	Err      error // out: why it was not recorded
}

// Bin keeps generations that are no longer current.
type Bin interface {
	Trash(ctx context.Context, tenant string, q TrashQuery) ([]*Trash, error)

	// RestoreTrash makes a generation in the trash the current one of its
	// path. The current one takes its place in the trash, unless it never
	// held anything.
	RestoreTrash(ctx context.Context, tenant string, sync int64) (*Trash, error)

	// DropTrash removes a generation from the trash for good.
	DropTrash(ctx context.Context, tenant string, sync int64) error

	// DropOldTrash removes up to limit generations that are in the trash
	// since before the given time, and returns how many.
	DropOldTrash(ctx context.Context, before time.Time, limit int) (int, error)

	// PurgeDropped removes up to limit rows of generations that were dropped,
	// makes their bytes garbage, and tells whether there are more.
	PurgeDropped(ctx context.Context, limit int) (more bool, err error)
}

// Lake reads what is in the lake.
type Lake interface {
	// LakePaths returns paths that hold something, in the order of their
	// bytes, behind the given one.
	LakePaths(ctx context.Context, tenant, after string, limit int) ([]*LakePath, error)

	// LakeFolder returns a page of a folder. A folder that nothing is in or below
	// is NotFound, and so is a generation that is gone.
	LakeFolder(ctx context.Context, tenant string, q ListQuery) (*Listing, error)

	// LakeFile returns the file at a path, in the current generation or the one
	// that is given.
	LakeFile(ctx context.Context, tenant, path string, generation int64) (*File, error)

	// LakeFiles returns files of a lake path's generation in the order
	// of directory and name, behind the given one.
	LakeFiles(ctx context.Context, tenant, path string, generation int64, afterDir, afterName string, limit int) ([]*File, error)
}

// Repository is all of them, for wiring.
type Repository interface {
	Syncs
	Uploads
	Bin
	Lake
}
