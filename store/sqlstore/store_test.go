package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/storetest"
)

// postgresEnv names the variable with the DSN of a PostgreSQL database in
// which tests may make and drop schemas.
const postgresEnv = "INLET_TEST_POSTGRES"

// databases are those that every suite runs on.
var databases = []struct {
	name string
	dsn  func(t testing.TB) string
}{
	{"memory", func(testing.TB) string { return "mem:" }},
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "store ?#%.db") }},
	{"postgres", postgresDSN},
}

// plain seals nothing.
var plain = seal.Plaintext()

var schemas atomic.Int64

// postgresDSN names a schema of the test's own, which is dropped at its end.
func postgresDSN(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv(postgresEnv)
	if dsn == "" {
		t.Skipf("set %s to the DSN of a PostgreSQL database for tests", postgresEnv)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("%s is no URL", postgresEnv)
	}
	schema := fmt.Sprintf("inlet_test_%d_%d_%d", os.Getpid(), time.Now().UnixMilli(), schemas.Add(1))
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	t.Cleanup(func() {
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(context.Background(), "DROP SCHEMA IF EXISTS "+schema+" CASCADE"); err != nil {
			t.Errorf("dropping the test's schema: %v", err)
		}
	})
	return u.String()
}

func open(t testing.TB, dsn string, opts *sqlstore.Options) *sqlstore.Store {
	t.Helper()
	if opts == nil {
		opts = &sqlstore.Options{Sealer: seal.Plaintext(), MaxConns: 8}
	}
	s, err := sqlstore.Open(context.Background(), dsn, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			db.dsn(t) // skips here rather than in every test
			storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, db.dsn(t), nil) })
		})
	}
}
