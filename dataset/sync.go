package dataset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

// sync handles KindSync: it makes sure that the bytes of a data source are
// kept and hashed, looks at them, and records what became of it.
func (r *Runner) sync(ctx context.Context, item work.Item) error {
	src, url, segments, err := r.svc.repo.SyncSource(ctx, item.Payload)
	if errors.Is(err, errs.NotFound) {
		return r.leases.Finish(ctx, item.Lease()) // it was deleted
	}
	if err != nil {
		return r.giveIn(ctx, item, err)
	}
	res := SyncResult{Status: Synched, Key: src.Key, Size: src.Size, SHA256: src.SHA256}
	if err := r.keep(ctx, item, &res, url, segments); err != nil {
		if err = r.decide(ctx, item, &res, err); err != nil {
			return err
		}
		res.Key, res.Size, res.SHA256 = src.Key, src.Size, src.SHA256
		return r.finish(ctx, item, src, res)
	}
	if res.Tables, err = r.inspect(ctx, src.Name, res); err != nil {
		if err = r.decide(ctx, item, &res, err); err != nil {
			return err
		}
	}
	return r.finish(ctx, item, src, res)
}

// giveIn passes an error on, to be tried again, unless the item was tried
// often enough: then its data source is Invalid.
func (r *Runner) giveIn(ctx context.Context, item work.Item, err error) error {
	res := SyncResult{}
	if err := r.decide(ctx, item, &res, err); err != nil {
		return err
	}
	return r.finish(ctx, item, &DataSource{ID: item.Payload, Tenant: item.Tenant}, res)
}

// decide says what an error means for the data source: it is Invalid, with a
// reason that people understand, or the error is returned and the item will be
// tried again.
func (r *Runner) decide(ctx context.Context, item work.Item, res *SyncResult, err error) error {
	if ctx.Err() != nil {
		return err // the node stops, or lost the item
	}
	switch errs.KindOf(err) {
	case errs.Invalid, errs.TooLarge, errs.Forbidden, errs.NotFound, errs.Unsupported:
	default:
		if item.Attempt < r.opts.Attempts {
			return err
		}
		r.log().WarnContext(ctx, "data source given up", "tenant", item.Tenant, "source", item.Payload, "attempts", item.Attempt, "err", err)
	}
	res.Status, res.Reason, res.Tables = Invalid, errs.Message(err), nil
	return nil
}

func (r *Runner) finish(ctx context.Context, item work.Item, src *DataSource, res SyncResult) error {
	res.At = r.svc.opts.Now()
	if err := r.svc.repo.FinishSync(ctx, item.Lease(), src.ID, res); err != nil {
		return err
	}
	r.log().InfoContext(ctx, "data source "+string(res.Status), "tenant", src.Tenant, "user", src.Owner, "source", src.ID,
		"bytes", res.Size, "tables", len(res.Tables), "reason", res.Reason)
	return nil
}

// keep makes the bytes of a data source an object with a known hash: they are
// fetched, or joined from the parts of an upload, or, when the upload is an
// object already, read.
func (r *Runner) keep(ctx context.Context, item work.Item, res *SyncResult, url string, segments []Segment) error {
	switch {
	case url != "":
		return r.fetch(ctx, item, res, url)
	case len(segments) > 0:
		return r.write(ctx, item, res, &joined{ctx: ctx, bucket: r.svc.bucket, segments: segments})
	case res.Key == "":
		return errs.New(errs.Invalid, "the file is no longer there")
	case res.SHA256 == [sha256.Size]byte{}:
		return r.hash(ctx, res)
	}
	return nil
}

// fetch stores what the URL leads to.
func (r *Runner) fetch(ctx context.Context, item work.Item, res *SyncResult, url string) error {
	bounded, cancel := context.WithTimeout(ctx, r.opts.FetchTime)
	defer cancel()
	body, err := r.fetcher.Fetch(bounded, url)
	if err == nil {
		defer body.Close()
		err = r.write(bounded, item, res, blob.LimitReader(body, r.svc.opts.MaxSize, "file"))
	}
	return timedOut(ctx, bounded, err, "url", r.opts.FetchTime)
}

// timedOut returns err, or what the end of the time means where that caused it.
func timedOut(ctx, bounded context.Context, err error, what string, limit time.Duration) error {
	if err != nil && ctx.Err() == nil && errors.Is(bounded.Err(), context.DeadlineExceeded) {
		return errs.Wrap(errs.Invalid, err, "%s is invalid: it was not read within %v", what, limit)
	}
	return err
}

// write stores the bytes under a key of this claim's own.
func (r *Runner) write(ctx context.Context, item work.Item, res *SyncResult, body io.Reader) error {
	key := SourceKey(item.Payload, item.Fence)
	w, err := r.svc.bucket.Write(ctx, key, body, nil)
	if err == nil && w.Size == 0 {
		err = errs.Wrap(errs.Invalid, ErrEmpty, "the file is empty")
	}
	if err != nil {
		return err
	}
	res.Key, res.Size, res.SHA256 = key, w.Size, w.SHA256
	return nil
}

// hash reads an object that a client sent to the bucket directly.
func (r *Runner) hash(ctx context.Context, res *SyncResult) error {
	body, err := r.svc.bucket.Open(ctx, res.Key, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	h := sha256.New()
	if res.Size, err = io.Copy(h, body); err != nil {
		return err
	}
	h.Sum(res.SHA256[:0])
	return nil
}

// inspect looks at the bytes, for as long as it may. An inspector that panics
// has met a file that nobody thought of: that is the file's fault.
func (r *Runner) inspect(ctx context.Context, name string, res SyncResult) (tables []Table, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log().ErrorContext(ctx, "inspector panicked", "key", res.Key, "panic", fmt.Sprint(p))
			tables, err = nil, errs.New(errs.Invalid, "the file is damaged")
		}
	}()
	bounded, cancel := context.WithTimeout(ctx, r.opts.InspectTime)
	defer cancel()
	tables, err = r.inspector.Inspect(bounded, File{
		Name: name, Size: res.Size,
		Open: func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			return r.svc.bucket.Open(ctx, res.Key, &blob.OpenOptions{Offset: offset, Length: length})
		},
	})
	return tables, timedOut(ctx, bounded, err, "file", r.opts.InspectTime)
}

// joined reads segments one after the other.
type joined struct {
	ctx      context.Context // of the work that reads
	bucket   blob.Bucket
	segments []Segment
	body     io.ReadCloser
	left     int64 // of the open segment
	err      error // that ended it
}

// Read implements [io.Reader]. A segment that is shorter than its row says is
// an error.
func (j *joined) Read(p []byte) (int, error) {
	if j.body == nil && j.err == nil {
		j.err = j.next()
	}
	if j.err != nil {
		return 0, j.err
	}
	n, err := j.body.Read(p)
	j.left -= int64(n)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		if err = nil; j.left != 0 {
			err = errs.New(errs.Unavailable, "a part of the upload has not the size that it had")
		}
	}
	j.err = errors.Join(err, j.body.Close())
	j.body = nil
	return n, j.err
}

// next opens the next segment.
func (j *joined) next() (err error) {
	if len(j.segments) == 0 {
		return io.EOF
	}
	s := j.segments[0]
	j.segments, j.left = j.segments[1:], s.Size
	j.body, err = j.bucket.Open(j.ctx, s.Key, nil)
	return err
}
