package sqldb

import "slices"

var mysqlRules = Rules{
	Syntax: Syntax{Backslashes: true, Backticks: true, DoubleStrings: true, Hashes: true, DashBlank: true, Hints: true, Parameters: true},
	First:  []string{"select", "with", "values", "table", "explain", "show"},
	Explain: map[string][]string{
		"explain": {"analyze", "extended", "partitions", "format", "json", "traditional", "tree"},
	},
	Show: map[string][]string{
		"show": {"tables", "columns", "fields", "index", "indexes", "keys", "databases", "schemas"},
	},
	Phrases: []string{
		"into", "for update", "for share", "lock in", "procedure analyse", "next value", "previous value", "@",
	},
	Names:     mysqlName,
	Functions: func(name string) bool { return !slices.ContainsFunc(mysqlRefused, matches(name)) },
	Making:    []string{"repeat", "lpad", "rpad", "space"},
	Volatile: []string{
		"rand()", "random_bytes()", "uuid()", "uuid_short()", "uuid_v4()", "uuid_v7()", "sys_guid()", "now()", "sysdate()", "sysdate",
		"current_timestamp", "current_date", "current_time", "localtime", "localtimestamp", "curdate()", "curtime()",
		"unix_timestamp()", "utc_date", "utc_time", "utc_timestamp", "connection_id()", "user()", "session_user()",
		"system_user()", "current_user", "current_role", "found_rows()", "row_count()", "show", "explain",
	},
}

// mysqlName refuses what the server tells of itself and of other sessions.
func mysqlName(schema, name string) bool {
	switch schema {
	case "mysql", "performance_schema", "sys":
		return false
	case "information_schema":
		return slices.Contains(mysqlCatalog, name)
	}
	return true
}

var mysqlCatalog = []string{
	"schemata", "tables", "columns", "views", "statistics", "key_column_usage", "table_constraints",
	"referential_constraints", "check_constraints", "partitions", "character_sets", "collations", "keywords",
}

// mysqlRefused are functions that read files, wait, lock, change the session,
// or run programs.
var mysqlRefused = []string{
	"load_file", "sleep", "benchmark", "get_lock", "release_lock", "release_all_locks", "is_free_lock", "is_used_lock",
	"master_pos_wait", "master_gtid_wait", "source_pos_wait", "wait_for_executed_gtid_set",
	"wait_until_sql_thread_after_gtids", "nextval", "setval", "lastval", "last_insert_id", "sys_*", "lib_mysqludf_*",
	"service_get_*", "service_release_*", "version_tokens_*", "asynchronous_connection_failover_*",
	"group_replication_*", "gen_blocklist", "keyring_*", "audit_log_*", "mysql_query_attribute_string", "load_rewrite_rules",
}
