package connector

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// Register keeps a distribution archive that r gives and makes the connectors
// in it Live, all of them or none. The name's extension tells a zip from a
// tar, which may be compressed with gzip, bzip2 or xz. It returns after the
// bytes are durable; nothing of the archive is run.
//
// The same version again takes the place of what was there, and older versions
// become Retired. Errors: Invalid and TooLarge, which say what is wrong with
// the archive; Exists; Unavailable where the bucket is full or down; those of r.
func (s *Definitions) Register(ctx context.Context, sc scope.Scope, name string, r io.Reader) ([]*Definition, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	now := s.opts.Now()
	a := Archive{Bucket: s.bucket, Key: archiveKey(now), Name: name}
	written, err := s.bucket.Write(ctx, a.Key, blob.LimitReader(r, s.opts.MaxArchive, "archive"), nil)
	if err != nil {
		return nil, err
	}
	a.Size = written.Size
	defs, err := s.read(ctx, a)
	if err == nil {
		for _, d := range defs {
			d.SourceURL, d.SHA256 = a.Key, written.SHA256
			s.complete(sc, d, now)
		}
		err = s.repo.SaveDefinitions(ctx, sc.Tenant, defs, s.opts.MaxDefinitions)
	}
	if err != nil {
		// What may have been stored all the same is left to the collector.
		if kind := errs.KindOf(err); kind != errs.Unavailable && kind != errs.Canceled {
			s.discard(ctx, a.Key)
		}
		return nil, err
	}
	for _, d := range defs {
		s.opts.Logger.InfoContext(ctx, "definition registered", "tenant", sc.Tenant, "definition", d.ID, "bytes", a.Size)
		if _, err := s.schemas.of(d); err != nil {
			s.opts.Logger.WarnContext(ctx, "definition cannot check configs", "tenant", sc.Tenant, "definition", d.ID, "err", err)
		}
	}
	return defs, nil
}

func (s *Definitions) discard(ctx context.Context, key string) {
	if err := s.bucket.Delete(context.WithoutCancel(ctx), key); err != nil {
		s.opts.Logger.WarnContext(ctx, "an unwanted archive will be collected later", "key", key, "err", err)
	}
}

// read returns what an archive says that it is.
func (s *Definitions) read(ctx context.Context, a Archive) ([]*Definition, error) {
	if a.Size == 0 {
		return nil, errs.New(errs.Invalid, "archive is empty")
	}
	found, err := s.archives.Find(ctx, a, []string{metadataFile, uiConfigFile}, s.opts.MaxMetadata)
	if err != nil {
		return nil, err
	}
	text, ok := found.Files[metadataFile]
	if !ok {
		return nil, errs.New(errs.Invalid, "unable to locate the metadata file")
	}
	dist, err := readMetadata(text)
	if err != nil {
		return nil, err
	}
	if !found.Folders[dist.folder] {
		return nil, errs.New(errs.Invalid, "connector source folder not found; expecting %s folder inside the archive", dist.folder)
	}
	if text, ok = found.Files[uiConfigFile]; !ok {
		return nil, errs.New(errs.Invalid, "Unable to locate the ui configuration File")
	}
	specs, err := dist.readUISpecs(text)
	if err != nil {
		return nil, err
	}
	icons, err := s.icons(ctx, a, dist)
	if err != nil {
		return nil, err
	}
	return dist.definitions(specs, icons), nil
}

// icons returns the icons of the entries as URLs, by what the metadata has.
func (s *Definitions) icons(ctx context.Context, a Archive, dist *distribution) (map[string]string, error) {
	urls, names := map[string]string{}, map[string]bool{}
	for _, e := range dist.entries {
		switch {
		case int64(len(e.icon)) > s.opts.MaxIcon*4/3+128:
			return nil, errs.New(errs.TooLarge, "metadata.json: icon is larger than %d bytes", s.opts.MaxIcon)
		case isIconURL(e.icon):
			urls[e.icon] = e.icon
		case e.icon != "":
			names[inArchive(e.icon)] = true
		}
	}
	if len(names) == 0 {
		return urls, nil
	}
	found, err := s.archives.Find(ctx, a, slices.Sorted(maps.Keys(names)), s.opts.MaxIcon)
	if err != nil {
		return nil, err
	}
	for _, e := range dist.entries {
		if content, ok := found.Files[inArchive(e.icon)]; ok {
			urls[e.icon] = iconURI(e.icon, content)
		}
	}
	return urls, nil
}

// inArchive returns the name of an icon's file.
func inArchive(icon string) string {
	return strings.TrimPrefix(strings.TrimPrefix(icon, "./"), "/")
}

// definitions returns what is to be stored.
func (d *distribution) definitions(specs map[string]json.RawMessage, icons map[string]string) []*Definition {
	list := make([]*Definition, len(d.entries))
	for i, e := range d.entries {
		list[i] = &Definition{
			ConnectorID: connectorID(e.id), Name: e.name, Category: d.category, Version: d.version, Description: e.description,
			Technology: d.technology, Runtime: d.runtime, Licence: d.licence, Owner: d.owner, IconURL: icons[e.icon],
			Status: Live, Source: e.main, UISpec: specs[e.id],
		}
	}
	return list
}
