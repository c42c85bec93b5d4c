package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
)

// connOf gives f the pool's only connection.
func connOf(t *testing.T, db *sqlx.DB, f func(c *sqliteConn)) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Raw(func(c any) error { f(c.(*sqliteConn)); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestStatementsAreParsedOnce(t *testing.T) {
	db := sqlitePool(":memory:", 1, true)
	defer db.Close()
	var before, after *sqliteStmt
	for i := range 3 {
		var n int
		if err := db.Get(&n, "SELECT ? + 1", i); err != nil || n != i+1 {
			t.Fatalf("%d, %v", n, err)
		}
		connOf(t, db, func(c *sqliteConn) { after = c.order.Front().Value.(*sqliteStmt) })
		if i > 0 && after != before {
			t.Error("the statement was parsed again")
		}
		before = after
	}
}

func TestKeptStatementsAreBounded(t *testing.T) {
	db := sqlitePool(":memory:", 1, true)
	defer db.Close()
	for i := range 2 * maxKeptStmts {
		var n int
		if err := db.Get(&n, fmt.Sprintf("SELECT %d", i)); err != nil || n != i {
			t.Fatalf("%d, %v", n, err)
		}
	}
	var long int
	if err := db.Get(&long, fmt.Sprintf("SELECT 1 -- %*s", maxKeptText, "")); err != nil {
		t.Fatal(err)
	}
	connOf(t, db, func(c *sqliteConn) {
		if got := []int{c.order.Len(), len(c.kept)}; !cmp.Equal(got, []int{maxKeptStmts, maxKeptStmts}) {
			t.Errorf("the connection keeps %v", got)
		}
		if c.kept[fmt.Sprintf("SELECT %d", 2*maxKeptStmts-1)] == nil || c.kept["SELECT 0"] != nil {
			t.Error("not what ran last is kept")
		}
	})
}

// TestStatementWithinItself reads rows while the same text runs again.
func TestStatementWithinItself(t *testing.T) {
	db := sqlitePool(":memory:", 1, true)
	defer db.Close()
	tx := db.MustBegin()
	defer tx.Rollback()
	const text = "SELECT value FROM json_each(?)"
	rows, err := tx.Query(text, "[1, 2, 3]")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		var inner []int
		if err := tx.Select(&inner, text, fmt.Sprintf("[%d, %d]", 10*n, 10*n+1)); err != nil {
			t.Fatal(err)
		}
		got = append(append(got, n), inner...)
	}
	if diff := cmp.Diff([]int{1, 10, 11, 2, 20, 21, 3, 30, 31}, got); diff != "" || rows.Err() != nil {
		t.Error(diff, rows.Err())
	}
}

// TestBeginEndsWithItsContext waits for the lock of another process in vain.
func TestBeginEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, other := sqlitePool(path, 1, true), sqlitePool(path, 1, true)
	defer db.Close()
	defer other.Close()
	held := other.MustBegin()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := db.BeginTx(ctx, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > busyTimeout/2 {
		t.Fatalf("after %v: %v", time.Since(start), err)
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Beginx() // the connection is not left within a transaction
	if err != nil {
		t.Fatal(err)
	}
	tx.MustExec("CREATE TABLE t (n)")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestClockIsTheProcesss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := sqlitePool(":memory:", 1, true)
		defer db.Close()
		for range 2 {
			time.Sleep(time.Hour)
			var got int64
			if err := db.Get(&got, (sqliteDialect{}).sql("SELECT {now}")); err != nil || got != time.Now().UnixMilli() {
				t.Errorf("%d at %d, %v", got, time.Now().UnixMilli(), err)
			}
		}
	})
}
