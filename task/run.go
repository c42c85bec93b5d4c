package task

import "time"

// The kinds of leased work that tasks cause.
const (
	KindList  = "task.list"  // list a run's URIs into chunks; payload: the run's id
	KindLoad  = "task.load"  // load a chunk's files; payload: the chunk's id
	KindPurge = "task.purge" // remove what a deleted task left; payload: the task's id
)

// RunState is how far a run is.
type RunState int

// The states of a run.
const (
	RunListing RunState = 1 // chunks are still being added
	RunLoading RunState = 2 // all chunks are known, some are open
	RunDone    RunState = 3
)

// Run is one execution of a task. Its id is the group of its work items.
type Run struct {
	ID           int64
	TaskID       int64
	Tenant       string
	State        RunState
	First        bool      // the task's first run: it loads all, later ones only what changed
	ScheduledFor time.Time // unique per task
	Revision     int64     // of the task when the run was made
	URIs         []string  // of the task when the run was made
	Cursor       Cursor    // how far the listing is
	Skipped      int64     // unchanged files that were not loaded again
	StartedAt    time.Time
	EndedAt      time.Time // zero while it is open
}

// Cursor is the place in a run's listing from which it goes on after a crash.
type Cursor struct {
	URI   int    `json:"uri"`   // index into the run's URIs
	After string `json:"after"` // the last key that is in a chunk
}

// StateMove is how the State of a task moves when what an [Incremental] source
// listed becomes a chunk.
type StateMove struct {
	From string // what it is: nobody else listed meanwhile
	To   string
}

// Chunk is a piece of a run's files that one worker loads under one lease.
type Chunk struct {
	ID     int64
	RunID  int64
	Task   *Task // as it is now
	Total  int64
	OK     int64
	Failed int64
}

// Counts are the numbers of a task's files over all its runs.
type Counts struct {
	Total   int64
	Success int64
	Failed  int64
	Skipped int64 // unchanged, so not loaded again
	Bytes   int64 // of the files that were listed
	Loaded  int64 // bytes of the files that succeeded
	Listed  bool  // every open run has finished listing, so Total is final
}
