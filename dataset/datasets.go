package dataset

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// New is what Create needs; only Name is required.
type New struct {
	Name        string // cut after MaxName characters
	Description string // cut after MaxDescription characters
}

// Create makes an empty dataset that belongs to the caller. Names need not be
// unique. Errors: Invalid with every wrong field.
func (s *Service) Create(ctx context.Context, sc scope.Scope, n New) (*Dataset, error) {
	if err := caller(sc); err != nil {
		return nil, err
	}
	var p errs.Problems
	p.Check(strings.TrimSpace(n.Name) != "", "name is required")
	checkLine(&p, "name", n.Name)
	p.Check(utf8.ValidString(n.Description), "description is invalid: not UTF-8")
	if err := p.Err(); err != nil {
		return nil, err
	}
	d := s.newDataset(sc, n)
	if err := s.repo.CreateDataset(ctx, d); err != nil {
		return nil, err
	}
	s.opts.Logger.InfoContext(ctx, "dataset created", "tenant", sc.Tenant, "user", sc.User, "dataset", d.ID)
	return d, nil
}

func (s *Service) newDataset(sc scope.Scope, n New) *Dataset {
	now := s.opts.Now()
	return &Dataset{
		ID: newID("dataset-", now), Tenant: sc.Tenant, Owner: sc.User, Name: truncate(n.Name, MaxName),
		Description: truncate(n.Description, MaxDescription), CreatedAt: now, UpdatedAt: now,
	}
}

// Get returns a dataset of the caller's. Another user's is Forbidden.
func (s *Service) Get(ctx context.Context, sc scope.Scope, id string) (*Dataset, error) {
	if err := caller(sc); err != nil {
		return nil, err
	}
	d, err := s.repo.Dataset(ctx, sc.Tenant, id)
	if err != nil {
		return nil, err
	}
	return d, owned(sc, d)
}

func owned(sc scope.Scope, d *Dataset) error {
	if d.Owner != sc.User {
		return errs.New(errs.Forbidden, "dataset %q belongs to another user", d.ID)
	}
	return nil
}

// List returns the caller's datasets that q selects, and how many there are
// without its Offset and Limit.
func (s *Service) List(ctx context.Context, sc scope.Scope, q Query) ([]*Dataset, int, error) {
	if err := caller(sc); err != nil {
		return nil, 0, err
	}
	if utf8.RuneCountInString(q.Search) > MaxName {
		return nil, 0, errs.New(errs.Invalid, "search is invalid: longer than %d characters", MaxName)
	}
	return s.repo.Datasets(ctx, sc.Tenant, sc.User, q)
}

// Change is what Modify changes; nil and blank fields stay.
type Change struct {
	Name        *string // cut after MaxName characters
	Description *string // at most MaxModified characters
}

// Modify changes a dataset of the caller's. Errors: Invalid, also when nothing
// would change; NotFound, Forbidden.
func (s *Service) Modify(ctx context.Context, sc scope.Scope, id string, ch Change) error {
	if err := caller(sc); err != nil {
		return err
	}
	blank := func(text *string) bool { return text == nil || strings.TrimSpace(*text) == "" }
	var p errs.Problems
	p.Check(!blank(ch.Name) || !blank(ch.Description), "name or description is required")
	if ch.Name != nil {
		checkLine(&p, "name", *ch.Name)
	}
	if ch.Description != nil {
		p.Check(utf8.ValidString(*ch.Description), "description is invalid: not UTF-8")
		p.Check(utf8.RuneCountInString(*ch.Description) <= MaxModified, "description is invalid: longer than %d characters", MaxModified)
	}
	if err := p.Err(); err != nil {
		return err
	}
	err := s.repo.UpdateDataset(ctx, sc.Tenant, id, func(d *Dataset) error {
		if !blank(ch.Name) {
			d.Name = truncate(*ch.Name, MaxName)
		}
		if !blank(ch.Description) {
			d.Description = *ch.Description
		}
		d.UpdatedAt = s.opts.Now()
		return owned(sc, d)
	})
	if err != nil {
		return err
	}
	s.opts.Logger.InfoContext(ctx, "dataset modified", "tenant", sc.Tenant, "user", sc.User, "dataset", id)
	return nil
}

// Delete removes a dataset of the caller's with all its data sources, which
// cannot be undone.
func (s *Service) Delete(ctx context.Context, sc scope.Scope, id string) error {
	if _, err := s.Get(ctx, sc, id); err != nil {
		return err
	}
	if err := s.repo.DeleteDataset(ctx, sc.Tenant, id); err != nil {
		return err
	}
	s.wake()
	s.opts.Logger.InfoContext(ctx, "dataset deleted", "tenant", sc.Tenant, "user", sc.User, "dataset", id)
	return nil
}

// Counts returns how many data sources the dataset has by their status.
func (s *Service) Counts(ctx context.Context, sc scope.Scope, id string) (Counts, error) {
	if _, err := s.Get(ctx, sc, id); err != nil {
		return Counts{}, err
	}
	return s.repo.SourceCounts(ctx, sc.Tenant, id)
}

// overviewSources is how many data sources an overview describes, and
// maxKeywords how many columns it names.
const (
	overviewSources = 5
	maxKeywords     = 20
)

// Overview tells what is in a dataset: what was found, no more.
func (s *Service) Overview(ctx context.Context, sc scope.Scope, id string) (Overview, error) {
	d, err := s.Get(ctx, sc, id)
	if err != nil {
		return Overview{}, err
	}
	sources, total, err := s.repo.Sources(ctx, sc.Tenant, id, SourceQuery{Statuses: []Status{Synched}, Limit: overviewSources})
	if err != nil {
		return Overview{}, err
	}
	o := Overview{Dataset: d}
	seen := map[string]bool{}
	var parts []string
	for _, src := range sources {
		parts = append(parts, describe(src))
		for _, t := range src.Tables {
			for _, c := range t.Columns {
				if !seen[c.Name] && len(o.Keywords) < maxKeywords {
					seen[c.Name] = true
					o.Keywords = append(o.Keywords, c.Name)
				}
			}
		}
	}
	if total > len(sources) {
		parts = append(parts, fmt.Sprintf("%d more", total-len(sources)))
	}
	if len(parts) > 0 {
		o.Summary = fmt.Sprintf("%s: %s.", plural(total, "data source"), strings.Join(parts, "; "))
	}
	return o, nil
}

// describe says what a data source is, such as "a.csv (3 columns, 12 rows)".
func describe(s *DataSource) string {
	var tables []string
	for _, t := range s.Tables {
		text := fmt.Sprintf("%s, %s", plural(len(t.Columns), "column"), plural(int(t.Rows), "row"))
		if t.Name != "" {
			text = t.Name + ": " + text
		}
		tables = append(tables, text)
	}
	if len(tables) == 0 {
		return s.DisplayName()
	}
	return fmt.Sprintf("%s (%s)", s.DisplayName(), strings.Join(tables, "; "))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
