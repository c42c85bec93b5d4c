package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/task"
)

// openEnv makes the test binary a process that opens the database it names.
const openEnv = "INLET_TEST_OPEN"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(openEnv); dsn != "" {
		os.Exit(openAndUse(dsn))
	}
	os.Exit(m.Run())
}

// openAndUse opens a database that others open at the same time, and writes.
func openAndUse(dsn string) int {
	ctx := context.Background()
	s, err := sqlstore.Open(ctx, dsn, &sqlstore.Options{Sealer: seal.Plaintext(), MaxConns: 2})
	if err == nil {
		err = s.CreateVolume(ctx, &task.Volume{Tenant: "t", Name: fmt.Sprint(os.Getpid())})
		err = errors.Join(err, s.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestEightProcessesOpenANewDatabaseAtOnce(t *testing.T) {
	for _, db := range databases[1:] {
		t.Run(db.name, func(t *testing.T) {
			dsn := db.dsn(t)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					cmd := exec.Command(os.Args[0])
					cmd.Env = append(os.Environ(), openEnv+"="+dsn)
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("%v: %s", err, out)
					}
				})
			}
			all.Wait()
			_, total, err := open(t, dsn, nil).Volumes(t.Context(), "t", task.VolumeQuery{})
			must(t, err)
			if total != 8 {
				t.Errorf("%d of 8 processes wrote", total)
			}
		})
	}
}

func TestADatabaseOfANewerVersionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inlet.db")
	must(t, open(t, "sqlite:"+path, nil).Ping(t.Context()))
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "INSERT INTO inlet_migrations (version_id, is_applied) VALUES (9999, 1)")
	must(t, err)
	_, err = sqlstore.Open(t.Context(), "sqlite:"+path, &sqlstore.Options{Sealer: seal.Plaintext()})
	if !errors.Is(err, errs.Unsupported) || !strings.Contains(errs.Message(err), "9999") {
		t.Errorf("opened: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	const password = "hunter2"
	tests := []struct {
		name, dsn string
		want      error
	}{
		{"nothing", "", errs.Invalid},
		{"no path", "sqlite:", errs.Invalid},
		{"unknown", "mysql://me:" + password + "@host/db", errs.Invalid},
		{"broken", "postgres://me:" + password + "@host:port/db", errs.Invalid},
		{"no folder", "sqlite:" + filepath.Join(t.TempDir(), "no", "such", "x.db"), errs.Unavailable},
		{"no server", "postgres://me:" + password + "@127.0.0.1:1/db?connect_timeout=2", errs.Unavailable},
	}
	for _, tt := range tests {
		_, err := sqlstore.Open(t.Context(), tt.dsn, &sqlstore.Options{Sealer: seal.Plaintext()})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("%s: the error shows the password: %v", tt.name, err)
		}
	}
}

// A database in memory lives in one connection: ending calls must not end it.
func TestCanceledCallsLeaveTheDatabaseAsItWas(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			s := open(t, db.dsn(t), nil)
			of, run := newLoad(t, s, "a")
			listFiles(t, s, of, run, 3000, 1000)
			canceled := 0
			for i := range 60 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*50*time.Microsecond)
				_, _, err := s.TaskFiles(ctx, "t", of.ID, task.FileQuery{})
				if err == nil {
					err = s.UpdateTask(ctx, "t", of.ID, func(t *task.Task) error { t.Revision++; return nil })
				}
				cancel()
				if err != nil {
					canceled++
					if errs.KindOf(err) != errs.Canceled {
						t.Errorf("a canceled call: %v is %v", err, errs.KindOf(err))
					}
				}
			}
			files, total, err := s.TaskFiles(t.Context(), "t", of.ID, task.FileQuery{})
			must(t, err)
			if total != 3000 || len(files) != 3000 || canceled == 0 {
				t.Errorf("%d of %d files after %d canceled calls", len(files), total, canceled)
			}
		})
	}
}

func TestDurability(t *testing.T) {
	for _, relaxed := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "inlet.db")
		s := open(t, "sqlite:"+path, &sqlstore.Options{Sealer: seal.Plaintext(), Relaxed: relaxed})
		newLoad(t, s, "a")
		if _, err := os.Stat(path + "-wal"); err != nil {
			t.Errorf("relaxed %v: no write-ahead log: %v", relaxed, err)
		}
	}
}
