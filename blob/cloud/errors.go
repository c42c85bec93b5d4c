package cloud

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"gocloud.dev/gcerrors"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// maxKey is the longest key that S3 takes, in bytes.
const maxKey = 1024

// ready refuses calls that must not reach the driver.
func ready(ctx context.Context, key string) error {
	if len(key) == 0 || len(key) > maxKey {
		return errs.New(errs.Invalid, "blob %.80q: a key has 1 to %d bytes", key, maxKey)
	}
	return classify(ctx.Err(), key)
}

func changed(key string) error {
	return errs.New(errs.Conflict, "blob %q has changed", key)
}

var kinds = map[gcerrors.ErrorCode]errs.Kind{
	gcerrors.NotFound:           errs.NotFound,
	gcerrors.AlreadyExists:      errs.Exists,
	gcerrors.InvalidArgument:    errs.Invalid,
	gcerrors.Unimplemented:      errs.Unsupported,
	gcerrors.FailedPrecondition: errs.Conflict,
	gcerrors.PermissionDenied:   errs.Forbidden,
	gcerrors.ResourceExhausted:  errs.RateLimited,
	gcerrors.DeadlineExceeded:   errs.Unavailable,
	gcerrors.Canceled:           errs.Canceled,
}

// classify gives err the kind that package blob promises, and names the key.
func classify(err error, key string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return errs.Wrap(errs.Canceled, err, "blob %q: canceled", key)
	}
	kind, known := kinds[gcerrors.Code(err)]
	var dial *net.OpError
	switch {
	case known:
	case errors.As(err, &dial), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ENOSPC):
		kind = errs.Unavailable
	default:
		kind = errs.Internal
	}
	return errs.Wrap(kind, err, "blob %q: %v", key, kind)
}

// classifyWrite knows that drivers report a failed IfNotExist as a failed
// precondition.
func classifyWrite(err error, key string, opts *blob.WriteOptions) error {
	if opts.IfNotExist && gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return errs.Wrap(errs.Exists, err, "blob %q already exists", key)
	}
	return classify(err, key)
}
