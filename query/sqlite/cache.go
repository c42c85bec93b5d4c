package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inlet-go/inlet/query/tabular"
)

// file is a database in the cache, which is complete and never changes.
type file struct {
	key  string // of what is in it
	path string
	size int64
	sum  uint32 // CRC-32C of it
	meta fileMeta

	pins     int       // statements that read it
	used     time.Time // guarded by the cache, as pins
	verified bool      // it is what was written
	checking sync.Mutex
}

// fileMeta is what a file says about its table.
type fileMeta struct {
	Columns []tabular.Column
	Rows    int64
}

// The names of the tables in a file.
const (
	tableName = mark + "table"
	metaName  = mark + "meta"
)

// formatVersion is part of all keys: files of other versions are not found.
const formatVersion = "1"

// keyOf returns the key of what has a version.
func keyOf(kind, version string) string {
	sum := sha256.Sum256([]byte(formatVersion + kind + "\x00" + version))
	return hex.EncodeToString(sum[:16])
}

// database is by what name the file is attached.
func (f *file) database() string { return mark + f.key }

func (f *file) uri() string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(f.path)}).String() + "?mode=ro&immutable=1"
}

// cache keeps files up to a size. What was not used for longest goes first.
type cache struct {
	dir   string
	limit int64
	gone  func(key string) // a file was removed

	mu    sync.Mutex
	files map[string]*file
	bytes int64
	loads map[string]*load
	going sync.WaitGroup // loads, also those that nobody waits for
	count atomic.Int64   // for names of files that are being written
}

const (
	fileSuffix = ".table"
	tempSuffix = ".tmp"
)

// openCache finds what is in a folder. Leftovers are removed.
func openCache(dir string, limit int64, gone func(key string)) (*cache, error) {
	c := &cache{dir: dir, limit: limit, gone: gone, files: map[string]*file{}, loads: map[string]*load{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		path := filepath.Join(dir, name)
		var f file
		if n, err := fmt.Sscanf(name, "%32s.%08x"+fileSuffix, &f.key, &f.sum); n == 2 && err == nil {
			if info, err := entry.Info(); err == nil {
				f.path, f.size, f.used = path, info.Size(), info.ModTime()
				c.files[f.key] = &f
				c.bytes += f.size
			}
		} else if strings.HasSuffix(name, tempSuffix) || strings.HasSuffix(name, fileSuffix) {
			os.Remove(path)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.evict()
	return c, nil
}

// pin returns the file with a key and keeps it until unpin, or nil.
func (c *cache) pin(key string) *file {
	c.mu.Lock()
	f := c.files[key]
	if f == nil {
		c.mu.Unlock()
		return nil
	}
	f.pins++
	now := time.Now()
	old := f.used
	f.used = now
	c.mu.Unlock()
	if now.Sub(old) > time.Minute {
		_ = os.Chtimes(f.path, now, now) // only the order after a restart hangs on it
	}
	if !c.verify(f) {
		c.unpin(f)
		c.drop(f)
		return nil
	}
	return f
}

func (c *cache) unpin(f *file) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.pins--
	if c.bytes > c.limit {
		c.evict()
	}
}

// has reports whether a file is there.
func (c *cache) has(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[key] != nil
}

// verify reads a file that a former process wrote, once.
func (c *cache) verify(f *file) bool {
	f.checking.Lock()
	defer f.checking.Unlock()
	if f.verified {
		return true
	}
	sum, err := checksum(f.path)
	if err != nil || sum != f.sum {
		return false
	}
	if f.meta, err = readMeta(f.path); err != nil {
		return false
	}
	f.verified = true
	return true
}

func checksum(path string) (uint32, error) {
	r, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{r}, make([]byte, 256<<10)); err != nil {
		return 0, err
	}
	return h.Sum32(), nil
}

// drop removes a file that is not what it should be.
func (c *cache) drop(f *file) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files[f.key] == f {
		c.remove(f)
	}
}

// remove forgets a file; statements that read it go on.
func (c *cache) remove(f *file) {
	delete(c.files, f.key)
	c.bytes -= f.size
	os.Remove(f.path)
	c.gone(f.key)
}

// evict makes room.
func (c *cache) evict() {
	for c.bytes > c.limit {
		var oldest *file
		for _, f := range c.files {
			if f.pins == 0 && (oldest == nil || f.used.Before(oldest.used)) {
				oldest = f
			}
		}
		if oldest == nil {
			return
		}
		c.remove(oldest)
	}
}
