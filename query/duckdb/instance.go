package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
)

// instance is a database in memory for one statement. It is opened by DuckDB's
// C interface, because the driver keeps whole answers in memory.
type instance struct {
	db duckdb.Database

	mu   sync.Mutex // guards conn against being interrupted when it is closed
	conn duckdb.Connection
	open bool

	temp string // folder
}

// start opens an instance that can do nothing but read.
func (e *Engine) start(setup []string) (_ *instance, err error) {
	i := &instance{temp: filepath.Join(e.opts.Dir, prefix+"temp."+strconv.FormatInt(e.count.Add(1), 10))}
	var config duckdb.Config
	if duckdb.CreateConfig(&config) == duckdb.StateError {
		return nil, errors.New("make a configuration of DuckDB")
	}
	defer duckdb.DestroyConfig(&config)
	for name, value := range map[string]string{
		"threads":                      strconv.Itoa(e.opts.Threads),
		"memory_limit":                 fmt.Sprintf("%dB", e.opts.MemoryBytes),
		"temp_directory":               i.temp,
		"max_temp_directory_size":      fmt.Sprintf("%dB", e.opts.TempBytes),
		"autoinstall_known_extensions": "false",
		"autoload_known_extensions":    "false",
		"allow_community_extensions":   "false",
		"allow_persistent_secrets":     "false",
		"allow_unredacted_secrets":     "false",
	} {
		if duckdb.SetConfig(config, name, value) == duckdb.StateError {
			return nil, fmt.Errorf("DuckDB does not know the setting %s", name)
		}
	}
	var message string
	if duckdb.OpenExt(":memory:", &i.db, config, &message) == duckdb.StateError {
		return nil, fmt.Errorf("open a database in memory: %s", message)
	}
	if duckdb.Connect(i.db, &i.conn) == duckdb.StateError {
		duckdb.Close(&i.db)
		return nil, errors.New("connect to a database in memory")
	}
	i.open = true
	for _, text := range setup {
		if err := i.exec(text); err != nil {
			i.close()
			return nil, err
		}
	}
	return i, nil
}

func (i *instance) exec(text string) error {
	var res duckdb.Result
	defer duckdb.DestroyResult(&res)
	if duckdb.Query(i.conn, text, &res) == duckdb.StateError {
		return fmt.Errorf("%.100s: %s", text, duckdb.ResultError(&res))
	}
	return nil
}

// interrupt stops what the instance does, from any goroutine.
func (i *instance) interrupt() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.open {
		duckdb.Interrupt(i.conn)
	}
}

func (i *instance) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.open = false
	duckdb.Disconnect(&i.conn)
	duckdb.Close(&i.db)
	os.RemoveAll(i.temp)
}

// tooLarge is the message of the macros that bound functions.
const tooLarge = "the function is called with texts that are too large"

// setup are the statements that make an instance for a statement: the tables
// under the names that it uses, and no way out. The databases have names that
// no schema has, or schema.table could be read as database.table.
func (e *Engine) setup(targets []target, files []*file) []string {
	list := []string{
		"SET errors_as_json = true", "SET TimeZone = 'UTC'",
		"ATTACH ':memory:' AS " + quote(home), "USE " + quote(home), "DETACH memory",
	}
	schemas := map[string]bool{"main": true}
	for n, t := range targets {
		attached := quote(home + strconv.Itoa(n))
		list = append(list, "ATTACH "+literal(files[n].path)+" AS "+attached+" (READ_ONLY)")
		name := "main." + quote(t.name)
		if t.schema != "" {
			name = quote(inside(t.schema)) + "." + quote(t.name)
		}
		if schema := fold(inside(t.schema)); !schemas[schema] && t.schema != "" {
			schemas[schema] = true
			list = append(list, "CREATE SCHEMA "+quote(inside(t.schema)))
		}
		list = append(list, "CREATE OR REPLACE VIEW "+name+" AS SELECT * FROM "+attached+".main.t")
	}
	return append(append(list, macros...), profiling...)
}

const (
	madeBytes   = 256 << 10 // of a text that repeat, lpad or rpad make
	placedBytes = 256 << 20 // of a text that replace may make
	searchBytes = 1 << 30   // compared, when a text is looked for in another one
)

// macros are found before the functions of the same names. They bound what one
// call may take, because a call cannot be interrupted.
var macros = func() []string {
	bounded := func(name, parameters, size string, most int64) string {
		return fmt.Sprintf("CREATE MACRO %s(%s) AS CASE WHEN %s > %d THEN error('%s') ELSE system.main.%s(%s) END",
			name, parameters, size, most, tooLarge, name, parameters)
	}
	const compared = "CASE WHEN typeof(n) = 'VARCHAR' THEN strlen(s::VARCHAR)::HUGEINT * strlen(n::VARCHAR) ELSE 0 END"
	list := []string{
		bounded("repeat", "s, n", "strlen(s::VARCHAR)::HUGEINT * n", madeBytes),
		bounded("lpad", "s, n, c", "n", madeBytes),
		bounded("rpad", "s, n, c", "n", madeBytes),
		bounded("replace", "s, n, c", fmt.Sprintf("greatest(strlen(s)::HUGEINT * strlen(c), %s / %d)", compared, searchBytes/placedBytes), placedBytes),
	}
	for _, name := range []string{"contains", "strpos", "instr", "levenshtein", "damerau_levenshtein", "jaccard"} {
		list = append(list, bounded(name, "s, n", compared, searchBytes))
	}
	return list
}()

// home is the name of the database in memory; the databases of tables have a
// number behind it.
const home = "inlet\x01"

// locks end the setup.
var locks = []string{"SET enable_external_access = false", "SET lock_configuration = true"}

var typeNames = map[tabular.Type]string{
	tabular.Text: "varchar", tabular.Integer: "bigint", tabular.Real: "double", tabular.Boolean: "boolean", tabular.Decimal: "decimal",
	tabular.Date: "date", tabular.Timestamp: "timestamp", tabular.Bytes: "varbinary", tabular.JSON: "json",
}

// information returns the statements that make the views of the information
// schema. A table that cannot be read has no columns, and is listed all the same.
func information(ctx context.Context, st query.Statement) ([]string, error) {
	var tables, columns []string
	if st.Catalog != nil {
		for t, err := range st.Catalog.Tables(ctx, st.Scope) {
			if err != nil {
				return nil, err
			}
			head := "('inlet', " + literal(t.Schema) + ", " + literal(t.Name) + ", "
			tables = append(tables, head+"'BASE TABLE')")
			told, err := t.Source.Describe(ctx)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				continue
			}
			for i, c := range told.Columns {
				nullable := "'NO'"
				if c.Nullable {
					nullable = "'YES'"
				}
				columns = append(columns, head+literal(c.Name)+", "+strconv.Itoa(i+1)+", "+nullable+", "+literal(typeNames[c.Type])+")")
			}
		}
	}
	replacement := inside(informationSchema)
	list := []string{
		"CREATE SCHEMA " + replacement,
		"CREATE TABLE " + replacement + ".tables (table_catalog VARCHAR, table_schema VARCHAR, table_name VARCHAR, table_type VARCHAR)",
		"CREATE TABLE " + replacement + ".columns (table_catalog VARCHAR, table_schema VARCHAR, table_name VARCHAR, column_name VARCHAR," +
			" ordinal_position BIGINT, is_nullable VARCHAR, data_type VARCHAR)",
	}
	for view, rows := range map[string][]string{"tables": tables, "columns": columns} {
		if len(rows) > 0 {
			list = append(list, "INSERT INTO "+replacement+"."+view+" VALUES "+strings.Join(rows, ", "))
		}
	}
	return list, nil
}
