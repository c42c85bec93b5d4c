package sqlstore

import (
	"fmt"
	"strings"
)

// where collects conditions that all must hold.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// keyword selects rows whose folded column holds the keyword in any case.
func (w *where) keyword(column, keyword string) {
	if keyword != "" {
		w.add(column+` LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(strings.ToLower(keyword))+"%")
	}
}

func (w *where) sql() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// orderBy orders by columns that are all ascending or all descending, so that
// one index serves both.
func orderBy(asc bool, columns ...string) string {
	dir := ""
	if !asc {
		dir = " DESC"
	}
	return " ORDER BY " + strings.Join(columns, dir+", ") + dir
}

// paged adds a limit, where 0 means none, and an offset.
func paged(sql string, args []any, limit, offset int) (string, []any) {
	args = append([]any(nil), args...)
	switch {
	case limit > 0:
		return sql + " LIMIT ? OFFSET ?", append(args, limit, max(offset, 0))
	case offset > 0:
		return sql + fmt.Sprintf(" LIMIT %d OFFSET ?", int64(never)), append(args, offset)
	}
	return sql, args
}

// numbers turns enumerations into what a dialect's array takes.
func numbers[T ~int | ~int64](values []T) []int64 {
	list := make([]int64, len(values))
	for i, v := range values {
		list[i] = int64(v)
	}
	return list
}
