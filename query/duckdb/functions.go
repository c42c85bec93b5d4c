package duckdb

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/query"
)

// tableFunctions may be called in FROM: they give rows of what they are given.
// All others read files, catalogs and settings.
var tableFunctions = []string{"range", "generate_series", "unnest", "repeat_row", "json_each", "json_tree"}

// refusedFunctions reach settings, sequences, other databases, or run SQL.
var refusedFunctions = []string{
	"getenv", "getvariable", "current_setting", "set_config", "nextval", "currval", "setseed", "txid_current", "write_log",
	"current_query", "json_execute_serialized_sql", "query", "query_table", "read_text", "read_blob", "sleep_ms", "error_sleep",
	"json_serialize_plan", "get_block_size", "in_search_path", "current_schemas", "current_database", "current_schema", "add_parquet_key",
}

var volatileFunctions = []string{
	"random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "now", "get_current_timestamp", "get_current_time", "current_date",
	"current_localtimestamp", "current_localtime", "transaction_timestamp", "statement_timestamp", "clock_timestamp", "today", "version",
	"current_connection_id", "current_query_id", "current_transaction_id", "pi_digits",
}

// ages give the time since now where they have one argument only.
var ages = []string{"age"}

// boundedFunctions are replaced by macros that look at the size of what they
// would make; how they are called otherwise is refused. POSITION (a IN b) is
// syntax that no macro replaces.
var boundedFunctions = []string{
	"repeat", "lpad", "rpad", "replace", "contains", "strpos", "instr", "levenshtein", "damerau_levenshtein", "jaccard",
	"printf", "format", "range", "generate_series",
}

func (w *walker) function(n map[string]any) {
	name, _ := n["function_name"].(string)
	name = strings.ToLower(name)
	arguments, _ := n["children"].([]any)
	schema, catalog := n["schema"], n["catalog"]
	switch {
	case slices.Contains(refusedFunctions, name) || strings.HasPrefix(name, "duckdb_") || strings.HasPrefix(name, "pragma_"),
		strings.HasPrefix(name, "pg_") && name != "pg_typeof":
		w.refuse(n, query.PermissionDenied, "the function %s may not be called", name)
	case (schema != "" && schema != nil || catalog != "" && catalog != nil) && slices.Contains(boundedFunctions, name):
		w.refuse(n, query.PermissionDenied, "the function %s is called by its name alone", name)
	case slices.Contains(volatileFunctions, name), slices.Contains(ages, name) && len(arguments) == 1:
		w.volatile = true
	case name == "printf" || name == "format":
		w.format(n, name, arguments)
	case slices.Contains(likes, name) && len(arguments) > 1:
		w.like(n, arguments[1])
	case name == "range" || name == "generate_series":
		w.series(n, name, arguments)
	}
}

var width = regexp.MustCompile(`[0-9]{5,}|\*|\{[^}]*\{`)

// format bounds the width that a number is written with.
func (w *walker) format(n map[string]any, name string, arguments []any) {
	if len(arguments) == 0 {
		return
	}
	if pattern, ok := constant(arguments[0]); !ok || width.MatchString(pattern) {
		w.refuse(n, query.ExceededLimit, "the function %s takes a constant format without large widths", name)
	}
}

// likes are the functions behind LIKE and GLOB.
var likes = []string{"~~", "!~~", "~~*", "!~~*", "~~~", "like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape"}

// like refuses patterns with so many places to try that one text can take for
// ever. Patterns that are not constants are the data's own.
func (w *walker) like(n map[string]any, pattern any) {
	text, ok := constant(pattern)
	if ok && strings.ContainsAny(text, "_?[") && strings.Count(text, "%")+strings.Count(text, "*") > mostWildcards {
		w.refuse(n, query.ExceededLimit, "the pattern has more than %d wildcards besides single characters", mostWildcards)
	}
}

const mostWildcards = 4

// mostElements bounds a list that is made of nothing.
const mostElements = 10_000_000

func (w *walker) series(n map[string]any, name string, arguments []any) {
	for _, a := range arguments {
		text, ok := constant(a)
		if number, err := strconv.ParseFloat(text, 64); ok && err == nil && (number > mostElements || number < -mostElements) {
			w.refuse(n, query.ExceededLimit, "the function %s makes a list of more than %d elements", name, mostElements)
		}
	}
}

// constant returns the text of a constant.
func constant(v any) (string, bool) {
	n, _ := v.(map[string]any)
	if n["class"] != "CONSTANT" {
		return "", false
	}
	value, _ := n["value"].(map[string]any)
	switch v := value["value"].(type) {
	case string:
		return v, true
	case interface{ String() string }: // a number
		return v.String(), true
	}
	return "", false
}
