package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/inlet-go/inlet/store/errs"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the schema up to date. The caller holds a lock that keeps
// other processes from doing the same.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, dir string) error {
	files, err := fs.Sub(migrations, "migrations/"+dir)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, db, files, goose.WithTableName("inlet_migrations"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	known := int64(0)
	for _, source := range p.ListSources() {
		known = max(known, source.Version)
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	switch {
	case have > known:
		return errs.New(errs.Unsupported, "the database has schema version %d, this program knows up to %d: use a newer one", have, known)
	case have == known:
		return nil
	}
	_, err = p.Up(ctx)
	return err
}
