package sqldb_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"strings"
	"time"

	_ "modernc.org/sqlite"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/sqldb"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/scope"
)

// ledger is a dialect of a host, for a database that neither given one fits.
type ledger struct{}

var ledgerRules = sqldb.Rules{
	First:     []string{"select", "with", "values"},
	Functions: func(name string) bool { return name != "load_extension" },
	Volatile:  []string{"random()"},
}

func (ledger) Name() string { return "ledger" }

func (ledger) Check(text string) (bool, *query.Failure) { return ledgerRules.Check(text) }

func (ledger) Begin(context.Context, *sql.Tx, time.Duration) (string, error) { return "1", nil }

func (ledger) Kill(context.Context, *sql.DB, string) error { return nil }

func (ledger) Column(c *sql.ColumnType) sqldb.Type {
	if c.DatabaseTypeName() == "INTEGER" {
		return sqldb.Type{Name: "bigint", Kind: tabular.Integer}
	}
	return sqldb.Type{Name: "varchar", Kind: tabular.Text}
}

func (ledger) Failure(err error, _ string) *query.Failure {
	return &query.Failure{Name: query.GenericUserError, Message: err.Error()}
}

// printer is a sink that prints.
type printer struct{}

func (printer) Columns(columns []query.Column) error {
	var heads []string
	for _, c := range columns {
		heads = append(heads, c.Name+" "+c.Type)
	}
	fmt.Println(strings.Join(heads, ", "))
	return nil
}

func (printer) Row(row []tabular.Value) error {
	var texts []string
	for _, v := range row {
		texts = append(texts, string(v.Append(nil)))
	}
	fmt.Println(strings.Join(texts, ", "))
	return nil
}

// A database for which no dialect is given is asked with one of the host.
// PostgreSQL and MySQL take sqldb.PostgreSQL{} and sqldb.MySQL{} instead.
func Example() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:ledger?mode=memory&cache=shared")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"CREATE TABLE entries (id INTEGER, note TEXT)", "INSERT INTO entries VALUES (1, 'rent'), (2, 'food')"} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			log.Fatal(err)
		}
	}
	engine := sqldb.New("books", db, ledger{}, nil)
	defer engine.Close()

	for _, text := range []string{"SELECT id, note FROM entries ORDER BY id", "WITH x AS (SELECT 1) DELETE FROM entries"} {
		p, err := engine.Prepare(ctx, query.Statement{Scope: scope.Scope{Tenant: "acme"}, SQL: text})
		if err != nil {
			fmt.Println(err)
			continue
		}
		if err := p.Run(ctx, printer{}, func(query.Progress) {}); err != nil {
			log.Fatal(err)
		}
		p.Close()
	}
	// Output:
	// id bigint, note varchar
	// 1, rent
	// 2, food
	// line 1:22: DELETE writes
}
