package connector

import (
	"context"
	"log/slog"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// Service is what callers use. It is safe for concurrent use.
type Service struct {
	repo    Repository
	opener  Opener
	schemas *schemas // of what is built in
	opts    Options
}

// Options qualifies a Service; zero fields have defaults.
type Options struct {
	// Definitions lets connectors be of registered definitions; with nil they
	// are Unsupported.
	Definitions *Definitions
	// ValidateTimeout bounds the connection that Validate tries; 0 means 15 s.
	ValidateTimeout time.Duration
	// MaxFiles bounds one page of Files; 0 means 10,000.
	MaxFiles int
	// Now is the clock of created and updated times; nil means time.Now.
	Now func() time.Time
	// Logger gets one line per change; nil discards.
	Logger *slog.Logger
}

// NewService returns a service over the repository. opener connects to what
// configs describe, and compiler makes of the forms of configs what they are
// checked with; package uispec has one.
func NewService(repo Repository, opener Opener, compiler Compiler, opts *Options) *Service {
	s := &Service{repo: repo, opener: opener, schemas: newSchemas(compiler)}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.ValidateTimeout == 0 {
		s.opts.ValidateTimeout = 15 * time.Second
	}
	if s.opts.MaxFiles == 0 {
		s.opts.MaxFiles = 10_000
	}
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.New(slog.DiscardHandler)
	}
	return s
}

// New is what Create needs; all fields are required.
type New struct {
	Name   string
	Type   SourceType
	Config Config
}

// Create saves a connector. It does not connect; see Validate. Errors:
// Invalid with every wrong field, Exists for a taken name.
func (s *Service) Create(ctx context.Context, sc scope.Scope, n New) (*Connector, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	f, err := s.formOf(ctx, sc.Tenant, n.Type, n.Config, nil)
	if err != nil {
		return nil, err
	}
	var p errs.Problems
	CheckName(&p, "name", n.Name)
	config := f.check(&p, n.Type, n.Config, nil)
	if err := p.Err(); err != nil {
		return nil, err
	}
	now := s.opts.Now()
	c := &Connector{
		Tenant: sc.Tenant, Name: n.Name, Type: n.Type, Config: config, Status: Active,
		CreatedBy: sc.User, CreatedAt: now, UpdatedAt: now,
	}
	if err := s.repo.CreateConnector(ctx, c); err != nil {
		return nil, err
	}
	s.opts.Logger.InfoContext(ctx, "connector created", "tenant", sc.Tenant, "connector", c.ID, "type", n.Type.Key())
	return c, nil
}

// only returns the member of c that fits the type, without the others, which
// the documented sample sends along.
func only(t SourceType, c Config) Config {
	c = c.Clone()
	switch t {
	case OSS:
		return Config{OSS: c.OSS}
	case S3:
		return Config{S3: c.S3}
	case Defined:
		return Config{Definition: c.Definition}
	}
	return Config{Folder: c.Folder}
}

// Get returns a connector. Its secrets print as masks.
func (s *Service) Get(ctx context.Context, sc scope.Scope, id int64) (*Connector, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return s.repo.Connector(ctx, sc.Tenant, id)
}

// Listed is a connector with the ids of the tasks that use it.
type Listed struct {
	*Connector
	TaskIDs []int64
}

// List returns the connectors that q selects, and how many there are without
// its Offset and Limit.
func (s *Service) List(ctx context.Context, sc scope.Scope, q Query) ([]Listed, int, error) {
	if err := sc.Check(); err != nil {
		return nil, 0, err
	}
	switch q.OrderBy {
	case "", ByCreated, ByUpdated, ByName:
	default:
		return nil, 0, errs.New(errs.Invalid, "order_by is invalid: %q is none of created_at, updated_at, name", q.OrderBy)
	}
	found, total, err := s.repo.Connectors(ctx, sc.Tenant, q)
	if err != nil {
		return nil, 0, err
	}
	ids := make([]int64, len(found))
	for i, c := range found {
		ids[i] = c.ID
	}
	tasks, err := s.repo.RelatedTasks(ctx, sc.Tenant, ids)
	if err != nil {
		return nil, 0, err
	}
	list := make([]Listed, len(found))
	for i, c := range found {
		list[i] = Listed{Connector: c, TaskIDs: tasks[c.ID]}
	}
	return list, total, nil
}

// Change is what Update changes; nil fields stay.
type Change struct {
	Name   *string
	Config *Config // replaces the whole config; a secret that is Mask stays
}

// Update changes a connector; its type cannot change. Errors: Invalid with
// every wrong field, Exists for a taken name, NotFound.
func (s *Service) Update(ctx context.Context, sc scope.Scope, id int64, ch Change) (*Connector, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	f, err := s.formOfChange(ctx, sc.Tenant, id, ch)
	if err != nil {
		return nil, err
	}
	var updated *Connector
	err = s.repo.UpdateConnector(ctx, sc.Tenant, id, func(c *Connector) error {
		var p errs.Problems
		if ch.Name != nil {
			CheckName(&p, "name", *ch.Name)
			c.Name = *ch.Name
		}
		if ch.Config != nil {
			c.Config, c.Status = f.check(&p, c.Type, *ch.Config, &c.Config), Active
		}
		c.UpdatedAt = s.opts.Now()
		updated = c
		return p.Err()
	})
	if err != nil {
		return nil, err
	}
	s.opts.Logger.InfoContext(ctx, "connector updated", "tenant", sc.Tenant, "connector", id)
	return updated, nil
}

// formOfChange returns the form of the config that a connector is to get.
func (s *Service) formOfChange(ctx context.Context, tenant string, id int64, ch Change) (form, error) {
	if ch.Config == nil {
		return form{}, nil
	}
	c, err := s.repo.Connector(ctx, tenant, id)
	if err != nil {
		return form{}, err
	}
	return s.formOf(ctx, tenant, c.Type, *ch.Config, &c.Config)
}

// keepMasked puts the stored secrets where c has only their mask.
func keepMasked(c *Config, stored Config) {
	known := map[string]Secret{}
	for field, secret := range stored.Secrets() {
		known[field] = *secret
	}
	for field, secret := range c.Secrets() {
		if old, ok := known[field]; ok && *secret == Mask {
			*secret = old
		}
	}
}

// Delete removes a connector. While a task that is not completed uses it the
// error is Conflict. What was loaded through it stays.
func (s *Service) Delete(ctx context.Context, sc scope.Scope, id int64) error {
	if err := sc.Check(); err != nil {
		return err
	}
	if err := s.repo.DeleteConnector(ctx, sc.Tenant, id); err != nil {
		return err
	}
	s.opts.Logger.InfoContext(ctx, "connector deleted", "tenant", sc.Tenant, "connector", id)
	return nil
}

// Source opens the connector's source; the caller closes it.
func (s *Service) Source(ctx context.Context, tenant string, id int64) (blob.Source, error) {
	c, err := s.repo.Connector(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if err := usable(c); err != nil {
		return nil, err
	}
	return s.opener.Open(ctx, c.Config)
}
