package connector

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// The limits that hold unless DefinitionOptions say otherwise.
const (
	DefaultMaxArchive     = 512 << 20 // bytes of an archive as it is sent
	DefaultMaxMetadata    = 1 << 20   // bytes of a metadata.json, and of a ui-config.json
	DefaultMaxIcon        = 64 << 10  // bytes of an icon
	DefaultMaxDefinitions = 1000      // of a tenant
)

// System is who makes definitions when nobody is known.
const System = "SYSTEM"

// Definitions is the registry of connector definitions. It is safe for
// concurrent use.
type Definitions struct {
	repo     DefinitionRepository
	bucket   blob.Bucket
	archives Archives
	schemas  *schemas
	builtIn  []*Definition
	opts     DefinitionOptions
}

// DefinitionOptions qualifies Definitions; zero fields have defaults.
type DefinitionOptions struct {
	MaxArchive     int64 // bytes; 0 means DefaultMaxArchive
	MaxMetadata    int64 // bytes; 0 means DefaultMaxMetadata
	MaxIcon        int64 // bytes; 0 means DefaultMaxIcon
	MaxDefinitions int   // of a tenant; 0 means DefaultMaxDefinitions
	// BuiltIn are definitions that every tenant has besides Inlet's own, for
	// what the host's opener can open; see [ParseDefinition].
	BuiltIn []*Definition
	// Now is the clock of the times shown; nil means time.Now.
	Now func() time.Time
	// Logger gets one line per change; nil discards.
	Logger *slog.Logger
}

// NewDefinitions returns the registry that keeps definitions in repo and their
// archives in bucket.
func NewDefinitions(repo DefinitionRepository, bucket blob.Bucket, archives Archives, compiler Compiler, opts *DefinitionOptions) *Definitions {
	s := &Definitions{repo: repo, bucket: bucket, archives: archives, schemas: newSchemas(compiler)}
	if opts != nil {
		s.opts = *opts
	}
	s.builtIn = slices.Concat(builtIns(), s.opts.BuiltIn)
	if s.opts.MaxArchive == 0 {
		s.opts.MaxArchive = DefaultMaxArchive
	}
	if s.opts.MaxMetadata == 0 {
		s.opts.MaxMetadata = DefaultMaxMetadata
	}
	if s.opts.MaxIcon == 0 {
		s.opts.MaxIcon = DefaultMaxIcon
	}
	if s.opts.MaxDefinitions == 0 {
		s.opts.MaxDefinitions = DefaultMaxDefinitions
	}
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	if s.opts.Logger == nil {
		s.opts.Logger = slog.New(slog.DiscardHandler)
	}
	return s
}

// Save stores a definition that comes without an archive: one that is being
// made, as a Draft, or a host's own. Its ID, Tenant and times are set here. An
// older Live version is retired when it is Live. Errors: Invalid with every
// wrong field, Exists, TooLarge.
func (s *Definitions) Save(ctx context.Context, sc scope.Scope, d *Definition) error {
	if err := sc.Check(); err != nil {
		return err
	}
	if len(d.UISpec) == 0 {
		d.UISpec = json.RawMessage("{}")
	}
	var p errs.Problems
	checkIDPart(&p, "connector_id", d.ConnectorID)
	checkIDPart(&p, "version", d.Version)
	p.Check(d.Status.Known(), "status is invalid: %q is none of Draft, InValidation, Live, Retired", d.Status)
	if _, err := s.schemas.of(d); err != nil {
		p.Addf("ui_spec is invalid: %s", errs.Message(err))
	}
	if err := p.Err(); err != nil {
		return err
	}
	d.SourceURL, d.SHA256 = "", [32]byte{}
	s.complete(sc, d, s.opts.Now())
	return s.repo.SaveDefinitions(ctx, sc.Tenant, []*Definition{d}, s.opts.MaxDefinitions)
}

// complete sets what does not come from whoever made the definition.
func (s *Definitions) complete(sc scope.Scope, d *Definition, now time.Time) {
	by := sc.User
	if by == "" {
		by = System
	}
	d.ID, d.Tenant, d.Type = DefinitionID(d.ConnectorID, d.Version), sc.Tenant, "source"
	d.CreatedBy, d.UpdatedBy, d.CreatedAt, d.UpdatedAt, d.LiveAt = by, by, now, now, time.Time{}
	if d.Status == Live {
		d.LiveAt = now
	}
}

// Read returns a definition by its ID, or by its ConnectorID alone. edit asks
// for a Draft; without it only what is Live is found.
func (s *Definitions) Read(ctx context.Context, sc scope.Scope, id string, edit bool) (*Definition, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	want := Live
	if edit {
		want = Draft
	}
	d, err := s.repo.Definition(ctx, sc.Tenant, id)
	switch {
	case err == nil && d.Status == want:
		return d, nil
	case err != nil && !errors.Is(err, errs.NotFound):
		return nil, err
	}
	missing, own := errs.New(errs.NotFound, "definition %.80q does not exist", id), err == nil
	if edit {
		return nil, missing
	}
	if d, err = s.repo.LiveDefinition(ctx, sc.Tenant, id); err == nil || !errors.Is(err, errs.NotFound) {
		return d, err
	}
	for _, b := range s.builtIn {
		if own || b.ID != id && b.ConnectorID != id {
			continue
		}
		// A tenant's own version stands in for the one that is built in.
		if _, err = s.repo.LiveDefinition(ctx, sc.Tenant, b.ConnectorID); errors.Is(err, errs.NotFound) {
			return b, nil
		} else if err != nil {
			return nil, err
		}
	}
	return nil, missing
}

// List returns the definitions that q selects, without their UISpec: those
// that are built in, then the tenant's. One that is built in is Retired where
// the tenant has a Live version of its own.
func (s *Definitions) List(ctx context.Context, sc scope.Scope, q DefinitionQuery) ([]*Definition, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	var p errs.Problems
	for _, status := range q.Statuses {
		p.Check(status.Known(), "status is invalid: %.80q is none of Draft, InValidation, Live, Retired", status)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	own, err := s.repo.Definitions(ctx, sc.Tenant, DefinitionQuery{})
	if err != nil {
		return nil, err
	}
	ids, live := map[string]bool{}, map[string]bool{}
	for _, d := range own {
		ids[d.ID] = true
		live[d.ConnectorID] = live[d.ConnectorID] || d.Status == Live
	}
	list := []*Definition{}
	for _, d := range s.builtIn {
		if ids[d.ID] {
			continue
		}
		listed := *d
		listed.UISpec = nil
		if live[d.ConnectorID] {
			listed.Status = Retired
		}
		list = append(list, &listed)
	}
	return slices.DeleteFunc(append(list, own...), func(d *Definition) bool {
		return len(q.Statuses) > 0 && !slices.Contains(q.Statuses, d.Status) ||
			len(q.Categories) > 0 && !slices.Contains(q.Categories, d.Category)
	}), nil
}

// Check tells whether a config fits a definition, without storing it. Errors:
// Invalid with every wrong field, NotFound.
func (s *Definitions) Check(ctx context.Context, sc scope.Scope, id string, config []byte) error {
	d, err := s.Read(ctx, sc, id, false)
	if err != nil {
		return err
	}
	schema, err := s.schemas.of(d)
	if err != nil {
		return err
	}
	values, err := decodeObject(config)
	if err != nil {
		return err
	}
	var p errs.Problems
	checkWith(&p, "", schema, values)
	return p.Err()
}

// used returns a definition that a connector is of, whatever its status.
func (s *Definitions) used(ctx context.Context, tenant, id string) (*Definition, error) {
	d, err := s.repo.Definition(ctx, tenant, id)
	if errors.Is(err, errs.NotFound) {
		for _, b := range s.builtIn {
			if b.ID == id {
				return b, nil
			}
		}
	}
	return d, err
}

// Archive opens the archive of a definition; the caller closes it. A
// definition without one is NotFound.
func (s *Definitions) Archive(ctx context.Context, d *Definition) (io.ReadCloser, error) {
	if !strings.HasPrefix(d.SourceURL, DefinitionPrefix) {
		return nil, errs.New(errs.NotFound, "definition %q has no archive", d.ID)
	}
	return s.bucket.Open(ctx, d.SourceURL, nil)
}
