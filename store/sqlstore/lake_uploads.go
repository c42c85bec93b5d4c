package sqlstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
)

// RecordUploads see [filesync.Uploads].
func (s *Store) RecordUploads(ctx context.Context, uploads []*filesync.Record, lease time.Duration) error {
	if len(uploads) == 0 {
		return nil
	}
	var r *recording
	err := s.write(ctx, "uploads", func(q session) error {
		r = &recording{ctx: ctx, q: q, lease: lease.Milliseconds(), items: make([]*recorded, len(uploads))}
		for i, u := range uploads {
			r.items[i] = &recorded{Record: u, id: u.ID}
		}
		return r.run()
	})
	if err != nil {
		return err
	}
	for i, item := range r.items {
		uploads[i].ID, uploads[i].Err = item.id, item.refused
	}
	return nil
}

// recorded is an upload with what a transaction, which may have to be
// repeated, makes of it.
type recorded struct {
	*filesync.Record
	id      int64
	refused error
}

func (u *recorded) fileName() string {
	if u.Dir == "" {
		return u.Name
	}
	return u.Dir + "/" + u.Name
}

// recording is one transaction that records uploads.
type recording struct {
	ctx   context.Context
	q     session
	now   int64
	lease int64
	items []*recorded
	syncs map[int64]*syncRow
}

// run refuses what no longer counts, makes the finished files visible, and
// writes the history of all.
func (r *recording) run() (err error) {
	if err := r.lockSyncs(); err != nil {
		return err
	}
	if err := r.lockAnnounced(); err != nil {
		return err
	}
	if r.now, err = r.q.now(r.ctx); err != nil {
		return err
	}
	targets, err := r.targets()
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(targets)) {
		if err := r.publish(targets[id]); err != nil {
			return err
		}
	}
	if err := r.writeHistory(); err != nil {
		return err
	}
	return r.count()
}

// lockSyncs refuses uploads to syncs that are unknown, ended or closed.
func (r *recording) lockSyncs() error {
	var ids []int64
	for _, u := range r.items {
		ids = append(ids, u.SyncID)
	}
	slices.Sort(ids)
	var rows []syncRow
	err := r.q.all(r.ctx, &rows, "SELECT "+syncColumns+" FROM syncs WHERE id {in} ORDER BY id {lock}", r.q.d.array(slices.Compact(ids)))
	if err != nil {
		return err
	}
	r.syncs = make(map[int64]*syncRow, len(rows))
	for i := range rows {
		r.syncs[rows[i].ID] = &rows[i]
	}
	for _, u := range r.items {
		y := r.syncs[u.SyncID]
		switch {
		case y == nil || y.Tenant != u.Tenant:
			u.refused = errs.New(errs.NotFound, "%s does not exist", syncName(u.SyncID))
		case y.Status != 0:
			u.refused = filesync.Ended(u.SyncID)
		case u.id == 0 && y.Closing != "" && y.Closing != u.Instance:
			u.refused = filesync.Ending(u.SyncID)
		default:
			u.refused = checkTexts("file name", u.fileName())
		}
	}
	return nil
}

// lockAnnounced refuses announced uploads that were given up meanwhile.
func (r *recording) lockAnnounced() error {
	var ids []int64
	for _, u := range r.items {
		if u.id != 0 {
			ids = append(ids, u.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var open []int64
	err := r.q.all(r.ctx, &open, "SELECT id FROM sync_history WHERE id {in} AND status = 0 ORDER BY id {lock}", r.q.d.array(ids))
	if err != nil {
		return err
	}
	for _, u := range r.items {
		if _, found := slices.BinarySearch(open, u.id); u.id != 0 && !found && u.refused == nil {
			u.refused = errs.New(errs.Conflict, "upload %d was given up: its lease ran out", u.id)
		}
	}
	return nil
}

// target is a generation that files are added to.
type target struct {
	sync  *syncRow // whose path it is
	gen   generationRow
	files []*recorded
}

// targets tells which generations the finished files belong to: a full sync's
// own, or the one that is current now, which stays so until the transaction
// ends.
func (r *recording) targets() (map[int64]*target, error) {
	current := map[int64]int64{} // generations by path
	for _, u := range r.items {
		if y := r.syncs[u.SyncID]; u.refused == nil && u.Status == filesync.Finished && y.Generation == 0 {
			current[y.PathID] = 0
		}
	}
	for _, path := range slices.Sorted(maps.Keys(current)) {
		var id int64
		if err := r.q.get(r.ctx, &id, "SELECT generation FROM lake_paths WHERE id = ? {lock}", path); err != nil {
			return nil, err
		}
		current[path] = id
	}
	targets := map[int64]*target{}
	for _, u := range r.items {
		if u.refused != nil || u.Status != filesync.Finished {
			continue
		}
		y := r.syncs[u.SyncID]
		id := y.Generation
		if id == 0 {
			id = current[y.PathID]
		}
		if targets[id] == nil {
			targets[id] = &target{sync: y, gen: generationRow{ID: id}}
		}
		targets[id].files = append(targets[id].files, u)
	}
	return targets, nil
}

// publish adds files to a generation. Of several with one name the last one
// counts.
func (r *recording) publish(t *target) error {
	var err error
	if t.gen, err = generation(r.ctx, r.q, t.gen.ID); err != nil {
		return err
	}
	type place struct{ dir, name string }
	last := make(map[place]*recorded, len(t.files))
	blobs := map[string]int{} // how many files are in each
	for _, u := range t.files {
		last[place{u.Dir, u.Name}] = u
		blobs[u.Place.Key] = 0
	}
	var files []*recorded
	dirs := map[string][]string{} // names by directory
	var size int64
	for _, u := range t.files {
		if last[place{u.Dir, u.Name}] == u {
			files = append(files, u)
			dirs[u.Dir] = append(dirs[u.Dir], u.Name)
			blobs[u.Place.Key]++
			size += u.Size
		}
	}
	replaced, freed, err := r.replace(t.gen.ID, dirs)
	if err != nil {
		return err
	}
	if err := r.insertFiles(t.gen.ID, files); err != nil {
		return err
	}
	if err := r.addBlobs(t.gen.ID, blobs); err != nil {
		return err
	}
	if err := r.addDirs(t, dirs); err != nil {
		return err
	}
	_, err = r.q.exec(r.ctx, "UPDATE lake_generations SET files = files + ?, size = size + ?, updated_at = ? WHERE id = ?",
		len(files)-replaced, size-freed, r.now, t.gen.ID)
	return err
}

// replace takes away the files that new ones replace, and returns how many
// there were and their bytes. An object without files becomes garbage.
func (r *recording) replace(gen int64, dirs map[string][]string) (n int, size int64, err error) {
	freed := map[string]int{}
	for dir, names := range dirs {
		var old []struct {
			Key  string `db:"blob_key"`
			Size int64  `db:"size"`
		}
		err := r.q.all(r.ctx, &old, "DELETE FROM lake_files WHERE {replaced} RETURNING blob_key, size",
			r.q.d.array(names), gen, dir)
		if err != nil {
			return 0, 0, err
		}
		for _, f := range old {
			freed[f.Key]++
			size += f.Size
		}
		n += len(old)
	}
	for key, files := range freed {
		var left int
		if err := r.q.get(r.ctx, &left, "UPDATE lake_blobs SET files = files - ? WHERE blob_key = ? RETURNING files", files, key); err != nil {
			return 0, 0, err
		}
		if left > 0 {
			continue
		}
		if _, err := r.q.exec(r.ctx, "DELETE FROM lake_blobs WHERE blob_key = ?", key); err != nil {
			return 0, 0, err
		}
		if err := discardKeys(r.ctx, r.q, []string{key}, r.now); err != nil {
			return 0, 0, err
		}
	}
	return n, size, nil
}

func (r *recording) insertFiles(gen int64, files []*recorded) error {
	var c rows
	c.add("generation", of(files, func(*recorded) int64 { return gen }))
	c.add("dir", of(files, func(u *recorded) string { return u.Dir }))
	c.add("name", of(files, func(u *recorded) string { return u.Name }))
	c.add("size", of(files, func(u *recorded) int64 { return u.Size }))
	c.add("sha256", of(files, func(u *recorded) []byte { return u.SHA256[:] }))
	c.add("sync_id", of(files, func(u *recorded) int64 { return u.SyncID }))
	c.add("start_at", of(files, func(u *recorded) int64 { return milli(u.StartAt) }))
	c.add("end_at", of(files, func(u *recorded) int64 { return milli(u.EndAt) }))
	c.add("blob_key", of(files, func(u *recorded) string { return u.Place.Key }))
	c.add("packed", of(files, func(u *recorded) int64 { return int64(bit(u.Place.Packed)) }))
	c.add("blob_offset", of(files, func(u *recorded) int64 { return u.Place.Offset }))
	return r.q.d.insertRows(r.ctx, r.q, "lake_files", len(files), c)
}

// addBlobs adds the objects of new files. One that was replaced within its own
// transaction is garbage from the start.
func (r *recording) addBlobs(gen int64, blobs map[string]int) error {
	for key, files := range blobs {
		var err error
		if files == 0 {
			err = discardKeys(r.ctx, r.q, []string{key}, r.now)
		} else {
			_, err = r.q.exec(r.ctx, "INSERT INTO lake_blobs (blob_key, generation, files) VALUES (?, ?, ?)", key, gen, files)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addDirs adds the directories of new files, and shows the path where these
// are its first.
func (r *recording) addDirs(t *target, dirs map[string][]string) error {
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		for dir != "" {
			parent, name := splitDir(dir)
			n, err := r.q.exec(r.ctx, "INSERT INTO lake_dirs (generation, parent, name) VALUES (?, ?, ?) ON CONFLICT (generation, parent, name) DO NOTHING",
				t.gen.ID, parent, name)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			dir = parent
		}
	}
	if t.gen.shown() {
		return nil
	}
	return showPath(r.ctx, r.q, t.sync.Tenant, t.sync.Path)
}
