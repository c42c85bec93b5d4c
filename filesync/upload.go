package filesync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// UploadOptions qualifies uploads; nil puts files at the sync's path.
type UploadOptions struct {
	// Path is the directory for the files: the sync's path, or one below it.
	Path string
}

// Upload takes one file into a sync. It returns when the file is durable and,
// if the sync is incremental, visible. Directories in the name are dropped.
// Errors: Invalid for the name, the path, and a reader that fails, unless its
// error has a kind; TooLarge; NotFound; Conflict when the sync has ended or is
// being ended. Every upload to an open sync that fails is in its history.
func (s *Service) Upload(ctx context.Context, sc scope.Scope, syncID int64, name string, r io.Reader, opts *UploadOptions) error {
	b, err := s.NewBatch(ctx, sc, syncID, opts)
	if err != nil {
		return err
	}
	err = b.Add(name, r)
	return errors.Join(err, b.Wait())
}

// Batch takes many files, which become durable together where they are small.
// It is for use by one goroutine.
type Batch struct {
	ctx     context.Context
	s       *Service
	sync    *Sync
	dir     string
	door    *door
	once    sync.Once
	pending []pendingFile
	err     error
}

type pendingFile struct {
	name string
	done <-chan error
}

// maxPending is how many files a batch holds before it waits for the first.
const maxPending = 4096

// NewBatch begins to upload files to a sync, which does not end before Wait.
func (s *Service) NewBatch(ctx context.Context, sc scope.Scope, syncID int64, opts *UploadOptions) (*Batch, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	b := &Batch{ctx: ctx, s: s}
	// Before the look at the row: an End that comes after it then waits.
	if b.door = s.flights.enter(syncID); b.door == nil {
		if _, err := s.openSync(ctx, sc.Tenant, syncID); err != nil {
			return nil, err // also to strangers, who must not learn that it is there
		}
		return nil, Ending(syncID)
	}
	var err error
	if b.sync = s.flights.known(sc.Tenant, b.door); b.sync == nil {
		if b.sync, err = s.openSync(ctx, sc.Tenant, syncID); err == nil {
			s.flights.learn(b.door, b.sync)
		}
	}
	if err == nil && opts != nil {
		b.dir, err = below(b.sync.Path, opts.Path)
	}
	if err != nil {
		s.flights.leave(syncID, b.door)
		return nil, err
	}
	return b, nil
}

// openSync returns a sync that has not ended.
func (s *Service) openSync(ctx context.Context, tenant string, id int64) (*Sync, error) {
	sync, err := s.repo.Sync(ctx, tenant, id)
	if err == nil && sync.Status != Syncing {
		err = Ended(id)
	}
	return sync, err
}

// Add reads a file to its end. A small one may be durable only after Wait; of
// any other the outcome is known when Add returns.
func (b *Batch) Add(name string, r io.Reader) error {
	base, err := CheckName(name)
	if err != nil {
		return err
	}
	if len(b.pending) >= maxPending {
		b.settle(1)
	}
	u := &upload{Batch: b, rec: &Record{
		Tenant: b.sync.Tenant, SyncID: b.sync.ID, Owner: b.s.opts.Owner, Instance: b.s.instance, Dir: b.dir, Name: base, StartAt: time.Now(),
	}}
	u.src = &source{r: r, ctx: b.ctx, door: b.door, name: base, limit: b.s.opts.MaxFile}
	return u.run()
}

// Wait returns when all files of the batch are durable, with the error of the
// first that is not. The batch is then over.
func (b *Batch) Wait() error {
	b.settle(len(b.pending))
	b.once.Do(func() { b.s.flights.leave(b.sync.ID, b.door) })
	return b.err
}

// settle waits for the first n pending files. What a canceled caller no longer
// waits for is recorded all the same.
func (b *Batch) settle(n int) {
	for _, p := range b.pending[:n] {
		select {
		case err := <-p.done:
			b.fail(p.name, err)
		case <-b.ctx.Done():
			b.fail(p.name, b.ctx.Err())
		}
	}
	b.pending = b.pending[n:]
}

func (b *Batch) fail(name string, err error) {
	if err != nil && b.err == nil {
		b.err = errs.Wrap(errs.KindOf(err), err, "file %q: %s", name, errs.Message(err))
	}
}

// upload is one file of a batch.
type upload struct {
	*Batch
	rec *Record
	src *source

	mu        sync.Mutex
	over      bool         // what is announced must no longer be
	announced <-chan error // nil before
}

// buffers hold the beginning of a file.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (u *upload) run() error {
	late := time.AfterFunc(announceAfter, u.announce)
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer buffers.Put(buf)
	small := int64(max(u.s.opts.Small, 0))
	n, _ := io.CopyN(buf, u.src, small+1) // what went wrong is in src.err
	if n > small {
		return u.large(late, buf)
	}
	refused := u.settleAnnounced(late)
	if u.src.err != nil {
		return u.failed(u.src.err)
	}
	if refused != nil {
		return u.failed(refused)
	}
	data := bytes.Clone(buf.Bytes())
	u.rec.SHA256 = sha256.Sum256(data)
	u.rec.Size = int64(len(data))
	u.pending = append(u.pending, pendingFile{u.rec.Name, u.finish(data)})
	return nil
}

// announce shows the upload as Syncing in its history, since it takes long.
func (u *upload) announce() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over || u.announced != nil {
		return
	}
	u.rec.Status = Syncing
	recorded, announced := u.s.group.add(u.rec, nil), make(chan error, 1)
	u.announced = announced
	go func() {
		err := <-recorded
		if err == nil {
			u.s.flights.keep(u.rec.ID)
		}
		announced <- err
	}()
}

// settleAnnounced ends the time in which the upload may be announced, and
// returns why an announcement was refused.
func (u *upload) settleAnnounced(late *time.Timer) error {
	late.Stop()
	u.mu.Lock()
	u.over = true
	u.mu.Unlock()
	if u.announced == nil {
		return nil
	}
	return <-u.announced
}

// large writes a file as an object of its own. It is announced first, so that
// the key is known to be alive while it is written.
func (u *upload) large(late *time.Timer, head io.Reader) error {
	if err := u.settleAnnounced(late); err != nil {
		return u.failed(err)
	}
	u.rec.Status, u.rec.Place = Syncing, Place{Key: newKey(u.rec.StartAt)}
	if err := <-u.s.group.add(u.rec, nil); err != nil {
		return u.failed(err)
	}
	u.s.flights.keep(u.rec.ID)
	w, err := u.s.bucket.Write(u.ctx, u.rec.Place.Key, io.MultiReader(head, u.src), &blob.WriteOptions{Deferred: true})
	switch {
	case u.src.err != nil: // the cause of the other
		return u.failed(u.src.err)
	case err != nil:
		return u.failed(unwritten(u.rec.Name, err))
	}
	u.rec.Size, u.rec.SHA256 = w.Size, w.SHA256
	if err := <-u.finish(nil); err != nil {
		return errs.Wrap(errs.KindOf(err), err, "file %q: %s", u.rec.Name, errs.Message(err))
	}
	return nil
}

// unwritten words an error of the bucket, whose own text names its keys.
func unwritten(name string, err error) error {
	return errs.Wrap(errs.KindOf(err), err, "file %q could not be kept: %s", name, errs.KindOf(err))
}

// finish queues the file, whose bytes are data or at its place.
func (u *upload) finish(data []byte) <-chan error {
	rec := *u.rec
	rec.Status, rec.EndAt = Finished, time.Now()
	id := rec.ID
	done := u.s.group.add(&rec, data)
	if id == 0 {
		return done
	}
	told := make(chan error, 1)
	go func() {
		err := <-done
		u.s.flights.forget(id)
		told <- err
	}()
	return told
}

// failed records why the file is not there, also when its caller went away.
func (u *upload) failed(cause error) error {
	rec := *u.rec
	rec.Status, rec.EndAt, rec.Message = Failed, time.Now(), errs.Message(cause)
	if errs.KindOf(cause) == errs.Canceled {
		rec.Message = "the upload was interrupted"
	}
	u.s.opts.Logger.WarnContext(u.ctx, "file not uploaded", "tenant", rec.Tenant, "sync", rec.SyncID, "err", cause)
	if err := <-u.s.group.add(&rec, nil); err != nil && !errors.Is(err, errs.Conflict) {
		u.s.opts.Logger.ErrorContext(u.ctx, "failed upload not recorded", "sync", rec.SyncID, "err", err)
	}
	u.s.flights.forget(rec.ID)
	return cause
}

// source is what an upload reads. It remembers why reading failed.
type source struct {
	r     io.Reader
	ctx   context.Context
	door  *door
	name  string
	limit int64
	n     int64
	err   error
}

// Read implements [io.Reader].
func (s *source) Read(p []byte) (int, error) {
	if s.err == nil {
		s.err = s.check()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	switch {
	case s.n > s.limit:
		s.err = errs.New(errs.TooLarge, "file %q is larger than %d bytes", s.name, s.limit)
		return 0, s.err
	case err == nil || err == io.EOF:
		return n, err
	}
	s.err = err
	var known *errs.Error
	if !errors.As(err, &known) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		s.err = errs.Wrap(errs.Invalid, err, "file %q is invalid: the upload ended early", s.name)
	}
	return n, s.err
}

// check returns why the upload is not to go on.
func (s *source) check() error {
	if err := s.ctx.Err(); err != nil {
		return errs.Wrap(errs.Canceled, err, "file %q: canceled", s.name)
	}
	if s.door.failed.Load() {
		return errs.New(errs.Conflict, "file %q: the sync was aborted", s.name)
	}
	return nil
}
