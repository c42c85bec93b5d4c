// Package errs gives every error of Inlet a kind, a message that is safe to
// show to a user, and a cause that is only logged.
//
// A [Kind] is itself an error, so callers ask in the standard way:
//
//	if errors.Is(err, errs.NotFound) { … }
package errs

import (
	"context"
	"errors"
	"fmt"
)

// Kind says what went wrong in terms that every layer understands. The zero
// Kind is [Internal]: an error that nobody classified is our own fault.
type Kind uint8

// The kinds. HTTP maps each to a status and a code, once per dialect.
const (
	Internal     Kind = iota // a fault of Inlet or of the host; the message is not shown
	Invalid                  // the caller's input is wrong; the message names the field
	Unauthorized             // no credentials, or wrong ones
	Forbidden                // known caller, not allowed
	NotFound                 // no such thing, or it belongs to another tenant
	Exists                   // the name or id is taken
	Conflict                 // the thing is in a state that forbids this, or it changed meanwhile
	TooLarge                 // a limit on size or count was passed
	RateLimited              // asked too often; try again later
	Unsupported              // this implementation cannot do that
	Unavailable              // a backend is down, full or too slow; try again later
	Canceled                 // the caller went away or asked to stop
)

var kindNames = [...]string{
	Internal: "internal error", Invalid: "invalid", Unauthorized: "unauthorized",
	Forbidden: "forbidden", NotFound: "not found", Exists: "already exists",
	Conflict: "conflict", TooLarge: "too large", RateLimited: "rate limited",
	Unsupported: "unsupported", Unavailable: "unavailable", Canceled: "canceled",
}

// Error returns the kind's name, such as "not found".
func (k Kind) Error() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error is an error with a kind. Msg is shown to users: it names the thing and
// carries no secret, address or path of the host. Cause is for the log.
type Error struct {
	Kind  Kind
	Msg   string
	Cause error
}

// Error returns the message followed by the cause; use [Message] for users.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Msg
	}
	return e.Msg + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is this error's kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// New returns an error of the kind whose message is safe to show.
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...)}
}

// Wrap returns an error of the kind whose message is safe to show, and whose
// cause is logged only. It returns nil when cause is nil.
func Wrap(kind Kind, cause error, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	return &Error{Kind: kind, Msg: fmt.Sprintf(format, args...), Cause: cause}
}

// KindOf returns the kind of the outermost classified error in err's chain. A
// canceled or expired context is [Canceled]; anything else unclassified is
// [Internal]. It must not be called with nil.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Canceled
	}
	return Internal
}

// Message returns the text of err that may be shown to a user. Internal and
// unclassified errors have a fixed text, whatever they hold.
func Message(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Kind != Internal {
		return e.Msg
	}
	if k := KindOf(err); k != Internal {
		return k.Error()
	}
	return "internal error"
}

// Temporary reports whether the same call may succeed later without a change
// of its input: the kinds [RateLimited] and [Unavailable].
func Temporary(err error) bool {
	return errors.Is(err, RateLimited) || errors.Is(err, Unavailable)
}
