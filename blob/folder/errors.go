package folder

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// ready refuses calls whose context ended or whose key cannot exist.
func ready(ctx context.Context, key string) error {
	if len(key) == 0 || len(key) > maxKey {
		return errs.New(errs.Invalid, "blob %.80q: a key has 1 to %d bytes", key, maxKey)
	}
	return classify(ctx.Err(), key)
}

// classify gives err a kind and a message that names the key but no path. An
// error that has a kind is passed through.
func classify(err error, key string) error {
	var known *errs.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	kind, text := kindOf(err), reason(err)
	if full(err) {
		err = errors.Join(blob.ErrFull, err)
	}
	return errs.Wrap(kind, err, "blob %q: %s", key, text)
}

func kindOf(err error) errs.Kind {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errs.Canceled
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return errs.NotFound
	case errors.Is(err, fs.ErrExist):
		return errs.Exists
	case errors.Is(err, fs.ErrPermission):
		return errs.Forbidden
	case errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.EINVAL):
		return errs.Invalid
	case errors.Is(err, syscall.EFBIG):
		return errs.TooLarge
	case full(err), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE),
		errors.Is(err, fs.ErrClosed), errors.Is(err, io.ErrUnexpectedEOF):
		return errs.Unavailable
	}
	return errs.Internal
}

// full recognizes a full disk and an exhausted quota.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, errQuota)
}

// reason says in words, and without a path, what happened.
func reason(err error) string {
	switch {
	case full(err):
		return "storage is full"
	case errors.Is(err, syscall.EROFS):
		return "storage is read-only"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many open files"
	case errors.Is(err, fs.ErrClosed):
		return "closed"
	case errors.Is(err, errDamaged):
		return "damaged"
	}
	return kindOf(err).Error()
}
