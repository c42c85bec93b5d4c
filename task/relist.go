package task

import (
	"context"
	"errors"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// expand looks again at files that are retried, since they may have changed,
// and at those whose size is unknown, which stand for a URI whose listing
// failed: it may be an object now, or a directory, which becomes new chunks.
func (w *loader) expand(ctx context.Context, src blob.Source, files []*File) ([]*File, error) {
	known := files[:0:0]
	for _, f := range files {
		if f.Size != UnknownSize && f.Status != Retrying {
			known = append(known, f)
			continue
		}
		obj, err := src.Stat(ctx, f.URI)
		if err == nil {
			f.Size, f.ETag, f.ModTime = obj.Size, obj.ETag, obj.ModTime
			known = append(known, f)
			continue
		}
		if errors.Is(err, errs.NotFound) && f.Size == UnknownSize {
			var refused bool
			if refused, err = w.relist(ctx, src, f); refused {
				return nil, err
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil:
			err = w.send(ctx, FileResult{FileID: f.ID, Drop: true})
		default:
			err = w.failed(ctx, f.ID, time.Time{}, err)
		}
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

// relist adds the objects below a URI to the run as new chunks; of an
// [Incremental] source it adds what is left of the listing that failed. It
// tells whether the store refused one, which is no fault of the file: where
// another retry listed meanwhile, what is left is seen from there.
func (w *loader) relist(ctx context.Context, src blob.Source, f *File) (refused bool, err error) {
	run, t, err := w.r.svc.repo.Run(ctx, w.chunk.RunID)
	if err != nil {
		return true, err
	}
	l := &listing{r: w.r, item: w.item, run: run, task: t, src: src}
	run.URIs, run.First, run.Cursor = []string{f.URI}, false, Cursor{}
	if since, ok := src.(Incremental); ok {
		err = l.since(ctx, since)
	} else {
		err = l.one(ctx, 0, f.URI)
	}
	if err == nil {
		err = l.flush(ctx)
	}
	return l.unsaved, err
}
