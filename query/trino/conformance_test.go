package trino_test

import (
	"testing"

	driver "github.com/trinodb/trino-go-client/trino"

	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/trino"
	"github.com/inlet-go/inlet/query/trino/trinotest"
	"github.com/inlet-go/inlet/store/scope"
)

// The statements go through the driver and the protocol to an embedded engine;
// what the suite says about SQL it says about that one.
func TestTheProtocolPassesTheSuite(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) *enginetest.Harness {
		backend, err := sqlite.New(&sqlite.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { backend.Close() })
		server := trinotest.New(backend, nil)
		t.Cleanup(server.Close)
		server.SetCatalog(enginetest.NewCatalog())
		e, err := trino.New("test", &driver.Config{ServerURI: server.URL, Source: "inlet"}, &trino.Options{
			User: func(scope.Scope) string { return "ann" }, Cacheable: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		return &enginetest.Harness{
			Engine:  e,
			Create:  func(_ *testing.T, tables []enginetest.Table) { server.SetCatalog(enginetest.NewCatalog(tables...)) },
			Dialect: enginetest.Dialect{Hostile: hostile},
			Traits: enginetest.Traits{
				NoNaN: true, InexactSums: true, // of the backend
				NoDependencies: true, LateFailures: true,
			},
		}
	})
}

var hostile = []string{
	"SELECT * FROM TABLE(postgresql.system.query(query => 'DELETE FROM shop.orders'))",
	"SELECT * FROM TABLE(elasticsearch.system.raw_query(schema => 'x', index => 'y', query => '{}'))",
	"SELECT * FROM TABLE(sqlserver.system.procedure(query => 'EXEC x'))",
	`SELECT * FROM TABLE("postgresql"."system"."query"(query => 'DELETE FROM shop.orders'))`,
	"SELECT query FROM system.runtime.queries",
	`SELECT * FROM "system".metadata.catalogs`,
	"EXPLAIN ANALYZE DELETE FROM shop.orders",
	"EXPLAIN ANALYZE VERBOSE INSERT INTO shop.orders (id) SELECT 1",
	"EXPLAIN (TYPE DISTRIBUTED) DELETE FROM shop.orders",
	"SHOW SESSION",
	"SHOW GRANTS",
	"SHOW ROLES",
	"SET SESSION query_max_run_time = '10h'",
	"SET ROLE admin",
	"USE system.runtime",
	"DEALLOCATE PREPARE x",
	"EXECUTE IMMEDIATE 'DELETE FROM shop.orders'",
	"SELECT ?",
	"REFRESH MATERIALIZED VIEW x",
	"COMMENT ON TABLE shop.orders IS 'x'",
	"DENY DELETE ON shop.orders TO ann",
}
