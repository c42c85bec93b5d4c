package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// killGrace is how long a run that was stopped waits for the server to agree.
const killGrace = 500 * time.Millisecond

// prepared is a statement that the server has accepted. No connection is held
// for it until it runs.
type prepared struct {
	engine *Engine
	scope  scope.Scope
	sql    string
	deps   query.Dependencies
}

// Dependencies implements [query.Prepared].
func (p *prepared) Dependencies() query.Dependencies { return p.deps }

// Close implements [query.Prepared].
func (p *prepared) Close() error { return nil }

// Run implements [query.Prepared].
func (p *prepared) Run(ctx context.Context, out query.Sink, report func(query.Progress)) error {
	now := query.Progress{Nodes: 1, TotalSplits: 1, QueuedSplits: 1}
	defer func() { report(now) }()
	ctx, leave, err := p.engine.life.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s, err := p.engine.begin(ctx, p.scope)
	if err != nil {
		return p.engine.reason(ctx, err, p.sql)
	}
	now.StatementID, now.QueuedSplits, now.RunningSplits = fmt.Sprintf("%s.%d", s.id, p.engine.runs.Add(1)), 0, 1
	report(now)
	err = p.stream(ctx, stop, s.tx, out)
	if ctx.Err() != nil {
		s.discard() // first: there may be no other connection
		p.kill(s.id)
	} else {
		s.end()
	}
	now.RunningSplits, now.CompletedSplits = 0, 1
	return err
}

// kill makes the server stop what the session runs, where the driver's own
// cancellation only hangs up.
func (p *prepared) kill(id string) {
	e := p.engine
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	done := make(chan struct{})
	e.life.Go(func() {
		defer cancel()
		defer close(done)
		_ = e.dialect.Kill(ctx, e.db, id) // the server's own limit of time is left
	})
	select {
	case <-done:
	case <-time.After(killGrace):
	}
}

// stream gives out the answer. It calls stop before it leaves rows that were
// not read, because drivers read them all to close them.
func (p *prepared) stream(ctx context.Context, stop func(), tx *sql.Tx, out query.Sink) (err error) {
	fail := func(err error) error { return p.engine.reason(ctx, err, p.sql) }
	stmt, err := tx.PrepareContext(ctx, p.sql)
	if err != nil {
		return fail(err)
	}
	defer stmt.Close() //nolint:errcheck // the session ends
	rows, err := stmt.QueryContext(ctx)
	if err != nil {
		return fail(err)
	}
	defer func() {
		if err != nil {
			stop()
		}
		rows.Close()
	}()
	described, err := rows.ColumnTypes()
	if err != nil {
		return fail(err)
	}
	columns := make([]query.Column, len(described))
	values := make([]tabular.Value, len(described))
	cells := make([]any, len(described))
	for i, c := range described {
		typ := p.engine.dialect.Column(c)
		columns[i] = query.Column{Name: c.Name(), Type: typ.Name}
		cells[i] = &cell{name: c.Name(), typ: typ, value: &values[i], limit: p.engine.opts.ValueBytes}
	}
	if err := out.Columns(columns); err != nil {
		return err
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			var f *query.Failure
			if errors.As(err, &f) {
				return f
			}
			return fail(err)
		}
		if err := out.Row(values); err != nil {
			return err
		}
	}
	return fail(rows.Err())
}

// cell takes a value of a column from the driver.
type cell struct {
	name  string
	typ   Type
	value *tabular.Value
	limit int
	buf   []byte // what value.Bytes is a part of
}

// Scan implements [sql.Scanner]. The driver's bytes may be overwritten as soon
// as it returns, when the context ends.
func (c *cell) Scan(src any) error {
	*c.value = tabular.Value{}
	if src == nil {
		return nil
	}
	if size(src) > c.limit {
		return &query.Failure{
			Name: query.ExceededLimit, Type: query.InsufficientResources,
			Message: fmt.Sprintf("a value of column %q is larger than %d bytes", c.name, c.limit),
		}
	}
	if err := c.convert(src); err != nil {
		return &query.Failure{
			Name: query.InvalidData, Message: fmt.Sprintf("column %q: %s", c.name, errs.Message(err)),
		}
	}
	return nil
}

func size(src any) int {
	switch v := src.(type) {
	case []byte:
		return len(v)
	case string:
		return len(v)
	}
	return 0
}
