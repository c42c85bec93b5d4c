package sqlstore

import (
	"container/list"
	"context"
	"database/sql/driver"
	"time"

	"modernc.org/sqlite"
)

// sqliteConnector opens connections with a driver of our own, so that what
// the host registers on the global one does not reach us, nor the reverse.
type sqliteConnector struct {
	dsn   string
	whole bool // see sqliteConn
}

var sqliteDriver = func() *sqlite.Driver {
	d := &sqlite.Driver{}
	d.MustRegisterScalarFunction("inlet_now", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return time.Now().UnixMilli(), nil
	})
	return d
}()

func (c sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := sqliteDriver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &sqliteConn{driverConn: conn.(driverConn), whole: c.whole, kept: map[string]*sqliteStmt{}}, nil
}

func (c sqliteConnector) Driver() driver.Driver { return sqliteDriver }

// sqliteConn is a connection that parses each statement once, however often it
// runs: it keeps those that ran last.
type sqliteConn struct {
	driverConn
	// whole says that a statement does not end with its context: to watch that
	// takes the driver a goroutine for each statement, which costs more than
	// most of those that write.
	whole bool
	kept  map[string]*sqliteStmt // by text
	order list.List              // of them, what ran last in front
}

// driverConn is what the driver's connections can do.
type driverConn interface {
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Conn
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type sqliteStmt struct {
	driverStmt
	text  string
	busy  bool
	place *list.Element // in order; nil for one that is not kept
}

type driverStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// maxKeptStmts bounds the statements that a connection keeps, and maxKeptText
// the bytes of one.
const (
	maxKeptStmts = 256
	maxKeptText  = 16 << 10
)

// take returns the statement of a text, which is the caller's until put.
func (c *sqliteConn) take(ctx context.Context, text string) (*sqliteStmt, error) {
	known := c.kept[text]
	if known != nil && !known.busy {
		known.busy = true
		c.order.MoveToFront(known.place)
		return known, nil
	}
	stmt, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s := &sqliteStmt{driverStmt: stmt.(driverStmt), text: text, busy: true}
	if known == nil && len(text) <= maxKeptText {
		s.place = c.order.PushFront(s)
		c.kept[text] = s
	}
	return s, nil
}

// put keeps a statement that is done with for the next who needs it. To close
// one fails only as it did when it ran.
func (c *sqliteConn) put(s *sqliteStmt) {
	s.busy = false
	if s.place == nil {
		_ = s.Close()
		return
	}
	last := c.order.Back().Value.(*sqliteStmt)
	if c.order.Len() <= maxKeptStmts || last.busy {
		return
	}
	c.order.Remove(last.place)
	delete(c.kept, last.text)
	_ = last.Close()
}

// watched returns the context that a statement is to end with.
func (c *sqliteConn) watched(ctx context.Context) context.Context {
	if c.whole && ctx.Err() == nil {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// ExecContext implements [driver.ExecerContext].
func (c *sqliteConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	return c.exec(c.watched(ctx), text, args)
}

func (c *sqliteConn) exec(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	defer c.put(s)
	return s.ExecContext(ctx, args)
}

// QueryContext implements [driver.QueryerContext].
func (c *sqliteConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(c.watched(ctx), args)
	if err != nil {
		c.put(s)
		return nil, err
	}
	return &sqliteRows{rows, c, s}, nil
}

// Close implements [driver.Conn].
func (c *sqliteConn) Close() error {
	for e := c.order.Front(); e != nil; e = e.Next() {
		_ = e.Value.(*sqliteStmt).Close()
	}
	c.order.Init()
	clear(c.kept)
	return c.driverConn.Close()
}

// sqliteRows gives its statement back when it is closed.
type sqliteRows struct {
	driver.Rows
	c *sqliteConn
	s *sqliteStmt // nil once it was given back
}

func (r *sqliteRows) Close() error {
	if r.s == nil {
		return nil
	}
	err := r.Rows.Close()
	r.c.put(r.s)
	r.s = nil
	return err
}

// BeginTx implements [driver.ConnBeginTx]. A transaction that writes takes the
// write lock at once, and waits for it no longer than ctx.
func (c *sqliteConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	begin := "BEGIN IMMEDIATE"
	if opts.ReadOnly {
		begin = "BEGIN"
	}
	if _, err := c.exec(ctx, begin, nil); err != nil {
		_ = c.run("ROLLBACK") // it may have begun before ctx ended
		return nil, err
	}
	return sqliteTx{c}, nil
}

// run executes a statement that nothing interrupts.
func (c *sqliteConn) run(text string) error {
	_, err := c.exec(context.Background(), text, nil)
	return err
}

type sqliteTx struct{ c *sqliteConn }

// Commit implements [driver.Tx]. One that fails leaves no transaction.
func (t sqliteTx) Commit() error {
	err := t.c.run("COMMIT")
	if err != nil {
		_ = t.c.run("ROLLBACK")
	}
	return err
}

// Rollback implements [driver.Tx].
func (t sqliteTx) Rollback() error { return t.c.run("ROLLBACK") }
