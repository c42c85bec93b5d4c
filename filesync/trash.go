package filesync

import (
	"context"

	"github.com/inlet-go/inlet/store/scope"
)

// Trash returns the generations in the trash that q selects.
func (s *Service) Trash(ctx context.Context, sc scope.Scope, q TrashQuery) ([]*Trash, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	if q.Path != "" {
		var err error
		if q.Path, err = CheckPath(q.Path); err != nil {
			return nil, err
		}
	}
	return s.repo.Trash(ctx, sc.Tenant, q)
}

// Restore makes the generation that a full sync replaced the current one of
// its path again, in one step. What the path held until then takes its place
// in the trash, under the same sync, so that restoring again undoes it.
func (s *Service) Restore(ctx context.Context, sc scope.Scope, sync int64) (*Trash, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	t, err := s.repo.RestoreTrash(ctx, sc.Tenant, sync)
	if err != nil {
		return nil, err
	}
	s.opts.Logger.InfoContext(ctx, "trash restored", "tenant", sc.Tenant, "sync", sync, "path", t.Path)
	return t, nil
}

// Purge removes a generation from the trash for good.
func (s *Service) Purge(ctx context.Context, sc scope.Scope, sync int64) error {
	if err := sc.Check(); err != nil {
		return err
	}
	if err := s.repo.DropTrash(ctx, sc.Tenant, sync); err != nil {
		return err
	}
	s.opts.Logger.InfoContext(ctx, "trash purged", "tenant", sc.Tenant, "sync", sync)
	return nil
}
