package sqlstore

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/inlet-go/inlet/store/errs"
)

// prepared is a statement that a pool parses once for each connection. Close
// of the pool closes it.
type prepared struct{ stmt *sqlx.Stmt }

// prepare returns the statement of a text, which it knows by its address: a hash
// of a long one for each query would be felt.
func (s *Store) prepare(ctx context.Context, pool *sqlx.DB, text *string) (prepared, error) {
	if p, ok := s.prepared.Load(text); ok {
		return p.(prepared), nil
	}
	made, err := pool.PreparexContext(ctx, s.d.sql(*text))
	if err != nil {
		return prepared{}, err
	}
	p, loaded := s.prepared.LoadOrStore(text, prepared{made})
	if loaded {
		defer made.Close() // another call was faster
	}
	return p.(prepared), nil
}

// lookPrepared is look for a statement that runs very often and is short: it
// does not end with ctx, which would cost the driver a goroutine. Its rows go
// into the slice that dest points to.
func (s *Store) lookPrepared(ctx context.Context, what string, dest any, text *string, args ...any) error {
	p, err := s.prepare(ctx, s.reader, text)
	if err == nil {
		err = p.stmt.SelectContext(context.WithoutCancel(ctx), dest, args...)
	}
	return s.classify(ctx, what, err)
}

// each runs a prepared statement of the writer n times in the transaction, with
// the arguments of each row.
func (s session) each(ctx context.Context, p prepared, n int, args func(i int) []any) error {
	tx, ok := s.q.(*sqlx.Tx)
	if !ok {
		return errs.New(errs.Internal, "rows are written outside of a transaction")
	}
	stmt := tx.StmtxContext(ctx, p.stmt)
	defer stmt.Close()
	plain := context.WithoutCancel(ctx) // see eachPrepared
	for i := range n {
		if i%100 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := stmt.ExecContext(plain, args(i)...); err != nil {
			return err
		}
	}
	return nil
}
