package query

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// Get returns a query of a workspace. Unknown ones are NotFound.
func (s *Service) Get(ctx context.Context, sc scope.Scope, workspace, id string) (*Query, error) {
	if err := inWorkspace(sc, workspace); err != nil {
		return nil, err
	}
	return s.get(ctx, sc.Tenant, workspace, id)
}

func (s *Service) get(ctx context.Context, tenant, workspace, id string) (*Query, error) {
	if r := s.find(tenant, workspace, id); r != nil {
		return s.snapshot(r), nil
	}
	if q := s.recent.get(tenant, workspace, id); q != nil {
		return q.clone(), nil
	}
	q, err := s.repo.Query(ctx, tenant, workspace, id)
	if err == nil && q.Status.Done() {
		s.recent.add(q.clone())
	}
	return q, err
}

// List returns a workspace's queries, the latest first, and how many there are
// without offset and limit.
func (s *Service) List(ctx context.Context, sc scope.Scope, workspace string, offset, limit int) ([]*Query, int, error) {
	if err := inWorkspace(sc, workspace); err != nil {
		return nil, 0, err
	}
	s.journal.drain(ctx)
	queries, total, err := s.repo.Queries(ctx, sc.Tenant, workspace, offset, limit)
	for i, q := range queries {
		if r := s.find(sc.Tenant, workspace, q.ID); r != nil {
			queries[i] = s.snapshot(r) // it knows more than its row
		}
	}
	return queries, total, err
}

// Page is a part of a result.
type Page struct {
	Columns []Column
	Total   int64 // rows of the whole result
	Rows    int64 // rows of this page

	results Results
	result  Result
	offset  int64
}

// Result returns limit rows of a Finished query from offset on. It is the
// Conflict ErrNotFinished before, and ErrFailed for one that Failed, which
// carries the query's *Failure. An offset behind the end is an empty page.
func (s *Service) Result(ctx context.Context, sc scope.Scope, workspace, id string, offset, limit int64) (*Page, error) {
	if offset < 0 || limit < 0 {
		return nil, errs.New(errs.Invalid, "offset and limit must not be negative")
	}
	q, err := s.Get(ctx, sc, workspace, id)
	if err != nil {
		return nil, err
	}
	return s.Page(q, offset, limit)
}

// Page is Result for a query that the caller has.
func (s *Service) Page(q *Query, offset, limit int64) (*Page, error) {
	switch q.Status {
	case Finished:
	case Failed:
		return nil, errors.Join(ErrFailed, q.Failure)
	default:
		return nil, ErrNotFinished
	}
	rows := min(max(q.Result.Rows-offset, 0), limit)
	return &Page{Columns: q.Columns, Total: q.Result.Rows, Rows: rows, results: s.results, result: q.Result, offset: offset}, nil
}

// InMemory tells whether the rows are, so that reading them neither takes time
// nor fails.
func (p *Page) InMemory() bool { return p.result.Key == "" }

// WriteRows writes the rows as JSON arrays with commas between them and no
// brackets around all. Numbers are exact; what JSON has no number for is text.
func (p *Page) WriteRows(ctx context.Context, w io.Writer) error {
	if p.Rows == 0 {
		return nil
	}
	return p.results.Page(ctx, p.result, p.offset, p.Rows, w)
}

// Each gives f the rows one after the other, with numbers as json.Number. Its
// memory is bounded by a block of rows. An error of f ends it.
func (p *Page) Each(ctx context.Context, f func(row []any) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	defer r.Close()
	go func() { w.CloseWithError(p.WriteRows(ctx, w)) }()
	dec := json.NewDecoder(io.MultiReader(strings.NewReader("["), r, strings.NewReader("]")))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return err
	}
	var row []any
	for dec.More() {
		row = row[:0]
		if err := dec.Decode(&row); err != nil {
			return err
		}
		if err := f(row); err != nil {
			return err
		}
	}
	_, err := dec.Token() // the bracket, unless reading failed
	return err
}
