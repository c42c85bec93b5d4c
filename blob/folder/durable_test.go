package folder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

func mustOpen(t *testing.T, dir string, opts *Options) *Bucket {
	t.Helper()
	b, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func put(t *testing.T, b *Bucket, key, data string, opts *blob.WriteOptions) {
	t.Helper()
	if _, err := b.Write(t.Context(), key, strings.NewReader(data), opts); err != nil {
		t.Fatalf("Write(%q): %v", key, err)
	}
}

// files counts the files and directories below dir.
func files(t *testing.T, dir string) (n, dirs int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if d.IsDir() {
			dirs++
		} else {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, dirs - 1
}

// TestStaleTemps distinguishes what a crash left from what is in use.
func TestStaleTemps(t *testing.T) {
	dir := t.TempDir()
	first := mustOpen(t, dir, nil)
	stage, err := first.Stage(t.Context(), "k", 4)
	if err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, tempDir, "STALE")
	if err := os.MkdirAll(stale, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"STALE/1", "stray"} {
		if err := os.WriteFile(filepath.Join(dir, tempDir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	second := mustOpen(t, dir, nil)
	if n, dirs := files(t, filepath.Join(dir, tempDir)); n != 1 || dirs != 2 {
		t.Errorf("%d files and %d directories left, want the one in use and two", n, dirs)
	}
	if _, err := stage.WriteAt([]byte("data"), 0); err != nil {
		t.Fatal(err)
	}
	if err := stage.Commit(t.Context(), nil); err != nil {
		t.Errorf("Commit after another Open: %v", err)
	}
	if _, err := second.Stat(t.Context(), "k"); err != nil {
		t.Errorf("the second bucket does not see what the first wrote: %v", err)
	}
	first.Close()
	if _, err := first.Write(t.Context(), "late", strings.NewReader("x"), nil); !errors.Is(err, errs.Unavailable) {
		t.Errorf("Write after Close: %v, want Unavailable", err)
	}
}

// TestFull asks for more than there can be; nothing may be left of it.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	b := mustOpen(t, dir, nil)
	_, err := b.Stage(t.Context(), "files/k", 1<<50)
	if !errors.Is(err, errs.Unavailable) || !strings.Contains(errs.Message(err), "storage is full") ||
		!strings.Contains(errs.Message(err), "files/k") {
		t.Errorf("Stage of a petabyte: %v", err)
	}
	for _, errno := range []error{syscall.ENOSPC, errQuota} {
		err := classify(&fs.PathError{Op: "write", Path: "/secret/path", Err: errno}, "k")
		if !errors.Is(err, errs.Unavailable) || errs.Message(err) != `blob "k": storage is full` {
			t.Errorf("%v becomes %q", errno, errs.Message(err))
		}
	}
	if n, _ := files(t, dir); n != 0 {
		t.Errorf("%d files left", n)
	}
}

// TestDamaged cuts files as a power cut may, and puts foreign ones between.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	b := mustOpen(t, dir, nil)
	for _, key := range []string{"a", "cut", "empty", "z"} {
		put(t, b, key, "content", nil)
	}
	objects := filepath.Join(dir, objectsDir)
	if err := errors.Join(
		os.Truncate(filepath.Join(objects, pathOf("cut")), 5),
		os.Truncate(filepath.Join(objects, pathOf("empty")), 0),
		os.WriteFile(filepath.Join(objects, "README"), []byte("not ours"), 0o600),
		os.Mkdir(filepath.Join(objects, "lost+found.d"), 0o700),
	); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"cut", "empty"} {
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, errs.Internal) || !errors.Is(err, errDamaged) {
			t.Errorf("Stat(%q): %v, want Internal", key, err)
		}
		if _, err := b.Open(t.Context(), key, nil); !errors.Is(err, errDamaged) {
			t.Errorf("Open(%q): %v", key, err)
		}
	}
	got := map[string]string{}
	for o, err := range b.List(t.Context(), "", nil) {
		if err != nil {
			t.Fatal(err)
		}
		got[o.Key] = o.ETag
	}
	if len(got) != 4 || got["cut"] != "" || got["a"] == "" {
		t.Errorf("List = %q", got)
	}
	if err := b.Delete(t.Context(), "cut", "empty"); err != nil {
		t.Error(err)
	}
	put(t, b, "cut", "new", &blob.WriteOptions{IfNotExist: true})
}

// TestPrune writes and deletes at once in the same few directories: each
// Write must succeed although Delete takes its directories away.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	b := mustOpen(t, dir, nil)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 30 {
				key := fmt.Sprintf("files/%016x-%d", i%3<<40, w)
				opts := &blob.WriteOptions{Deferred: i%2 == 0, IfNotExist: i%4 < 2}
				if _, err := b.Write(context.Background(), key, strings.NewReader(key), opts); err != nil {
					t.Errorf("Write: %v", err)
				}
				if err := b.Delete(context.Background(), key); err != nil {
					t.Errorf("Delete: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if n, dirs := files(t, dir); n != 0 || dirs != 3 {
		t.Errorf("%d files and %d directories left, want none and the bucket's own 3", n, dirs)
	}
}

// TestSyncWithoutSyncfs goes the way of systems that lack it.
func TestSyncWithoutSyncfs(t *testing.T) {
	if hasSyncfs {
		hasSyncfs = false
		defer func() { hasSyncfs = true }()
	}
	b := mustOpen(t, t.TempDir(), nil)
	for i := range 50 {
		put(t, b, fmt.Sprintf("files/%d", i), "data", &blob.WriteOptions{Deferred: true})
	}
	if n := len(b.pending.paths); n != 50 {
		t.Errorf("%d paths are pending, want 50", n)
	}
	b.Delete(t.Context(), "files/7")
	if err := b.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.pending.paths); n != 0 {
		t.Errorf("%d paths are pending after Sync", n)
	}
	for i := range maxPending {
		b.pending.add(objectsDir + "/" + fmt.Sprint(i)) // no such files: as good as deleted
	}
	put(t, b, "files/full", "data", &blob.WriteOptions{Deferred: true})
	if n := len(b.pending.paths); n != maxPending {
		t.Errorf("%d paths are pending, want at most %d", n, maxPending)
	}
	if err := b.Sync(t.Context()); err != nil {
		t.Errorf("Sync: %v", err)
	}
}

const crashDir = "FOLDER_TEST_CRASH_DIR"

// TestKill writes in a child process that is killed at random moments. After
// each, all that it acknowledged is there, nothing is half there, and the next
// Open leaves no temporary file.
func TestKill(t *testing.T) {
	if dir := os.Getenv(crashDir); dir != "" {
		writeForever(t, dir)
		return
	}
	dir := t.TempDir()
	for round := range 6 {
		acked := runAndKill(t, dir, time.Duration(20+round*15)*time.Millisecond)
		b, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		for key := range acked {
			if _, err := b.Stat(t.Context(), key); err != nil {
				t.Errorf("round %d: %q was acknowledged: %v", round, key, err)
			}
		}
		for o, err := range b.List(t.Context(), "", nil) {
			if err != nil || o.ETag == "" {
				t.Errorf("round %d: %+v, %v", round, o, err)
				continue
			}
			wantUniform(t, b, o)
		}
		if n, _ := files(t, filepath.Join(dir, tempDir)); n != 0 {
			t.Errorf("round %d: %d temporary files left", round, n)
		}
		b.Close()
	}
}

// wantUniform reads an object whose bytes are all the same.
func wantUniform(t *testing.T, b *Bucket, o blob.Object) {
	t.Helper()
	r, err := b.Open(t.Context(), o.Key, nil)
	if err != nil {
		t.Errorf("%q: %v", o.Key, err)
		return
	}
	defer r.Close()
	data := make([]byte, o.Size)
	if _, err := fill(t.Context(), r, data); err != nil && !errors.Is(err, errEnd) {
		t.Errorf("%q: %v", o.Key, err)
	}
	if n := strings.Count(string(data), string(data[:1])); n != len(data) {
		t.Errorf("%q is a mixture: %d of %d bytes are the first one's", o.Key, n, len(data))
	}
}

func runAndKill(t *testing.T, dir string, after time.Duration) map[string]bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := map[string]bool{}
	lines := bufio.NewScanner(out)
	var kill *time.Timer
	for lines.Scan() {
		if key, ok := strings.CutPrefix(lines.Text(), "ACK "); ok {
			acked[key] = true
		}
		if kill == nil {
			kill = time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || len(acked) == 0 {
		t.Fatalf("the child ended by itself (%v) after %d writes", err, len(acked))
	}
	return acked
}

// writeForever overwrites a few keys with ever longer objects, in both ways.
func writeForever(t *testing.T, dir string) {
	b := mustOpen(t, dir, nil)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 1; ; i++ {
				key := fmt.Sprintf("files/%d-%d", os.Getpid(), (w*7+i)%20)
				data := strings.Repeat(string(rune('a'+i%26)), 1000*i)
				var err error
				if w%2 == 0 {
					_, err = b.Write(context.Background(), key, strings.NewReader(data), nil)
				} else {
					key += "-staged"
					err = writeStaged(b, key, data)
				}
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Printf("ACK %s\n", key)
			}
		})
	}
	wg.Wait()
}

func writeStaged(b *Bucket, key, data string) error {
	s, err := b.Stage(context.Background(), key, int64(len(data)))
	if err != nil {
		return err
	}
	defer s.Abort()
	half := len(data) / 2
	if _, err := s.WriteAt([]byte(data[half:]), int64(half)); err != nil {
		return err
	}
	if _, err := s.WriteAt([]byte(data[:half]), 0); err != nil {
		return err
	}
	return s.Commit(context.Background(), nil)
}
