package blob

import (
	"context"
	"errors"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// watch ends an attempt whose source sends nothing for too long.
type watch struct {
	ctx    context.Context // of the attempt
	cancel context.CancelCauseFunc
	timer  *time.Timer
	key    string
	limit  time.Duration
}

var errIdle = errs.New(errs.Unavailable, "the source sent nothing for too long")

// newWatch begins an attempt, and waits.
func (c *copying) newWatch(ctx context.Context, key string) *watch {
	w := &watch{key: key, limit: c.t.opts.Idle}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(w.limit, func() { w.cancel(errIdle) })
	return w
}

// wait begins to wait for the source.
func (w *watch) wait() { w.timer.Reset(w.limit) }

// came ends the wait. It replaces the cancel of an idle attempt by its reason.
func (w *watch) came(err error) error {
	w.timer.Stop()
	if err != nil && !atEnd(err) && errors.Is(context.Cause(w.ctx), errIdle) {
		return errs.Wrap(errs.Unavailable, err, "blob %q: the source sent nothing for %v", w.key, w.limit)
	}
	return err
}

// end ends the attempt.
func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}
