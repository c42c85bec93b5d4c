package task

import (
	"context"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// settlePoll is how often Pause looks whether the last transfer has ended.
const settlePoll = 20 * time.Millisecond

// Pause stops a task's transfers; files that are done are kept. It waits up to
// Options.PauseWait for the task to become Paused; until then it is Pausing.
// Pausing a task that is paused does nothing. A completed one is Invalid.
func (s *Service) Pause(ctx context.Context, sc scope.Scope, id int64) error {
	if err := sc.Check(); err != nil {
		return err
	}
	err := s.repo.UpdateTask(ctx, sc.Tenant, id, func(t *Task) error {
		switch t.Status {
		case Completed:
			return errs.New(errs.Invalid, "task %d is invalid for a pause: it is completed", id)
		case Executable:
			t.Status, t.UpdatedAt = Pausing, s.opts.Now()
		}
		return nil
	})
	if err != nil {
		return err
	}
	runs, err := s.repo.OpenRuns(ctx, sc.Tenant, id)
	if err != nil {
		return err
	}
	s.stop(runs)
	s.opts.Logger.InfoContext(ctx, "task paused", "tenant", sc.Tenant, "task", id)
	return s.awaitPaused(ctx, sc.Tenant, id)
}

// awaitPaused settles the task until it is no longer Pausing or the wait is
// over. The reconciler goes on where it stops.
func (s *Service) awaitPaused(ctx context.Context, tenant string, id int64) error {
	deadline := time.Now().Add(s.opts.PauseWait)
	for {
		if err := s.repo.Settle(ctx, id, s.opts.Now()); err != nil {
			return err
		}
		t, err := s.repo.Task(ctx, tenant, id)
		if err != nil || t.Status != Pausing || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settlePoll):
		}
	}
}

// Resume lets a paused task go on with what is left. Schedules do not catch
// up on what fell into the pause. Errors: Invalid for a task that is not
// paused.
func (s *Service) Resume(ctx context.Context, sc scope.Scope, id int64) error {
	if err := sc.Check(); err != nil {
		return err
	}
	err := s.repo.UpdateTask(ctx, sc.Tenant, id, func(t *Task) error {
		if t.Status != Paused {
			return errs.New(errs.Invalid, "task %d is invalid for a resume: it is not paused", id)
		}
		now := s.opts.Now()
		if t.Schedule.Type != Once && t.NextRunAt.Before(now) {
			t.NextRunAt = t.Schedule.next(t.NextRunAt, now)
		}
		t.Status, t.UpdatedAt = Executable, now
		return nil
	})
	if err != nil {
		return err
	}
	s.wake()
	s.opts.Logger.InfoContext(ctx, "task resumed", "tenant", sc.Tenant, "task", id)
	return nil
}

// Retry loads failed files again; no files means all that failed. It returns
// how many. Errors: Invalid for a file that is not a failed file of the task,
// and then none is retried; Conflict while the task is loading or paused.
func (s *Service) Retry(ctx context.Context, sc scope.Scope, id int64, files []int64) (int, error) {
	if err := sc.Check(); err != nil {
		return 0, err
	}
	t, err := s.repo.Task(ctx, sc.Tenant, id)
	if err != nil {
		return 0, err
	}
	if t.Status == Pausing || t.Status == Paused {
		return 0, errs.New(errs.Conflict, "task %d is invalid for a retry: it is paused; resume it first", id)
	}
	n, err := s.repo.RetryFiles(ctx, sc.Tenant, id, files)
	if err != nil {
		return 0, err
	}
	s.wake()
	s.opts.Logger.InfoContext(ctx, "task retried", "tenant", sc.Tenant, "task", id, "files", n)
	return n, nil
}
