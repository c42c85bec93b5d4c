package sqldb_test

import (
	"strings"
	"testing"

	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqldb"
)

// The statements run as the superuser of the server: what they cannot do is
// held off by the engine alone.
func TestPostgreSQLPassesTheSuite(t *testing.T) {
	s := postgres(t)
	enginetest.Run(t, func(t *testing.T) *enginetest.Harness {
		return &enginetest.Harness{
			Engine: sqldb.New("test", s.open(t), s.dialect, nil),
			Create: s.tables,
			Dialect: enginetest.Dialect{
				Hostile: postgresHostile,
			},
			Traits: enginetest.Traits{
				NoListing: true, NoBareNames: true, NoDependencies: true, NoFigures: true, NoSchemaViews: true,
			},
		}
	})
}

func TestMariaDBPassesTheSuite(t *testing.T) {
	s := mariadb(t)
	var digits, from []string
	for c := 'a'; c < 'r'; c++ {
		from = append(from, "d "+string(c))
	}
	for range 10 {
		digits = append(digits, "SELECT 1 AS n")
	}
	enginetest.Run(t, func(t *testing.T) *enginetest.Harness {
		return &enginetest.Harness{
			Engine: sqldb.New("test", s.open(t), s.dialect, nil),
			Create: s.tables,
			Dialect: enginetest.Dialect{
				Quote: s.quote,
				// The server ends recursion by itself.
				Endless: "WITH d AS (" + strings.Join(digits, " UNION ALL ") + ") SELECT count(*) FROM " + strings.Join(from, ", "),
				Random:  "rand()",
				Hostile: mysqlHostile,
			},
			Traits: enginetest.Traits{
				NoNaN: true, NoBoolean: true,
				NoListing: true, NoBareNames: true, NoDependencies: true, NoFigures: true, NoSchemaViews: true,
			},
		}
	})
}

var postgresHostile = []string{
	"SELECT pg_catalog.pg_read_file('%s/secret.csv')",
	`SELECT "pg_read_file"('%s/secret.csv')`,
	`SELECT "pg_catalog"."pg_read_file" ('%s/secret.csv')`,
	"SELECT pg_read_/* */file('%s/secret.csv')",
	`SELECT U&"pg\005Fread_file"('%s/secret.csv')`,
	"SELECT * FROM pg_ls_dir('%s') AS x",
	"SELECT * FROM ROWS FROM (pg_read_binary_file('%s/secret.csv')) AS x",
	"SELECT pg_stat_file('%s/secret.csv')",
	"SELECT lo_export(1, '%s/evil.txt')",
	"SELECT lo_create(0)",
	"SELECT query_to_xml('select pg_read_file(''%s/secret.csv'')', true, true, '')",
	"SELECT * FROM ts_stat('select pg_read_file(''%s/secret.csv'')::tsvector')",
	"SELECT set_config('statement_timeout', '0', false)",
	"SELECT current_setting('data_directory')",
	"SELECT set_config('transaction_read_only', 'off', true)",
	"SELECT nextval('x')",
	"SELECT pg_terminate_backend(1)",
	"SELECT pg_reload_conf()",
	"SELECT pg_advisory_lock(1)",
	"SELECT pg_notify('x', 'y')",
	"SELECT pg_switch_wal()",
	"SELECT pg_create_restore_point('x')",
	"SELECT pg_logical_emit_message(false, 'x', 'y')",
	"SELECT * FROM pg_stat_activity",
	"SELECT * FROM pg_prepared_statements",
	"SELECT * FROM pg_settings",
	"SELECT * FROM pg_hba_file_rules",
	"SELECT rolpassword FROM pg_authid",
	"SELECT passwd FROM pg_catalog.pg_shadow",
	"TABLE pg_shadow",
	"SELECT * FROM information_schema.user_mapping_options",
	"SELECT * FROM information_schema . \"foreign_server_options\"",
	"SELECT ('x'::text).pg_read_file",
	"SELECT set_limit(0.1)",
	"SHOW data_directory",
	"SHOW ALL",
	"EXPLAIN (ANALYZE) UPDATE shop.orders SET id = 0",
	"EXPLAIN ANALYZE CREATE TABLE evil AS SELECT 1",
	"EXPLAIN EXECUTE x",
	"WITH x AS (UPDATE shop.orders SET id = 0 RETURNING id) SELECT * FROM x",
	"WITH x AS MATERIALIZED (/**/DELETE FROM shop.orders RETURNING id) SELECT * FROM x",
	"WITH x AS (SELECT 1) INSERT INTO shop.orders (id) SELECT * FROM x",
	"SELECT id FROM shop.orders FOR NO KEY UPDATE",
	"SELECT id FROM shop.orders FOR KEY SHARE",
	"SELECT 1 AS x INTO evil",
	"SELECT $$a$$; DROP TABLE shop.orders; --$$",
	"SELECT $a$ $b$ $a$; DROP TABLE shop.orders; -- $b$",
	`SELECT E'\''; DROP TABLE shop.orders; --'`,
	"SELECT /* /* */ 1; */ 1; DROP TABLE shop.orders",
	"SELECT $1",
	"DECLARE c CURSOR FOR SELECT 1",
	"FETCH ALL FROM c",
	"REFRESH MATERIALIZED VIEW x",
	"DISCARD ALL",
	"NOTIFY x",
	"CHECKPOINT",
	"COPY (SELECT 1) TO STDOUT",
	"CREATE EXTENSION dblink",
}

var mysqlHostile = []string{
	"SELECT load_file('%s/secret.csv')",
	"SELECT `load_file`('%s/secret.csv')",
	"SELECT LOAD_FILE/**/('%s/secret.csv')",
	"SELECT 1 INTO @x",
	"SELECT @x := 1",
	"SELECT @@datadir",
	"SELECT @@global.secure_file_priv",
	"SELECT /*!50000 load_file('%s/secret.csv') */",
	"SELECT 1 /*!50000 INTO OUTFILE '%s/evil.csv' */",
	"SELECT 1 /*M!100000 INTO OUTFILE '%s/evil.csv' */",
	"SELECT /*+ SET_VAR(sql_mode='ANSI_QUOTES') */ 1",
	"SELECT * FROM shop.orders INTO DUMPFILE '%s/evil.txt'",
	"(SELECT * FROM shop.orders) INTO OUTFILE '%s/evil.csv'",
	"SELECT * FROM mysql.user",
	"SELECT * FROM `mysql`.`user`",
	"SELECT * FROM mysql . global_priv",
	"SELECT * FROM information_schema.processlist",
	"SELECT * FROM information_schema.system_variables",
	"SELECT * FROM performance_schema.threads",
	"SHOW PROCESSLIST",
	"SHOW FULL PROCESSLIST",
	"SHOW VARIABLES",
	"SHOW GRANTS FOR root@localhost",
	"SHOW CREATE USER root@localhost",
	"SHOW COLUMNS FROM mysql.user",
	"EXPLAIN FOR CONNECTION 1",
	"EXPLAIN DELETE FROM shop.orders",
	"ANALYZE FORMAT=JSON DELETE FROM shop.orders",
	"DESCRIBE mysql.user",
	"SELECT get_lock('x', 60)",
	"SELECT master_pos_wait('x', 1, 60)",
	"SELECT master_gtid_wait('0-1-99999', 60)",
	"SELECT NEXT VALUE FOR s",
	"SELECT nextval(s)",
	"SELECT id FROM shop.orders LOCK IN SHARE MODE",
	"SELECT id FROM shop.orders PROCEDURE ANALYSE()",
	"SELECT '\\''; DROP TABLE shop.orders; -- '",
	"SELECT \"\\\"; SELECT 1\"; DROP TABLE shop.orders; -- \"",
	"SELECT 1 # comment\n; DROP TABLE shop.orders",
	"SELECT 1 --1; DROP TABLE shop.orders",
	"SELECT ?",
	"SET STATEMENT max_statement_time = 0 FOR SELECT 1",
	"DO sleep(60)",
	"CALL x()",
	"USE mysql",
	"FLUSH TABLES",
	"XA START 'x'",
	"INSTALL PLUGIN x SONAME 'x.so'",
	"HANDLER shop.orders READ FIRST",
	"BEGIN NOT ATOMIC SELECT 1; END",
	"EXECUTE IMMEDIATE 'DROP TABLE shop.orders'",
}
