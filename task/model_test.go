package task_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

// TestTasksAgreeWithTheModel runs random sequences of calls, work and faults.
// INLET_TEST_SEQUENCES says how many.
func TestTasksAgreeWithTheModel(t *testing.T) {
	if n := os.Getenv("INLET_TEST_SEQUENCES"); n != "" {
		if err := flag.Set("rapid.checks", n); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{env: openEnv(t, &task.RunnerOptions{Attempts: 2}), tasks: map[int64]*modelTask{}}
		defer m.close()
		t.Repeat(map[string]func(*rapid.T){
			"create": m.create, "pause": m.pause, "resume": m.resume, "retry": m.retry, "update": m.update,
			"delete": m.delete, "work": m.work, "tick": m.tickAction, "break": m.breakFile, "change": m.change,
			"": m.check,
		})
		m.finish(t)
	})
}

// machine is the system and, beside it, what it should be.
type machine struct {
	*env
	tasks   map[int64]*modelTask
	next    int
	version int
	ever    map[string][]string // contents that a source file has had
}

type modelTask struct {
	dir      string // its own part of the source
	uris     []string
	periodic bool
	status   task.Status
	frozen   map[string]string // what was visible of it when it was paused
}

const filesPerTask = 6

func (m *machine) create(t *rapid.T) {
	if len(m.tasks) == 3 {
		t.Skip("enough tasks")
	}
	mt := &modelTask{dir: fmt.Sprintf("t%d/", m.next), periodic: rapid.Bool().Draw(t, "periodic"), status: task.Executable}
	m.next++
	for i := range filesPerTask {
		m.write(fmt.Sprintf("%s%d", mt.dir, i))
	}
	mt.uris = drawURIs(t, mt.dir)
	schedule := once
	if mt.periodic {
		schedule = task.Schedule{Type: task.Minutely, Every: 1}
	}
	m.tasks[m.env.create(schedule, mt.uris...)] = mt
}

// drawURIs draws the whole directory, or some of its files.
func drawURIs(t *rapid.T, dir string) []string {
	n := rapid.IntRange(0, filesPerTask-1).Draw(t, "files")
	if n == 0 {
		return []string{dir}
	}
	var uris []string
	for i := range n {
		uris = append(uris, fmt.Sprintf("%s%d", dir, i))
	}
	return uris
}

// write gives a source file new content.
func (m *machine) write(name string) {
	m.version++
	content := fmt.Sprintf("%s version %d", name, m.version)
	if m.ever == nil {
		m.ever = map[string][]string{}
	}
	m.ever[name] = append(m.ever[name], content)
	if _, err := m.source.Write(context.Background(), name, strings.NewReader(content), nil); err != nil {
		panic(err)
	}
}

// pick draws a task, in the order in which they were made.
func (m *machine) pick(t *rapid.T) (int64, *modelTask) {
	if len(m.tasks) == 0 {
		t.Skip("no task")
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(m.tasks))).Draw(t, "task")
	m.observe(id)
	return id, m.tasks[id]
}

func (m *machine) open(id int64) bool {
	runs, err := m.store.OpenRuns(context.Background(), m.me.Tenant, id)
	if err != nil {
		panic(err)
	}
	return len(runs) > 0
}

// observe lets the model see that a one-off task's work is over.
func (m *machine) observe(id int64) {
	mt := m.tasks[id]
	if mt.status == task.Executable && !mt.periodic && !m.open(id) {
		mt.status = task.Completed
	}
}

func (m *machine) pause(t *rapid.T) {
	id, mt := m.pick(t)
	err := m.env.tasks.Pause(context.Background(), m.me, id)
	if mt.status == task.Completed {
		expect(t, "pause of a completed task", err, errs.Invalid)
		return
	}
	expect(t, "pause", err, nil)
	if mt.status != task.Paused {
		mt.status, mt.frozen = task.Paused, m.visibleOf(mt)
	}
}

func (m *machine) resume(t *rapid.T) {
	id, mt := m.pick(t)
	err := m.env.tasks.Resume(context.Background(), m.me, id)
	if mt.status != task.Paused {
		expect(t, "resume of a task that is not paused", err, errs.Invalid)
		return
	}
	expect(t, "resume", err, nil)
	mt.status, mt.frozen = task.Executable, nil
}

func (m *machine) retry(t *rapid.T) {
	id, mt := m.pick(t)
	failed, open := m.failed(id), m.open(id)
	n, err := m.env.tasks.Retry(context.Background(), m.me, id, nil)
	if mt.status == task.Paused || open {
		expect(t, "retry of a task that is paused or loading", err, errs.Conflict)
		return
	}
	expect(t, "retry", err, nil)
	if n != failed {
		t.Fatalf("%d files are retried, %d had failed", n, failed)
	}
	if n > 0 {
		mt.status = task.Executable
	}
}

func (m *machine) failed(id int64) int {
	files, _, _, err := m.env.tasks.Files(context.Background(), m.me, id, task.FileQuery{Statuses: []task.FileStatus{task.Failed}})
	if err != nil {
		panic(err)
	}
	return len(files)
}

func (m *machine) update(t *rapid.T) {
	id, mt := m.pick(t)
	uris := drawURIs(t, mt.dir)
	err := m.env.tasks.Update(context.Background(), m.me, id, task.Change{URIs: uris})
	if mt.status == task.Completed {
		expect(t, "update of a completed task", err, errs.Invalid)
		return
	}
	expect(t, "update", err, nil)
	mt.uris = uris
}

func (m *machine) delete(t *rapid.T) {
	id, mt := m.pick(t)
	if rapid.IntRange(0, 4).Draw(t, "really") != 0 {
		t.Skip("not now")
	}
	before := m.visibleOf(mt)
	expect(t, "delete", m.env.tasks.Delete(context.Background(), m.me, id), nil)
	expect(t, "delete again", m.env.tasks.Delete(context.Background(), m.me, id), errs.NotFound)
	if after := m.visibleOf(mt); !maps.Equal(before, after) {
		t.Fatalf("a delete changed the volume from %v to %v", before, after)
	}
	delete(m.tasks, id)
}

func (m *machine) work(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "crash") == 0 {
		// A node claims work and dies; its lease is given back.
		if item := m.dispatcher.claim(context.Background()); item != nil {
			if err := m.store.Release(context.Background(), item.Lease(), 0); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	m.dispatcher.step(context.Background())
}

func (m *machine) tickAction(*rapid.T) { m.reconcile(20 * time.Second) }

func (m *machine) breakFile(t *rapid.T) {
	if m.next == 0 {
		t.Skip("no file")
	}
	name := m.drawFile(t)
	var err error
	if rapid.Bool().Draw(t, "broken") {
		err = errs.New(rapid.SampledFrom([]errs.Kind{errs.Forbidden, errs.Unavailable, errs.Internal}).Draw(t, "kind"), "no luck with %q", name)
	}
	m.source.fail(name, err)
}

func (m *machine) change(t *rapid.T) {
	if m.next == 0 {
		t.Skip("no file")
	}
	m.write(m.drawFile(t))
}

func (m *machine) drawFile(t *rapid.T) string {
	return fmt.Sprintf("t%d/%d", rapid.IntRange(0, m.next-1).Draw(t, "dir"), rapid.IntRange(0, filesPerTask-1).Draw(t, "file"))
}

// visibleOf returns what of the task's directory is in the volume.
func (m *machine) visibleOf(mt *modelTask) map[string]string {
	seen := map[string]string{}
	for uri, content := range m.visible() {
		if strings.HasPrefix(uri, mt.dir) {
			seen[uri] = content
		}
	}
	return seen
}

// check holds after every action.
func (m *machine) check(t *rapid.T) {
	for uri, content := range m.visible() {
		if !slices.Contains(m.ever[uri], content) {
			t.Fatalf("%q shows %q, which it never held", uri, content)
		}
	}
	for id, mt := range m.tasks {
		m.observe(id)
		if got := m.get(id).Status; got != mt.status {
			t.Fatalf("task %d is %d, the model says %d", id, got, mt.status)
		}
		if mt.status == task.Paused && !maps.Equal(mt.frozen, m.visibleOf(mt)) {
			t.Fatalf("a paused task went on loading: %v, then %v", mt.frozen, m.visibleOf(mt))
		}
		m.checkCounts(t, id)
	}
}

// checkCounts compares the task's numbers with its files.
func (m *machine) checkCounts(t *rapid.T, id int64) {
	files, total, counts, err := m.env.tasks.Files(context.Background(), m.me, id, task.FileQuery{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[task.FileStatus]int64{}
	for _, f := range files {
		got[f.Status]++
		if (f.Status == task.Failed) != (f.Reason != "") {
			t.Fatalf("file %q is %d with the reason %q", f.URI, f.Status, f.Reason)
		}
	}
	if int64(total) != counts.Total || int64(len(files)) != counts.Total || got[task.Success] != counts.Success || got[task.Failed] != counts.Failed {
		t.Fatalf("task %d: counts %+v, files %v", id, counts, got)
	}
}

// finish heals everything and lets the system come to rest: all that was
// asked for must then be there, as it is now.
func (m *machine) finish(t *rapid.T) {
	clear(m.source.broken)
	ctx := context.Background()
	for id, mt := range m.tasks {
		m.observe(id)
		if mt.status == task.Paused {
			expect(t, "last resume", m.env.tasks.Resume(ctx, m.me, id), nil)
		}
	}
	m.drain()
	m.tick(2 * time.Minute)
	for id := range m.tasks {
		if _, err := m.env.tasks.Retry(ctx, m.me, id, nil); err != nil {
			t.Fatalf("last retry: %v", err)
		}
	}
	m.drain()
	seen := m.visible()
	for id, mt := range m.tasks {
		want := task.Completed
		if mt.periodic {
			want = task.Executable
		}
		if got := m.get(id).Status; got != want || m.open(id) {
			t.Fatalf("task %d ends as %d, open: %t", id, got, m.open(id))
		}
		for _, uri := range mt.expected() {
			if _, ok := seen[uri]; !ok {
				t.Fatalf("%q was asked for and is not there", uri)
			}
			if mt.periodic && seen[uri] != m.ever[uri][len(m.ever[uri])-1] {
				t.Fatalf("%q shows %q, the source holds %q", uri, seen[uri], m.ever[uri])
			}
		}
	}
	m.collect()
	if err := m.collector.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := m.blobs(); n != len(seen) {
		t.Fatalf("the bucket holds %d objects for %d visible files", n, len(seen))
	}
}

func (mt *modelTask) expected() []string {
	if mt.uris[0] != mt.dir {
		return mt.uris
	}
	var all []string
	for i := range filesPerTask {
		all = append(all, fmt.Sprintf("%s%d", mt.dir, i))
	}
	return all
}

func expect(t *rapid.T, what string, err error, kind error) {
	t.Helper()
	if kind == nil && err != nil || kind != nil && !errors.Is(err, kind) {
		t.Fatalf("%s: %v, want %v", what, err, kind)
	}
}
