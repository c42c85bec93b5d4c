package sqlite

import (
	"strings"
	"unicode/utf8"
)

// mark starts all names that the engine gives to databases and tables. It is
// refused in statements, so that nothing can be named but by the catalog.
const mark = "\x1f"

// location is where the rows of a table are on a connection.
type location struct{ database, table string }

// rewritten is a statement in which every table is named by its location.
type rewritten struct {
	sql   string
	edits []edit
}

// edit says that sql[start:end] was before of the original.
type edit struct{ start, end, before, beforeEnd int }

// rewrite names the tables by their locations. A table in FROM keeps the name
// by which the statement calls it as an alias.
func rewrite(sql string, tokens []token, r *resolved, at map[*target]location) rewritten {
	var b strings.Builder
	var edits []edit
	from := 0
	put := func(start, end int, text string) {
		b.WriteString(sql[from:start])
		edits = append(edits, edit{b.Len(), b.Len() + len(text), start, end})
		b.WriteString(text)
		from = end
	}
	for i, ref := range r.refs {
		where, ok := at[r.targets[i]]
		switch {
		case r.targets[i] == nil || !ok:
		case !ref.from:
			put(tokens[ref.schema].start, tokens[ref.schema].end, quote(where.database))
		default:
			text := quote(where.database) + "." + quote(where.table)
			if !ref.alias {
				text += " AS " + quote(called(sql, tokens[ref.table]))
			}
			first := ref.table
			if ref.schema >= 0 {
				first = ref.schema
			}
			put(tokens[first].start, tokens[ref.table].end, text)
		}
	}
	end := len(sql)
	if n := len(tokens); n > 0 {
		end = tokens[n-1].end
	}
	b.WriteString(sql[from:end])
	return rewritten{b.String(), edits}
}

// called is a name as it is written, without quotes.
func called(sql string, t token) string {
	if t.kind == tokenWord {
		return sql[t.start:t.end]
	}
	return t.text
}

// original returns the place in the original statement of a place here.
func (r rewritten) original(at int) int {
	shift := 0
	for _, e := range r.edits {
		if at < e.start {
			break
		}
		if at < e.end {
			return e.before
		}
		shift = e.beforeEnd - e.end
	}
	return at + shift
}

// place returns the line and the column of a byte, both from 1.
func place(sql string, at int) (line, column int) {
	before := sql[:min(at, len(sql))]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}
