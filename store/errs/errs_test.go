package errs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
)

func TestKindAndMessage(t *testing.T) {
	tests := map[string]struct {
		err  error
		kind errs.Kind
		msg  string
	}{
		"classified":             {errs.New(errs.NotFound, "task 7 not exists"), errs.NotFound, "task 7 not exists"},
		"wrapped by fmt":         {fmt.Errorf("load: %w", errs.New(errs.Exists, "taken")), errs.Exists, "taken"},
		"cause stays private":    {errs.Wrap(errs.Unavailable, io.ErrUnexpectedEOF, "source is down"), errs.Unavailable, "source is down"},
		"outermost kind wins":    {errs.Wrap(errs.Invalid, errs.New(errs.NotFound, "x"), "bad config"), errs.Invalid, "bad config"},
		"bare kind":              {errs.Forbidden, errs.Forbidden, "forbidden"},
		"internal text is fixed": {errs.New(errs.Internal, "dsn postgres://u:pw@h"), errs.Internal, "internal error"},
		"unclassified":           {io.EOF, errs.Internal, "internal error"},
		"context":                {fmt.Errorf("read: %w", context.Canceled), errs.Canceled, "canceled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := errs.KindOf(tt.err); got != tt.kind {
				t.Errorf("KindOf = %v, want %v", got, tt.kind)
			}
			if diff := cmp.Diff(tt.msg, errs.Message(tt.err)); diff != "" {
				t.Errorf("Message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIsMatchesKindAndCause(t *testing.T) {
	err := fmt.Errorf("open: %w", errs.Wrap(errs.Unavailable, io.ErrUnexpectedEOF, "source is down"))
	for _, target := range []error{errs.Unavailable, io.ErrUnexpectedEOF} {
		if !errors.Is(err, target) {
			t.Errorf("errors.Is(err, %v) = false", target)
		}
	}
	if errors.Is(err, errs.NotFound) {
		t.Error("errors.Is(err, NotFound) = true")
	}
	if !errs.Temporary(err) || errs.Temporary(errs.NotFound) {
		t.Error("Temporary must hold for Unavailable and not for NotFound")
	}
	if errs.Wrap(errs.Internal, nil, "nothing") != nil {
		t.Error("Wrap(nil) must be nil")
	}
}

func TestProblemsAreToldAtOnce(t *testing.T) {
	var p errs.Problems
	if p.Err() != nil {
		t.Fatal("no problem, yet an error")
	}
	p.Check(true, "never shown")
	p.Check(false, "name is required")
	p.Addf("config.%s.endpoint is required", "s3")
	err := p.Err()
	if errs.KindOf(err) != errs.Invalid {
		t.Errorf("kind = %v", errs.KindOf(err))
	}
	if diff := cmp.Diff("name is required; config.s3.endpoint is required", errs.Message(err)); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}
