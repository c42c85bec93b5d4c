package task

import (
	"context"
	"iter"

	"github.com/inlet-go/inlet/blob"
)

// Incremental is a source that knows itself what is new since it was listed
// for a task, such as a table with a column of timestamps.
type Incremental interface {
	blob.Source

	// ListSince lists what is new since a listing that left state, "" for the
	// first one; once says that none follows, so that nothing can be left to
	// it. After each object, and after the end, next returns the state behind
	// the last one: a listing from there goes on with what follows it, without
	// what was listed.
	ListSince(ctx context.Context, state string, once bool) (objects iter.Seq2[blob.Object, error], next func() string)
}

// since lists what is new in a source that knows it, whatever the run's URIs.
// What is in a chunk is behind the task's state, so that a listing that was
// interrupted needs no cursor.
func (l *listing) since(ctx context.Context, src Incremental) error {
	objects, state := src.ListSince(ctx, l.task.State, l.task.Schedule.once())
	l.state, l.move = state, &StateMove{From: l.task.State, To: l.task.State}
	for obj, err := range objects {
		if err != nil {
			l.move.To = state()
			return err
		}
		if err := l.add(ctx, obj, l.cursor); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.move.To = state()
	return nil
}
