package query

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// NewSQL is a statement to save.
type NewSQL struct {
	Workspace   string
	Title       string
	Description string
	SQL         string
}

// SQLChange is what to change of a saved statement; nil leaves it alone.
type SQLChange struct {
	Title       *string
	Description *string
	SQL         *string
}

// SaveSQL keeps a statement. It is not checked: a saved statement may be one
// whose tables come later.
func (s *Service) SaveSQL(ctx context.Context, sc scope.Scope, n NewSQL) (*SavedSQL, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	now := s.opts.Now()
	saved := &SavedSQL{
		ID: newID(), Tenant: sc.Tenant, User: sc.User, Workspace: n.Workspace,
		Title: n.Title, Description: n.Description, SQL: n.SQL, CreatedAt: now, UpdatedAt: now,
	}
	var p errs.Problems
	checkWorkspace(&p, n.Workspace)
	s.checkSaved(&p, saved)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return saved, s.repo.CreateSQL(ctx, saved)
}

func (s *Service) checkSaved(p *errs.Problems, v *SavedSQL) {
	s.checkSQL(p, v.SQL)
	p.Check(v.Title != "", "title is required")
	p.Check(utf8.RuneCountInString(v.Title) <= maxTitle && printable(v.Title), "title is invalid: it must be at most %d characters of text", maxTitle)
	p.Check(utf8.RuneCountInString(v.Description) <= maxDescription && utf8.ValidString(v.Description), "description is invalid: it must be at most %d characters", maxDescription)
}

// SQLs returns the saved statements of a workspace, the oldest first.
func (s *Service) SQLs(ctx context.Context, sc scope.Scope, workspace string) ([]*SavedSQL, error) {
	if err := inWorkspace(sc, workspace); err != nil {
		return nil, err
	}
	return s.repo.SQLs(ctx, sc.Tenant, workspace, maxSaved)
}

// SQL returns a saved statement, and its last run, nil when it never ran.
func (s *Service) SQL(ctx context.Context, sc scope.Scope, workspace, id string) (*SavedSQL, *Query, error) {
	if err := inWorkspace(sc, workspace); err != nil {
		return nil, nil, err
	}
	saved, err := s.repo.SQL(ctx, sc.Tenant, workspace, id)
	if err != nil {
		return nil, nil, err
	}
	q, err := s.repo.LastRun(ctx, sc.Tenant, id)
	if errors.Is(err, errs.NotFound) {
		return saved, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if r := s.find(sc.Tenant, workspace, q.ID); r != nil {
		q = s.snapshot(r)
	}
	return saved, q, nil
}

// RunSQL runs a saved statement, without the cache.
func (s *Service) RunSQL(ctx context.Context, sc scope.Scope, workspace, id string) (*Query, error) {
	if err := inWorkspace(sc, workspace); err != nil {
		return nil, err
	}
	saved, err := s.repo.SQL(ctx, sc.Tenant, workspace, id)
	if err != nil {
		return nil, err
	}
	return s.Execute(ctx, sc, New{Workspace: workspace, SQL: saved.SQL, savedSQL: id})
}

// ChangeSQL changes a saved statement and returns it.
func (s *Service) ChangeSQL(ctx context.Context, sc scope.Scope, workspace, id string, ch SQLChange) (*SavedSQL, error) {
	if err := inWorkspace(sc, workspace); err != nil {
		return nil, err
	}
	var changed *SavedSQL
	err := s.repo.UpdateSQL(ctx, sc.Tenant, workspace, id, func(v *SavedSQL) error {
		for to, from := range map[*string]*string{&v.Title: ch.Title, &v.Description: ch.Description, &v.SQL: ch.SQL} {
			if from != nil {
				*to = *from
			}
		}
		v.UpdatedAt = s.opts.Now()
		var p errs.Problems
		s.checkSaved(&p, v)
		changed = v
		return p.Err()
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// DeleteSQL removes a saved statement. Its runs stay.
func (s *Service) DeleteSQL(ctx context.Context, sc scope.Scope, workspace, id string) error {
	if err := inWorkspace(sc, workspace); err != nil {
		return err
	}
	return s.repo.DeleteSQL(ctx, sc.Tenant, workspace, id)
}
