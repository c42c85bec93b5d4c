package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/inlet-go/inlet/query"
)

const informationSchema = "information_schema"

// substitutes stand for schemas whose names mean something else to DuckDB: its
// own views of what is in the instance, and its catalogs. They are of the same
// length, so that places in the statement stay what they are.
var substitutes = map[string]string{
	informationSchema: "inlet_information_", "temp": "tem_", "system": "syste_", "pg_catalog": "pg_catalo_",
}

// target is a table of the catalog under a name that a statement uses.
type target struct {
	reference
	table query.Table
}

// resolved is what the names of a statement mean.
type resolved struct {
	targets []target    // one for each name
	renamed []reference // places of schemas that have a substitute
	views   bool        // the information schema is read
}

// resolve asks the catalog, once, what the tables of a statement are.
func resolve(ctx context.Context, st query.Statement, p *parsed) (*resolved, error) {
	r := &resolved{renamed: p.prefixes}
	var names []string
	for _, ref := range p.tables {
		if !isView(ref) && !slices.Contains(names, ref.name) {
			names = append(names, ref.name)
		}
	}
	var found []query.Table
	if st.Catalog != nil && len(names) > 0 {
		var err error
		if found, err = st.Catalog.Find(ctx, st.Scope, names); err != nil {
			return nil, err
		}
	}
	for _, ref := range p.tables {
		if substitutes[fold(ref.schema)] != "" {
			r.renamed = append(r.renamed, ref)
		}
		if isView(ref) {
			r.views = true
			continue
		}
		fits := fitting(ref, found)
		if len(fits) != 1 {
			return nil, r.wrong(ctx, st, ref, fits)
		}
		same := func(t target) bool { return fold(t.schema) == fold(ref.schema) && fold(t.name) == fold(ref.name) }
		clash := func(t target) bool {
			return fold(inside(t.schema)) == fold(inside(ref.schema)) && fold(t.name) == fold(ref.name) && !same(t)
		}
		if slices.ContainsFunc(r.targets, clash) {
			return nil, &query.Failure{Name: query.AmbiguousName, Message: "one statement cannot read both schemas: " + ref.schema}
		}
		if !slices.ContainsFunc(r.targets, same) {
			r.targets = append(r.targets, target{ref, fits[0]})
		}
	}
	return r, nil
}

// replaced returns the statement with the substitutes.
func (r *resolved) replaced(text string) string {
	b := []byte(text)
	for _, ref := range r.renamed {
		at, name := ref.at, fold(ref.schema)
		if at >= 0 && at < len(b) && b[at] == '"' {
			at++
		}
		if at >= 0 && at+len(name) <= len(b) && fold(text[at:at+len(name)]) == name {
			copy(b[at:], substitutes[name])
		}
	}
	return string(b)
}

// inside returns what a schema is called in an instance.
func inside(schema string) string {
	if other := substitutes[fold(schema)]; other != "" {
		return other
	}
	return schema
}

func isView(ref reference) bool {
	return fold(ref.schema) == informationSchema && (fold(ref.name) == "tables" || fold(ref.name) == "columns")
}

// fitting returns the tables that a reference may mean. A name comes before
// another name, of the table and of its schema.
func fitting(ref reference, found []query.Table) (fits []query.Table) {
	best := 0
	for _, t := range found {
		score := match(ref.name, t.Name, t.Aliases)
		if ref.schema == "" {
			score = min(score, 1)
		} else if schema := match(ref.schema, t.Schema, t.SchemaAliases); schema == 0 {
			score = 0
		} else if score > 0 {
			score += 2 * schema
		}
		switch {
		case score == 0 || score < best:
		case score > best:
			best, fits = score, []query.Table{t}
		default:
			fits = append(fits, t)
		}
	}
	return fits
}

// match tells how well a name fits: 2 as the name, 1 as another name, 0 not.
func match(written, name string, aliases []string) int {
	same := func(other string) bool { return fold(written) == fold(other) }
	switch {
	case same(name):
		return 2
	case slices.ContainsFunc(aliases, same):
		return 1
	}
	return 0
}

// fold makes ASCII letters small.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func (r *resolved) wrong(ctx context.Context, st query.Statement, ref reference, fits []query.Table) error {
	written := ref.name
	if ref.schema != "" {
		written = ref.schema + "." + ref.name
	}
	f := &query.Failure{Name: query.TableNotFound, Message: "table " + written + " does not exist"}
	if ref.at >= 0 {
		f.Line, f.Column = place(st.SQL, ref.at)
	}
	if len(fits) > 1 {
		f.Name, f.Message = query.AmbiguousName, fmt.Sprintf("table name %s is ambiguous: it may be %s", written, query.Listed(fits))
		return f
	}
	there, err := query.Available(ctx, st)
	if err != nil {
		return err
	}
	f.Message += "; " + there
	return f
}

// place returns line and column, from 1, of the nth byte of a text.
func place(text string, n int) (line, column int) {
	before := text[:min(max(n, 0), len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}
