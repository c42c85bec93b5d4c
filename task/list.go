package task

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

// chunkWait bounds how long listed files wait for their chunk to be full, so
// that loading starts while a slow listing goes on.
const chunkWait = 2 * time.Second

// list handles KindList: it turns a run's URIs into chunks, from where the
// run's cursor says.
func (r *Runner) list(ctx context.Context, item work.Item) error {
	id, err := payloadID(item)
	if err != nil {
		return err
	}
	run, t, err := r.svc.repo.Run(ctx, id)
	if err != nil {
		return r.gone(ctx, item, err)
	}
	l := &listing{r: r, item: item, run: run, task: t, cursor: run.Cursor}
	src, err := r.svc.connectors.Source(ctx, run.Tenant, t.ConnectorID)
	if err != nil {
		if r.tryAgain(item, err) {
			return err
		}
		err = l.failAll(ctx, err)
	} else {
		defer src.Close()
		l.src = src
		err = l.all(ctx)
	}
	if err != nil {
		return err
	}
	r.log().InfoContext(ctx, "run listed", "tenant", run.Tenant, "task", run.TaskID, "run", run.ID)
	return r.svc.repo.EndListing(ctx, item.Lease(), run.ID)
}

// listing is a run being listed under one claim.
type listing struct {
	r      *Runner
	item   work.Item
	run    *Run
	task   *Task
	src    blob.Source
	cursor Cursor // of the next chunk: behind its last file

	pending []*File
	bytes   int64
	first   time.Time  // when the first of pending came
	unsaved bool       // the store refused a chunk: no fault of the source
	move    *StateMove // of the next chunk; nil where the source is not [Incremental]

	state func() string   // of an [Incremental] source, behind what it listed
	set   map[string]bool // see uris
}

// tryAgain reports whether err may pass by itself and there are attempts left.
func (r *Runner) tryAgain(item work.Item, err error) bool {
	return (errs.Temporary(err) || errs.KindOf(err) == errs.Internal) && item.Attempt < r.opts.Attempts
}

// all lists the URIs that are left.
func (l *listing) all(ctx context.Context) error {
	if src, ok := l.src.(Incremental); ok {
		if err := l.since(ctx, src); err != nil {
			if ctx.Err() != nil || l.unsaved || l.r.tryAgain(l.item, err) {
				return err
			}
			l.fail("/", err)
		}
		return l.flush(ctx)
	}
	for i := l.cursor.URI; i < len(l.run.URIs); i++ {
		uri := l.run.URIs[i]
		if err := l.one(ctx, i, uri); err != nil {
			if ctx.Err() != nil || l.unsaved || l.r.tryAgain(l.item, err) {
				return err
			}
			l.fail(uri, err)
		}
		l.cursor = Cursor{URI: i + 1}
	}
	return l.flush(ctx)
}

// failAll turns every URI that is left into a failed file.
func (l *listing) failAll(ctx context.Context, cause error) error {
	for ; l.cursor.URI < len(l.run.URIs); l.cursor.URI++ {
		l.fail(l.run.URIs[l.cursor.URI], cause)
	}
	return l.flush(ctx)
}

// one lists the run's URI i: an object, or else every object below it.
func (l *listing) one(ctx context.Context, i int, uri string) error {
	covered, err := l.covered(ctx, uri)
	if err != nil || covered {
		return err
	}
	if uri == "/" {
		return l.directory(ctx, i, "")
	}
	if l.cursor.After == "" && !strings.HasSuffix(uri, "/") {
		obj, err := l.src.Stat(ctx, uri)
		if err == nil {
			return l.add(ctx, obj, Cursor{URI: i + 1})
		}
		if !errors.Is(err, errs.NotFound) {
			return err
		}
		if l.uris()[uri+"/"] {
			return nil // listed there
		}
	}
	return l.directory(ctx, i, uri)
}

// directory lists every object below key, which is the run's URI i.
func (l *listing) directory(ctx context.Context, i int, key string) error {
	prefix := directoryPrefix(key)
	found := l.cursor.After != ""
	for obj, err := range l.src.List(ctx, prefix, &blob.ListOptions{After: l.cursor.After}) {
		if err != nil {
			return err
		}
		found = true
		if obj.Dir || obj.Size == 0 && strings.HasSuffix(obj.Key, "/") {
			continue // the marker that some tools make for a directory
		}
		if err := l.add(ctx, obj, Cursor{URI: i, After: obj.Key}); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !found && key != "" {
		return errs.New(errs.NotFound, "%q not exists in the source", key)
	}
	return nil
}

func directoryPrefix(key string) string {
	if key == "" || strings.HasSuffix(key, "/") {
		return key
	}
	return key + "/"
}

// covered reports whether another URI of the run is a directory that holds
// uri, so that its files are listed there.
func (l *listing) covered(ctx context.Context, uri string) (bool, error) {
	uris := l.uris()
	if uri != "/" && uris["/"] {
		return true, nil
	}
	for end := range len(uri) - 1 {
		if uri[end] != '/' {
			continue
		}
		if uris[uri[:end+1]] {
			return true, nil
		}
		if !uris[uri[:end]] {
			continue
		}
		_, err := l.src.Stat(ctx, uri[:end])
		if errors.Is(err, errs.NotFound) {
			return true, nil // no object, so it is listed as a directory
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// uris returns the run's URIs as a set.
func (l *listing) uris() map[string]bool {
	if l.set == nil {
		l.set = make(map[string]bool, len(l.run.URIs))
		for _, uri := range l.run.URIs {
			l.set[uri] = true
		}
	}
	return l.set
}

// add takes an object into the next chunk, which ends at next.
func (l *listing) add(ctx context.Context, obj blob.Object, next Cursor) error {
	f := l.file(obj.Key)
	f.Size, f.ETag, f.ModTime, f.Status = obj.Size, obj.ETag, obj.ModTime, Waiting
	if reason := checkKey(obj.Key); reason != "" {
		f.Status, f.Reason = Failed, "the name is invalid: "+reason
	}
	large := l.bytes > 0 && l.bytes+obj.Size > l.r.opts.ChunkBytes
	if large {
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
	l.pending, l.bytes = append(l.pending, f), l.bytes+obj.Size
	if len(l.pending) == 1 {
		l.first = time.Now()
	}
	l.cursor = next
	if l.state != nil {
		l.move.To = l.state()
	}
	if len(l.pending) >= l.r.opts.ChunkFiles || time.Since(l.first) > chunkWait {
		return l.flush(ctx)
	}
	return nil
}

// fail takes a file into the next chunk that stands for a URI whose listing
// failed; a retry lists it again.
func (l *listing) fail(uri string, cause error) {
	f := l.file(uri)
	f.Size, f.Status, f.Reason = UnknownSize, Failed, errs.Message(cause)
	f.EndAt = l.r.svc.opts.Now()
	l.pending = append(l.pending, f)
}

func (l *listing) file(uri string) *File {
	if !utf8.ValidString(uri) || strings.Contains(uri, "\x00") {
		uri = strings.ReplaceAll(strings.ToValidUTF8(uri, "\uFFFD"), "\x00", "\uFFFD")
	}
	now := l.r.svc.opts.Now()
	return &File{
		Tenant: l.run.Tenant, TaskID: l.run.TaskID, VolumeID: l.task.VolumeID, ConnectorID: l.task.ConnectorID,
		URI: uri, Creator: l.task.Creator, StartAt: now, UpdatedAt: now,
	}
}

// flush stores the pending files as a chunk, without those that the volume has
// already, and moves the cursor.
func (l *listing) flush(ctx context.Context) error {
	files, skipped := l.pending, int64(0)
	if !l.run.First && len(files) > 0 {
		same, err := l.r.svc.repo.Unchanged(ctx, l.task.VolumeID, l.task.ConnectorID, files)
		if err != nil {
			l.unsaved = true
			return err
		}
		changed := files[:0:0]
		for i, f := range files {
			if same[i] && f.Status == Waiting {
				skipped++
				continue
			}
			changed = append(changed, f)
		}
		files = changed
	}
	if err := l.r.svc.repo.AppendChunk(ctx, l.item.Lease(), l.run.ID, files, skipped, l.cursor, l.move); err != nil {
		l.unsaved = true
		return err
	}
	l.pending, l.bytes = nil, 0
	if l.move != nil {
		l.move.From = l.move.To
	}
	if len(files) > 0 {
		l.r.dispatcher.Wake(KindLoad)
	}
	return nil
}
