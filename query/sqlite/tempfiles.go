package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// vfsName is the virtual file system of the engine's connections: SQLite's
// own, but for temporary files. These are in the engine's folder, and what is
// written to them counts for the statement, which must end when it is too much.
// The program's other connections do not use it.
const vfsName = "inlet_temporary"

// temporary are the flags of files that hold what does not fit in memory.
const temporary = sqlite3.SQLITE_OPEN_TEMP_DB | sqlite3.SQLITE_OPEN_TRANSIENT_DB | sqlite3.SQLITE_OPEN_TEMP_JOURNAL |
	sqlite3.SQLITE_OPEN_SUBJOURNAL

type (
	openFunction  func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32
	writeFunction func(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32
)

// tempFiles is what the virtual file system knows. It is never unregistered.
var tempFiles struct {
	once     sync.Once
	err      error
	open     openFunction // SQLite's own
	owners   sync.Map     // connections by the TLS that they run with
	wrapped  sync.Map     // SQLite's methods of files, by which they are replaced
	replaced sync.Map     // by the methods that replace them, what wrote before
}

// registerVFS makes the virtual file system known to SQLite, once.
func registerVFS() error {
	tempFiles.once.Do(func() {
		tls := libc.NewTLS()
		defer tls.Close()
		own := sqlite3.Xsqlite3_vfs_find(tls, 0)
		if own == 0 {
			tempFiles.err = errors.New("SQLite has no virtual file system")
			return
		}
		size := int(unsafe.Sizeof(sqlite3.Tsqlite3_vfs{}))
		copied := clone(tls, own, size)
		name, err := libc.CString(vfsName)
		if err != nil || copied == 0 {
			tempFiles.err = errors.Join(err, errors.New("no memory for a virtual file system"))
			return
		}
		fp := get(copied + unsafe.Offsetof(sqlite3.Tsqlite3_vfs{}.FxOpen))
		tempFiles.open = *(*openFunction)(unsafe.Pointer(&struct{ p uintptr }{fp}))
		put(copied+unsafe.Offsetof(sqlite3.Tsqlite3_vfs{}.FpNext), 0)
		put(copied+unsafe.Offsetof(sqlite3.Tsqlite3_vfs{}.FzName), name)
		put(copied+unsafe.Offsetof(sqlite3.Tsqlite3_vfs{}.FxOpen), functionPointer(openFunction(openFile)))
		if rc := sqlite3.Xsqlite3_vfs_register(tls, copied, 0); rc != sqlite3.SQLITE_OK {
			tempFiles.err = errors.New("SQLite did not take the virtual file system")
		}
	})
	return tempFiles.err
}

func clone(tls *libc.TLS, from uintptr, size int) uintptr {
	to := libc.Xmalloc(tls, libc.Tsize_t(size))
	if to != 0 {
		copy(libc.GoBytes(to, size), libc.GoBytes(from, size))
	}
	return to
}

// get and put read and write a pointer of the library.
func get(at uintptr) uintptr { return pointer(at) }

func put(at, value uintptr) {
	b := libc.GoBytes(at, int(unsafe.Sizeof(at)))
	if len(b) == 4 {
		binary.NativeEndian.PutUint32(b, uint32(value))
		return
	}
	binary.NativeEndian.PutUint64(b, uint64(value))
}

// spill is where a connection's temporary files are, and what is in them.
type spill struct {
	path    uintptr // a C string; SQLite removes the file when it has opened it
	written atomic.Int64
	limit   int64
	over    atomic.Bool
}

func newSpill(dir string, id uintptr, limit int64) (*spill, error) {
	path, err := libc.CString(filepath.Join(dir, fmt.Sprintf("spill%d%s", id, tempSuffix)))
	return &spill{path: path, limit: limit}, err
}

// openFile opens a file as SQLite does.
func openFile(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32 {
	owner, ok := tempFiles.owners.Load(tls)
	if !ok || flags&temporary == 0 {
		return tempFiles.open(tls, vfs, name, file, flags, out)
	}
	if name == 0 {
		name = owner.(*spill).path
	}
	rc := tempFiles.open(tls, vfs, name, file, flags, out)
	if rc == sqlite3.SQLITE_OK {
		if methods := get(file); methods != 0 {
			put(file, countedMethods(tls, methods))
		}
	}
	return rc
}

// countedMethods returns the methods of a file with one that counts.
func countedMethods(tls *libc.TLS, methods uintptr) uintptr {
	if known, ok := tempFiles.wrapped.Load(methods); ok {
		return known.(uintptr)
	}
	copied := clone(tls, methods, int(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
	if copied == 0 {
		return methods
	}
	at := copied + unsafe.Offsetof(sqlite3.Tsqlite3_io_methods{}.FxWrite)
	fp := get(at)
	tempFiles.replaced.Store(copied, *(*writeFunction)(unsafe.Pointer(&struct{ p uintptr }{fp})))
	put(at, functionPointer(writeFunction(writeFile)))
	known, _ := tempFiles.wrapped.LoadOrStore(methods, copied)
	return known.(uintptr)
}

// writeFile writes to a temporary file, if there is room.
func writeFile(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32 {
	if owner, ok := tempFiles.owners.Load(tls); ok {
		s := owner.(*spill)
		if s.written.Add(int64(n)) > s.limit {
			s.over.Store(true)
			return sqlite3.SQLITE_FULL
		}
	}
	write, ok := tempFiles.replaced.Load(get(file))
	if !ok {
		return sqlite3.SQLITE_IOERR
	}
	return write.(writeFunction)(tls, file, data, n, offset)
}
