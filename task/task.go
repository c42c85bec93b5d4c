package task

import (
	"time"

	"github.com/inlet-go/inlet/connector"
)

// Status is a task's state; the numbers are the wire's
// (000_9d73e1e795dce592.txt).
type Status int

// The states of a task. A one-off task ends Completed, also when some of its
// files failed; a periodic one stays Executable between its runs.
const (
	Executable Status = 1
	Pausing    Status = 2 // transfers are being stopped
	Paused     Status = 3
	Completed  Status = 4
)

// Interval is the unit of a load schedule; the numbers are the wire's.
type Interval int

// The intervals.
const (
	Daily    Interval = 1 // at an hour of the day
	Hourly   Interval = 2 // every n hours
	Minutely Interval = 3 // every n minutes
	Once     Interval = 4
)

// Schedule says when a task runs. The zero value means once.
type Schedule struct {
	Type Interval
	// Every is the number of minutes or hours between two runs, from 1; for
	// Daily the hour of the day, 0 to 23; for Once 0.
	Every int
	// TimeZone is an IANA name for Daily; "" is UTC.
	TimeZone string
}

// Task is a load task.
type Task struct {
	ID            int64
	Tenant        string
	Name          string // may be empty
	ConnectorID   int64
	ConnectorType connector.SourceType
	VolumeID      int64
	VolumeName    string // read only
	Status        Status
	Creator       string
	URIs          []string // files or directories, as the connector lists them
	Schedule      Schedule
	Revision      int64     // grows with each change of URIs
	State         string    // what an [Incremental] source needs to know what is new; "" before it listed anything; it moves by chunks
	NextRunAt     time.Time // zero when no run is due ever again
	StartAt       time.Time // of the first run; zero before
	EndAt         time.Time // of the last run that ended; zero before
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Query selects tasks of a tenant. Zero fields do not filter.
type Query struct {
	Keyword        string // part of the name, any case
	Statuses       []Status
	Intervals      []Interval
	ConnectorIDs   []int64
	ConnectorTypes []connector.SourceType
	OrderBy        Order
	Asc            bool // the default is the newest first
	Offset         int
	Limit          int // 0 means all
}

// Order names what a list of tasks is ordered by; the id decides between
// equals. The zero value means ByCreated.
type Order string

// The orders.
const (
	ByCreated Order = "created_at"
	ByUpdated Order = "updated_at"
	ByStart   Order = "start_at"
	ByEnd     Order = "end_at"
	ByName    Order = "name"
	ByStatus  Order = "status"
)
