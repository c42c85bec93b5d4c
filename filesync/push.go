package filesync

import (
	"context"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// PushOptions qualifies a push; zero fields have defaults.
type PushOptions struct {
	// Parallel is how many files are read at once; 0 means 4.
	Parallel int
	// Progress is told how far the push is, at most once in Every and at its
	// end, by one goroutine at a time. May be nil.
	Progress func(Progress)
	// Every is the time between two calls of Progress; 0 means 250 ms.
	Every time.Duration
}

// Progress is how far a push is.
type Progress struct {
	Files int64 // read to their end
	Bytes int64 // read
}

// Push makes a sync of a folder: it starts one, uploads every regular file, at
// any depth, and ends it. When something fails, the sync is aborted. Errors are
// those of Start, Upload and End, and those of the folder.
func (s *Service) Push(ctx context.Context, sc scope.Scope, n New, folder fs.FS, opts *PushOptions) (*Sync, error) {
	y, err := s.Start(ctx, sc, n)
	if err != nil {
		return nil, err
	}
	p := &push{s: s, sc: sc, sync: y, folder: folder}
	if opts != nil {
		p.opts = *opts
	}
	setDefault(&p.opts.Parallel, 4)
	setDefault(&p.opts.Every, 250*time.Millisecond)
	if err = p.run(ctx); err == nil {
		err = s.End(ctx, sc, y.ID)
	}
	if err != nil {
		if abortErr := s.Abort(context.WithoutCancel(ctx), sc, y.ID); abortErr != nil {
			s.opts.Logger.ErrorContext(ctx, "sync not aborted", "sync", y.ID, "err", abortErr)
		}
		return nil, err
	}
	p.report(0, true)
	return s.Get(ctx, sc, y.ID)
}

// push is a folder on its way.
type push struct {
	s      *Service
	sc     scope.Scope
	sync   *Sync
	folder fs.FS
	opts   PushOptions

	mu       sync.Mutex
	progress Progress
	told     time.Time
}

// run uploads the files with as many batches as there are workers.
func (p *push) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	names := make(chan string)
	var workers sync.WaitGroup
	for range p.opts.Parallel {
		workers.Go(func() {
			if err := p.upload(ctx, names); err != nil {
				cancel(err)
			}
		})
	}
	err := fs.WalkDir(p.folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		select {
		case names <- name:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(names)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause // why the walk ended
	}
	return err
}

func (p *push) upload(ctx context.Context, names <-chan string) error {
	b, err := p.s.NewBatch(ctx, p.sc, p.sync.ID, nil)
	if err != nil {
		return err
	}
	for name := range names {
		if err = p.one(b, name); err != nil {
			break
		}
	}
	if waitErr := b.Wait(); err == nil {
		err = waitErr
	}
	return err
}

func (p *push) one(b *Batch, name string) error {
	dir, base := path.Split(name)
	var err error
	if b.dir, err = below(p.sync.Path, join(p.sync.Path, path.Clean(dir))); err != nil {
		return errs.Wrap(errs.KindOf(err), err, "file %q: %s", name, errs.Message(err))
	}
	f, err := p.folder.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := b.Add(base, &counted{f, p}); err != nil {
		return err
	}
	p.mu.Lock()
	p.progress.Files++
	p.mu.Unlock()
	p.report(0, false)
	return nil
}

// report adds bytes, and tells how far the push is when it is time to.
func (p *push) report(n int64, now bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress.Bytes += n
	if p.opts.Progress != nil && (now || time.Since(p.told) >= p.opts.Every) {
		p.told = time.Now()
		p.opts.Progress(p.progress)
	}
}

// counted is a reader whose bytes are reported.
type counted struct {
	r io.Reader
	p *push
}

// Read implements [io.Reader].
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.p.report(int64(n), false)
	return n, err
}
