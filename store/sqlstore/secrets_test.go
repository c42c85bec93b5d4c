package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

const canary = "c4nary-s3cret-value"

func keeper(t *testing.T) *secrets.Keeper {
	t.Helper()
	key, err := localsecrets.NewRandomKey()
	if err != nil {
		t.Fatal(err)
	}
	return localsecrets.NewKeeper(key)
}

func s3Connector(name string) *connector.Connector {
	return &connector.Connector{
		Tenant: "t", Name: name, Type: connector.S3, Status: connector.Active,
		Config: connector.Config{S3: &connector.S3Config{AccessKeyID: "AK", AccessKeySecret: canary, BucketName: "b"}},
	}
}

func TestSealerIsRequired(t *testing.T) {
	for _, opts := range []*sqlstore.Options{nil, {}} {
		_, err := sqlstore.Open(t.Context(), "mem:", opts)
		if !errors.Is(err, errs.Invalid) || !strings.Contains(errs.Message(err), "seal.Plaintext") {
			t.Errorf("without a sealer: %v", err)
		}
	}
}

func TestSecretsAreNowhereInTheClear(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	key := keeper(t)
	dsn := "sqlite:" + filepath.Join(dir, "inlet.db")
	s := open(t, dsn, &sqlstore.Options{Sealer: seal.New(key, nil), Logger: logger})
	c := s3Connector("a")
	must(t, s.CreateConnector(t.Context(), c))
	fetched := &dataset.DataSource{ID: "s", Dataset: "d", Tenant: "t", Status: dataset.Synching}
	must(t, s.CreateSource(t.Context(), fetched, &dataset.Dataset{ID: "d", Tenant: "t"}, "https://h/?sig="+canary))
	var failed []error
	failed = append(failed, s.CreateSource(t.Context(), fetched, nil, "https://h/?sig="+canary))
	failed = append(failed, s.CreateConnector(t.Context(), s3Connector("a")))
	failed = append(failed, s.UpdateConnector(t.Context(), "t", c.ID, func(c *connector.Connector) error {
		c.Name = "bad\x00"
		return nil
	}))
	_, err := sqlstore.Open(t.Context(), dsn, &sqlstore.Options{Sealer: seal.New(keeper(t), nil), Logger: logger})
	failed = append(failed, err)
	for _, err := range failed {
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("error: %v", err)
		}
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		must(t, err)
		if bytes.Contains(b, []byte(canary)) {
			t.Errorf("%s holds the secret", f.Name())
		}
	}
	if strings.Contains(log.String(), canary) {
		t.Errorf("the log holds the secret:\n%s", log.String())
	}
	got, err := s.Connector(t.Context(), "t", c.ID)
	must(t, err)
	if got.Config.S3.AccessKeySecret.Reveal() != canary {
		t.Error("the secret did not come back")
	}
}

func TestALostKey(t *testing.T) {
	ctx := t.Context()
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "inlet.db")
	s := open(t, dsn, &sqlstore.Options{Sealer: seal.New(keeper(t), &seal.Options{KeyID: "lost"})})
	c := s3Connector("a")
	must(t, s.CreateConnector(ctx, c))

	next := seal.New(keeper(t), &seal.Options{KeyID: "new"})
	if _, err := sqlstore.Open(ctx, dsn, &sqlstore.Options{Sealer: next}); !errors.Is(err, errs.Invalid) {
		t.Fatalf("opened with a wrong key: %v", err)
	}
	s = open(t, dsn, &sqlstore.Options{Sealer: next, AllowLostKey: true})
	fresh := s3Connector("b")
	must(t, s.CreateConnector(ctx, fresh))
	got, err := s.Connector(ctx, "t", c.ID)
	must(t, err)
	if got.Status != connector.Unreadable || got.Config.S3.AccessKeySecret != "" || got.Config.S3.BucketName != "b" {
		t.Errorf("connector with a lost secret: %+v", got)
	}
	list, total, err := s.Connectors(ctx, "t", connector.Query{Statuses: []connector.Status{connector.Unreadable}})
	must(t, err)
	if total != 1 || len(list) != 1 || list[0].ID != c.ID {
		t.Errorf("unreadable: %d of %d", len(list), total)
	}
	if n, err := s.RotateSecrets(ctx); err != nil || n != 0 {
		t.Errorf("rotated %d, %v", n, err)
	}
	open(t, dsn, &sqlstore.Options{Sealer: next}) // the database is now under the new key

	// What cannot be read is kept: the key may be found again.
	must(t, s.UpdateConnector(ctx, "t", c.ID, func(c *connector.Connector) error { c.Name = "renamed"; return nil }))
	got, err = s.Connector(ctx, "t", c.ID)
	must(t, err)
	if got.Status != connector.Unreadable || got.Name != "renamed" {
		t.Errorf("after an update of its name: %+v", got)
	}
	must(t, s.UpdateConnector(ctx, "t", c.ID, func(c *connector.Connector) error {
		c.Config.S3.AccessKeySecret = "new secret"
		return nil
	}))
	got, err = s.Connector(ctx, "t", c.ID)
	must(t, err)
	if got.Status != connector.Active || got.Config.S3.AccessKeySecret.Reveal() != "new secret" {
		t.Errorf("with a new secret: %+v", got)
	}
}

func TestRotateSecrets(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			if db.name == "memory" {
				return // it has no second Open
			}
			testRotate(t, db.dsn(t))
		})
	}
}

func testRotate(t *testing.T, dsn string) {
	ctx := context.Background()
	oldKeeper, newKeeper := keeper(t), keeper(t)
	s := open(t, dsn, &sqlstore.Options{Sealer: seal.Plaintext()})
	must(t, s.CreateConnector(ctx, s3Connector("plain")))
	old := map[string]*secrets.Keeper{"old": oldKeeper}
	s = open(t, dsn, &sqlstore.Options{Sealer: seal.New(oldKeeper, &seal.Options{KeyID: "old", ReadPlaintext: true})})
	fetched := &dataset.DataSource{ID: "s", Dataset: "d", Tenant: "t", Status: dataset.Synching}
	must(t, s.CreateSource(ctx, fetched, &dataset.Dataset{ID: "d", Tenant: "t"}, canary))
	for i := range 120 { // more than one batch
		must(t, s.CreateConnector(ctx, s3Connector(strings.Repeat("x", i+1))))
	}
	s = open(t, dsn, &sqlstore.Options{Sealer: seal.New(newKeeper, &seal.Options{KeyID: "new", Old: old, ReadPlaintext: true})})
	if n, err := s.RotateSecrets(ctx); err != nil || n != 122 {
		t.Errorf("rotated %d, %v, want 122", n, err)
	}
	if n, err := s.RotateSecrets(ctx); err != nil || n != 0 {
		t.Errorf("rotated %d again, %v", n, err)
	}
	s = open(t, dsn, &sqlstore.Options{Sealer: seal.New(newKeeper, &seal.Options{KeyID: "new"})})
	if _, url, _, err := s.SyncSource(ctx, "s"); err != nil || url != canary {
		t.Errorf("the url after the rotation: %q, %v", url, err)
	}
	list, total, err := s.Connectors(ctx, "t", connector.Query{})
	must(t, err)
	for _, c := range list {
		if c.Status != connector.Active || c.Config.S3.AccessKeySecret.Reveal() != canary {
			t.Fatalf("%s is %s after the rotation", c.Name, c.Status)
		}
	}
	if total != 121 {
		t.Errorf("%d connectors", total)
	}
}
