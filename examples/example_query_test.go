package examples_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/dataset/fetch"
	"github.com/inlet-go/inlet/dataset/inspect"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/catalog"
	"github.com/inlet-go/inlet/query/export"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
)

// A dataset is asked: a file is uploaded, and is a table as soon as it is
// synched.
func Example_query() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	bucket := cloud.Memory()
	tables, err := tabular.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	dispatcher := work.NewLocal(store, nil)
	datasets := dataset.NewService(store, bucket, &dataset.Options{Dispatcher: dispatcher})
	sources := dataset.NewRunner(datasets, store, dispatcher, fetch.New(nil), inspect.New(tables), nil)

	// The engine that runs SQL, which tables there are, and where results go.
	engine, err := sqlite.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	queries := query.NewService(store, engine, catalog.New(store, bucket, tables, nil), result.New(bucket, nil),
		&query.Options{Exporters: []query.Exporter{export.CSV{}, export.Parquet{}}})
	defer queries.Close(context.Background())
	keeper := query.NewRunner(queries, nil)
	var workers errgroup.Group
	workers.Go(func() error { return dispatcher.Run(ctx) })
	workers.Go(func() error { return sources.Run(ctx) })
	workers.Go(func() error { return keeper.Run(ctx) })

	me := scope.Scope{Tenant: "acme", User: "ann"}
	sales, err := datasets.Create(ctx, me, dataset.New{Name: "Sales"})
	if err != nil {
		log.Fatal(err)
	}
	file, err := datasets.Upload(ctx, me, "orders.csv", strings.NewReader("city,amount\nBerlin,9.50\nParis,12\nBerlin,0.75\n"))
	if err != nil {
		log.Fatal(err)
	}
	source, err := datasets.CreateSource(ctx, me, sales.ID, dataset.NewSource{Name: "orders.csv", ObjectKey: file.ObjectKey})
	if err != nil {
		log.Fatal(err)
	}
	for source.Status == dataset.Synching {
		time.Sleep(10 * time.Millisecond)
		if source, err = datasets.Source(ctx, me, sales.ID, source.ID); err != nil {
			log.Fatal(err)
		}
	}

	// Without a Wait the query is asked for again until it is Done.
	q, err := queries.Execute(ctx, me, query.New{
		Workspace: "analysis", SQL: "SELECT city, sum(amount) AS total FROM sales.orders GROUP BY city ORDER BY city", Wait: time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	if q.Status == query.Failed {
		log.Fatal(q.Failure)
	}
	page, err := queries.Page(q, 0, 100)
	if err != nil {
		log.Fatal(err)
	}
	err = page.Each(ctx, func(row []any) error {
		fmt.Println(row...)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	csv, err := queries.Exporter("csv")
	if err != nil {
		log.Fatal(err)
	}
	if err := csv.Export(ctx, os.Stdout, page); err != nil {
		log.Fatal(err)
	}

	cancel()
	if err := workers.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Berlin 10.25
	// Paris 12
	// city,total
	// Berlin,10.25
	// Paris,12
}
