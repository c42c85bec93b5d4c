package task

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

// commitWait bounds the commit of what was finished when a chunk is stopped.
const commitWait = 5 * time.Second

// load handles KindLoad: it loads the files of a chunk that are not finished.
func (r *Runner) load(ctx context.Context, item work.Item) error {
	id, err := payloadID(item)
	if err != nil {
		return err
	}
	chunk, err := r.svc.repo.Chunk(ctx, id)
	if err != nil {
		return r.gone(ctx, item, err)
	}
	files, err := r.svc.repo.ChunkFiles(ctx, id)
	if err != nil {
		return err
	}
	w := &loader{
		r: r, item: item, chunk: chunk, meter: r.svc.meters.open(chunk.Task.ID),
		results: make(chan FileResult), inFlight: map[int64]*flight{},
	}
	defer r.svc.meters.close(chunk.Task.ID)
	defer func() { w.meter.moved(-w.counted.Load()) }()
	err = w.run(ctx, files)
	r.log().InfoContext(ctx, "chunk loaded", "tenant", chunk.Task.Tenant, "task", chunk.Task.ID, "run", chunk.RunID,
		"chunk", chunk.ID, "files", w.loaded, "complete", err == nil)
	return err
}

// loader loads one chunk under one claim.
type loader struct {
	r       *Runner
	item    work.Item
	chunk   *Chunk
	meter   *meter
	counted atomic.Int64    // bytes that this chunk added to the meter
	results chan FileResult // from the transfer to the committer
	loaded  int             // files that became visible; the committer's

	mu       sync.Mutex
	inFlight map[int64]*flight
	left     error // why some files are left for a later attempt
}

// flight is a file that was started and is not finished.
type flight struct {
	start time.Time
	shown bool // as Uploading
}

// run loads the files and commits them as they finish.
func (w *loader) run(ctx context.Context, files []*File) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(w.results)
		err := w.transfer(ctx, files)
		if err != nil {
			w.leave(err)
		}
		return err
	})
	group.Go(func() error { return w.commit(ctx) })
	return group.Wait()
}

// transfer copies the files and sends what became of each.
func (w *loader) transfer(ctx context.Context, files []*File) error {
	src, err := w.r.svc.connectors.Source(ctx, w.chunk.Task.Tenant, w.chunk.Task.ConnectorID)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		for _, f := range files {
			if err := w.failed(ctx, f.ID, time.Time{}, err); err != nil {
				return err
			}
		}
		return nil
	}
	defer src.Close()
	if files, err = w.expand(ctx, src, files); err != nil {
		return err
	}
	return w.r.transfer.Copy(ctx, w.r.svc.bucket, src, w.items(files), &blob.CopyOptions{
		Started: func(it blob.Item) {
			w.meter.started(it.Tag, it.Source.Key)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.inFlight[it.Tag] = &flight{start: w.r.svc.opts.Now()}
		},
		Progress: func(n int64) {
			w.counted.Add(n)
			w.meter.moved(n)
		},
		Done: func(res blob.Result) error { return w.done(ctx, res) },
	})
}

// items yields the files for the transfer.
func (w *loader) items(files []*File) func(func(blob.Item) bool) {
	return func(yield func(blob.Item) bool) {
		for _, f := range files {
			ref := BlobRef{FileID: f.ID, Fence: w.item.Fence}
			obj := blob.Object{Key: f.URI, Size: f.Size, ETag: f.ETag, ModTime: f.ModTime}
			if !yield(blob.Item{Source: obj, Key: ref.Key(), Tag: f.ID}) {
				return
			}
		}
	}
}

// done takes a file's outcome from the transfer.
func (w *loader) done(ctx context.Context, res blob.Result) error {
	file := res.Item.Tag
	w.meter.finished(file)
	w.mu.Lock()
	var start time.Time
	if f := w.inFlight[file]; f != nil {
		start = f.start
	}
	delete(w.inFlight, file)
	w.mu.Unlock()
	if res.Err != nil {
		return w.failed(ctx, file, start, res.Err)
	}
	return w.send(ctx, FileResult{
		FileID: file, Status: Success, StartAt: start, EndAt: w.r.svc.opts.Now(),
		Size: res.Written.Size, ETag: res.Item.Source.ETag, ModTime: res.Item.Source.ModTime, SHA256: res.Written.SHA256,
	})
}

// failed records why a file failed, or leaves it for the chunk's next attempt.
func (w *loader) failed(ctx context.Context, file int64, start time.Time, cause error) error {
	w.r.log().WarnContext(ctx, "file not loaded", "tenant", w.chunk.Task.Tenant, "task", w.chunk.Task.ID, "file", file, "err", cause)
	if w.r.tryAgain(w.item, cause) {
		w.leave(cause)
		return nil
	}
	now := w.r.svc.opts.Now()
	if start.IsZero() {
		start = now
	}
	return w.send(ctx, FileResult{FileID: file, Status: Failed, Reason: errs.Message(cause), StartAt: start, EndAt: now})
}

// leave notes that files are left for a later attempt, because of cause.
func (w *loader) leave(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = cause
}

func (w *loader) send(ctx context.Context, res FileResult) error {
	select {
	case w.results <- res:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commit makes finished files visible, in batches, until there are no more.
func (w *loader) commit(ctx context.Context) error {
	ticker := time.NewTicker(w.r.opts.FlushEvery)
	defer ticker.Stop()
	batch := make([]FileResult, 0, w.r.opts.FlushFiles)
	for {
		select {
		case res, ok := <-w.results:
			if !ok {
				return w.last(ctx, batch)
			}
			if batch = append(batch, res); len(batch) < w.r.opts.FlushFiles {
				continue
			}
		case <-ticker.C:
			batch = append(batch, w.uploading()...)
		}
		if err := w.flush(ctx, batch, false); err != nil {
			return err
		}
		batch = batch[:0]
	}
}

// last commits what is left when the transfer has ended: normally the whole
// chunk, else, when it was stopped, what was finished until then.
func (w *loader) last(ctx context.Context, batch []FileResult) error {
	w.mu.Lock()
	left := w.left
	w.mu.Unlock()
	if left == nil {
		return w.flush(ctx, batch, true)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWait)
	defer cancel()
	if err := w.flush(ctx, batch, false); err != nil {
		return err
	}
	return errs.Wrap(errs.KindOf(left), left, "chunk %d: some files are tried again later", w.chunk.ID)
}

// uploading returns the files that have been in flight for a while and are
// not yet shown so.
func (w *loader) uploading() []FileResult {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []FileResult
	for file, f := range w.inFlight {
		if !f.shown {
			f.shown = true
			list = append(list, FileResult{FileID: file, Status: Uploading, StartAt: f.start})
		}
	}
	return list
}

// flush makes the results durable, and then visible in one transaction.
func (w *loader) flush(ctx context.Context, batch []FileResult, done bool) error {
	if len(batch) == 0 && !done {
		return nil
	}
	if s, ok := w.r.svc.bucket.(blob.Syncer); ok {
		if err := s.Sync(ctx); err != nil {
			return err
		}
	}
	if err := w.r.svc.repo.CommitFiles(ctx, w.item.Lease(), w.chunk.ID, batch, done); err != nil {
		return err
	}
	for _, res := range batch {
		if res.Status == Success {
			w.loaded++
			w.counted.Add(-res.Size)
			w.meter.moved(-res.Size)
		}
	}
	return nil
}
