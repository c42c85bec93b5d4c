package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/inlet-go/inlet/query"
)

// informationSchema has views of the catalog.
const informationSchema = "information_schema"

// target is a table that a statement reads.
type target struct {
	table query.Table
	view  string // of the information schema, in small letters; "" for a table of the catalog
}

// name is how the table is called in messages and dependencies.
func (t *target) name() string { return t.table.Schema + "." + t.table.Name }

// resolved are the references of a statement and what they mean. Two
// references to one table have one target.
type resolved struct {
	refs    []reference
	targets []*target // of each reference; nil where SQLite must judge it
	tables  []*target // each once, without the information schema's
	views   []*target
	common  map[string]bool // names of common table expressions
	wrong   *query.Failure  // the first name that is unknown or ambiguous
}

// resolve asks the catalog, once, what the tables of a statement are.
func resolve(ctx context.Context, st query.Statement, tokens []token) (*resolved, error) {
	r := &resolved{}
	r.refs, r.common = references(tokens)
	r.targets = make([]*target, len(r.refs))
	var names []string
	count := 0
	for _, ref := range r.refs {
		if ref.from {
			count++
			names = append(names, tokens[ref.table].text)
		}
		if count > mostReferences {
			return nil, &query.Failure{
				Name: query.ExceededLimit, Message: fmt.Sprintf("the statement names tables more than %d times", mostReferences),
			}
		}
	}
	if count == 0 {
		return r, nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var found []query.Table
	if st.Catalog != nil {
		var err error
		if found, err = st.Catalog.Find(ctx, st.Scope, names); err != nil {
			return nil, err
		}
	}
	for i, ref := range r.refs {
		if ref.from {
			r.targets[i] = r.find(st, tokens, ref, found)
		}
	}
	for i, ref := range r.refs {
		if !ref.from {
			r.targets[i] = r.prefix(tokens, ref)
		}
	}
	if r.wrong != nil && r.wrong.Name == query.TableNotFound {
		there, err := query.Available(ctx, st)
		if err != nil {
			return nil, err
		}
		r.wrong.Message += "; " + there
	}
	return r, nil
}

// find returns the target of a reference, or nil and notes what is wrong.
func (r *resolved) find(st query.Statement, tokens []token, ref reference, found []query.Table) *target {
	name, written, first := tokens[ref.table].text, tokens[ref.table].text, ref.table
	if ref.schema >= 0 {
		schema := tokens[ref.schema].text
		written, first = schema+"."+name, ref.schema
		if view := lower(name); lower(schema) == informationSchema && informationViews[view] != nil {
			return r.add(&r.views, &target{view: view, table: query.Table{Schema: informationSchema, Name: view}})
		}
	}
	fits := fitting(tokens, ref, found)
	if len(fits) == 1 {
		return r.add(&r.tables, &target{table: fits[0]})
	}
	if r.wrong != nil {
		return nil
	}
	line, column := place(st.SQL, tokens[first].start)
	r.wrong = &query.Failure{
		Name: query.TableNotFound, Message: fmt.Sprintf("table %s does not exist", written), Line: line, Column: column,
	}
	if len(fits) > 1 {
		r.wrong.Name = query.AmbiguousName
		r.wrong.Message = fmt.Sprintf("table name %s is ambiguous: it may be %s", written, query.Listed(fits))
	}
	return nil
}

// fitting returns the tables that a reference may mean. A name comes before
// another name of a table in the same schema, and a schema's name before
// another schema's other names; a table without its schema must be the only one.
func fitting(tokens []token, ref reference, found []query.Table) []query.Table {
	var fits []query.Table
	best := 0
	for _, t := range found {
		score := min(1, nameFits(tokens[ref.table].text, t.Name, t.Aliases))
		if ref.schema >= 0 && score > 0 {
			schema := nameFits(tokens[ref.schema].text, t.Schema, t.SchemaAliases)
			if schema == 0 {
				continue
			}
			score = 2*schema + nameFits(tokens[ref.table].text, t.Name, t.Aliases)
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

// mostReferences bounds how often a statement names tables.
const mostReferences = 1000

// nameFits tells how well a name fits: 2 as the name, 1 as another name, 0 not.
func nameFits(written, name string, aliases []string) int {
	written = lower(written)
	if written == lower(name) {
		return 2
	}
	for _, a := range aliases {
		if written == lower(a) {
			return 1
		}
	}
	return 0
}

// add returns the target of the list for the same table, or adds it.
func (r *resolved) add(list *[]*target, t *target) *target {
	for _, known := range *list {
		if known.table.Schema == t.table.Schema && known.table.Name == t.table.Name && known.table.Version == t.table.Version {
			return known
		}
	}
	*list = append(*list, t)
	return t
}

// prefix returns the table that a column's prefix with a schema means.
func (r *resolved) prefix(tokens []token, ref reference) *target {
	for _, list := range [][]*target{r.tables, r.views} {
		for _, t := range list {
			if nameFits(tokens[ref.schema].text, t.table.Schema, t.table.SchemaAliases) > 0 &&
				nameFits(tokens[ref.table].text, t.table.Name, t.table.Aliases) > 0 {
				return t
			}
		}
	}
	return nil
}
