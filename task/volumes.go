package task

import (
	"context"
	"io"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// CreateVolume makes an empty volume. Errors: Invalid, Exists for a taken name.
func (s *Service) CreateVolume(ctx context.Context, sc scope.Scope, name string) (*Volume, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	var p errs.Problems
	connector.CheckName(&p, "name", name)
	if err := p.Err(); err != nil {
		return nil, err
	}
	now := s.opts.Now()
	v := &Volume{Tenant: sc.Tenant, Name: name, Owner: sc.User, CreatedAt: now, UpdatedAt: now}
	if err := s.repo.CreateVolume(ctx, v); err != nil {
		return nil, err
	}
	s.opts.Logger.InfoContext(ctx, "volume created", "tenant", sc.Tenant, "volume", v.ID)
	return v, nil
}

// Volume returns a volume.
func (s *Service) Volume(ctx context.Context, sc scope.Scope, id int64) (*Volume, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return s.repo.Volume(ctx, sc.Tenant, id)
}

// Volumes returns the volumes that q selects, and how many there are in all.
func (s *Service) Volumes(ctx context.Context, sc scope.Scope, q VolumeQuery) ([]*Volume, int, error) {
	if err := sc.Check(); err != nil {
		return nil, 0, err
	}
	return s.repo.Volumes(ctx, sc.Tenant, q)
}

// DeleteVolume removes a volume with its files. While a task that is not
// completed loads into it the error is Conflict.
func (s *Service) DeleteVolume(ctx context.Context, sc scope.Scope, id int64) error {
	if err := sc.Check(); err != nil {
		return err
	}
	if err := s.repo.DeleteVolume(ctx, sc.Tenant, id); err != nil {
		return err
	}
	s.opts.Logger.InfoContext(ctx, "volume deleted", "tenant", sc.Tenant, "volume", id)
	return nil
}

// VolumeFiles returns the volume's visible files that q selects, and how many
// there are in all.
func (s *Service) VolumeFiles(ctx context.Context, sc scope.Scope, volume int64, q FileQuery) ([]*File, int, error) {
	if err := sc.Check(); err != nil {
		return nil, 0, err
	}
	return s.repo.VolumeFiles(ctx, sc.Tenant, volume, q)
}

// VolumeFile returns a visible file of a volume.
func (s *Service) VolumeFile(ctx context.Context, sc scope.Scope, volume, file int64) (*File, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return s.repo.VolumeFile(ctx, sc.Tenant, volume, file)
}

// RemoveFiles takes files out of a volume: all, or none if one is not there.
// Their bytes are collected later, so that readers can finish.
func (s *Service) RemoveFiles(ctx context.Context, sc scope.Scope, volume int64, files []int64) error {
	if err := sc.Check(); err != nil {
		return err
	}
	if len(files) == 0 {
		return errs.New(errs.Invalid, "file_ids is required")
	}
	if err := s.repo.RemoveFiles(ctx, sc.Tenant, volume, files); err != nil {
		return err
	}
	s.opts.Logger.InfoContext(ctx, "files removed", "tenant", sc.Tenant, "volume", volume, "files", len(files))
	return nil
}

// OpenFile reads the bytes of a visible file, or a part of them. The caller
// closes the reader.
func (s *Service) OpenFile(ctx context.Context, f *File, opts *blob.OpenOptions) (io.ReadCloser, error) {
	return s.bucket.Open(ctx, f.BlobKey(), opts)
}

// SignedURL returns the bucket's own expiring link to a visible file's bytes,
// or an Unsupported error where the bucket cannot sign.
func (s *Service) SignedURL(ctx context.Context, f *File, opts *blob.SignOptions) (string, error) {
	return s.bucket.SignedURL(ctx, f.BlobKey(), opts)
}
