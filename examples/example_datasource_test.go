package examples_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/dataset/fetch"
	"github.com/inlet-go/inlet/dataset/inspect"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/xlsx"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
)

// A file is uploaded and becomes a data source, of which is known what is in
// it.
func Example_dataSource() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	// The service, and the worker that fetches and looks at files. Formats
	// besides csv, tsv and json are named, so that nobody links what is not used.
	tables, err := tabular.New(&tabular.Options{Formats: []tabular.Format{xlsx.Format{}}})
	if err != nil {
		log.Fatal(err)
	}
	dispatcher := work.NewLocal(store, nil)
	datasets := dataset.NewService(store, cloud.Memory(), &dataset.Options{Dispatcher: dispatcher})
	runner := dataset.NewRunner(datasets, store, dispatcher, fetch.New(nil), inspect.New(tables), nil)
	var workers errgroup.Group
	workers.Go(func() error { return dispatcher.Run(ctx) })
	workers.Go(func() error { return runner.Run(ctx) })

	me := scope.Scope{Tenant: "acme", User: "ann"}
	sales, err := datasets.Create(ctx, me, dataset.New{Name: "Sales"})
	if err != nil {
		log.Fatal(err)
	}
	file, err := datasets.Upload(ctx, me, "orders.csv", strings.NewReader("order,zip,amount\n1,04109,9.50\n2,10115,12\n"))
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
	fmt.Println(source.Name, source.Status)
	for _, table := range source.Tables {
		for _, column := range table.Columns {
			fmt.Println(column.Name, column.Type)
		}
		fmt.Println(table.Rows, "rows")
	}

	cancel()
	if err := workers.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// orders.csv synched
	// order integer
	// zip text
	// amount real
	// 2 rows
}
