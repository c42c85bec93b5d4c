package database

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

// Dialect is how databases of a kind write a query, for drivers that read by SQL.
type Dialect struct {
	// Quote makes a name of a table or a column an identifier.
	Quote func(name string) string

	// Bind returns what stands for the nth argument of a statement, from 1, and
	// the argument: the value of the column's type that the text stands for.
	Bind func(c Column, text string, n int) (mark string, arg any, err error)
}

// Name names a column of the table. Its name alone would, in ORDER BY, mean
// what is selected under it, which may be its text.
func (d Dialect) Name(c Column) string { return "t." + d.Quote(c.Name) }

// Select returns a statement for q's rows, and its arguments; read makes what
// is selected of a column's name.
func (d Dialect) Select(q Query, read func(name string, c Column) string) (text string, args []any, err error) {
	list := make([]string, len(q.Columns))
	for i, c := range q.Columns {
		list[i] = read(d.Name(c), c)
	}
	var where []string
	for _, r := range q.Ranges {
		conditions, err := d.conditions(r, &args)
		if err != nil {
			return "", nil, err
		}
		where = append(where, conditions...)
	}
	text = "SELECT " + strings.Join(list, ", ") + " FROM " + d.Quote(q.Table) + " AS t"
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	for i, c := range q.Order {
		text += []string{" ORDER BY ", ", "}[min(i, 1)] + d.Name(c)
		if q.Desc {
			text += " DESC"
		}
	}
	if q.Limit > 0 {
		text += " LIMIT " + strconv.FormatInt(q.Limit, 10)
	}
	return text, args, nil
}

// conditions returns those of the rows of a range, and adds their arguments.
func (d Dialect) conditions(r Range, args *[]any) (list []string, err error) {
	if r.Null {
		return []string{d.Name(r.By[0]) + " IS NULL"}, nil
	}
	columns := make([]string, len(r.By))
	for i, c := range r.By {
		if columns[i] = d.Name(c); c.Nullable {
			list = append(list, columns[i]+" IS NOT NULL")
		}
	}
	bound := func(op string, texts []string) error {
		if len(texts) == 0 {
			return nil
		}
		marks := make([]string, len(texts))
		for i, text := range texts {
			mark, arg, err := d.Bind(r.By[i], text, len(*args)+1)
			if err != nil {
				return errs.Wrap(errs.Invalid, err, "a bound of column %q is invalid", r.By[i].Name)
			}
			marks[i], *args = mark, append(*args, arg)
		}
		list = append(list, fmt.Sprintf("(%s) %s (%s)", strings.Join(columns, ", "), op, strings.Join(marks, ", ")))
		return nil
	}
	err = errors.Join(bound(">", r.After), bound("<=", r.To))
	return list, err
}
