package folder

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// temps makes temporary files in a directory of this Bucket's own, which it
// keeps locked: a directory that can be locked belongs to nobody any more.
type temps struct {
	dir  string
	lock *os.File
	next atomic.Uint64
}

// staleAfter is the age at which a directory is nobody's where there are no
// locks.
const staleAfter = 24 * time.Hour

func openTemps(root *os.Root) (*temps, error) {
	if err := removeStale(root); err != nil {
		return nil, err
	}
	for range 10 {
		t := &temps{dir: tempDir + "/" + rand.Text()}
		if err := root.Mkdir(t.dir, 0o700); err != nil {
			return nil, err
		}
		var err error
		if t.lock, err = root.Open(t.dir); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue // another Open removed it before it was locked
			}
			return nil, err
		}
		locked, err := tryLock(t.lock)
		if errors.Is(err, errors.ErrUnsupported) {
			locked, err = true, nil
		}
		if err != nil {
			t.lock.Close()
			return nil, err
		}
		if _, err := root.Lstat(t.dir); locked && err == nil {
			return t, nil
		}
		t.lock.Close()
	}
	return nil, errors.New("no directory for temporary files could be locked")
}

// removeStale removes the directories that nobody holds locked.
func removeStale(root *os.Root) error {
	dir, err := root.Open(tempDir)
	if err != nil {
		return err
	}
	entries, err := dir.ReadDir(-1)
	dir.Close()
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := tempDir + "/" + e.Name()
		f, err := root.Open(name)
		if err != nil {
			continue
		}
		stale, err := tryLock(f)
		if errors.Is(err, errors.ErrUnsupported) {
			info, statErr := f.Stat()
			stale, err = statErr == nil && time.Since(info.ModTime()) > staleAfter, nil
		}
		if err == nil && stale {
			err = root.RemoveAll(name)
		}
		f.Close()
		if err != nil {
			return fmt.Errorf("remove stale temporary files: %w", err)
		}
	}
	return nil
}

// create makes a temporary file.
func (t *temps) create(root *os.Root) (f *os.File, name string, err error) {
	name = t.dir + "/" + strconv.FormatUint(t.next.Add(1), 10)
	f, err = root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	return f, name, err
}

func (t *temps) close(root *os.Root) error {
	return errors.Join(root.RemoveAll(t.dir), t.lock.Close())
}
