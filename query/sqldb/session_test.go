package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/inlet-go/inlet/store/scope"
)

// broken is a server whose connections fail when a transaction is rolled back,
// as those do that were closed to stop a statement.
type broken struct{ driver.Conn }

func (b broken) Connect(context.Context) (driver.Conn, error)                 { return b, nil }
func (b broken) Driver() driver.Driver                                        { return nil }
func (b broken) Close() error                                                 { return nil }
func (b broken) Rollback() error                                              { return driver.ErrBadConn }
func (b broken) Commit() error                                                { return driver.ErrBadConn }
func (b broken) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return b, nil }

type silent struct{ Dialect }

func (silent) Begin(context.Context, *sql.Tx, time.Duration) (string, error) { return "1", nil }

// TestDiscardWhileCanceled discards sessions just when their callers go away.
func TestDiscardWhileCanceled(t *testing.T) {
	db := sql.OpenDB(broken{})
	defer db.Close()
	e := &Engine{db: db, dialect: silent{}}
	for i := range 20_000 {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := e.begin(ctx, scope.Scope{Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		for start := time.Now(); time.Since(start) < time.Duration(i%1000)*100*time.Nanosecond; {
		}
		s.discard()
	}
	if n := db.Stats().OpenConnections; n != 0 {
		t.Errorf("%d connections are open", n)
	}
}
