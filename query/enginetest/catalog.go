package enginetest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/scope"
)

// Scope is on whose behalf the suite asks.
var Scope = scope.Scope{Tenant: "enginetest"}

// Catalog is a catalog in memory, of one tenant. It counts what is asked.
type Catalog struct {
	tables []query.Table

	Finds     atomic.Int64
	Describes atomic.Int64
	Opens     atomic.Int64
	Rows      atomic.Int64 // that engines read
}

var versions atomic.Int64

// NewCatalog returns a catalog of the tables.
func NewCatalog(tables ...Table) *Catalog {
	c := &Catalog{}
	for _, t := range tables {
		version := t.Version
		if version == "" {
			version = fmt.Sprintf("v%d", versions.Add(1))
		}
		c.tables = append(c.tables, query.Table{
			Schema: t.Schema, SchemaAliases: t.SchemaAliases, Name: t.Name, Aliases: t.Aliases,
			Version: version, Bytes: 1000, Source: &source{t, c},
		})
	}
	slices.SortStableFunc(c.tables, func(a, b query.Table) int {
		return cmp.Or(strings.Compare(a.Schema, b.Schema), strings.Compare(a.Name, b.Name))
	})
	return c
}

// Version returns the version of a table, "" where there is none.
func (c *Catalog) Version(schema, name string) string {
	for _, t := range c.tables {
		if t.Schema == schema && t.Name == name {
			return t.Version
		}
	}
	return ""
}

// Find implements [query.Catalog].
func (c *Catalog) Find(_ context.Context, _ scope.Scope, names []string) ([]query.Table, error) {
	c.Finds.Add(1)
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[lower(name)] = true
	}
	var found []query.Table
	for _, t := range c.tables {
		if wanted[lower(t.Name)] || slices.ContainsFunc(t.Aliases, func(a string) bool { return wanted[lower(a)] }) {
			found = append(found, t)
		}
	}
	return found, nil
}

// Tables implements [query.Catalog].
func (c *Catalog) Tables(context.Context, scope.Scope) iter.Seq2[query.Table, error] {
	return func(yield func(query.Table, error) bool) {
		for _, t := range c.tables {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// lower makes ASCII letters small.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// source is a table's.
type source struct {
	table   Table
	catalog *Catalog
}

func (s *source) Describe(ctx context.Context) (tabular.Table, error) {
	s.catalog.Describes.Add(1)
	if s.table.DescribeErr != nil {
		return tabular.Table{}, s.table.DescribeErr
	}
	told := tabular.Table{}
	for _, c := range s.table.Columns {
		told.Columns = append(told.Columns, c.Column)
	}
	err := s.table.Each(func([]tabular.Value) error {
		told.Rows++
		return ctx.Err()
	})
	return told, err
}

func (s *source) Open(ctx context.Context) (tabular.Rows, error) {
	s.catalog.Opens.Add(1)
	return &counted{s.table.Open(), ctx, &s.catalog.Rows}, nil
}

// counted are rows that end with their context.
type counted struct {
	tabular.Rows
	ctx  context.Context
	read *atomic.Int64
}

func (c *counted) Next() ([]tabular.Value, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	row, err := c.Rows.Next()
	if err == nil {
		c.read.Add(1)
	} else if err != io.EOF { //nolint:errorlint // as the interface has it
		return nil, err
	}
	return row, err
}
