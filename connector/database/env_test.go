package database_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/archive"
	"github.com/inlet-go/inlet/connector/database"
	mysqldb "github.com/inlet-go/inlet/connector/database/mysql"
	"github.com/inlet-go/inlet/connector/database/postgres"
	"github.com/inlet-go/inlet/connector/open"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// server is a database to test with.
type server struct {
	kind string // as configs name it
	db   *sql.DB
	info map[string]any // connection_info
}

func (s *server) exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := s.db.Exec(text); err != nil {
			t.Fatalf("%.200s: %v", text, err)
		}
	}
}

// each runs a test on each database that the environment names.
func each(t *testing.T, test func(t *testing.T, s *server)) {
	t.Run("PostgreSQL", func(t *testing.T) { test(t, openPostgres(t)) })
	t.Run("MySQL", func(t *testing.T) { test(t, openMySQL(t)) })
}

func openPostgres(t testing.TB) *server {
	address := os.Getenv("INLET_TEST_POSTGRES")
	if address == "" {
		t.Skip("SKIPPED: INLET_TEST_POSTGRES names no PostgreSQL server")
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return opened(t, "PostgreSQL", "pgx", address, u.Hostname(), u.Port(), strings.Trim(u.Path, "/"), u.User.Username(), password)
}

func openMySQL(t testing.TB) *server {
	address := os.Getenv("INLET_TEST_MARIADB")
	if address == "" {
		t.Skip("SKIPPED: INLET_TEST_MARIADB names no MySQL or MariaDB server")
	}
	c, err := mysql.ParseDSN(address)
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(c.Addr, ":")
	return opened(t, "MySQL", "mysql", address, host, port, c.DBName, c.User, c.Passwd)
}

func opened(t testing.TB, kind, driver, address, host, port, name, user, password string) *server {
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return &server{kind, db, map[string]any{"host": host, "port": number, "name": name, "username": user, "password": password}}
}

var tables atomic.Int64

// table makes a table of a name of its own, and removes it after the test.
func (s *server) table(t testing.TB, name, columns string) string {
	name = fmt.Sprintf("inlet_%s_%d_%d", name, os.Getpid(), tables.Add(1))
	s.exec(t, "DROP TABLE IF EXISTS "+name, "CREATE TABLE "+name+" ("+columns+")")
	t.Cleanup(func() { s.exec(t, "DROP TABLE "+name) })
	return name
}

// env is real services whose connectors can be of tables.
type env struct {
	t          testing.TB
	me         scope.Scope
	connectors *connector.Service
	tasks      *task.Service
	volume     int64
	ahead      atomic.Int64 // of the clock
	polling    string       // of the connectors that are made
}

func newEnv(t testing.TB, bucket blob.Bucket) *env {
	t.Helper()
	return newEnvWith(t, bucket, database.Options{})
}

func newEnvWith(t testing.TB, bucket blob.Bucket, opts database.Options) *env {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	store, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		t.Fatal(err)
	}
	if bucket == nil {
		bucket = cloud.Memory()
	}
	others, err := open.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, me: scope.Scope{Tenant: "acme", User: "ann"}}
	now := func() time.Time { return time.Now().Add(time.Duration(e.ahead.Load())) }
	opts.Now, opts.AllowNet = now, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	opener := database.NewOpener(others, []database.Driver{postgres.Driver{}, mysqldb.Driver{}}, &opts)
	forms := uispec.New(nil)
	definitions := connector.NewDefinitions(store, bucket, archive.New(nil), forms, &connector.DefinitionOptions{
		BuiltIn: []*connector.Definition{database.Definition()},
	})
	e.connectors = connector.NewService(store, opener, forms, &connector.Options{Definitions: definitions})
	dispatcher := work.NewLocal(store, nil)
	e.tasks = task.NewService(store, e.connectors, bucket, &task.Options{Dispatcher: dispatcher, Now: now})
	runner := task.NewRunner(e.tasks, store, dispatcher, &task.RunnerOptions{Reconcile: 20 * time.Millisecond, ChunkFiles: 4})
	volume, err := e.tasks.CreateVolume(ctx, e.me, "v")
	if err != nil {
		t.Fatal(err)
	}
	e.volume = volume.ID
	done := make(chan error, 2)
	go func() { done <- dispatcher.Run(ctx) }()
	go func() { done <- runner.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("running: %v", err)
			}
		}
		store.Close()
	})
	return e
}

// connect saves a connector to a table.
func (e *env) connect(s *server, table, timestamp string, batch, batches int) (*connector.Connector, error) {
	config := map[string]any{
		"connector_config": map[string]any{
			"databaseType": s.kind, "connection_info": s.info,
			"schemaInfo": map[string]any{"table": table, "timestampColumn": timestamp},
		},
		"operations_config": map[string]any{"batch_size": batch, "max_batches": batches},
	}
	if e.polling != "" {
		config["operations_config"].(map[string]any)["pollingInterval"] = "Periodic"
		config["operations_config"].(map[string]any)["schedule"] = e.polling
	}
	text, err := json.Marshal(config)
	if err != nil {
		e.t.Fatal(err)
	}
	return e.connectors.Create(e.t.Context(), e.me, connector.New{
		Name: fmt.Sprintf("%s %s %d", s.kind, table, tables.Add(1)), Type: connector.Defined,
		Config: connector.Config{Definition: &connector.DefinedConfig{ID: database.DefinitionID, Values: text}},
	})
}

// load makes a task that runs now, and every hour, and waits for its first run.
func (e *env) load(s *server, table, timestamp string, batch, batches int) int64 {
	e.t.Helper()
	c, err := e.connect(s, table, timestamp, batch, batches)
	if err != nil {
		e.t.Fatal(err)
	}
	made, err := e.tasks.Create(e.t.Context(), e.me, task.New{
		ConnectorID: c.ID, VolumeID: e.volume, URIs: []string{"/"}, Schedule: task.Schedule{Type: task.Hourly, Every: 1},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	e.await(made.ID, time.Time{})
	return made.ID
}

// again runs a task that load made once more.
func (e *env) again(id int64) {
	e.t.Helper()
	before, err := e.tasks.Get(e.t.Context(), e.me, id)
	if err != nil {
		e.t.Fatal(err)
	}
	e.ahead.Add(int64(time.Hour))
	e.await(id, before.EndAt)
}

func (e *env) await(id int64, ended time.Time) {
	e.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		got, err := e.tasks.Get(e.t.Context(), e.me, id)
		if err != nil {
			e.t.Fatal(err)
		}
		if got.EndAt.After(ended) {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("task %d does not end; its status is %d", id, got.Status)
		}
	}
}

// files returns the files of the volume, oldest first, and their reasons.
func (e *env) files() []*task.File {
	e.t.Helper()
	files, _, err := e.tasks.VolumeFiles(e.t.Context(), e.me, e.volume, task.FileQuery{})
	if err != nil {
		e.t.Fatal(err)
	}
	return files
}

func (e *env) bytes(f *task.File) []byte {
	e.t.Helper()
	r, err := e.tasks.OpenFile(e.t.Context(), f, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		e.t.Fatal(err)
	}
	return data
}
