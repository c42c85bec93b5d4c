package query

import (
	"context"
	"strings"
)

// mostListed bounds the tables that a message lists.
const mostListed = 50

// Listed names tables, at most fifty, for the message of a failure.
func Listed(tables []Table) string {
	var names []string
	for _, t := range tables[:min(len(tables), mostListed)] {
		names = append(names, t.Schema+"."+t.Name)
	}
	if len(tables) > mostListed {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// Available says in words which tables the statement's caller has, for the
// message of a failure with the name TableNotFound.
func Available(ctx context.Context, st Statement) (string, error) {
	var tables []Table
	if st.Catalog != nil {
		for t, err := range st.Catalog.Tables(ctx, st.Scope) {
			if err != nil {
				return "", err
			}
			if tables = append(tables, t); len(tables) > mostListed {
				break
			}
		}
	}
	if len(tables) == 0 {
		return "there are no tables", nil
	}
	return "there are " + Listed(tables), nil
}
