package trino

import (
	"context"
	"database/sql"
	"errors"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// prepared is a statement that the cluster has not seen yet.
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
func (p *prepared) Run(ctx context.Context, out query.Sink, report func(query.Progress)) (err error) {
	now := watch(report)
	defer func() { now.end(err == nil) }()
	ctx, leave, err := p.engine.life.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ctx, seen := follow(ctx)
	defer func() {
		if err != nil {
			stop() // before the driver asks for more rows to close them
			p.engine.http.kill(seen)
		}
	}()
	args := []any{
		sql.Named("X-Trino-Progress-Callback", now), sql.Named("X-Trino-Progress-Callback-Period", p.engine.opts.Progress),
	}
	if user := p.engine.opts.User; user != nil && user(p.scope) != "" {
		args = append(args, sql.Named("X-Trino-User", user(p.scope)))
	}
	rows, err := p.engine.db.QueryContext(ctx, p.sql, args...)
	if err != nil {
		return reason(ctx, err)
	}
	defer func() {
		if err != nil {
			stop()
		}
		rows.Close()
	}()
	return p.stream(ctx, rows, out)
}

func (p *prepared) stream(ctx context.Context, rows *sql.Rows, out query.Sink) error {
	described, err := rows.ColumnTypes()
	if err != nil {
		return reason(ctx, err)
	}
	if len(described) == 0 {
		if rows.Next(); rows.Err() != nil {
			return reason(ctx, rows.Err())
		}
	}
	columns := make([]query.Column, len(described))
	values := make([]tabular.Value, len(described))
	cells := make([]any, len(described))
	for i, c := range described {
		typ := typeOf(c)
		columns[i] = query.Column{Name: c.Name(), Type: typ.name}
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
			return reason(ctx, err)
		}
		if err := out.Row(values); err != nil {
			return err
		}
	}
	return reason(ctx, rows.Err())
}

// reason is what an error of the driver means to the caller.
func reason(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return errs.Wrap(errs.Canceled, ended, "the statement was stopped")
	}
	if f := failure(err); f != nil {
		return f
	}
	return errs.Wrap(errs.Unavailable, err, "the cluster cannot be reached")
}
