package task

import (
	"context"
	"time"

	"github.com/inlet-go/inlet/blob"
)

// collectBatch is how many blobs are looked at or deleted at a time.
const collectBatch = 1000

// clockSkew is how far the clocks of hosts, buckets and databases may differ.
const clockSkew = time.Minute

// old returns the time before which bytes must have become unreachable to be
// deleted now.
func (r *Runner) old() time.Time {
	if r.opts.Grace < 0 {
		return time.Now().Add(clockSkew)
	}
	return time.Now().Add(-r.opts.Grace)
}

// collect deletes the bytes of files that were removed or replaced.
func (r *Runner) collect(ctx context.Context) error {
	before := r.old()
	for {
		refs, err := r.svc.repo.Garbage(ctx, before, collectBatch)
		if err != nil || len(refs) == 0 {
			return err
		}
		if err := r.delete(ctx, refs); err != nil {
			return err
		}
		if err := r.svc.repo.Collected(ctx, refs); err != nil {
			return err
		}
		r.log().InfoContext(ctx, "garbage collected", "files", len(refs))
	}
}

func (r *Runner) delete(ctx context.Context, refs []BlobRef) error {
	keys := make([]string, len(refs))
	for i, ref := range refs {
		keys[i] = ref.Key()
	}
	return r.svc.bucket.Delete(ctx, keys...)
}

// Sweep deletes bytes in the managed bucket that no row knows: what a node
// wrote before it died, or after its lease was taken.
func (r *Runner) Sweep(ctx context.Context) error {
	var batch []BlobRef
	old := r.old()
	for obj, err := range r.svc.bucket.List(ctx, BlobPrefix, &blob.ListOptions{PageSize: collectBatch}) {
		if err != nil {
			return err
		}
		ref, err := ParseBlobKey(obj.Key)
		if err != nil || obj.ModTime.After(old) {
			continue // not ours to judge, or perhaps about to be committed
		}
		if batch = append(batch, ref); len(batch) == collectBatch {
			if err := r.sweep(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return r.sweep(ctx, batch)
}

func (r *Runner) sweep(ctx context.Context, refs []BlobRef) error {
	live, err := r.svc.repo.Live(ctx, refs)
	if err != nil {
		return err
	}
	orphans := refs[:0:0]
	for i, ref := range refs {
		if !live[i] {
			orphans = append(orphans, ref)
		}
	}
	if len(orphans) == 0 {
		return nil
	}
	r.log().InfoContext(ctx, "orphans collected", "files", len(orphans))
	return r.delete(ctx, orphans)
}
