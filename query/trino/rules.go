package trino

import (
	"slices"

	"github.com/inlet-go/inlet/query/sqldb"
)

// rules say what is sent to the cluster. In its grammar only a statement of its
// own writes, so the first word decides, and what EXPLAIN is of.
var rules = sqldb.Rules{
	Syntax:  sqldb.Syntax{Parameters: true},
	First:   []string{"select", "with", "values", "table", "explain", "show", "describe", "desc"},
	Explain: map[string][]string{"explain": {"analyze", "verbose"}},
	Show: map[string][]string{
		"show": {"catalogs", "schemas", "tables", "columns", "functions", "stats", "create"},
	},
	// What connectors run on their databases as it is may write there. The
	// system catalog tells of other users' statements.
	Names:     func(schema, _ string) bool { return schema != "system" },
	Functions: func(name string) bool { return !slices.Contains([]string{"query", "raw_query", "procedure"}, name) },
	Phrases:   []string{"into"},
	Volatile: []string{
		"random()", "rand()", "uuid()", "now()", "shuffle()", "current_timestamp", "current_date", "current_time", "localtime",
		"localtimestamp", "current_user", "current_groups", "current_catalog", "current_schema", "current_timezone()",
		"tablesample", "show", "describe", "desc", "explain", "version()",
	},
}
