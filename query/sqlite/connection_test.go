package sqlite

import (
	"context"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite locks nothing for a connection, which one goroutine uses at a time.
func TestConnectionsAreNotLocked(t *testing.T) {
	e, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	c, err := e.pool.get(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.pool.put(c, false)
	if sqlite3.Xsqlite3_db_mutex(c.tls, c.db) != 0 {
		t.Error("the connection has a mutex")
	}
}
