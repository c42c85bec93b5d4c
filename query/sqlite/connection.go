package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	driverpkg "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// connection is a connection of SQLite whose main database is empty, in memory;
// files with tables are attached to it. It is used by one goroutine at a time.
//
// The driver opens it, for its hooks; statements are run with the library that
// is under the driver. A driver's rows can be interrupted only until the first
// of them is there, which lets "SELECT 1 UNION ALL SELECT …" outlive any
// deadline, and copies each text.
type connection struct {
	id    uintptr
	slot  *slot
	owner driver.Conn
	tls   *libc.TLS
	out   uintptr // memory for what functions of the library give back
	db    uintptr
	mutex uintptr // what the driver made SQLite lock for each call

	stopTLS *libc.TLS   // of stop, which other goroutines call
	stopped atomic.Bool // the progress handler ends the statement

	spill *spill

	attached   map[string]int64 // files by key, and when they were last used
	uses       int64
	statements map[string]*statement
	views      map[string]bool // of the information schema that it has
	imitates   bool            // has the imitation attached

	permit *permit // of the statement that is compiled; nil allows everything
	run    *run    // that is going on
}

// connections has all open connections by id, for the progress handler.
var (
	connections  sync.Map
	connectionID atomic.Uintptr
)

// sortBytes is how much a sort keeps in memory before it goes to a file; SQLite
// takes it from the size of the main database's cache.
const sortBytes = 16 << 20

// opsPerCheck is after how many steps of SQLite's machine a statement looks
// whether it must end.
const opsPerCheck = 1000

func connect(l *slot, s settings) (*connection, error) {
	owner, err := l.driver.Open("file::memory:?_dqs=0&_defensive=1&vfs=" + vfsName)
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	handle := reflect.ValueOf(owner).Elem().FieldByName("db")
	if handle.Kind() != reflect.Uintptr || handle.Uint() == 0 {
		return nil, errors.Join(errors.New("this version of the SQLite driver is not known"), owner.Close())
	}
	c := &connection{
		id: connectionID.Add(1), slot: l, owner: owner, tls: libc.NewTLS(), stopTLS: libc.NewTLS(), db: uintptr(handle.Uint()),
		attached: map[string]int64{}, statements: map[string]*statement{}, views: map[string]bool{},
	}
	c.out = c.tls.Alloc(16)
	c.unlock()
	if c.spill, err = newSpill(s.dir, c.id, s.tempBytes); err != nil {
		return nil, errors.Join(err, c.close())
	}
	tempFiles.owners.Store(c.tls, c.spill)
	l.conn = c
	connections.Store(c.id, c)
	if err := owner.(driverpkg.AuthorizerRegisterer).RegisterAuthorizer(c.authorize); err != nil {
		return nil, errors.Join(err, c.close())
	}
	for _, limit := range []struct{ id, value int32 }{
		{sqlite3.SQLITE_LIMIT_SQL_LENGTH, maxText + maxText/2},
		{sqlite3.SQLITE_LIMIT_COLUMN, 2000},
		{sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 500},
		{sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
		{sqlite3.SQLITE_LIMIT_FUNCTION_ARG, 127},
		{sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0},
		{sqlite3.SQLITE_LIMIT_ATTACHED, 0},
		{sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1},
	} {
		sqlite3.Xsqlite3_limit(c.tls, c.db, limit.id, limit.value)
	}
	c.limitLength(s.valueBytes)
	for _, sql := range []string{
		"PRAGMA trusted_schema = 0", "PRAGMA temp_store = 1", fmt.Sprintf("PRAGMA cache_size = %d", -sortBytes>>10),
	} {
		if err := c.exec(sql); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	sqlite3.Xsqlite3_progress_handler(c.tls, c.db, opsPerCheck, functionPointer(onProgress), c.id)
	return c, nil
}

// object is the connection as SQLite keeps it.
func (c *connection) object() *sqlite3.Tsqlite3 { return *(**sqlite3.Tsqlite3)(unsafe.Pointer(&c.db)) }

// unlock does what SQLITE_OPEN_NOMUTEX would, which the driver cannot be told:
// the connection is used by one goroutine at a time, and a lock for each value
// of each row costs a third of a scan. Interrupting needs no lock.
func (c *connection) unlock() { c.mutex, c.object().Fmutex = c.object().Fmutex, 0 }

// limitLength bounds every text, blob and row that SQLite makes.
func (c *connection) limitLength(n int64) {
	sqlite3.Xsqlite3_limit(c.tls, c.db, sqlite3.SQLITE_LIMIT_LENGTH, int32(n))
}

func (c *connection) close() error {
	c.forget()
	c.slot.conn = nil
	connections.Delete(c.id)
	for view := range c.views {
		sources.Delete(c.viewSource(view))
	}
	c.tls.Free(16)
	c.object().Fmutex = c.mutex // so that it is freed
	err := c.owner.Close()
	tempFiles.owners.Delete(c.tls)
	if c.spill != nil {
		libc.Xfree(c.tls, c.spill.path)
	}
	c.tls.Close()
	c.stopTLS.Close()
	return err
}

// forget releases all statements that are kept for another time.
func (c *connection) forget() {
	for sql, st := range c.statements {
		st.finalize()
		delete(c.statements, sql)
	}
}

// exec runs a statement of the engine's own, which gives no rows that matter.
func (c *connection) exec(sql string) error {
	c.permit = nil
	st, err := c.compile(sql)
	if err != nil {
		return err
	}
	defer st.finalize()
	for {
		switch rc := sqlite3.Xsqlite3_step(c.tls, st.handle); rc {
		case sqlite3.SQLITE_ROW:
		case sqlite3.SQLITE_DONE:
			return nil
		default:
			return c.failed(rc)
		}
	}
}

// attachLimit is how many files SQLite can have attached.
const attachLimit = 10

// attach makes the files with these keys, at most attachLimit, readable.
func (c *connection) attach(files []*file) error {
	c.uses++
	var missing []*file
	for _, f := range files {
		if _, ok := c.attached[f.key]; ok {
			c.attached[f.key] = c.uses
		} else {
			missing = append(missing, f)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	for _, f := range missing {
		if len(c.attached) >= attachLimit {
			if err := c.detachOldest(); err != nil {
				return err
			}
		}
		if err := c.attachAs(f.uri(), f.database()); err != nil {
			return err
		}
		c.attached[f.key] = c.uses
	}
	return nil
}

// attachAs lifts SQLite's limit on attached databases for a moment.
func (c *connection) attachAs(uri, name string) error {
	c.forget()
	sqlite3.Xsqlite3_limit(c.tls, c.db, sqlite3.SQLITE_LIMIT_ATTACHED, attachLimit)
	defer sqlite3.Xsqlite3_limit(c.tls, c.db, sqlite3.SQLITE_LIMIT_ATTACHED, 0)
	err := c.exec("ATTACH " + quoteText(uri) + " AS " + quote(name))
	c.imitates = c.imitates || err == nil && name == imitation
	return err
}

func (c *connection) detachOldest() error {
	oldest := ""
	for key, used := range c.attached {
		if used < c.uses && (oldest == "" || used < c.attached[oldest]) {
			oldest = key
		}
	}
	return c.detach(oldest)
}

// detach lets go of a file, if it is attached.
//
// A file that was removed from the cache keeps its room on disk until then.
func (c *connection) detach(key string) error {
	if _, ok := c.attached[key]; !ok {
		return nil
	}
	c.forget()
	delete(c.attached, key)
	return c.exec("DETACH " + quote(mark+key))
}

// stop ends the statement that runs, soon. Any goroutine may call it.
func (c *connection) stop() {
	c.stopped.Store(true)
	sqlite3.Xsqlite3_interrupt(c.stopTLS, c.db)
}

// watch stops the statements of the connection, and the compiling of them, when
// ctx ends. The function that it returns ends that.
func (c *connection) watch(ctx context.Context) (done func()) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		c.stop()
	})
	return func() {
		if !stop() {
			<-ended
		}
		c.stopped.Store(false)
	}
}

// onProgress is called by SQLite while a statement runs.
func onProgress(_ *libc.TLS, id uintptr) int32 {
	c, ok := connections.Load(id)
	if !ok {
		return 1
	}
	return c.(*connection).progress()
}

func (c *connection) progress() int32 {
	if c.stopped.Load() {
		return 1
	}
	if c.run != nil {
		c.run.look()
	}
	return 0
}

// status returns a counter of the connection, and sets it back to 0 where
// SQLite can do that.
func (c *connection) status(op int32, reset bool) int64 {
	flag := int32(0)
	if reset {
		flag = 1
	}
	if sqlite3.Xsqlite3_db_status64(c.tls, c.db, op, c.out, c.out+8, flag) != sqlite3.SQLITE_OK {
		return 0
	}
	return int64(binary.NativeEndian.Uint64(libc.GoBytes(c.out, 8)))
}

// functionPointer makes a function of the package callable by the library, in
// the way in which the driver does it.
func functionPointer[F any](f F) uintptr {
	return *(*uintptr)(unsafe.Pointer(&struct{ f F }{f}))
}
