package connector

import (
	"context"
	"errors"
	"fmt"

	"github.com/inlet-go/inlet/store/errs"
)

// form is what the configs of a source type, or of a definition, must be like.
type form struct {
	schema  Schema
	problem string // why there is none, for the caller; "" when there is
}

func noForm(format string, args ...any) (form, error) {
	return form{problem: fmt.Sprintf(format, args...)}, nil
}

// formOf returns the form of a config that a caller gave. stored is the config
// that it takes the place of, or nil: a definition that is Retired may still
// be used where it is used already.
func (s *Service) formOf(ctx context.Context, tenant string, t SourceType, c Config, stored *Config) (form, error) {
	if t.Key() == "" {
		return noForm("source_type is invalid: %d is none of 4 (OSS), 5 (S3), 100 (folder), 101 (definition)", t)
	}
	given := map[string]bool{"oss": c.OSS != nil, "s3": c.S3 != nil, "folder": c.Folder != nil, "definition": c.Definition != nil}
	if !given[t.Key()] {
		return noForm("config.%s is required for source_type %d", t.Key(), t)
	}
	if t != Defined {
		schema, err := s.schemas.of(builtInOf(t))
		return form{schema: schema}, err
	}
	id := c.Definition.ID
	if id == "" {
		return noForm("config.definition.id is required")
	}
	if s.opts.Definitions == nil {
		return form{}, errs.New(errs.Unsupported, "connectors of registered definitions cannot be made here")
	}
	for _, native := range []SourceType{OSS, S3, Folder} {
		if builtInOf(native).ID == id {
			return noForm("config.definition.id is invalid: connectors of %q have the source_type %d", id, native)
		}
	}
	d, err := s.opts.Definitions.used(ctx, tenant, id)
	used := stored != nil && stored.Definition != nil && stored.Definition.ID == id
	if errors.Is(err, errs.NotFound) || err == nil && d.Status != Live && !used {
		return noForm("config.definition.id is invalid: definition %.80q does not exist, or is not Live", id)
	}
	if err != nil {
		return form{}, err
	}
	schema, err := s.opts.Definitions.schemas.of(d)
	return form{schema: schema}, err
}

// definedPrefix is what the fields of a defined config are called behind.
const definedPrefix = "config.definition.config."

// check notes everything that is wrong with c and returns what is stored of
// it. Masks of secrets stand for what is in stored, which may be nil.
func (f form) check(p *errs.Problems, t SourceType, c Config, stored *Config) Config {
	if f.problem != "" {
		p.Addf("%s", f.problem)
		return c
	}
	c = only(t, c)
	if stored != nil {
		keepMasked(&c, *stored)
	}
	if t != Defined {
		checkWith(p, "config."+t.Key()+".", f.schema, c.values())
		return c
	}
	whole, err := c.Definition.Whole()
	if err != nil {
		p.Addf("config.definition.%s", errs.Message(err))
		return c
	}
	if stored != nil && stored.Definition != nil {
		stored.Definition.unmask(whole)
	}
	before := p.Err()
	checkWith(p, definedPrefix, f.schema, whole)
	if before != nil || p.Err() != nil {
		return c
	}
	if c.Definition, err = newDefined(c.Definition.ID, f.schema, whole); err != nil {
		p.Addf("config.definition.%s", errs.Message(err))
	}
	return c
}

// values returns the member that c has as a schema checks it.
func (c Config) values() map[string]any {
	switch {
	case c.OSS != nil:
		return map[string]any{
			"endpoint": c.OSS.Endpoint, "access_key_id": c.OSS.AccessKeyID,
			"access_key_secret": c.OSS.AccessKeySecret.Reveal(), "bucket_name": c.OSS.BucketName,
		}
	case c.S3 != nil:
		values := map[string]any{
			"endpoint": c.S3.Endpoint, "access_key_id": c.S3.AccessKeyID,
			"access_key_secret": c.S3.AccessKeySecret.Reveal(), "bucket_name": c.S3.BucketName, "region": c.S3.Region,
		}
		if c.S3.PathStyle != nil {
			values["path_style"] = *c.S3.PathStyle
		}
		return values
	}
	return map[string]any{"path": c.Folder.Path}
}
