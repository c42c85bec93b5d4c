//go:build unix

package folder_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/store/errs"
)

// tree writes files by their paths.
func tree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func source(t *testing.T, dir string, opts *folder.Options) *folder.Source {
	t.Helper()
	s, err := folder.OpenSource(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSource(t *testing.T) {
	for name, tt := range map[string]struct {
		opts  *folder.Options
		suite *blobtest.Options
	}{
		"default":      {nil, nil},
		"little sorts": {&folder.Options{SortLimit: 5}, &blobtest.Options{ListSize: 500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blobtest.RunSource(t, func(t *testing.T, objects map[string]string) blob.Source {
				dir := t.TempDir()
				tree(t, dir, objects)
				return source(t, dir, tt.opts)
			}, tt.suite)
		})
	}
}

func keys(t *testing.T, s blob.Source, prefix string, opts *blob.ListOptions) []string {
	t.Helper()
	got := []string{}
	for o, err := range s.List(t.Context(), prefix, opts) {
		if err != nil {
			t.Fatalf("List(%q): %v", prefix, err)
		}
		got = append(got, o.Key)
	}
	return got
}

func TestSourceStaysInside(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "shared")
	tree(t, base, map[string]string{"secret.txt": "secret", "private/key": "secret", "shared/real/a.csv": "1", "shared/b.csv": "2"})
	for name, target := range map[string]string{
		"out": "../secret.txt", "abs": filepath.Join(base, "secret.txt"), "rootdir": "/", "up": "..", "outdir": "../private",
		"in.csv": "real/a.csv", "indir": "real", "dangling": "nowhere", "loop": "loop", "real/out": "../../secret.txt",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := source(t, dir, nil)
	if diff := cmp.Diff([]string{"b.csv", "in.csv", "real/a.csv"}, keys(t, s, "", nil)); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b.csv", "in.csv", "real/"}, keys(t, s, "", &blob.ListOptions{OneLevel: true})); diff != "" {
		t.Errorf("List of one level (-want +got):\n%s", diff)
	}
	for _, key := range []string{
		"out", "abs", "rootdir/etc/passwd", "up/secret.txt", "outdir/key", "real/out", "../secret.txt", "real/../../secret.txt",
		"/etc/passwd", "./b.csv", "real//a.csv", "pipe", "dangling", "real", "shared/b.csv", "b.csv/",
	} {
		if o, err := s.Stat(t.Context(), key); !errors.Is(err, errs.NotFound) {
			t.Errorf("Stat(%q) = %+v, %v; want NotFound", key, o, err)
		}
		r, err := s.Open(t.Context(), key, nil)
		if !errors.Is(err, errs.NotFound) {
			t.Errorf("Open(%q): %v, want NotFound", key, err)
		}
		if err == nil {
			r.Close()
		}
		if msg := errs.Message(err); strings.Contains(msg, base) {
			t.Errorf("the message %q tells the path", msg)
		}
	}
	for _, key := range []string{"", "a\x00b", "loop"} {
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, errs.Invalid) {
			t.Errorf("Stat(%q): %v, want Invalid", key, err)
		}
	}
}

func TestSourceStrangeNames(t *testing.T) {
	dir := t.TempDir()
	names := map[string]string{
		"\xff\xfe.csv": "not UTF-8", "new\nline": "1", "back\\slash": "2", "半角かな/中文.csv": "3", "a.txt": "4", "a/b": "5",
		"a-b": "6", "a0": "7", " ": "8", "%2e": "9", strings.Repeat("x", 250): "10", "dir.\xff/y": "11",
	}
	tree(t, dir, names)
	s := source(t, dir, nil)
	got := keys(t, s, "", nil)
	if len(got) != len(names) {
		t.Errorf("List = %q", got)
	}
	for i, key := range got {
		if i > 0 && got[i-1] >= key {
			t.Errorf("%q comes before %q", got[i-1], key)
		}
		r, err := s.Open(t.Context(), key, nil)
		if err != nil {
			t.Errorf("Open(%q): %v", key, err)
			continue
		}
		if data, err := io.ReadAll(r); err != nil || string(data) != names[key] {
			t.Errorf("%q = %q, %v", key, data, err)
		}
		r.Close()
	}
}

func TestSourceUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root may read everything, so the check runs in a process that may not.
		asNobody(t)
		return
	}
	dir := os.Getenv("FOLDER_TEST_DIR")
	if dir == "" {
		dir = t.TempDir()
		unreadable(t, dir)
	}
	s := source(t, dir, nil)
	for name, opts := range map[string]*blob.ListOptions{"all": nil, "one level": {OneLevel: true}} {
		var failed error
		var got []string
		for o, err := range s.List(t.Context(), "", opts) {
			if err != nil {
				failed = err
				continue
			}
			got = append(got, o.Key)
		}
		if !errors.Is(failed, errs.Forbidden) || !strings.Contains(errs.Message(failed), "closed") {
			t.Errorf("%s: an unreadable directory gives %v after %q, want Forbidden", name, failed, got)
		}
		if diff := cmp.Diff([]string{"a"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := s.Open(t.Context(), "secret", nil); !errors.Is(err, errs.Forbidden) {
		t.Errorf("Open of an unreadable file: %v, want Forbidden", err)
	}
}

func unreadable(t *testing.T, dir string) {
	t.Helper()
	tree(t, dir, map[string]string{"a": "1", "closed/b": "2", "secret": "3", "z": "4"})
	for name, mode := range map[string]os.FileMode{"closed": 0, "secret": 0} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "closed"), 0o700) })
}

// TestSourceChanges writes to, shortens, and replaces a file while it is read.
func TestSourceChanges(t *testing.T) {
	long := strings.Repeat("0123456789", 100_000)
	change := map[string]struct {
		do   func(path string) error
		want bool
	}{
		"nothing":  {func(string) error { return nil }, false},
		"appended": {func(p string) error { return appendTo(p, "more") }, true},
		"cut":      {func(p string) error { return os.Truncate(p, 500_000) }, true},
		"same size": {func(p string) error {
			time.Sleep(10 * time.Millisecond) // the clock of files may tick that slowly
			f, err := os.OpenFile(p, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("X"), 999_999)
			return errors.Join(err, f.Close())
		}, true},
		// The open file is still the old one, whole.
		"replaced": {func(p string) error {
			return errors.Join(os.WriteFile(p+".new", []byte("new"), 0o644), os.Rename(p+".new", p))
		}, false},
		"deleted": {os.Remove, false},
	}
	for name, tt := range change {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			tree(t, dir, map[string]string{"k": long})
			s := source(t, dir, nil)
			o, err := s.Stat(t.Context(), "k")
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Open(t.Context(), "k", &blob.OpenOptions{IfMatch: o.ETag})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			if err := tt.do(filepath.Join(dir, "k")); err != nil {
				t.Fatal(err)
			}
			_, readErr := io.Copy(io.Discard, r)
			closeErr := r.Close()
			if errors.Is(readErr, errs.Conflict) != tt.want || (readErr == nil) == tt.want {
				t.Errorf("reading on: %v", readErr)
			}
			if errors.Is(closeErr, errs.Conflict) != tt.want {
				t.Errorf("Close: %v", closeErr)
			}
			_, err = s.Open(t.Context(), "k", &blob.OpenOptions{IfMatch: o.ETag})
			if name != "nothing" && name != "deleted" && !errors.Is(err, errs.Conflict) {
				t.Errorf("Open with the old ETag: %v, want Conflict", err)
			}
		})
	}
}

func appendTo(path, data string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(data)
	return errors.Join(err, f.Close())
}

func TestOpenSourceMissing(t *testing.T) {
	_, err := folder.OpenSource(filepath.Join(t.TempDir(), "none"), nil)
	if !errors.Is(err, errs.NotFound) {
		t.Errorf("%v, want NotFound", err)
	}
}
