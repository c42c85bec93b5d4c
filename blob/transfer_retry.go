package blob

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// retry counts the attempts of one request.
type retry struct {
	opts   *TransferOptions
	slot   *slot // given back while waiting
	failed int
}

func (c *copying) newRetry(s *slot) *retry { return &retry{opts: &c.t.opts, slot: s} }

// wait returns nil when it is time for another attempt, and the error to give
// up with otherwise: cause, or why ctx ended.
func (r *retry) wait(ctx context.Context, cause error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	r.failed++
	if !transient(cause) || r.failed >= r.opts.Attempts {
		return cause
	}
	longest := r.opts.Backoff << min(r.failed-1, 5)
	timer := time.NewTimer(longest/2 + rand.N(longest/2+1))
	defer timer.Stop()
	r.slot.release() // others may use it meanwhile
	select {
	case <-timer.C:
		return r.slot.acquire(ctx, parts)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// transient tells errors that may pass by themselves. Adapters classify most;
// what a body meets in the middle may come straight from the network.
func transient(err error) bool {
	var classified *errs.Error
	if errors.As(err, &classified) && classified.Kind != errs.Internal {
		return errs.Temporary(err)
	}
	var op *net.OpError
	return errs.Temporary(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.As(err, &op)
}
