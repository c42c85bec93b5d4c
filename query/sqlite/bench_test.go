//go:build unix

package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/enginetest"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/scope"
)

const benchRows = 1_000_000

// writeCSV writes a file of 1,000,000 × 10: numbers, times, short texts, a
// quarter of one column missing.
func writeCSV(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "events.csv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "id,ts,customer,product,region,status,price,score,note,flag")
	regions := []string{"north", "south", "east", "west", "中部"}
	statuses := []string{"new", "paid", "sent", "returned"}
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range benchRows {
		note := ""
		if i%4 != 0 {
			note = `"a note, ` + strconv.Itoa(i*7919%100_003) + ` with some words"`
		}
		fmt.Fprintf(w, "%d,%s,%d,%d,%s,%s,%d.%02d,%d.5,%s,%t\n", i, at.Add(time.Duration(i)*time.Second).Format(time.DateTime),
			i*31%100_000, i*17%1000, regions[i%5], statuses[i%4], i%1000, i%100, i%77, note, i%3 == 0)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// csvSource is a table of a file that has been inspected.
type csvSource struct {
	reader *tabular.Reader
	file   tabular.File
	told   tabular.Table
}

func (s *csvSource) Describe(context.Context) (tabular.Table, error) { return s.told, nil }

func (s *csvSource) Open(ctx context.Context) (tabular.Rows, error) {
	return s.reader.Open(ctx, s.file, s.told)
}

// csvCatalog has the table events, in a version.
type csvCatalog struct {
	*enginetest.Catalog
	table query.Table
}

func (c *csvCatalog) Find(context.Context, scope.Scope, []string) ([]query.Table, error) {
	return []query.Table{c.table}, nil
}

func newCSVCatalog(b *testing.B) *csvCatalog {
	b.Helper()
	path := writeCSV(b)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	r, err := tabular.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	s := &csvSource{reader: r, file: tabular.File{
		Name: "events.csv", Size: info.Size(),
		Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
			f, err := os.Open(path)
			if err != nil || offset != 0 || length != 0 {
				return nil, fmt.Errorf("open %d+%d: %w", offset, length, err)
			}
			return f, nil
		},
	}}
	tables, err := r.Inspect(b.Context(), s.file)
	if err != nil {
		b.Fatal(err)
	}
	s.told = tables[0]
	return &csvCatalog{enginetest.NewCatalog(), query.Table{Schema: "s", Name: "events", Version: "1", Bytes: info.Size(), Source: s}}
}

// discard is a sink that counts.
type discard struct{ rows int }

func (d *discard) Columns([]query.Column) error { return nil }
func (d *discard) Row([]tabular.Value) error    { d.rows++; return nil }

func ask(b *testing.B, e query.Engine, c query.Catalog, sql string, rows int) query.Progress {
	b.Helper()
	p, err := e.Prepare(b.Context(), statement(c, sql))
	if err != nil {
		b.Fatal(err)
	}
	out := &discard{}
	var last query.Progress
	if err := p.Run(b.Context(), out, func(now query.Progress) { last = now }); err != nil {
		b.Fatal(err)
	}
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
	if out.rows != rows {
		b.Fatalf("%d rows, want %d", out.rows, rows)
	}
	return last
}

func processCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportCPU reports the CPU time of the process since start, for each
// operation: that is what other work on the machine does not change.
func reportCPU(b *testing.B, start time.Duration) {
	b.ReportMetric((processCPU(b)-start).Seconds()/float64(b.N), "cpu-s/op")
}

func BenchmarkLoad(b *testing.B) {
	c := newCSVCatalog(b)
	e, err := sqlite.New(&sqlite.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	start := processCPU(b)
	n := 0
	for b.Loop() {
		n++
		c.table.Version = strconv.Itoa(n)
		ask(b, e, c, "SELECT id FROM s.events LIMIT 1", 1)
	}
	reportCPU(b, start)
}

func BenchmarkQuery(b *testing.B) {
	c := newCSVCatalog(b)
	e, err := sqlite.New(&sqlite.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	small := table("s", "t", 100)
	few := enginetest.NewCatalog(small)
	ask(b, e, c, "SELECT id FROM s.events LIMIT 1", 1)
	for _, q := range []struct {
		name, sql string
		catalog   query.Catalog
		rows      int
	}{
		{"SmallTable", "SELECT n FROM s.t WHERE n = 42", few, 1},
		{"ByRowID", "SELECT * FROM s.events WHERE rowid = 500000", c, 1},
		{"Constant", "SELECT 1 AS one", few, 1},
		{"Count", "SELECT count(*) FROM s.events", c, 1},
		{"Filter", "SELECT id FROM s.events WHERE customer = 31", c, 10},
		{"Like", "SELECT count(*) FROM s.events WHERE note LIKE '%some 7%'", c, 1},
		{"GroupBy", "SELECT region, status, count(*), sum(price), avg(score) FROM s.events GROUP BY 1, 2", c, 20},
		{"TopHundred", "SELECT * FROM s.events ORDER BY price DESC, id LIMIT 100", c, 100},
		{"Whole", "SELECT * FROM s.events", c, benchRows},
	} {
		b.Run(q.name, func(b *testing.B) {
			start := processCPU(b)
			for b.Loop() {
				ask(b, e, q.catalog, q.sql, q.rows)
			}
			reportCPU(b, start)
		})
	}
}

// BenchmarkSmallByEight is of eight clients at once.
func BenchmarkSmallByEight(b *testing.B) {
	e, err := sqlite.New(&sqlite.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	c := enginetest.NewCatalog(table("s", "t", 100))
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			ask(b, e, c, "SELECT n FROM s.t WHERE n = "+strconv.Itoa(i%100), 1)
		}
	})
}
