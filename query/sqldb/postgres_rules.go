package sqldb

import (
	"slices"
	"strings"
)

var postgresRules = Rules{
	Syntax:  Syntax{EscapeStrings: true, DollarQuotes: true, Nested: true},
	First:   []string{"select", "with", "values", "table", "explain", "show"},
	Explain: map[string][]string{"explain": {"analyze", "verbose"}},
	Show: map[string][]string{"show": {
		"server_version", "server_encoding", "client_encoding", "search_path", "timezone", "time", "datestyle",
		"transaction_read_only", "transaction_isolation", "statement_timeout",
	}},
	Phrases: []string{"into", "for update", "for share", "for no key update", "for key share"},
	Names: func(schema, name string) bool {
		return !postgresInternal(schema, name) || slices.Contains(postgresCatalog, name)
	},
	Functions: func(name string) bool { return !slices.ContainsFunc(postgresRefused, matches(name)) },
	Making:    []string{"repeat", "lpad", "rpad"},
	Volatile: []string{
		"random()", "random_normal()", "gen_random_uuid()", "uuidv4()", "uuidv7()", "uuid_generate_v1()", "uuid_generate_v4()", "now()",
		"clock_timestamp()", "statement_timestamp()", "transaction_timestamp()", "timeofday()", "current_date", "current_time",
		"current_timestamp", "localtime", "localtimestamp", "current_user", "session_user", "current_role", "age()",
		"tablesample", "show", "explain",
	},
}

// postgresInternal tells names that are the server's own. They are refused but
// for those listed: its catalog also has files, settings, statistics of other
// sessions with their statements, and the passwords of foreign servers, and it
// grows with each version.
func postgresInternal(schema, name string) bool {
	return strings.HasPrefix(name, "pg_") || strings.HasPrefix(name, "_pg_") ||
		schema == "information_schema" && (strings.HasPrefix(name, "foreign_") || strings.HasPrefix(name, "user_mapping"))
}

var postgresCatalog = []string{
	"pg_catalog", "pg_class", "pg_namespace", "pg_attribute", "pg_attrdef", "pg_type", "pg_enum", "pg_range", "pg_proc",
	"pg_index", "pg_constraint", "pg_description", "pg_inherits", "pg_tables", "pg_views", "pg_matviews", "pg_indexes",
	"pg_collation", "pg_am", "pg_operator", "pg_cast", "pg_language", "pg_partitioned_table",
	"pg_typeof", "pg_size_pretty", "pg_size_bytes", "pg_column_size", "pg_relation_size", "pg_table_size", "pg_indexes_size",
	"pg_total_relation_size", "pg_get_expr", "pg_get_viewdef", "pg_get_indexdef", "pg_get_constraintdef", "pg_get_keywords",
	"pg_get_userbyid", "pg_table_is_visible", "pg_type_is_visible", "pg_function_is_visible", "pg_input_is_valid",
	"pg_collation_for", "pg_basetype", "pg_encoding_to_char", "pg_timezone_names", "pg_timezone_abbrevs",
	"pg_lsn", "pg_snapshot", // types
}

// postgresRefused are functions that write, that reach settings, files, large
// objects or other connections, or that run SQL which they get as text; those
// that start with pg_ are refused as names.
var postgresRefused = []string{
	"set_config", "current_setting", "nextval", "setval", "currval", "lastval", "txid_current", "setseed", "set_limit",
	"lo_*", "loread", "lowrite", "dblink*", "postgres_fdw_*", "file_fdw_*", "http", "http_*",
	"query_to_xml*", "cursor_to_xml*", "table_to_xml*", "schema_to_xml*", "database_to_xml*",
	"ts_stat", "ts_rewrite", "crosstab*", "connectby", "xpath_table",
	"brin_summarize*", "brin_desummarize*", "gin_clean_pending_list", "suppress_redundant_updates_trigger",
	"inet_server_addr", "inet_server_port", "inet_client_addr", "inet_client_port", "binary_upgrade_*",
}

// matches returns a test of patterns, of which a "*" at the end is any rest.
func matches(name string) func(pattern string) bool {
	return func(pattern string) bool {
		if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
			return strings.HasPrefix(name, prefix)
		}
		return name == pattern
	}
}
