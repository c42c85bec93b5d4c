package dataset

import (
	"context"
	"net/url"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// NewSource is what CreateSource needs: a name, and either a URL or the
// ObjectKey of an upload.
type NewSource struct {
	Name      string // with its extension; shown cut after MaxDisplayName characters
	URL       string // http or https, reachable without credentials; what is in its query is kept secret
	ObjectKey string // of an upload of the caller's that is complete
}

// CreateSource makes a data source in a dataset of the caller's; "" makes a
// dataset for it, which is named like it. Errors: Invalid with every wrong
// field, or an ErrExtension; NotFound for an unknown dataset or upload, also
// of an upload of another user; Forbidden for another user's dataset.
func (s *Service) CreateSource(ctx context.Context, sc scope.Scope, dataset string, n NewSource) (*DataSource, error) {
	if err := s.checkNewSource(sc, n); err != nil {
		return nil, err
	}
	var made *Dataset
	if dataset == "" {
		made = s.newDataset(sc, New{Name: n.Name})
		dataset = made.ID
	} else if _, err := s.Get(ctx, sc, dataset); err != nil {
		return nil, err
	}
	now := s.opts.Now()
	src := &DataSource{
		ID: newID("datasource-", now), Dataset: dataset, Tenant: sc.Tenant, Owner: sc.User, Name: n.Name,
		Status: Synching, CreatedAt: now, UpdatedAt: now,
	}
	if n.ObjectKey != "" {
		u, err := s.upload(ctx, sc, n.ObjectKey)
		if err != nil {
			return nil, err
		}
		if u.State != Complete {
			return nil, errs.New(errs.Invalid, "file_object_key is invalid: the upload is not complete")
		}
		src.Upload, src.Key, src.Size, src.SHA256 = u.ID, u.Key, u.Size, u.SHA256
	}
	if err := s.repo.CreateSource(ctx, src, made, n.URL); err != nil {
		return nil, err
	}
	s.wake()
	s.opts.Logger.InfoContext(ctx, "data source created", "tenant", sc.Tenant, "user", sc.User, "dataset", dataset, "source", src.ID)
	return src, nil
}

func (s *Service) checkNewSource(sc scope.Scope, n NewSource) error {
	if err := caller(sc); err != nil {
		return err
	}
	var p errs.Problems
	checkFileName(&p, "name", n.Name)
	switch {
	case n.URL == "" && n.ObjectKey == "":
		p.Addf("url or file_object_key is required")
	case n.URL != "" && n.ObjectKey != "":
		p.Addf("url and file_object_key are invalid: only one of them can be given")
	case n.URL != "":
		checkURL(&p, n.URL)
	}
	if err := p.Err(); err != nil {
		return err
	}
	return s.checkExtension(n.Name)
}

// checkURL notes what is wrong with a URL. Whether its host may be reached is
// seen when it is fetched.
func checkURL(p *errs.Problems, text string) {
	u, err := url.Parse(text)
	switch {
	case len(text) > MaxURL:
		p.Addf("url is invalid: longer than %d bytes", MaxURL)
	case !utf8.ValidString(text) || err != nil:
		p.Addf("url is invalid: it is no URL")
	case u.Scheme != "http" && u.Scheme != "https":
		p.Addf("url is invalid: it must begin with http:// or https://")
	case u.Hostname() == "":
		p.Addf("url is invalid: it names no host")
	case u.User != nil:
		p.Addf("url is invalid: it must not contain a user or password")
	}
}

// Source returns a data source of a dataset of the caller's.
func (s *Service) Source(ctx context.Context, sc scope.Scope, dataset, id string) (*DataSource, error) {
	if _, err := s.Get(ctx, sc, dataset); err != nil {
		return nil, err
	}
	return s.repo.Source(ctx, sc.Tenant, dataset, id)
}

// SourceByID returns a data source of a tenant, whoever's it is: for links
// that were signed for it.
func (s *Service) SourceByID(ctx context.Context, sc scope.Scope, id string) (*DataSource, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return s.repo.Source(ctx, sc.Tenant, "", id)
}

// Sources returns the data sources of a dataset of the caller's that q
// selects, and how many it selects without its Offset and Limit.
func (s *Service) Sources(ctx context.Context, sc scope.Scope, dataset string, q SourceQuery) ([]*DataSource, int, error) {
	if _, err := s.Get(ctx, sc, dataset); err != nil {
		return nil, 0, err
	}
	for _, status := range q.Statuses {
		if status != Synching && status != Synched && status != Invalid {
			return nil, 0, errs.New(errs.Invalid, "status is invalid: %q is none of synching, synched, invalid", truncate(string(status), 40))
		}
	}
	return s.repo.Sources(ctx, sc.Tenant, dataset, q)
}

// DeleteSource removes a data source of a dataset of the caller's, which
// cannot be undone.
func (s *Service) DeleteSource(ctx context.Context, sc scope.Scope, dataset, id string) error {
	if _, err := s.Get(ctx, sc, dataset); err != nil {
		return err
	}
	if err := s.repo.DeleteSource(ctx, sc.Tenant, dataset, id); err != nil {
		return err
	}
	s.opts.Logger.InfoContext(ctx, "data source deleted", "tenant", sc.Tenant, "user", sc.User, "dataset", dataset, "source", id)
	return nil
}
