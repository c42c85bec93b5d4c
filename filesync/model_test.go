package filesync_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
)

// TestSyncsAgreeWithTheModel runs random schedules. Each is a number of rounds
// in which uploads, ends, aborts, restores and readers run at once.
// INLET_TEST_SEQUENCES says how many.
func TestSyncsAgreeWithTheModel(t *testing.T) {
	if n := os.Getenv("INLET_TEST_SEQUENCES"); n != "" {
		if err := flag.Set("rapid.checks", n); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		bucket := cloud.Memory()
		m := &machine{env: openEnv(t, bucket, &filesync.Options{Small: 20}), t: t, syncs: map[int64]*modelSync{}, trash: map[int64]int64{}}
		defer m.store.Close()
		m.nodes = []*filesync.Service{m.svc, filesync.NewService(m.store, bucket, &filesync.Options{Small: 20})}
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			m.round()
		}
		m.finish()
	})
}

// machine is the system and, beside it, what it should be.
type machine struct {
	*env
	t     *rapid.T
	nodes []*filesync.Service
	next  int

	mu      sync.Mutex // guards what actions of a round write
	syncs   map[int64]*modelSync
	current int64           // the full sync whose set readers see; 0 for the first set
	trash   map[int64]int64 // by the sync that it is called by: the full sync whose set it is
	began   bool            // readers see something
	added   []string        // "name=content" that incremental syncs added and were acknowledged
	seen    []map[string]string
}

type modelSync struct {
	id    int64
	full  bool
	state filesync.Status
	tried map[string][]string // contents by name
	acked map[string][]string
}

// round draws what happens, lets it happen at once, and compares.
func (m *machine) round() {
	for range rapid.IntRange(0, 2).Draw(m.t, "starts") {
		typ := rapid.SampledFrom([]filesync.SyncType{filesync.Full, filesync.Full, filesync.Incremental}).Draw(m.t, "type")
		id := m.start(typ, path)
		m.syncs[id] = &modelSync{id: id, full: typ == filesync.Full, state: filesync.Syncing, tried: map[string][]string{}, acked: map[string][]string{}}
	}
	ids := slices.Sorted(maps.Keys(m.syncs))
	if len(ids) == 0 {
		return
	}
	var acts []func()
	var restores []int64
	for range rapid.IntRange(1, 8).Draw(m.t, "acts") {
		id := rapid.SampledFrom(ids).Draw(m.t, "sync")
		node := rapid.SampledFrom(m.nodes).Draw(m.t, "node")
		switch rapid.IntRange(0, 9).Draw(m.t, "act") {
		case 0, 1, 2, 3:
			acts = append(acts, m.drawUpload(node, m.syncs[id]))
		case 4, 5:
			acts = append(acts, func() { m.finishSync(id, filesync.Finished, node.End(context.Background(), m.me, id)) })
		case 6:
			acts = append(acts, func() { m.finishSync(id, filesync.Failed, node.Abort(context.Background(), m.me, id)) })
		case 7:
			restores = append(restores, id)
			acts = append(acts, func() { m.restored(id, node) })
		default:
			acts = append(acts, m.reader)
		}
	}
	before := m.open()
	m.seen = nil
	var all sync.WaitGroup
	for _, act := range acts {
		all.Go(act)
	}
	all.Wait()
	m.predict(before, restores)
	m.compareSets()
	m.check()
}

// open returns the full syncs that have not ended.
func (m *machine) open() map[int64]bool {
	open := map[int64]bool{}
	for id, y := range m.syncs {
		open[id] = y.full && y.state == filesync.Syncing
	}
	return open
}

// drawUpload draws an upload: of a full sync any of a few names, of others a
// new one.
func (m *machine) drawUpload(node *filesync.Service, y *modelSync) func() {
	m.next++
	name := fmt.Sprintf("add%d", m.next)
	if y.full {
		name = fmt.Sprintf("f%d", rapid.IntRange(0, 4).Draw(m.t, "file"))
	}
	content := fmt.Sprintf("%d.%d", y.id, m.next) + strings.Repeat(".", rapid.IntRange(0, 40).Draw(m.t, "size"))
	return func() {
		m.mu.Lock()
		y.tried[name] = append(y.tried[name], content)
		m.mu.Unlock()
		err := node.Upload(context.Background(), m.me, y.id, name, strings.NewReader(content), nil)
		m.mu.Lock()
		defer m.mu.Unlock()
		switch {
		case err == nil:
			y.acked[name] = append(y.acked[name], content)
			if !y.full {
				m.added = append(m.added, name+"="+content)
				m.began = true
			}
		case !errors.Is(err, errs.Conflict):
			m.env.t.Errorf("upload to sync %d: %v", y.id, err)
		}
	}
}

func (m *machine) finishSync(id int64, state filesync.Status, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	y := m.syncs[id]
	switch {
	case err == nil && y.state == filesync.Syncing:
		y.state = state
		m.began = m.began || y.full && state == filesync.Finished
	case err == nil:
		m.env.t.Errorf("sync %d ended twice", id)
	case !errors.Is(err, filesync.ErrEnded):
		m.env.t.Errorf("ending sync %d: %v", id, err)
	}
}

func (m *machine) restored(id int64, node *filesync.Service) {
	if _, err := node.Restore(context.Background(), m.me, id); err != nil && !errors.Is(err, errs.NotFound) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.env.t.Errorf("restore of sync %d: %v", id, err)
	}
}

// reader reads all that is there, and remembers it.
func (m *machine) reader() {
	seen := map[string]string{}
	for f, err := range m.svc.Files(context.Background(), m.me, path) {
		if errors.Is(err, errs.NotFound) {
			return
		}
		var content string
		if err == nil {
			content, err = m.read(f)
		}
		if err != nil {
			m.mu.Lock()
			m.env.t.Errorf("a reader: %v", err)
			m.mu.Unlock()
			return
		}
		seen[f.Name] = content
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = append(m.seen, seen)
}

// predict moves the model's generations, where their order is certain.
func (m *machine) predict(before map[int64]bool, restores []int64) {
	var swaps []int64
	for id, open := range before {
		if open && m.syncs[id].state == filesync.Finished {
			swaps = append(swaps, id)
		}
	}
	if len(swaps)+len(restores) > 1 {
		m.adopt()
		return
	}
	for _, id := range swaps {
		// Whether an empty first set got a file in this very round is not certain.
		if _, ok := m.sets()[id]; ok || m.current != 0 {
			m.trash[id] = m.current
		}
		m.current = id
	}
	for _, id := range restores {
		if set, ok := m.trash[id]; ok {
			m.trash[id], m.current = m.current, set
		}
	}
}

// sets returns whose set is where, as the system has it: by 0 what is current,
// by others what is in the trash. A set is known by the files that it holds.
func (m *machine) sets() map[int64]int64 {
	where := map[int64]int64{}
	for id, files := range m.contents() {
		where[id] = m.owner(files)
	}
	return where
}

// contents returns the files of all generations, by place as sets does.
func (m *machine) contents() map[int64]map[string]string {
	m.env.t.Helper()
	all := map[int64]map[string]string{}
	trash, err := m.svc.Trash(context.Background(), m.me, filesync.TrashQuery{Path: path})
	m.ok(err)
	for _, t := range trash {
		all[t.SyncID] = m.list(t.Generation)
		if int64(len(all[t.SyncID])) != t.Files {
			m.env.t.Fatalf("the trash of sync %d counts %d files and holds %d", t.SyncID, t.Files, len(all[t.SyncID]))
		}
	}
	if m.began {
		all[0] = m.list(0)
	}
	return all
}

func (m *machine) list(generation int64) map[string]string {
	m.env.t.Helper()
	l, err := m.svc.List(context.Background(), m.me, filesync.ListQuery{Path: path, Generation: generation})
	m.ok(err)
	files := map[string]string{}
	for _, e := range l.Entries {
		content, err := m.read(e.File)
		m.ok(err)
		files[e.Name] = content
	}
	return files
}

// owner returns the full sync whose files are among these; 0 where none's are.
// It fails when they are of several.
func (m *machine) owner(files map[string]string) int64 {
	m.env.t.Helper()
	var owner int64
	for name, content := range files {
		if !strings.HasPrefix(name, "f") {
			continue
		}
		var id int64
		if _, err := fmt.Sscanf(content, "%d.", &id); err != nil {
			m.env.t.Fatalf("%q holds %q", name, content)
		}
		if owner != 0 && owner != id {
			m.env.t.Fatalf("a set mixes the syncs %d and %d: %v", owner, id, files)
		}
		owner = id
	}
	return owner
}

// adopt takes over where the sets are, when their order was not certain.
func (m *machine) adopt() {
	m.trash = map[int64]int64{}
	for id, set := range m.sets() {
		if id == 0 {
			m.current = set
		} else {
			m.trash[id] = set
		}
	}
}

// compareSets compares where the sets are with the model; sets without files
// cannot be told apart.
func (m *machine) compareSets() {
	for id, files := range m.contents() {
		want := m.trash[id]
		if id == 0 {
			want = m.current
		}
		if got := m.owner(files); got != 0 && got != want {
			m.env.t.Fatalf("by %d there is the set of sync %d, the model says %d", id, got, want)
		}
	}
}

// check holds after every round.
func (m *machine) check() {
	all := m.contents()
	found := map[int64]map[string]string{} // the full syncs' own files
	added := map[string]int{}
	for _, files := range all {
		owner := m.owner(files)
		if _, twice := found[owner]; twice && owner != 0 {
			m.env.t.Fatalf("the set of sync %d is there twice", owner)
		}
		found[owner] = map[string]string{}
		for name, content := range files {
			if strings.HasPrefix(name, "f") {
				found[owner][name] = content
			} else {
				added[name+"="+content]++
			}
		}
	}
	for _, file := range m.added {
		if added[file] != 1 {
			m.env.t.Fatalf("%s was acknowledged and is there %d times", file, added[file])
		}
	}
	for id, y := range m.syncs {
		if y.full {
			m.checkSync(y, found[id])
		}
	}
	for _, seen := range m.seen {
		owner := m.owner(seen)
		maps.DeleteFunc(seen, func(name, _ string) bool { return !strings.HasPrefix(name, "f") })
		if owner != 0 && !maps.Equal(seen, found[owner]) {
			m.env.t.Fatalf("a reader saw %v of sync %d, whose set is %v", seen, owner, found[owner])
		}
	}
}

// checkSync compares a full sync with the set that is its own.
func (m *machine) checkSync(y *modelSync, files map[string]string) {
	got := m.get(y.id)
	if got.Status != y.state {
		m.env.t.Fatalf("sync %d is %s, the model says %s", y.id, got.Status, y.state)
	}
	if y.state != filesync.Finished {
		if len(files) > 0 {
			m.env.t.Fatalf("sync %d is %s, and readers see %v", y.id, y.state, files)
		}
		return
	}
	for name := range y.acked {
		if _, ok := files[name]; !ok {
			m.env.t.Fatalf("%s of sync %d was acknowledged and is not in its set %v", name, y.id, files)
		}
	}
	for name, content := range files {
		if !slices.Contains(y.tried[name], content) {
			m.env.t.Fatalf("%s of sync %d holds %q, which was never sent", name, y.id, content)
		}
	}
}

// finish collects all that can be, after which everything must still be there
// and nothing else.
func (m *machine) finish() {
	for id, y := range m.syncs {
		if y.state == filesync.Syncing {
			m.ok(m.svc.Abort(context.Background(), m.me, id))
			y.state = filesync.Failed
		}
	}
	n := m.blobs()
	m.check()
	keys := map[string]bool{}
	trash, err := m.svc.Trash(context.Background(), m.me, filesync.TrashQuery{})
	m.ok(err)
	generations := []int64{0}
	for _, t := range trash {
		generations = append(generations, t.Generation)
	}
	if !m.began {
		generations = nil
	}
	for _, g := range generations {
		l, err := m.svc.List(context.Background(), m.me, filesync.ListQuery{Path: path, Generation: g})
		m.ok(err)
		for _, e := range l.Entries {
			keys[e.File.Place.Key] = true
		}
	}
	if n != len(keys) {
		m.env.t.Fatalf("the bucket holds %d objects, the files are in %d", n, len(keys))
	}
}
