package sqlstore

import (
	"context"
	"strings"
)

// rows are the columns of rows that are inserted together: each has a name and
// a []int64, []string or [][]byte.
type rows struct {
	names  []string
	values []any
}

func (r *rows) add(name string, values any) {
	r.names = append(r.names, name)
	r.values = append(r.values, values)
}

// of returns what f gives of each item.
func of[I any, V int64 | string | []byte](items []I, f func(I) V) []V {
	values := make([]V, len(items))
	for i, item := range items {
		values[i] = f(item)
	}
	return values
}

func (r *rows) insert(table string) string {
	return "INSERT INTO " + table + " (" + strings.Join(r.names, ", ") + ")"
}

// insertRows runs a statement for each row; see insertFiles.
func (sqliteDialect) insertRows(ctx context.Context, q session, table string, n int, r rows) error {
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(r.names)), ", ")
	return q.each(ctx, r.insert(table)+" VALUES ("+marks+")", n, func(i int) []any {
		args := make([]any, len(r.values))
		for k, column := range r.values {
			switch column := column.(type) {
			case []int64:
				args[k] = column[i]
			case []string:
				args[k] = column[i]
			case [][]byte:
				args[k] = column[i]
			}
		}
		return args
	})
}

// insertRows sends the rows as one array for each column.
func (postgresDialect) insertRows(ctx context.Context, q session, table string, _ int, r rows) error {
	arrays := make([]string, len(r.values))
	for k, column := range r.values {
		switch column.(type) {
		case []int64:
			arrays[k] = "?::bigint[]"
		case []string:
			arrays[k] = "?::text[]"
		case [][]byte:
			arrays[k] = "?::bytea[]"
		}
	}
	names := strings.Join(r.names, ", ")
	_, err := q.exec(ctx, r.insert(table)+" SELECT "+names+" FROM unnest("+strings.Join(arrays, ", ")+") AS v ("+names+")", r.values...)
	return err
}
