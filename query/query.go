package query

import (
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// Status is the state of a query.
type Status string

// The states of a query. A query that was canceled has Failed.
const (
	Queued   Status = "QUEUED"   // waits for its turn
	Planning Status = "PLANNING" // the engine checks it and gets its tables ready
	Running  Status = "RUNNING"
	Finished Status = "FINISHED"
	Failed   Status = "FAILED" // Failure says why
)

// Done tells whether the status will not change any more.
func (s Status) Done() bool { return s == Finished || s == Failed }

// Query is a statement that was asked to run, and what became of it.
type Query struct {
	ID        string // a UUID that sorts by time
	Tenant    string
	User      string // who asked; may be empty
	Workspace string
	SQL       string // as it was given
	SavedSQL  string // the id of the saved SQL that it is a run of, or ""

	Status      Status
	StatementID string    // the engine's; "" until it accepted the statement
	StartedAt   time.Time // when it was asked for
	RunAt       time.Time // when it left the queue; zero before
	EndedAt     time.Time // zero before
	Progress    Progress
	Failure     *Failure // of a Failed one

	// Of a Finished one.
	Columns   []Column
	Result    Result
	FromCache bool

	// CacheKey names what the answer depends on; "" for answers that are not
	// kept for others.
	CacheKey string
}

// Result is where the rows of a query are.
type Result struct {
	Rows int64
	Size int64  // bytes as they are kept
	Key  string // of the bucket; "" when Inline has all
	// Inline holds the rows of a small result: one JSON array a line.
	Inline []byte
}

// clone returns a copy that shares nothing that changes.
func (q *Query) clone() *Query {
	c := *q
	return &c
}

// Stats are the statistics of a query, under Trino's names.
type Stats struct {
	State           Status
	Queued          bool
	Scheduled       bool // it left the queue
	Nodes           int
	TotalSplits     int
	QueuedSplits    int
	RunningSplits   int
	CompletedSplits int
	CPU             time.Duration // of all nodes
	Wall            time.Duration // since it left the queue
	QueuedTime      time.Duration
	Elapsed         time.Duration // since it was asked for
	ProcessedRows   int64
	ProcessedBytes  int64
	PeakMemoryBytes int64
	SpilledBytes    int64
}

// Stats returns the statistics as of the given time.
func (q *Query) Stats(now time.Time) Stats {
	end := now
	if q.Status.Done() {
		end = q.EndedAt
	}
	left := q.RunAt
	if left.IsZero() {
		left = end
	}
	p := q.Progress
	s := Stats{
		State: q.Status, Queued: q.Status == Queued, Scheduled: !q.RunAt.IsZero(),
		Nodes: p.Nodes, TotalSplits: p.TotalSplits, QueuedSplits: p.QueuedSplits,
		RunningSplits: p.RunningSplits, CompletedSplits: p.CompletedSplits,
		CPU: p.CPU, QueuedTime: left.Sub(q.StartedAt), Elapsed: end.Sub(q.StartedAt), Wall: end.Sub(left),
		ProcessedRows: p.ProcessedRows, ProcessedBytes: p.ProcessedBytes,
		PeakMemoryBytes: p.PeakMemory, SpilledBytes: p.Spilled,
	}
	if q.Status == Queued && s.TotalSplits == 0 {
		s.TotalSplits, s.QueuedSplits = 1, 1
	}
	return s
}

// SavedSQL is a statement that is kept under a title.
type SavedSQL struct {
	ID          string // a UUID
	Tenant      string
	User        string // who saved it
	Workspace   string
	Title       string
	Description string
	SQL         string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Errors that callers tell apart from others of their kind.
var (
	// ErrNotFinished is the Conflict of asking for the result of a query that
	// has none yet.
	ErrNotFinished = errs.New(errs.Conflict, "the query has not finished")
	// ErrFailed is the Conflict of asking for the result of a query that
	// failed.
	ErrFailed = errs.New(errs.Conflict, "the query failed")
)
