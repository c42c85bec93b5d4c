package task

import (
	"context"
	"time"

	"github.com/inlet-go/inlet/store/work"
)

// Each method of the interfaces below is one transaction. Ids that are unknown
// or belong to another tenant are NotFound errors. Where a method takes a
// [work.Lease], nothing happens and the error is Conflict unless that claim is
// still the item's latest. A stopped group does not matter here: what a worker
// finished before it noticed is kept.

// Volumes keeps volumes and their visible files.
type Volumes interface {
	// CreateVolume stores v and sets its ID. A taken name is Exists.
	CreateVolume(ctx context.Context, v *Volume) error

	Volume(ctx context.Context, tenant string, id int64) (*Volume, error)

	// Volumes returns those that q selects, and how many there are in all.
	Volumes(ctx context.Context, tenant string, q VolumeQuery) ([]*Volume, int, error)

	// DeleteVolume removes a volume and its files. While a task that is not
	// completed loads into it the error is Conflict.
	DeleteVolume(ctx context.Context, tenant string, id int64) error

	// VolumeFiles returns the visible files in the order of their URIs' bytes,
	// and how many there are in all.
	VolumeFiles(ctx context.Context, tenant string, volume int64, q FileQuery) ([]*File, int, error)

	// VolumeFile returns a visible file.
	VolumeFile(ctx context.Context, tenant string, volume, file int64) (*File, error)

	// RemoveFiles takes files out of the volume, all of them or, if one is
	// NotFound, none. Their bytes become garbage.
	RemoveFiles(ctx context.Context, tenant string, volume int64, files []int64) error
}

// Tasks keeps tasks and what their files look like from outside.
type Tasks interface {
	// CreateTask stores t and, unless run is nil, its first run with the work
	// item that lists it. It sets the ids. An unknown volume or connector is
	// a NotFound error. Here and below, a run starts when it is added, unless
	// it says otherwise, and the first one is the start of its task.
	CreateTask(ctx context.Context, t *Task, run *Run) error

	Task(ctx context.Context, tenant string, id int64) (*Task, error)

	// Tasks returns those that q selects, and how many there are without its
	// Offset and Limit.
	Tasks(ctx context.Context, tenant string, q Query) ([]*Task, int, error)

	// UpdateTask changes a task; f may run again. The work items of its open
	// runs are held back exactly while it is Pausing or Paused.
	UpdateTask(ctx context.Context, tenant string, id int64, f func(*Task) error) error

	// ReplaceRun changes a task as UpdateTask does and puts the run that f
	// returns in the place of the open ones: their work ends, and their files
	// that are neither Success nor Failed are forgotten. If none is open, only
	// the task changes; so it is where the task has a State: nobody would list
	// the forgotten files again, since it is behind them, and what its source
	// lists does not depend on URIs. The run's ScheduledFor is moved on by
	// milliseconds where the task had a run for that time.
	ReplaceRun(ctx context.Context, tenant string, id int64, f func(*Task) (*Run, error)) error

	// DeleteTask removes a task, its runs and their work, and enqueues the
	// purge of its files' rows. Files in volumes stay.
	DeleteTask(ctx context.Context, tenant string, id int64) error

	// OpenRuns returns the ids of the task's runs that are not done.
	OpenRuns(ctx context.Context, tenant string, id int64) ([]int64, error)

	// TaskFiles returns the task's files in the order of their ids, and how
	// many q selects without its After, Offset and Limit.
	TaskFiles(ctx context.Context, tenant string, id int64, q FileQuery) ([]*File, int, error)

	// TaskCounts returns the task's numbers.
	TaskCounts(ctx context.Context, tenant string, id int64) (Counts, error)

	// RetryFiles makes failed files Retrying, reopens their runs and makes
	// the task Executable; no files means all that failed. If one is not a
	// failed file of this task the error is Invalid and names it, and nothing
	// changes; so it is Conflict while a run is open. It returns how many
	// files will be retried.
	RetryFiles(ctx context.Context, tenant string, id int64, files []int64) (int, error)
}

// Runs is what the workers need.
type Runs interface {
	// Run returns a run and its task.
	Run(ctx context.Context, id int64) (*Run, *Task, error)

	// Unchanged tells for each of the files, which have URI, Size, ETag and
	// ModTime set, whether the volume holds that very version from that
	// connector.
	Unchanged(ctx context.Context, volume, connector int64, files []*File) ([]bool, error)

	// AppendChunk adds files to a run as one chunk with its work item, adds
	// skipped to the run, and moves its cursor. It sets the files' ids, which
	// follow each other. Files that are Failed already count as finished. No
	// files means that only the run changes. Any claim of the run may append;
	// only the one that lists it moves the cursor. Unless move is nil, the
	// task's State moves with the chunk; if it is another than move.From,
	// nothing happens and the error is Conflict. A URI of more than 2,048 bytes
	// is Invalid, except of a file that is Failed.
	AppendChunk(ctx context.Context, l work.Lease, run int64, files []*File, skipped int64, next Cursor, move *StateMove) error

	// EndListing says that no chunk follows, and finishes the work item; a run
	// without open chunks is then done.
	EndListing(ctx context.Context, l work.Lease, run int64) error

	// Chunk returns the chunk that the claimed item stands for.
	Chunk(ctx context.Context, id int64) (*Chunk, error)

	// ChunkFiles returns the chunk's files that are not finished, with what a
	// worker needs: ID, Tenant, TaskID, ChunkID, URI, Size, ETag, ModTime and
	// Status.
	ChunkFiles(ctx context.Context, chunk int64) ([]*File, error)

	// CommitFiles records what became of files of a chunk. Files that
	// succeeded become visible, and replace the visible file of the same
	// connector and URI in the volume, whose bytes become garbage. With done,
	// the work item is finished; the last one ends its run, and the last run
	// of a one-off task completes it. done with files that are not finished is
	// an Invalid error. Results of files that are finished already are ignored,
	// so that a commit whose answer was lost may be sent again.
	CommitFiles(ctx context.Context, l work.Lease, chunk int64, results []FileResult, done bool) error

	// PurgeTask removes up to limit rows that a deleted task left, under the
	// lease of its purge item, and tells whether there are more. When there
	// are none it finishes the item.
	PurgeTask(ctx context.Context, l work.Lease, task int64, limit int) (more bool, err error)
}

// Schedules is what the reconciler needs. now is the host's clock.
type Schedules interface {
	// DueTasks returns Executable tasks whose NextRunAt is not after now, the
	// longest due first.
	DueTasks(ctx context.Context, now time.Time, limit int) ([]*Task, error)

	// StartRun moves the task's NextRunAt from due to next, unless another
	// node did, and in the same transaction adds run with the work item that
	// lists it, unless a run is still open. It tells whether a run was added.
	StartRun(ctx context.Context, task int64, due, next time.Time, run *Run) (bool, error)

	// Settle makes Pausing tasks without a live lease Paused, and runs whose
	// listing and chunks are all finished done. task 0 means all tasks.
	Settle(ctx context.Context, task int64, now time.Time) error
}

// Repository is all of them, for wiring.
type Repository interface {
	Volumes
	Tasks
	Runs
	Schedules
}
