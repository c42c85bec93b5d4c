package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/task"
)

// kills is how many times the crash test kills the server; INLET_TEST_KILLS
// overrides it.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("INLET_TEST_KILLS"))
	if err != nil {
		return 12
	}
	return n
}

// goesOn tells whether another kill follows the first n: there are as many as
// were asked for, and more, up to 100, while they prove nothing.
func goesOn(t *testing.T, n int, proved bool) bool {
	t.Helper()
	return n < kills(t) || !proved && n < kills(t)+100
}

// awaitKill returns when the nth kill is due: after a random while of at most
// longest, which for two kills of three begins only when done has grown by one
// or by two, so that a slow machine has come to something.
func awaitKill(t *testing.T, n int, r *rand.Rand, longest time.Duration, done func() int) {
	t.Helper()
	want := done() + n%3
	for end := time.Now().Add(time.Minute); done() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server did nothing for a minute: %d of %d", done(), want)
		}
	}
	time.Sleep(time.Duration(r.Int64N(int64(longest))))
}

// randomFiles returns files of up to 64 KiB, and some of a few MiB.
func randomFiles(seed uint64, n int) map[string]string {
	r := rand.New(rand.NewPCG(seed, 0))
	files := map[string]string{}
	for i := range n {
		size := r.IntN(64 << 10)
		if i%100 == 7 {
			size = 1<<20 + r.IntN(4<<20)
		}
		body := make([]byte, size)
		for j := 0; j+8 <= size; j += 8 {
			v := r.Uint64()
			for k := range 8 {
				body[j+k] = byte(v >> (8 * k))
			}
		}
		files[fmt.Sprintf("dir%d/file%04d.bin", i%7, i)] = string(body)
	}
	return files
}

// TestKilledServerLosesNothing kills the server at random moments while it
// loads, and starts it again on the same SQLite file and folder.
func TestKilledServerLosesNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	content := randomFiles(seed, 400)
	source, data := folderOf(t, content), t.TempDir()
	flags := []string{"-data", data, "-allow-dir", source}

	type load struct{ task, volume string }
	var loads []load
	acknowledged := map[string]map[string]bool{} // by task: names that were shown as loaded
	var conn int64
	for i := range kills(t) {
		p := start(t, flags...)
		if conn == 0 {
			conn = p.connector("c", source)
		}
		if len(loads) == 0 || p.status(loads[len(loads)-1].task) == 4 {
			volume := p.volume(fmt.Sprintf("v%d", i))
			l := load{p.load(conn, volume, "/"), volume}
			loads = append(loads, l)
			acknowledged[l.task] = map[string]bool{}
		}
		current := loads[len(loads)-1]
		end, patience := time.Now().Add(time.Duration(r.IntN(300))*time.Millisecond), time.Now().Add(30*time.Second)
		for time.Now().Before(end) || i == 0 && len(acknowledged[current.task]) == 0 && time.Now().Before(patience) {
			files, _, _, _, err := p.files(current.task, 1, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if f.Status == 5 {
					acknowledged[current.task][f.uri()] = true
				}
			}
		}
		p.kill()
	}

	p := start(t, flags...)
	for _, l := range loads {
		p.await(l.task, 4, 2*time.Minute)
	}
	if err := p.stop(); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, p.logged())
	}
	a := audit(t, data)
	for _, l := range loads {
		got := a.volume(l.volume)
		for name, body := range content {
			if got[name] != sha256.Sum256([]byte(body)) {
				t.Errorf("task %s: %q is not there with its SHA-256", l.task, name)
			}
		}
		if len(got) != len(content) {
			t.Errorf("task %s: %d files, want %d", l.task, len(got), len(content))
		}
		for name := range acknowledged[l.task] {
			if _, ok := got[name]; !ok {
				t.Errorf("task %s: %q was acknowledged and is gone", l.task, name)
			}
		}
	}
	if n, want := a.sweep(), len(loads)*len(content); n != want {
		t.Errorf("the bucket holds %d objects after the sweep, want %d", n, want)
	}
	seen := 0
	for _, names := range acknowledged {
		seen += len(names)
	}
	if seen == 0 {
		t.Error("no file was acknowledged before a kill: this proves nothing")
	}
	t.Logf("%d kills, %d loads of %d files, %d files acknowledged before a kill", kills(t), len(loads), len(content), seen)
}

// auditor looks at a stopped server's data from inside.
type auditor struct {
	t         *testing.T
	store     *sqlstore.Store
	bucket    *folder.Bucket
	tasks     *task.Service
	collector *blob.Collector
}

func audit(t *testing.T, data string) *auditor {
	t.Helper()
	keys, err := loadKeys(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), "sqlite:"+filepath.Join(data, "inlet.db"), &sqlstore.Options{Sealer: seal.New(keys.keeper, nil)})
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := folder.Open(filepath.Join(data, "bucket"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close(); bucket.Close() })
	a := &auditor{t: t, store: store, bucket: bucket}
	connectors := connector.NewService(store, noOpener{}, uispec.New(nil), nil)
	a.tasks = task.NewService(store, connectors, bucket, nil)
	a.collector = blob.NewCollector(bucket, store, &blob.CollectorOptions{Grace: -1})
	return a
}

type noOpener struct{}

func (noOpener) Open(context.Context, connector.Config) (blob.Source, error) {
	return nil, errs.Unsupported
}

// volume reads every file of a volume and returns the sums by URI.
func (a *auditor) volume(id string) map[string][sha256.Size]byte {
	a.t.Helper()
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		a.t.Fatal(err)
	}
	me := scope.Scope{Tenant: tenant}
	files, _, err := a.tasks.VolumeFiles(a.t.Context(), me, n, task.FileQuery{})
	if err != nil {
		a.t.Fatal(err)
	}
	sums := map[string][sha256.Size]byte{}
	for _, f := range files {
		if _, twice := sums[f.URI]; twice {
			a.t.Errorf("volume %s shows %q twice", id, f.URI)
		}
		sums[f.URI] = a.sum(f)
		if sums[f.URI] != f.SHA256 {
			a.t.Errorf("volume %s: %q does not match its SHA-256", id, f.URI)
		}
	}
	return sums
}

func (a *auditor) sum(f *task.File) (sum [sha256.Size]byte) {
	a.t.Helper()
	r, err := a.tasks.OpenFile(a.t.Context(), f, nil)
	if err != nil {
		a.t.Errorf("row %d %q has no bytes: %v", f.ID, f.URI, err)
		return sum
	}
	h := sha256.New()
	_, err = io.Copy(h, r)
	if err := errors.Join(err, r.Close()); err != nil {
		a.t.Errorf("reading %q: %v", f.URI, err)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// sweep collects orphans and returns how many objects are left.
func (a *auditor) sweep() int {
	a.t.Helper()
	if err := a.collector.Sweep(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	n := 0
	for _, err := range a.bucket.List(a.t.Context(), "", nil) {
		if err != nil {
			a.t.Fatal(err)
		}
		n++
	}
	return n
}
