package task

import (
	"context"
	"log/slog"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/work"
)

// Connectors is what tasks need of connectors; [connector.Service] has it.
type Connectors interface {
	Get(ctx context.Context, sc scope.Scope, id int64) (*connector.Connector, error)

	// Source opens the connector's source; the caller closes it.
	Source(ctx context.Context, tenant string, id int64) (blob.Source, error)
}

// Service is what callers use. It is safe for concurrent use, and for use on
// several nodes over one repository.
type Service struct {
	repo       Repository
	connectors Connectors
	bucket     blob.Bucket
	opts       Options
	meters     meters
}

// Options qualifies a Service; zero fields have defaults.
type Options struct {
	// Dispatcher is told of new and of paused work, so that it need not wait
	// for its next look at the store. May be nil on nodes that do no work.
	Dispatcher work.Dispatcher
	// PauseWait bounds how long Pause waits for transfers to end; 0 means 1 s.
	PauseWait time.Duration
	// WatchEvery is the time between two looks of Watch; 0 means 250 ms.
	WatchEvery time.Duration
	// MaxURIs bounds the URIs of one task; 0 means 10,000.
	MaxURIs int
	// Now is the clock of schedules and times shown; nil means time.Now.
	Now func() time.Time
	// Logger gets one line per change; nil discards.
	Logger *slog.Logger
}

// NewService returns a service that keeps its state in repo and files' bytes
// in bucket. Work is done by a [Runner], here or on another node.
func NewService(repo Repository, connectors Connectors, bucket blob.Bucket, opts *Options) *Service {
	s := &Service{repo: repo, connectors: connectors, bucket: bucket}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.PauseWait == 0 {
		s.opts.PauseWait = time.Second
	}
	if s.opts.WatchEvery == 0 {
		s.opts.WatchEvery = 250 * time.Millisecond
	}
	if s.opts.MaxURIs == 0 {
		s.opts.MaxURIs = 10_000
	}
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.New(slog.DiscardHandler)
	}
	return s
}

// New is what Create needs.
type New struct {
	Name        string // optional
	ConnectorID int64
	VolumeID    int64
	URIs        []string // files, or directories to be loaded at any depth; "/" is all
	Schedule    Schedule
}

// Create saves a task and starts it: a one-off task, or one by minutes or
// hours, at once; a daily one at its hour. Errors: Invalid with every wrong
// field; NotFound for an unknown connector or volume.
func (s *Service) Create(ctx context.Context, sc scope.Scope, n New) (*Task, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	if n.Schedule.Type == 0 {
		n.Schedule.Type = Once
	}
	var p errs.Problems
	if n.Name != "" {
		connector.CheckName(&p, "name", n.Name)
	}
	p.Check(n.ConnectorID != 0, "source_connector_id is required")
	p.Check(n.VolumeID != 0, "volume_id is required")
	n.Schedule.check(&p)
	uris := s.checkURIs(&p, n.URIs)
	if err := p.Err(); err != nil {
		return nil, err
	}
	conn, err := s.connectors.Get(ctx, sc, n.ConnectorID)
	if err != nil {
		return nil, err
	}
	now := s.opts.Now()
	start, next := n.Schedule.first(now)
	t := &Task{
		Tenant: sc.Tenant, Name: n.Name, ConnectorID: n.ConnectorID, ConnectorType: conn.Type,
		VolumeID: n.VolumeID, Status: Executable, Creator: sc.User, URIs: uris, Schedule: n.Schedule,
		Revision: 1, NextRunAt: next, CreatedAt: now, UpdatedAt: now,
	}
	if err := s.repo.CreateTask(ctx, t, firstRun(t, start)); err != nil {
		return nil, err
	}
	s.wake()
	s.opts.Logger.InfoContext(ctx, "task created", "tenant", sc.Tenant, "task", t.ID, "connector", t.ConnectorID, "volume", t.VolumeID)
	return t, nil
}

func firstRun(t *Task, start time.Time) *Run {
	if start.IsZero() {
		return nil
	}
	return newRun(t, start, true)
}

func newRun(t *Task, due time.Time, first bool) *Run {
	return &Run{
		TaskID: t.ID, Tenant: t.Tenant, State: RunListing, First: first,
		ScheduledFor: due, Revision: t.Revision, URIs: t.URIs,
	}
}

// wake makes this node's dispatcher look for new work at once.
func (s *Service) wake() {
	if s.opts.Dispatcher != nil {
		s.opts.Dispatcher.Wake(KindList)
		s.opts.Dispatcher.Wake(KindLoad)
		s.opts.Dispatcher.Wake(KindPurge)
	}
}

// Get returns a task.
func (s *Service) Get(ctx context.Context, sc scope.Scope, id int64) (*Task, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return s.repo.Task(ctx, sc.Tenant, id)
}

// List returns the tasks that q selects, and how many there are without its
// Offset and Limit.
func (s *Service) List(ctx context.Context, sc scope.Scope, q Query) ([]*Task, int, error) {
	if err := sc.Check(); err != nil {
		return nil, 0, err
	}
	var p errs.Problems
	switch q.OrderBy {
	case "", ByCreated, ByUpdated, ByStart, ByEnd, ByName, ByStatus:
	default:
		p.Addf("order_by is invalid: %q is none of name, created_at, updated_at, start_at, end_at, status", q.OrderBy)
	}
	for _, status := range q.Statuses {
		p.Check(status >= 0 && status <= Completed, "status is invalid: %d is not between 0 and 4", status)
	}
	for _, interval := range q.Intervals {
		p.Check(interval >= 0 && interval <= Once, "load_interval_types is invalid: %d is not between 0 and 4", interval)
	}
	if err := p.Err(); err != nil {
		return nil, 0, err
	}
	return s.repo.Tasks(ctx, sc.Tenant, q)
}

// Files returns the task's files that q selects, how many it selects without
// its Offset and Limit, and the numbers of the whole task.
func (s *Service) Files(ctx context.Context, sc scope.Scope, id int64, q FileQuery) ([]*File, int, Counts, error) {
	if err := sc.Check(); err != nil {
		return nil, 0, Counts{}, err
	}
	for _, status := range q.Statuses {
		if status < 0 || status > Retrying {
			return nil, 0, Counts{}, errs.New(errs.Invalid, "status is invalid: %d is not between 0 and 6", status)
		}
	}
	counts, err := s.repo.TaskCounts(ctx, sc.Tenant, id)
	if err != nil {
		return nil, 0, Counts{}, err
	}
	files, total, err := s.repo.TaskFiles(ctx, sc.Tenant, id, q)
	return files, total, counts, err
}

// Change is what Update changes; nil fields stay.
type Change struct {
	Name     *string
	URIs     []string // replaces all; nil or empty stays
	Schedule *Schedule
}

// Update changes a task that is not completed. New URIs replace what an open
// run has not finished; files that were loaded stay. A run that lists an
// [Incremental] source, which has no URIs, goes on. Errors: Invalid, also for
// a completed one-off task; NotFound.
func (s *Service) Update(ctx context.Context, sc scope.Scope, id int64, ch Change) error {
	if err := sc.Check(); err != nil {
		return err
	}
	var p errs.Problems
	if ch.Name != nil && *ch.Name != "" {
		connector.CheckName(&p, "name", *ch.Name)
	}
	if ch.Schedule != nil {
		ch.Schedule.check(&p)
	}
	var uris []string
	if len(ch.URIs) > 0 {
		uris = s.checkURIs(&p, ch.URIs)
	}
	if err := p.Err(); err != nil {
		return err
	}
	err := s.change(ctx, sc.Tenant, id, func(t *Task) error {
		if t.Status == Completed {
			return errs.New(errs.Invalid, "task %d is invalid for an update: it is completed", id)
		}
		return s.apply(t, ch, uris)
	}, uris != nil)
	if err != nil {
		return err
	}
	s.wake()
	s.opts.Logger.InfoContext(ctx, "task updated", "tenant", sc.Tenant, "task", id)
	return nil
}

// apply edits t, which is not completed.
func (s *Service) apply(t *Task, ch Change, uris []string) error {
	now := s.opts.Now()
	if ch.Name != nil && *ch.Name != "" {
		t.Name = *ch.Name
	}
	if uris != nil {
		t.URIs = uris
		t.Revision++
	}
	if ch.Schedule != nil && *ch.Schedule != t.Schedule {
		t.Schedule = *ch.Schedule
		start, next := t.Schedule.first(now)
		t.NextRunAt = start
		if start.IsZero() {
			t.NextRunAt = next
		}
	}
	t.UpdatedAt = now
	return nil
}

// change updates a task, and makes its open run start over when its URIs are
// new.
func (s *Service) change(ctx context.Context, tenant string, id int64, f func(*Task) error, restart bool) error {
	if !restart {
		return s.repo.UpdateTask(ctx, tenant, id, f)
	}
	stopped, err := s.repo.OpenRuns(ctx, tenant, id)
	if err != nil {
		return err
	}
	if err := s.repo.ReplaceRun(ctx, tenant, id, func(t *Task) (*Run, error) {
		if err := f(t); err != nil {
			return nil, err
		}
		return newRun(t, s.opts.Now(), false), nil
	}); err != nil {
		return err
	}
	s.stop(stopped)
	return nil
}

// stop ends the handlers of the runs on this node.
func (s *Service) stop(runs []int64) {
	if s.opts.Dispatcher == nil {
		return
	}
	for _, run := range runs {
		s.opts.Dispatcher.StopGroup(run)
	}
}

// Delete removes a task in any state. What it loaded stays in its volume.
func (s *Service) Delete(ctx context.Context, sc scope.Scope, id int64) error {
	if err := sc.Check(); err != nil {
		return err
	}
	runs, err := s.repo.OpenRuns(ctx, sc.Tenant, id)
	if err != nil {
		return err
	}
	if err := s.repo.DeleteTask(ctx, sc.Tenant, id); err != nil {
		return err
	}
	s.stop(runs)
	s.wake()
	s.opts.Logger.InfoContext(ctx, "task deleted", "tenant", sc.Tenant, "task", id)
	return nil
}
