package dataset

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// maxParts is the most parts of an upload, as with S3.
const maxParts = 10_000

// InitUpload begins an upload of size bytes in parts, which the client then
// sends to the targets, in any order and as often as it likes, before it
// expires. Errors: Invalid with every wrong field, or an ErrExtension or
// ErrEmpty; TooLarge.
func (s *Service) InitUpload(ctx context.Context, sc scope.Scope, name string, size int64) (*Upload, []PartTarget, error) {
	if err := caller(sc); err != nil {
		return nil, nil, err
	}
	if err := s.checkUpload(name); err != nil {
		return nil, nil, err
	}
	switch {
	case size < 0:
		return nil, nil, errs.New(errs.Invalid, "file_size is invalid: it must be positive")
	case size == 0:
		return nil, nil, errs.Wrap(errs.Invalid, ErrEmpty, "file_size is invalid: the file is empty")
	case size > s.opts.MaxSize:
		return nil, nil, errs.New(errs.TooLarge, "file_size is invalid: more than %d bytes", s.opts.MaxSize)
	}
	u := s.newUpload(sc, newID("", s.opts.Now()), name, size)
	u.State, u.PartSize = Open, max(s.opts.PartSize, (size+maxParts-1)/maxParts)
	if taker := s.directly(); taker != nil {
		var err error
		u.Key = UploadKey(u.ID)
		if u.Provider, err = taker.BeginParts(ctx, u.Key); err != nil {
			return nil, nil, err
		}
	}
	targets, err := s.targets(ctx, u)
	if err == nil {
		err = s.repo.CreateUpload(ctx, u)
	}
	if err != nil {
		s.abort(ctx, u)
		return nil, nil, err
	}
	s.opts.Logger.InfoContext(ctx, "upload begun", "tenant", sc.Tenant, "user", sc.User, "upload", u.ID, "bytes", size)
	return u, targets, nil
}

// targets returns where each part is to be sent.
func (s *Service) targets(ctx context.Context, u *Upload) ([]PartTarget, error) {
	list := make([]PartTarget, u.parts())
	for i := range list {
		list[i] = PartTarget{Number: i + 1, Size: u.partSize(i + 1)}
		if u.Provider == "" {
			continue
		}
		var err error
		list[i].URL, err = s.directly().SignPart(ctx, u.Key, u.Provider, list[i].Number, list[i].Size, s.opts.UploadTTL)
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// abort gives up what the bucket holds of an upload in parts.
func (s *Service) abort(ctx context.Context, u *Upload) {
	if u.Provider == "" {
		return
	}
	if err := s.directly().AbortParts(context.WithoutCancel(ctx), u.Key, u.Provider); err != nil {
		s.opts.Logger.WarnContext(ctx, "parts of an upload are left in the bucket", "upload", u.ID, "err", err)
	}
}

// PutPart stores a part, and returns its ETag after it is durable. A part that
// is sent again replaces the one before. Who calls has checked that the sender
// may. Errors: NotFound; Invalid for a number that the upload does not have
// and for a part of another size; Conflict for an upload that is complete.
func (s *Service) PutPart(ctx context.Context, tenant, upload string, number int, r io.Reader) (etag string, err error) {
	u, err := s.repo.UploadByID(ctx, tenant, upload)
	if err != nil {
		return "", err
	}
	switch {
	case u.State != Open:
		return "", errs.New(errs.Conflict, "upload %q is complete", upload)
	case u.Provider != "" || number < 1 || number > u.parts():
		return "", errs.New(errs.Invalid, "part %d is invalid: the upload has %d parts", number, u.parts())
	}
	p := Part{Number: number, Size: u.partSize(number), Key: partKey(u.ID, number)}
	w, err := s.bucket.Write(ctx, p.Key, exactly(r, p.Size), &blob.WriteOptions{Size: p.Size})
	if err != nil {
		return "", err
	}
	p.ETag = hex.EncodeToString(w.SHA256[:16])
	if err := s.repo.PutPart(ctx, u.ID, p); err != nil {
		return "", err
	}
	return p.ETag, nil
}

// exactly returns r with an Invalid error where it does not give size bytes.
func exactly(r io.Reader, size int64) io.Reader { return &exact{r: r, size: size} }

type exact struct {
	r       io.Reader
	size, n int64
}

// Read implements [io.Reader].
func (e *exact) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.n += int64(n)
	if e.n > e.size || err == io.EOF && e.n < e.size {
		return 0, errs.New(errs.Invalid, "part is invalid: it must have %d bytes", e.size)
	}
	return n, err
}

// CompleteUpload makes an upload of the caller's a file. Every part must be
// named once, with the ETag that it got, quoted or not. Calling it again for
// an upload that is complete changes nothing. Errors: NotFound; Invalid with
// every part that is wrong or missing.
func (s *Service) CompleteUpload(ctx context.Context, sc scope.Scope, objectKey, upload string, parts []blob.Part) (*Upload, error) {
	if err := caller(sc); err != nil {
		return nil, err
	}
	u, err := s.upload(ctx, sc, objectKey)
	if err != nil {
		return nil, err
	}
	if u.ID != upload && u.Provider != upload {
		return nil, errs.New(errs.NotFound, "upload_id %.80q does not exist", upload)
	}
	if u.State == Complete {
		return u, nil
	}
	if err := checkParts(u, parts); err != nil {
		return nil, err
	}
	if u.Provider != "" {
		err = s.join(ctx, u, parts)
	} else {
		err = s.checkStored(ctx, u, parts)
	}
	if err != nil {
		return nil, err
	}
	u.State, u.ExpiresAt = Complete, s.opts.Now().Add(s.opts.UploadTTL)
	if err := s.repo.CompleteUpload(ctx, u.ID, u.ExpiresAt); err != nil {
		if again, lookErr := s.upload(ctx, sc, objectKey); lookErr == nil && again.State == Complete {
			return again, nil // another call was faster
		}
		return nil, err
	}
	s.opts.Logger.InfoContext(ctx, "file uploaded", "tenant", sc.Tenant, "user", sc.User, "upload", u.ID, "bytes", u.Size)
	return u, nil
}

// maxNamed is the most parts that one error names.
const maxNamed = 10

// checkParts checks that each part of the upload is named once.
func checkParts(u *Upload, parts []blob.Part) error {
	var p errs.Problems
	seen := make([]bool, u.parts()+1)
	for i, part := range parts {
		switch {
		case i >= maxParts:
			return errs.New(errs.Invalid, "part_etags is invalid: more than %d parts", maxParts)
		case part.Number < 1 || part.Number >= len(seen):
			return errs.New(errs.Invalid, "part_etags is invalid: part %d is none of the %d parts", part.Number, u.parts())
		case seen[part.Number]:
			return errs.New(errs.Invalid, "part_etags is invalid: part %d is named twice", part.Number)
		case part.ETag == "":
			return errs.New(errs.Invalid, "part_etags is invalid: part %d has no etag", part.Number)
		}
		seen[part.Number] = true
	}
	missing := 0
	for number, ok := range seen[1:] {
		if !ok {
			if missing++; missing <= maxNamed {
				p.Addf("part_etags is invalid: part %d is missing", number+1)
			}
		}
	}
	return p.Err()
}

// checkStored checks that the parts are here, and are the ones that are meant.
func (s *Service) checkStored(ctx context.Context, u *Upload, parts []blob.Part) error {
	stored, err := s.repo.Parts(ctx, u.ID)
	if err != nil {
		return err
	}
	etags := make(map[int]string, len(stored))
	for _, part := range stored {
		etags[part.Number] = part.ETag
	}
	var p errs.Problems
	wrong := 0
	for _, part := range parts {
		etag, ok := etags[part.Number]
		if ok && etag == unquoted(part.ETag) {
			continue
		}
		if wrong++; wrong > maxNamed {
			break
		}
		p.Check(ok, "part %d is invalid: it was not uploaded", part.Number)
		p.Check(!ok, "part %d is invalid: its etag is not %.40q", part.Number, part.ETag)
	}
	return p.Err()
}

// unquoted returns an ETag without quotes, in lower case.
func unquoted(etag string) string { return strings.ToLower(strings.Trim(etag, `"`)) }

// join makes the bucket put its parts together.
func (s *Service) join(ctx context.Context, u *Upload, parts []blob.Part) error {
	err := s.directly().FinishParts(ctx, u.Key, u.Provider, parts)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	// A call before this one may have put them together, and died.
	o, statErr := s.bucket.Stat(ctx, u.Key)
	switch {
	case statErr != nil && err != nil:
		return err
	case statErr != nil:
		return statErr
	case o.Size != u.Size:
		return errs.New(errs.Invalid, "part_etags is invalid: the parts have %d bytes, not the announced %d", o.Size, u.Size)
	}
	return nil
}
