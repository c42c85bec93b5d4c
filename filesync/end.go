package filesync

import (
	"context"
	"errors"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// endPoll is the time between two looks for uploads on other nodes.
const endPoll = 100 * time.Millisecond

// End ends a sync: it refuses new uploads, waits for those that are going on,
// on whatever node, and makes a full sync's files visible in place of the ones
// before, which go to the trash. Errors: NotFound; Conflict when it has ended;
// Unavailable when uploads still go on after EndWait, Canceled when the caller
// went away: the sync then takes no more uploads, and End may be called again.
// With RefuseEmpty, Invalid for a full sync without files, which stays open.
func (s *Service) End(ctx context.Context, sc scope.Scope, id int64) error {
	if err := sc.Check(); err != nil {
		return err
	}
	// Whose sync it is must be known before it is shut here.
	if _, err := s.openSync(ctx, sc.Tenant, id); err != nil {
		return err
	}
	s.flights.shut(id)
	if err := s.repo.CloseSync(ctx, sc.Tenant, id, s.instance); err != nil {
		s.reopen(id, err)
		return err
	}
	outcome, err := s.awaitEnd(ctx, sc.Tenant, id)
	switch {
	case err != nil:
		s.reopen(id, err)
		return err
	case outcome.Empty:
		s.flights.open(id, false)
		return errs.New(errs.Invalid, "sync %d is invalid to end: it has no files, and would leave its path empty", id)
	case outcome.Open > 0:
		return errs.New(errs.Unavailable, "sync %d cannot end yet: %d uploads are still going on; end it again later", id, outcome.Open)
	}
	s.flights.open(id, false)
	s.opts.Logger.InfoContext(ctx, "sync ended", "tenant", sc.Tenant, "sync", id)
	return nil
}

// reopen forgets a sync that turned out to have ended.
func (s *Service) reopen(id int64, err error) {
	if errors.Is(err, ErrEnded) || errors.Is(err, errs.NotFound) {
		s.flights.open(id, false)
	}
}

// awaitEnd tries to end the sync until no upload goes on, or EndWait is over.
func (s *Service) awaitEnd(ctx context.Context, tenant string, id int64) (Outcome, error) {
	deadline := time.NewTimer(max(s.opts.EndWait, 0))
	defer deadline.Stop()
	over := false
	for {
		inside, here := s.flights.idle(id)
		outcome := Outcome{Open: inside}
		if inside == 0 {
			var err error
			outcome, err = s.repo.EndSync(ctx, tenant, id, EndOptions{RefuseEmpty: s.opts.RefuseEmpty})
			if err != nil || outcome.Open == 0 {
				return outcome, err
			}
		}
		if over {
			return outcome, nil
		}
		poll := time.NewTimer(endPoll)
		select {
		case <-here:
		case <-poll.C:
		case <-deadline.C:
			over = true
		case <-ctx.Done():
			poll.Stop()
			return outcome, errs.Wrap(errs.Canceled, ctx.Err(), "sync %d: canceled before its end", id)
		}
		poll.Stop()
	}
}

// Abort ends a sync as Failed. A full one's files are dropped, and what its
// path holds does not change; files of an incremental one stay. Uploads that
// are going on fail. Errors: NotFound; Conflict when it has ended.
func (s *Service) Abort(ctx context.Context, sc scope.Scope, id int64) error {
	if err := sc.Check(); err != nil {
		return err
	}
	return s.fail(ctx, sc.Tenant, id, "aborted")
}

func (s *Service) fail(ctx context.Context, tenant string, id int64, reason string) error {
	if err := s.repo.FailSync(ctx, tenant, id, reason); err != nil {
		return err
	}
	s.flights.open(id, true)
	s.opts.Logger.InfoContext(ctx, "sync failed", "tenant", tenant, "sync", id, "reason", reason)
	return nil
}

// renew keeps the leases of this process's uploads.
func (s *Service) renew(ctx context.Context, ids []int64) error {
	err := s.repo.RenewUploads(ctx, ids, s.opts.Lease)
	if err != nil {
		s.opts.Logger.ErrorContext(ctx, "leases of uploads not renewed", "uploads", len(ids), "err", err)
	}
	return err
}
