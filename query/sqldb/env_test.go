package sqldb_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqldb"
	"github.com/inlet-go/inlet/query/tabular"
)

// server is a database server in which tests make what they need.
type server struct {
	dialect sqldb.Dialect
	admin   *sql.DB
	open    func(t testing.TB) *sql.DB // another pool
	types   func(c enginetest.Column) string
	quote   func(name string) string
	mark    func(n int, c enginetest.Column) string // of a value
	create  string                                  // a schema
	drop    string
	made    []string // schemas
}

var databases atomic.Int64

// postgres returns a database of its own on the server.
func postgres(t testing.TB) *server {
	t.Helper()
	address := os.Getenv("INLET_TEST_POSTGRES")
	if address == "" {
		t.Skip("SKIPPED: INLET_TEST_POSTGRES names no PostgreSQL server")
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("inlet_sqldb_%d_%d", os.Getpid(), databases.Add(1))
	root := stdlib.OpenDB(*config)
	exec(t, root, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		var err error
		for range 10 { // the server waits five seconds for what it cannot interrupt
			if _, err = root.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err == nil {
				break
			}
		}
		if err != nil {
			t.Errorf("drop the database: %v", err)
		}
		root.Close()
	})
	config.Database = name
	open := func(t testing.TB) *sql.DB {
		db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(_ context.Context, c *pgx.Conn) error {
			c.PgConn().Frontend().SetMaxBodyLen(32 << 20)
			return nil
		}))
		t.Cleanup(func() { db.Close() })
		return db
	}
	return &server{
		dialect: sqldb.PostgreSQL{}, admin: open(t), open: open, types: postgresType,
		quote:  func(name string) string { return pgx.Identifier{name}.Sanitize() },
		mark:   func(n int, c enginetest.Column) string { return fmt.Sprintf("$%d::%s", n, postgresType(c)) },
		create: "CREATE SCHEMA ", drop: "DROP SCHEMA %s CASCADE",
	}
}

func postgresType(c enginetest.Column) string {
	switch c.Type {
	case tabular.Integer:
		return "bigint"
	case tabular.Real:
		return "double precision"
	case tabular.Boolean:
		return "boolean"
	case tabular.Decimal:
		return fmt.Sprintf("numeric(%d,%d)", c.Precision, c.Scale)
	case tabular.Date:
		return "date"
	case tabular.Timestamp:
		if c.Zone {
			return "timestamptz"
		}
		return "timestamp"
	case tabular.Bytes:
		return "bytea"
	case tabular.JSON:
		return "jsonb"
	}
	return "text"
}

// mariadb returns the server itself, because there a schema is a database: it
// is kept for one process at a time.
func mariadb(t testing.TB) *server {
	t.Helper()
	address := os.Getenv("INLET_TEST_MARIADB")
	if address == "" {
		t.Skip("SKIPPED: INLET_TEST_MARIADB names no MySQL or MariaDB server")
	}
	config, err := mysql.ParseDSN(address)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = &mysql.NopLogger{}
	open := func(t testing.TB) *sql.DB {
		connector, err := mysql.NewConnector(config)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		t.Cleanup(func() { db.Close() })
		return db
	}
	local := config.Clone()
	local.Params = map[string]string{"time_zone": "'+00:00'"} // that the rows are written in
	connector, err := mysql.NewConnector(local)
	if err != nil {
		t.Fatal(err)
	}
	admin := sql.OpenDB(connector)
	t.Cleanup(func() { admin.Close() })
	s := &server{
		dialect: sqldb.MySQL{}, admin: admin, open: open, types: mysqlType,
		quote:  func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" },
		mark:   func(int, enginetest.Column) string { return "?" },
		create: "CREATE DATABASE ", drop: "DROP DATABASE IF EXISTS %s",
	}
	lock, err := s.admin.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if err := lock.QueryRowContext(t.Context(), "SELECT GET_LOCK('inlet_sqldb', 300)").Scan(&got); err != nil || got != 1 {
		t.Fatalf("the lock of the server: %d, %v", got, err)
	}
	t.Cleanup(func() {
		s.clear(t)
		lock.Close()
	})
	return s
}

func mysqlType(c enginetest.Column) string {
	switch c.Type {
	case tabular.Integer:
		return "BIGINT"
	case tabular.Real:
		return "DOUBLE"
	case tabular.Boolean:
		return "BOOLEAN"
	case tabular.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", c.Precision, c.Scale)
	case tabular.Date:
		return "DATE"
	case tabular.Timestamp:
		if c.Zone {
			return "TIMESTAMP(6) NULL"
		}
		return "DATETIME(6)"
	case tabular.Bytes:
		return "LONGBLOB"
	}
	return "LONGTEXT CHARACTER SET utf8mb4"
}

func exec(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := db.ExecContext(context.Background(), text); err != nil {
			t.Fatalf("%.200s: %v", text, err)
		}
	}
}

func (s *server) clear(t testing.TB) {
	for _, schema := range s.made {
		exec(t, s.admin, fmt.Sprintf(s.drop, s.quote(schema)))
	}
	s.made = nil
}

// tables makes the tables, instead of all that it made before.
func (s *server) tables(t *testing.T, tables []enginetest.Table) {
	t.Helper()
	s.clear(t)
	seen := map[string]bool{}
	for _, table := range tables {
		if !seen[table.Schema] {
			if s.create == "CREATE DATABASE " {
				exec(t, s.admin, fmt.Sprintf(s.drop, s.quote(table.Schema))) // of a run that crashed
			}
			seen[table.Schema], s.made = true, append(s.made, table.Schema)
			exec(t, s.admin, s.create+s.quote(table.Schema))
		}
		var columns, marks []string
		for i, c := range table.Columns {
			columns = append(columns, s.quote(c.Name)+" "+s.types(c))
			marks = append(marks, s.mark(i+1, c))
		}
		name := s.quote(table.Schema) + "." + s.quote(table.Name)
		exec(t, s.admin, "CREATE TABLE "+name+" ("+strings.Join(columns, ", ")+")")
		s.fill(t, table, "INSERT INTO "+name+" VALUES ("+strings.Join(marks, ", ")+")")
	}
}

func (s *server) fill(t *testing.T, table enginetest.Table, insert string) {
	t.Helper()
	tx, err := s.admin.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	stmt, err := tx.Prepare(insert)
	if err != nil {
		t.Fatalf("%s: %v", insert, err)
	}
	defer func() { _ = stmt.Close() }()
	err = table.Each(func(row []tabular.Value) error {
		args := make([]any, len(row))
		for i, v := range row {
			args[i] = argument(v)
		}
		_, err := stmt.Exec(args...)
		return err
	})
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		t.Fatalf("%s: %v", insert, err)
	}
}

func argument(v tabular.Value) any {
	switch v.Type {
	case tabular.Null:
		return nil
	case tabular.Integer:
		return v.Int
	case tabular.Boolean:
		return v.Int != 0
	case tabular.Real:
		return v.Float
	case tabular.Bytes:
		return append([]byte(nil), v.Bytes...)
	case tabular.Timestamp:
		return strings.TrimSuffix(string(v.Bytes), "Z")
	}
	return string(v.Bytes)
}
