package dataset

import (
	"context"
	"io"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// Upload stores a file that r gives and makes it an upload of the caller's. It
// returns after the bytes are durable. Errors: Invalid with every wrong field,
// or an ErrExtension or ErrEmpty; TooLarge; Unavailable where the bucket is
// full or down; those of r.
func (s *Service) Upload(ctx context.Context, sc scope.Scope, name string, r io.Reader) (*Upload, error) {
	if err := caller(sc); err != nil {
		return nil, err
	}
	rec, err := s.Receive(ctx, name, r)
	if err != nil {
		return nil, err
	}
	return s.Keep(ctx, sc, rec)
}

// Receive stores a file before it is known whose it is: in a form, the user
// may come behind the file. What is received must be given to Keep or Discard.
// Errors as Upload.
func (s *Service) Receive(ctx context.Context, name string, r io.Reader) (*Received, error) {
	if err := s.checkUpload(name); err != nil {
		return nil, err
	}
	rec := &Received{id: newID("", s.opts.Now()), name: name}
	rec.key = UploadKey(rec.id)
	var err error
	rec.written, err = s.bucket.Write(ctx, rec.key, blob.LimitReader(r, s.opts.MaxSize, "file"), nil)
	if err != nil {
		return nil, err
	}
	if rec.written.Size == 0 {
		s.Discard(ctx, rec)
		return nil, errs.Wrap(errs.Invalid, ErrEmpty, "file is empty")
	}
	return rec, nil
}

func (s *Service) checkUpload(name string) error {
	var p errs.Problems
	checkFileName(&p, "file name", name)
	if err := p.Err(); err != nil {
		return err
	}
	return s.checkExtension(name)
}

// Keep makes a received file an upload of the caller's. On an error it is
// discarded.
func (s *Service) Keep(ctx context.Context, sc scope.Scope, rec *Received) (*Upload, error) {
	err := caller(sc)
	if err == nil {
		u := s.newUpload(sc, rec.id, rec.name, rec.written.Size)
		u.Key, u.SHA256, u.State = rec.key, rec.written.SHA256, Complete
		if err = s.repo.CreateUpload(ctx, u); err == nil {
			s.opts.Logger.InfoContext(ctx, "file uploaded", "tenant", sc.Tenant, "user", sc.User, "upload", u.ID, "bytes", u.Size)
			return u, nil
		}
		if errs.KindOf(err) == errs.Unavailable || errs.KindOf(err) == errs.Canceled {
			return nil, err // perhaps it was stored; if not, the collector finds the bytes
		}
	}
	s.Discard(ctx, rec)
	return nil, err
}

// Discard removes a received file.
func (s *Service) Discard(ctx context.Context, rec *Received) {
	if err := s.bucket.Delete(context.WithoutCancel(ctx), rec.key); err != nil {
		s.opts.Logger.WarnContext(ctx, "an unwanted file will be collected later", "key", rec.key, "err", err)
	}
}

func (s *Service) newUpload(sc scope.Scope, id, name string, size int64) *Upload {
	now := s.opts.Now()
	return &Upload{
		ID: id, Tenant: sc.Tenant, Owner: sc.User, ObjectKey: "temp/user/" + sc.User + "/" + id + Extension(name),
		Name: name, Size: size, CreatedAt: now, ExpiresAt: now.Add(s.opts.UploadTTL),
	}
}

// upload returns an upload of the caller's by its ObjectKey. Another user's
// does not exist.
func (s *Service) upload(ctx context.Context, sc scope.Scope, objectKey string) (*Upload, error) {
	u, err := s.repo.Upload(ctx, sc.Tenant, objectKey)
	if err == nil && (u.Owner != sc.User || !u.ExpiresAt.After(s.opts.Now())) {
		err = errs.New(errs.NotFound, "file_object_key %.80q does not exist", objectKey)
	}
	return u, err
}

// directly returns the bucket as one to which clients send parts themselves,
// or nil.
func (s *Service) directly() blob.PartTaker {
	taker, _ := s.bucket.(blob.PartTaker)
	return taker
}
