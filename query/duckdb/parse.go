package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/query"
)

// reference is a table that a statement names.
type reference struct {
	schema, name string
	at           int // byte of the statement, -1 where it is not known
}

// parsed is what a statement asks for, as DuckDB's own parser sees it.
type parsed struct {
	tables   []reference // without common table expressions
	prefixes []reference // of columns: what may be a schema, without the table
	volatile bool
}

var explains = regexp.MustCompile(`(?is)^\s*explain\s+(analyze\s+)?`)

// parse has DuckDB parse a statement and say the tree, which it does for
// statements that read only. The tree is then checked: what is not known to be
// harmless is refused.
func (e *Engine) parse(ctx context.Context, text string) (*parsed, error) {
	if strings.ContainsRune(text, 0) {
		return nil, &query.Failure{Name: query.SyntaxError, Message: "the statement has a zero byte"}
	}
	skipped := explains.FindString(text)
	var answer string
	if err := e.parser.QueryRowContext(ctx, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", text[len(skipped):]).Scan(&answer); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, failure(err.Error(), text)
	}
	var tree struct {
		Error      bool            `json:"error"`
		Type       string          `json:"error_type"`
		Message    string          `json:"error_message"`
		Position   json.RawMessage `json:"position"`
		Statements []struct {
			Node any `json:"node"`
		} `json:"statements"`
	}
	d := json.NewDecoder(strings.NewReader(answer))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, &query.Failure{Name: query.ExceededLimit, Message: "the statement is too deep"}
	}
	switch {
	case tree.Error:
		f := &query.Failure{Name: query.SyntaxError, Message: tree.Message}
		if tree.Type == "not implemented" {
			f.Name, f.Message = query.NotSupported, "only statements that read are run"
		}
		if n, err := strconv.Atoi(strings.Trim(string(tree.Position), `"`)); err == nil {
			rest := []rune(text[len(skipped):]) // the parser counts characters, all else counts bytes
			f.Line, f.Column = place(text, len(skipped)+len(string(rest[:min(max(n, 0), len(rest))])))
		}
		return nil, f
	case len(tree.Statements) == 0:
		return nil, &query.Failure{Name: query.SyntaxError, Message: "the statement is empty"}
	case len(tree.Statements) > 1:
		return nil, &query.Failure{Name: query.NotSupported, Message: "only one statement is run"}
	}
	w := walker{text: text, offset: len(skipped)}
	w.node(tree.Statements[0].Node, nil)
	if skipped != "" {
		w.volatile = true
	}
	if w.refused != nil {
		return nil, w.refused
	}
	return &w.parsed, nil
}

// walker goes through the tree of a statement.
type walker struct {
	parsed
	text    string
	offset  int // of the tree's places
	refused *query.Failure
}

func (w *walker) refuse(n map[string]any, name, format string, args ...any) {
	if w.refused != nil {
		return
	}
	w.refused = &query.Failure{Name: name, Message: fmt.Sprintf(format, args...)}
	if at := w.at(n); at >= 0 {
		w.refused.Line, w.refused.Column = place(w.text, at)
	}
}

func (w *walker) at(n map[string]any) int {
	number, _ := n["query_location"].(json.Number)
	at, err := strconv.Atoi(number.String())
	if err != nil || at+w.offset > len(w.text) {
		return -1
	}
	return at + w.offset
}

// node visits a part of the tree; common are the names of the common table
// expressions there.
func (w *walker) node(v any, common []string) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			w.node(element, common)
		}
	case map[string]any:
		w.object(v, common)
	}
}

func (w *walker) object(n map[string]any, common []string) {
	if _, ok := n["cte_map"]; ok {
		common = w.common(n, common)
	}
	if name, ok := n["cte_name"].(string); ok {
		common = append(slices.Clip(common), strings.ToLower(name))
	}
	class, _ := n["class"].(string)
	_, table := n["sample"]
	switch typ, _ := n["type"].(string); {
	case class == "FUNCTION":
		w.function(n)
	case class == "COLUMN_REF":
		w.column(n)
	case class != "" || !table || strings.HasSuffix(typ, "_NODE"):
	case typ == "BASE_TABLE":
		w.table(n, common)
	case typ == "TABLE_FUNCTION":
		w.tableFunction(n, common)
	case !slices.Contains(references, typ):
		w.refuse(n, query.NotSupported, "statements of this kind are not run: %s", typ)
	}
	if n["sample"] != nil {
		w.volatile = true
	}
	for key, child := range n {
		if key != "cte_map" && (key != "function" || n["type"] != "TABLE_FUNCTION") {
			w.node(child, common)
		}
	}
}

// references are the other kinds of what may stand in FROM.
var references = []string{"JOIN", "SUBQUERY", "EXPRESSION_LIST", "EMPTY", "PIVOT", "EMPTY_FROM"}

// common visits the common table expressions of a node, and returns the names
// that hold in it. Each sees those before it, and all see all where one is
// recursive, which at most has a table found that is not there.
func (w *walker) common(n map[string]any, outer []string) []string {
	names := slices.Clip(outer)
	holder, _ := n["cte_map"].(map[string]any)
	entries, _ := holder["map"].([]any)
	for _, entry := range entries {
		entry, _ := entry.(map[string]any)
		w.node(entry["value"], names)
		name, _ := entry["key"].(string)
		names = append(names, strings.ToLower(name))
	}
	return names
}

func (w *walker) table(n map[string]any, common []string) {
	schema, _ := n["schema_name"].(string)
	name, _ := n["table_name"].(string)
	catalog, _ := n["catalog_name"].(string)
	switch {
	case catalog != "":
		w.refuse(n, query.TableNotFound, "table %s.%s.%s does not exist", catalog, schema, name)
	case schema == "" && slices.Contains(common, strings.ToLower(name)):
	default:
		w.tables = append(w.tables, reference{schema, name, w.at(n)})
	}
}

// column looks for the time, which is asked for as a column, and for columns
// of the information schema.
func (w *walker) column(n map[string]any) {
	names, _ := n["column_names"].([]any)
	if len(names) == 0 {
		return
	}
	first, _ := names[0].(string)
	switch first = strings.ToLower(first); {
	case len(names) == 1 && slices.Contains(times, first):
		w.volatile = true
	case len(names) > 2 && substitutes[first] != "":
		w.prefixes = append(w.prefixes, reference{schema: first, at: w.at(n)})
	}
}

var times = []string{"current_timestamp", "current_date", "current_time", "localtime", "localtimestamp", "current_user", "user"}

func (w *walker) tableFunction(n map[string]any, common []string) {
	call, _ := n["function"].(map[string]any)
	name, _ := call["function_name"].(string)
	if !slices.Contains(tableFunctions, name) || call["schema"] != "" || call["catalog"] != "" {
		w.refuse(n, query.PermissionDenied, "the function %s may not be called", name)
	}
	w.node(call["children"], common)
}

// failed returns the failure in an error, or nil.
func failed(err error) *query.Failure {
	var f *query.Failure
	errors.As(err, &f)
	return f
}
