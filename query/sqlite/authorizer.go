package sqlite

import (
	"strings"

	driverpkg "modernc.org/sqlite"
)

// permit is what a statement may read, and what SQLite said of it.
type permit struct {
	tables map[location]bool
	views  map[string]bool // of the information schema
	common map[string]bool // common table expressions, in small letters

	volatile bool
	json     bool   // a function reads JSON
	refused  string // what it may not do, in words
}

func newPermit() *permit {
	return &permit{tables: map[location]bool{}, views: map[string]bool{}, common: map[string]bool{}}
}

// authorize says what a statement may do: read the tables that the catalog
// gave, and call functions that are known to be harmless.
func (c *connection) authorize(
	action driverpkg.AuthorizerActionCode, first, second, database, _ string,
) driverpkg.AuthorizerReturnCode {
	p := c.permit
	if p == nil {
		return driverpkg.AuthorizerOK
	}
	allowed := false
	switch action {
	case driverpkg.AuthSelect, driverpkg.AuthRecursive:
		allowed = true
	case driverpkg.AuthRead:
		allowed = p.reads(first, second, database)
	case driverpkg.AuthFunction:
		name := lower(second)
		allowed = functions[name]
		if !allowed {
			p.refused = "function " + second + " cannot be used"
		}
		p.volatile = p.volatile || volatile[name]
		p.json = p.json || strings.HasPrefix(name, "json") || strings.HasPrefix(name, "->")
	}
	if !allowed {
		if p.refused == "" {
			p.refused = onlyQueries
		}
		return driverpkg.AuthorizerDeny
	}
	return driverpkg.AuthorizerOK
}

// reads reports whether a column may be read.
func (p *permit) reads(table, column, database string) bool {
	switch {
	case p.tables[location{database, table}]:
		return true
	case database == "temp" && p.views[table]:
		p.volatile = true
		return true
	case database == "" && column == "" && p.common[lower(table)]:
		return true // no column of it is read
	case tableFunctions[lower(table)] && (database == "" || database == "main"):
		return true
	}
	p.refused = "table " + table + " cannot be read"
	return false
}

// onlyQueries is what is said of everything that writes.
const onlyQueries = "only a query can be run"

// tableFunctions are the table-valued functions that can be used.
var tableFunctions = map[string]bool{"json_each": true, "json_tree": true}

// functions are the functions that can be used. What is not here reaches out
// of the statement, or takes time or memory that its limits do not bound.
var functions = wordSet(`
	abs avg char coalesce concat concat_ws count cume_dist current_date current_time
	current_timestamp date datetime dense_rank exp first_value floor ceil ceiling format glob group_concat hex ifnull
	iif if instr json json_array json_array_length json_each json_error_position json_extract json_group_array
	json_group_object json_insert json_object json_pretty json_quote json_remove json_replace json_set json_type
	json_valid julianday lag last_value lead length octet_length like likelihood likely ln log log10 log2 lower ltrim max
	median percentile percentile_cont percentile_disc min mod nth_value ntile nullif percent_rank pi pow power printf
	quote radians degrees random rank replace round row_number rtrim sign soundex sqrt string_agg strftime substr
	substring sum time timediff total trim trunc typeof unhex unicode unistr unistr_quote unixepoch unlikely upper
	acos acosh asin asinh atan atan2 atanh cos cosh sin sinh tan tanh -> ->>`)

// volatile are the functions that may give another answer each time.
var volatile = wordSet("random current_date current_time current_timestamp")

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}
