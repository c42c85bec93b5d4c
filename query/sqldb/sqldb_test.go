package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqldb"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

type discard struct{ row func() error }

func (discard) Columns([]query.Column) error { return nil }
func (d discard) Row([]tabular.Value) error {
	if d.row != nil {
		return d.row()
	}
	return nil
}

func each(t *testing.T, test func(t *testing.T, s *server)) {
	t.Run("PostgreSQL", func(t *testing.T) { test(t, postgres(t)) })
	t.Run("MariaDB", func(t *testing.T) { test(t, mariadb(t)) })
}

// running counts the sessions that run a statement with the mark.
func (s *server) running(t *testing.T, mark string) (n int) {
	t.Helper()
	text := "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%" + mark + "%' AND pid <> pg_backend_pid()"
	if s.dialect.Name() == "mysql" {
		text = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%" + mark + "%' AND id <> connection_id()"
	}
	if err := s.admin.QueryRow(text).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCancelReachesTheServer(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		db := s.open(t)
		db.SetMaxOpenConns(1) // the one that is busy
		e := sqldb.New("test", db, s.dialect, nil)
		defer e.Close()
		const mark = "cancel_me"
		text := "WITH " + mark + " AS (SELECT 1 AS n" + strings.Repeat(" UNION ALL SELECT 1", 30) + ") SELECT count(*) FROM " + mark + " a"
		for c := 'b'; c < 'm'; c++ {
			text += " CROSS JOIN " + mark + " " + string(c)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p, err := e.Prepare(ctx, query.Statement{Scope: enginetest.Scope, SQL: text})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		var id string
		go func() { done <- p.Run(ctx, discard{}, func(now query.Progress) { id = now.StatementID }) }()
		await(t, "the statement runs", func() bool { return s.running(t, mark) > 0 })
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || errs.KindOf(err) != errs.Canceled {
			t.Errorf("error = %v", err)
		}
		await(t, "the server has stopped", func() bool { return s.running(t, mark) == 0 })
		if id == "" {
			t.Error("the run has no id")
		}
	})
}

func await(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// A sink that is full must not make the driver read the rest of the answer.
func TestASinkCanEndTheRun(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.tables(t, []enginetest.Table{enginetest.Generated("shop", "n", []enginetest.Column{enginetest.Col("n", tabular.Integer)}, 1000,
			func(i int, row []tabular.Value) { row[0] = tabular.Value{Type: tabular.Integer, Int: int64(i)} })})
		e := sqldb.New("test", s.open(t), s.dialect, nil)
		defer e.Close()
		p, err := e.Prepare(t.Context(), query.Statement{SQL: "SELECT a.n FROM shop.n a, shop.n b, shop.n c"})
		if err != nil {
			t.Fatal(err)
		}
		full := errors.New("full")
		start := time.Now()
		err = p.Run(t.Context(), discard{func() error { return full }}, func(query.Progress) {})
		if !errors.Is(err, full) || time.Since(start) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// Behind the rules stands the transaction, for what they do not know.
func TestTransactionsAreReadOnly(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.tables(t, []enginetest.Table{enginetest.New("shop", "t", []enginetest.Column{enginetest.Col("n", tabular.Integer)}, []any{1})})
		if s.dialect.Name() == "mysql" {
			exec(t, s.admin, "CREATE FUNCTION shop.harmless() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO shop.t VALUES (2); RETURN 1; END")
		} else {
			exec(t, s.admin, "CREATE FUNCTION shop.harmless() RETURNS int LANGUAGE sql AS 'INSERT INTO shop.t VALUES (2) RETURNING 1'")
		}
		e := sqldb.New("test", s.open(t), s.dialect, nil)
		defer e.Close()
		_, err := ask(t, e, "SELECT shop.harmless()")
		var f *query.Failure
		if !errors.As(err, &f) || f.Name != query.NotSupported {
			t.Errorf("error = %v", err)
		}
		if a, err := ask(t, e, "SELECT count(*) FROM shop.t"); err != nil || a.Rows[0][0] != "1" {
			t.Errorf("%v, %v", a, err)
		}
	})
}

func TestSessionsAreOfTheTenant(t *testing.T) {
	s := postgres(t)
	exec(t, s.admin, "CREATE TABLE sales (tenant text, n int)", "INSERT INTO sales VALUES ('a', 1), ('b', 2)",
		"ALTER TABLE sales ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY own ON sales USING (tenant = current_setting('app.tenant'))")
	role := fmt.Sprintf("inlet_reader_%d", databases.Add(1))
	exec(t, s.admin, "DROP ROLE IF EXISTS "+role, "CREATE ROLE "+role, "GRANT SELECT ON sales TO "+role)
	t.Cleanup(func() { exec(t, s.admin, "DROP OWNED BY "+role, "DROP ROLE "+role) })
	db := s.open(t)
	db.SetMaxOpenConns(1) // they share a connection
	e := sqldb.New("test", db, s.dialect, &sqldb.Options{
		Session: func(ctx context.Context, sc scope.Scope, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "SELECT set_config('role', $1, true), set_config('app.tenant', $2, true)", role, sc.Tenant)
			return err
		},
	})
	defer e.Close()
	for _, tenant := range []string{"a", "b", "a", "c"} {
		want := map[string]string{"a": "[[1]]", "b": "[[2]]", "c": "[]"}[tenant]
		a, err := enginetest.Ask(t.Context(), e, query.Statement{Scope: scope.Scope{Tenant: tenant}, SQL: "SELECT n FROM sales"})
		if err != nil || fmt.Sprint(a.Rows) != want {
			t.Errorf("tenant %s: %v, %v", tenant, a.Rows, err)
		}
	}
	for _, text := range []string{"SELECT set_config('role', 'none', true)", "RESET ROLE", "SET ROLE NONE"} {
		if _, err := ask(t, e, text); err == nil {
			t.Errorf("%s is run", text)
		}
	}
}

func TestDependencies(t *testing.T) {
	s := postgres(t)
	version := "1"
	versioned := func(context.Context) (string, error) { return version, nil }
	for name, c := range map[string]struct {
		opts     *sqldb.Options
		text     string
		volatile bool
		version  string
	}{
		"by default":           {nil, "SELECT 1", true, ""},
		"cacheable":            {&sqldb.Options{Cacheable: true}, "SELECT 1", false, ""},
		"cacheable but random": {&sqldb.Options{Cacheable: true}, "SELECT random()", true, ""},
		"versioned":            {&sqldb.Options{Version: versioned}, "SELECT 1", false, "1"},
		"versioned but random": {&sqldb.Options{Version: versioned}, "SELECT random()", true, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			e := sqldb.New("test", s.open(t), s.dialect, c.opts)
			defer e.Close()
			p, err := e.Prepare(t.Context(), query.Statement{SQL: c.text})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Dependencies(); got.Volatile != c.volatile || got.Versions[""] != c.version {
				t.Errorf("dependencies = %+v", got)
			}
		})
	}
	broken := sqldb.New("test", s.open(t), s.dialect, &sqldb.Options{
		Version: func(context.Context) (string, error) { return "", errs.New(errs.Unavailable, "not now") },
	})
	defer broken.Close()
	if _, err := broken.Prepare(t.Context(), query.Statement{SQL: "SELECT 1"}); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("error = %v", err)
	}
}

func TestLimits(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := sqldb.New("test", s.open(t), s.dialect, &sqldb.Options{ValueBytes: 1000, StatementBytes: 200})
		defer e.Close()
		if _, err := ask(t, e, "SELECT repeat('x', 1000)"); err != nil {
			t.Error(err)
		}
		for _, text := range []string{"SELECT repeat('x', 1001) AS x", "SELECT '" + strings.Repeat("x", 200) + "'"} {
			_, err := ask(t, e, text)
			var f *query.Failure
			if !errors.As(err, &f) || f.Name != query.ExceededLimit {
				t.Errorf("%.40s: %v", text, err)
			}
		}
	})
}

// What is done to stop a statement hits no other one, which may have got the
// connection of the first.
func TestStatementsBehindFailedOnes(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := sqldb.New("test", s.open(t), s.dialect, nil)
		defer e.Close()
		for range 100 {
			var f *query.Failure
			if _, err := ask(t, e, "SELECT (SELECT 1 UNION SELECT 2)"); !errors.As(err, &f) {
				t.Fatalf("a statement that fails: %v", err)
			}
			if _, err := ask(t, e, "SELECT 1"); err != nil {
				t.Fatalf("the one behind it: %v", err)
			}
		}
	})
}

func TestFailures(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.tables(t, []enginetest.Table{enginetest.New("shop", "t", []enginetest.Column{enginetest.Col("n", tabular.Integer)}, []any{0})})
		e := sqldb.New("test", s.open(t), s.dialect, nil)
		defer e.Close()
		mysql := s.dialect.Name() == "mysql"
		for _, c := range []struct {
			text, name   string
			line, column int
			code         int
			skip         bool
		}{
			{"SELECT n,\n  FROM shop.t", query.SyntaxError, 2, 3, 1064, false},
			{"SELECT n FROM shop.t WHERE", query.SyntaxError, 1, 27, 1064, false},
			{"SELECT n\nFROM shop.x", query.TableNotFound, 2, 6, 1146, false},
			{"SELECT 'é', m FROM shop.t", query.ColumnNotFound, 1, 13, 1054, false},
			{"SELECT no_such(n) FROM shop.t", query.FunctionNotFound, 1, 8, 1305, false},
			{"SELECT n FROM shop.t a, shop.t b", query.AmbiguousName, 1, 8, 1052, false},
			{"SELECT 1 / n FROM shop.t", query.DivisionByZero, 0, 0, 0, mysql},
			{"SELECT 9223372036854775807 + n + 1 FROM shop.t", query.NumericOverflow, 0, 0, 1690, false},
			{"SELECT timestamp 'infinity'", query.InvalidData, 0, 0, 0, mysql},
			{"SELECT (SELECT 1 UNION SELECT 2)", query.GenericUserError, 0, 0, 1242, false},
		} {
			if c.skip {
				continue
			}
			_, err := ask(t, e, c.text)
			var f *query.Failure
			if !errors.As(err, &f) {
				t.Errorf("%s: %v", c.text, err)
				continue
			}
			if mysql && c.name != query.SyntaxError { // its errors have no place
				c.line, c.column = 0, 0
			}
			if !mysql {
				c.code = 0
			}
			if f.Name != c.name || f.Line != c.line || f.Column != c.column || f.Code != c.code || f.Message == "" {
				t.Errorf("%s: %s %d at %d:%d (%s), want %s %d at %d:%d", c.text, f.Name, f.Code, f.Line, f.Column, f.Message, c.name, c.code, c.line, c.column)
			}
		}
	})
}

// An address, and with it a password, may be in the driver's error.
func TestAServerThatIsGone(t *testing.T) {
	for _, c := range []struct {
		driver, address string
		dialect         sqldb.Dialect
	}{
		{"pgx", "postgres://ann:hunter2@127.0.0.1:1/x?sslmode=disable", sqldb.PostgreSQL{}},
		{"mysql", "ann:hunter2@tcp(127.0.0.1:1)/x", sqldb.MySQL{}},
	} {
		db, err := sql.Open(c.driver, c.address)
		if err != nil {
			t.Fatal(err)
		}
		e := sqldb.New("test", db, c.dialect, nil)
		_, err = e.Prepare(t.Context(), query.Statement{SQL: "SELECT 1"})
		if errs.KindOf(err) != errs.Unavailable || errs.Message(err) != "the database cannot be reached" {
			t.Errorf("%s: %v", c.driver, err)
		}
		e.Close()
		db.Close()
	}
}
