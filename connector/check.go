package connector

import (
	"context"
	"errors"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// Check is what Validate looks at. A Config wins over an ID; its masked
// secrets are taken from the connector with the ID.
type Check struct {
	Type   SourceType // may be 0 with an ID alone
	ID     int64
	Config *Config
}

// Verdict says whether a connection works, and if not, why.
type Verdict struct {
	Valid  bool
	Reason string // safe to show; "" when Valid
}

// Validate connects and lists, as a load would. A connection that does not
// work is a Verdict; errors are for bad input (Invalid, NotFound).
func (s *Service) Validate(ctx context.Context, sc scope.Scope, ch Check) (Verdict, error) {
	if err := sc.Check(); err != nil {
		return Verdict{}, err
	}
	config, err := s.checked(ctx, sc, ch)
	if err != nil {
		return Verdict{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.ValidateTimeout)
	defer cancel()
	if err := s.try(ctx, config); err != nil {
		s.opts.Logger.InfoContext(ctx, "connector does not connect", "tenant", sc.Tenant, "connector", ch.ID, "err", err)
		reason := errs.Message(err)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			reason = "no answer within " + s.opts.ValidateTimeout.String()
		}
		return Verdict{Reason: reason}, nil
	}
	return Verdict{Valid: true}, nil
}

// checked returns the config that a check is about.
func (s *Service) checked(ctx context.Context, sc scope.Scope, ch Check) (Config, error) {
	if ch.ID == 0 && ch.Config == nil {
		return Config{}, errs.New(errs.Invalid, "connector_id or config is required")
	}
	var stored *Connector
	if ch.ID != 0 {
		var err error
		if stored, err = s.repo.Connector(ctx, sc.Tenant, ch.ID); err != nil {
			return Config{}, err
		}
		if ch.Type != 0 && ch.Type != stored.Type {
			return Config{}, errs.New(errs.Invalid, "source_type is invalid: connector %d has source_type %d", ch.ID, stored.Type)
		}
		ch.Type = stored.Type
	}
	if ch.Config == nil {
		return stored.Config, usable(stored)
	}
	var before *Config
	if stored != nil {
		before = &stored.Config
	}
	f, err := s.formOf(ctx, sc.Tenant, ch.Type, *ch.Config, before)
	if err != nil {
		return Config{}, err
	}
	var p errs.Problems
	config := f.check(&p, ch.Type, *ch.Config, before)
	return config, p.Err()
}

func usable(c *Connector) error {
	if c.Status == Unreadable {
		return errs.New(errs.Unavailable, "connector %d cannot be used: the key that sealed its credentials is missing", c.ID)
	}
	return nil
}

// try opens the source and reads the start of its listing.
func (s *Service) try(ctx context.Context, config Config) error {
	src, err := s.opener.Open(ctx, config)
	if err != nil {
		return err
	}
	defer src.Close()
	for _, err := range src.List(ctx, "", &blob.ListOptions{OneLevel: true, PageSize: 1}) {
		return err
	}
	return ctx.Err()
}
