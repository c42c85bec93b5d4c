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
	// first one. after is the last key that an interrupted listing of the same
	// state came to, and "" at its beginning: the listing goes on behind it, and
	// lists what the interrupted one would have. After its end next returns the
	// state that it leaves: behind the last object, if it ended with an error.
	ListSince(ctx context.Context, state, after string) (objects iter.Seq2[blob.Object, error], next func() string)
}

// since lists what is new in a source that knows it, whatever the run's URIs.
func (l *listing) since(ctx context.Context, src Incremental) error {
	objects, next := src.ListSince(ctx, l.task.State, l.cursor.After)
	for obj, err := range objects {
		if err != nil {
			state := next()
			l.state = &state
			return err
		}
		if err := l.add(ctx, obj, Cursor{After: obj.Key}); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	state := next()
	l.state = &state
	return nil
}
