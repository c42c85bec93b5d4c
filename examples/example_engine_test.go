package examples_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// words is an engine of the host's own. Its language has one statement, SPLIT,
// which gives a row for each word behind it.
type words struct{}

func (words) Name() string { return "words/1" }

func (words) Prepare(_ context.Context, st query.Statement) (query.Prepared, error) {
	list := strings.Fields(st.SQL)
	if list[0] != "SPLIT" {
		return nil, &query.Failure{Name: query.SyntaxError, Message: "mismatched input '" + list[0] + "', expecting SPLIT", Line: 1, Column: 1}
	}
	return split(list[1:]), nil
}

func (words) Close() error { return nil }

// split is a statement that is ready to run.
type split []string

// Dependencies are none: the same statement always has the same answer, which
// may be kept.
func (split) Dependencies() query.Dependencies { return query.Dependencies{} }

func (s split) Run(ctx context.Context, out query.Sink, report func(query.Progress)) error {
	if err := out.Columns([]query.Column{{Name: "word", Type: "varchar"}, {Name: "length", Type: "bigint"}}); err != nil {
		return err
	}
	for _, word := range s {
		if err := ctx.Err(); err != nil {
			return err
		}
		row := []tabular.Value{{Type: tabular.Text, Bytes: []byte(word)}, {Type: tabular.Integer, Int: int64(len(word))}}
		if err := out.Row(row); err != nil {
			return err
		}
	}
	report(query.Progress{Nodes: 1, TotalSplits: 1, CompletedSplits: 1, ProcessedRows: int64(len(s))})
	return nil
}

func (split) Close() error { return nil }

// The query service over an engine of one's own: queue, cache, cancellation,
// pages and history come with it.
func Example_engine() {
	ctx := context.Background()
	store, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	queries := query.NewService(store, words{}, nil, result.New(cloud.Memory(), nil), nil)
	defer queries.Close(ctx)

	me := scope.Scope{Tenant: "acme"}
	for _, text := range []string{"SPLIT to be or", "SPLIT to be or", "DROP everything"} {
		q, err := queries.Execute(ctx, me, query.New{
			Workspace: "w", SQL: text, Wait: time.Minute, Cache: &query.CachePolicy{TTL: time.Hour},
		})
		if err != nil {
			log.Fatal(err)
		}
		if q.Failure != nil {
			fmt.Println(q.Status, q.Failure.Name, q.Failure)
			continue
		}
		fmt.Println(q.Status, q.Result.Rows, "rows, from the cache:", q.FromCache)
		fmt.Print(string(q.Result.Inline))
	}
	// Output:
	// FINISHED 3 rows, from the cache: false
	// ["to",2]
	// ["be",2]
	// ["or",2]
	// FINISHED 3 rows, from the cache: true
	// ["to",2]
	// ["be",2]
	// ["or",2]
	// FAILED SYNTAX_ERROR line 1:1: mismatched input 'DROP', expecting SPLIT
}
