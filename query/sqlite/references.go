package sqlite

// reference is a place in a statement that names a table.
type reference struct {
	schema int  // the token with the schema, or -1
	table  int  // the token with the table's name
	from   bool // it says what to read, in contrast to a column's "schema.table.column"
	alias  bool // another name follows, or none can
}

// level is what is between two parentheses.
type level struct {
	from   bool            // behind FROM, and before what ends it
	expect bool            // a table comes next
	fresh  bool            // nothing was there yet
	ctes   map[string]bool // names of common table expressions, in small letters
}

// references finds the tables that a statement names. Which a column's prefix
// means, SQLite finds out; only a schema before it must be known here. common
// are the names of all common table expressions, in small letters.
func references(tokens []token) (found []reference, common map[string]bool) {
	f := finder{tokens: tokens, levels: []level{{fresh: true}}, common: map[string]bool{}}
	for f.i < len(tokens) {
		f.step()
	}
	return f.found, f.common
}

type finder struct {
	tokens []token
	i      int
	levels []level
	found  []reference
	common map[string]bool
}

// at returns the token at i, or one that is nothing.
func (f *finder) at(i int) token {
	if i < 0 || i >= len(f.tokens) {
		return token{kind: tokenMalformed}
	}
	return f.tokens[i]
}

func (f *finder) step() {
	t := f.tokens[f.i]
	top := &f.levels[len(f.levels)-1]
	fresh := top.fresh
	top.fresh = false
	switch {
	case t.is("("):
		inner := level{from: top.expect, expect: top.expect, fresh: true}
		top.expect = false
		f.levels = append(f.levels, inner)
	case t.is(")"):
		if len(f.levels) > 1 {
			f.levels = f.levels[:len(f.levels)-1]
		}
	case t.is(","):
		top.expect = top.from
	case t.kind == tokenWord && f.keyword(t, top, fresh):
	case t.name() || t.kind == tokenString && top.expect:
		f.name(top)
		return
	default:
		top.expect = false
	}
	f.i++
}

// keyword follows the clauses of a SELECT.
func (f *finder) keyword(t token, top *level, fresh bool) bool {
	if f.at(f.i - 1).is(".") {
		return false
	}
	switch t.text {
	case "from":
		before := f.at(f.i - 2)
		if !f.at(f.i-1).is("distinct") || !before.is("is") && !before.is("not") {
			top.from, top.expect = true, true
		}
	case "join":
		top.expect = top.from
	case "select", "values", "where", "group", "order", "having", "limit", "union", "except", "intersect", "returning":
		top.from, top.expect = false, false
	case "on", "using", "left", "right", "full", "inner", "outer", "cross", "natural", "as", "not", "indexed":
		top.expect = false
	case "in":
		if n := f.at(f.i + 1); n.name() || n.kind == tokenString {
			f.i++
			f.table()
			f.i--
		}
	case "with":
		if !fresh {
			return false
		}
		f.with(top)
	case "explain", "query", "plan":
		if !fresh {
			return false
		}
		top.fresh = true
	default:
		return false
	}
	return true
}

// with notes the names of the common table expressions that come next.
func (f *finder) with(top *level) {
	i := f.i + 1
	if f.at(i).is("recursive") && !f.at(i+1).is("as") && !f.at(i+1).is("(") {
		i++
	}
	for f.at(i).name() || f.at(i).kind == tokenString {
		name := lower(f.at(i).text)
		if top.ctes == nil {
			top.ctes = map[string]bool{}
		}
		top.ctes[name] = true
		f.common[name] = true
		if i++; f.at(i).is("(") {
			i = f.behind(i)
		}
		for f.at(i).is("as") || f.at(i).is("not") || f.at(i).is("materialized") {
			i++
		}
		if !f.at(i).is("(") {
			return
		}
		if i = f.behind(i); !f.at(i).is(",") {
			return
		}
		i++
	}
}

// behind returns the place behind the parenthesis that is opened at i.
func (f *finder) behind(i int) int {
	depth := 0
	for ; i < len(f.tokens); i++ {
		switch {
		case f.tokens[i].is("("):
			depth++
		case f.tokens[i].is(")"):
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
}

// name looks at a name that is no keyword.
func (f *finder) name(top *level) {
	if top.expect {
		top.expect = false
		f.table()
		return
	}
	dot := func(i int) bool { return f.at(i).is(".") }
	if dot(f.i+1) && f.at(f.i+2).name() && dot(f.i+3) && (f.at(f.i+4).name() || f.at(f.i+4).is("*")) {
		f.found = append(f.found, reference{schema: f.i, table: f.i + 2})
		f.i += 5
		return
	}
	f.i++
}

// table notes the table that is named at i.
func (f *finder) table() {
	r := reference{schema: -1, table: f.i, from: true}
	if second := f.at(f.i + 2); f.at(f.i+1).is(".") && (second.name() || second.kind == tokenString) {
		r.schema, r.table = f.i, f.i+2
	}
	f.i = r.table + 1
	after := f.at(f.i)
	switch {
	case after.is("("): // a table-valued function
		return
	case r.schema < 0 && f.visible(lower(f.tokens[r.table].text)):
		return
	}
	r.alias = after.is("as") || after.kind == tokenQuoted || after.kind == tokenString ||
		after.kind == tokenWord && !reserved[after.text] || f.at(r.table-1).is("in") || r.schema >= 0 && f.at(r.schema-1).is("in")
	f.found = append(f.found, r)
}

// visible reports whether a name is a common table expression's here.
func (f *finder) visible(name string) bool {
	for _, l := range f.levels {
		if l.ctes[name] {
			return true
		}
	}
	return false
}

// reserved are the keywords that can follow a table and are no alias.
var reserved = map[string]bool{
	"on": true, "using": true, "where": true, "join": true, "left": true, "right": true, "full": true, "inner": true,
	"outer": true, "cross": true, "natural": true, "group": true, "order": true, "having": true, "limit": true,
	"union": true, "except": true, "intersect": true, "returning": true, "indexed": true, "not": true, "window": true,
	"set": true, "from": true, "select": true, "values": true, "when": true, "then": true, "else": true, "case": true,
	"and": true, "or": true, "is": true, "in": true, "between": true, "isnull": true, "notnull": true, "collate": true,
}
