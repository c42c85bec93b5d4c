package httpapi_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	_ "modernc.org/sqlite"

	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/catalog"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/sqlite"
	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// querying serves queries over lake paths, kept durably in a folder.
type querying struct {
	*testing.B
	url    string
	client *http.Client
	syncs  *filesync.Service
}

func newQuerying(b *testing.B, opts *query.Options) *querying {
	b.Helper()
	dir := b.TempDir()
	ok := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	store, err := sqlstore.Open(context.Background(), "sqlite:"+filepath.Join(dir, "x.db"), &sqlstore.Options{Sealer: seal.Plaintext()})
	ok(err)
	b.Cleanup(func() { store.Close() })
	bucket, err := folder.Open(filepath.Join(dir, "bucket"), nil)
	ok(err)
	b.Cleanup(func() { bucket.Close() })
	engine, err := sqlite.New(&sqlite.Options{Dir: filepath.Join(dir, "tables")})
	ok(err)
	b.Cleanup(func() { engine.Close() })
	reader, err := tabular.New(nil)
	ok(err)
	queries := query.NewService(store, engine, catalog.New(store, bucket, reader, nil), result.New(bucket, nil), opts)
	b.Cleanup(func() { queries.Close(context.Background()) })
	syncs := filesync.NewService(store, bucket, nil)
	api, err := httpapi.New(httpapi.Config{Queries: queries, FileSync: syncs, Authenticator: httpapi.Open("acme")})
	ok(err)
	ts := httptest.NewServer(api)
	b.Cleanup(ts.Close)
	return &querying{B: b, url: ts.URL + "/api/v1", syncs: syncs, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
}

// table puts a file into a lake path of its own.
func (q *querying) table(name, csv string) {
	q.Helper()
	ctx, sc := context.Background(), scope.Scope{Tenant: "acme"}
	new := filesync.New{Name: "n", Path: "/lake/" + name, Type: filesync.Full}
	if _, err := q.syncs.Push(ctx, sc, new, fstest.MapFS{"a.csv": {Data: []byte(csv)}}, nil); err != nil {
		q.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // until the path is at rest
}

func (q *querying) call(method, path string, body any, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(method, q.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := q.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", path, res.StatusCode, answer)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

type asked struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
	Result [][]any `json:"result"`
}

// poll runs a statement as clients do: ask, look until it ended, get the rows.
func (q *querying) poll(text string) error {
	var a asked
	if err := q.call("POST", "/query", map[string]any{"workspaceId": "w", "sql": text}, &a); err != nil {
		return err
	}
	id := a.ID
	for a.Status != "FINISHED" {
		if a.Status == "FAILED" {
			return fmt.Errorf("%s: %s", text, a.Error.Message)
		}
		if err := q.call("GET", "/query/"+id+"?workspaceId=w", nil, &a); err != nil {
			return err
		}
	}
	return q.call("GET", "/query/"+id+"/result?workspaceId=w&limit=10", nil, &a)
}

// wait runs a statement with one call.
func (q *querying) wait(text string) error {
	var a asked
	err := q.call("POST", "/query", map[string]any{"workspaceId": "w", "sql": text, "wait": 10_000}, &a)
	if err == nil && (a.Status != "FINISHED" || len(a.Result) != 1) {
		err = fmt.Errorf("%s: %s with %d rows", text, a.Status, len(a.Result))
	}
	return err
}

// BenchmarkSmallQueries has 8 clients that ask for a row each.
func BenchmarkSmallQueries(b *testing.B) {
	var csv strings.Builder
	csv.WriteString("id,name,price\n")
	for i := range 100 {
		fmt.Fprintf(&csv, "%d,name %d,%d.25\n", i, i, i)
	}
	saved := newQuerying(b, nil)
	later := newQuerying(b, &query.Options{SaveWithin: 20 * time.Millisecond})
	for _, q := range []*querying{saved, later} {
		q.table("small", csv.String())
	}
	for _, way := range []struct {
		name string
		run  func(string) error
	}{{"calls=3", saved.poll}, {"wait", saved.wait}, {"wait,save-within=20ms", later.wait}} {
		b.Run(way.name, func(b *testing.B) {
			if err := way.run("SELECT * FROM small WHERE id = 1"); err != nil {
				b.Fatal(err)
			}
			var all sync.WaitGroup
			work := make(chan int)
			for range 8 {
				all.Go(func() {
					for i := range work {
						if err := way.run(fmt.Sprintf("SELECT * FROM small WHERE id = %d -- %d", i%100, rand.Int())); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ResetTimer()
			before := cpuTime(b)
			for i := range b.N {
				work <- i
			}
			close(work)
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/query")
		})
	}
}

// millionRows returns a csv of ten columns.
func millionRows() string {
	var csv strings.Builder
	csv.WriteString("id,at,customer,product,region,price,weight,discount,status,note\n")
	for n := range 1_000_000 {
		discount := ""
		if n%4 != 0 {
			discount = fmt.Sprint(n % 5)
		}
		fmt.Fprintf(&csv, "%d,2026-%02d-%02d %02d:%02d:%02d,%d,%d,region-%d,%d.%02d,%d.5,%s,delivered,\"a note, with ünïcode %d\"\n",
			n, n%12+1, n%28+1, n%24, n%60, n%59, n*7919%100_000, n%1000, n%7, n%1000, n%100, n%977, discount, n)
	}
	return csv.String()
}

// BenchmarkWholeResult runs a statement of 1,000,000 rows and reads its 100
// pages, against a handler that has no more than database/sql and
// encoding/json, and answers all at once.
func BenchmarkWholeResult(b *testing.B) {
	q := newQuerying(b, nil)
	csv := millionRows()
	q.table("million", csv)
	if err := q.wait("SELECT count(*) FROM million"); err != nil { // loads it
		b.Fatal(err)
	}
	plain := plainServer(b, csv)
	for b.Loop() {
		start := time.Now()
		id, err := q.finish("SELECT * FROM million -- " + fmt.Sprint(rand.Int()))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-to-finish")
		if err := q.pages(id, 100); err != nil {
			b.Fatal(err)
		}
		ours := time.Since(start)
		start = time.Now()
		res, err := http.Get(plain)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil || n < 50<<20 {
			b.Fatalf("%d bytes, %v", n, err)
		}
		theirs := time.Since(start)
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "times-as-fast")
		b.ReportMetric(ours.Seconds(), "s")
	}
}

// finish runs a statement to its end and returns its id.
func (q *querying) finish(text string) (id string, err error) {
	var a asked
	if err := q.call("POST", "/query", map[string]any{"workspaceId": "w", "sql": text}, &a); err != nil {
		return "", err
	}
	for id = a.ID; a.Status != "FINISHED"; time.Sleep(5 * time.Millisecond) {
		if a.Status == "FAILED" {
			return "", fmt.Errorf("%s: %s", text, a.Error.Message)
		}
		if err := q.call("GET", "/query/"+id+"?workspaceId=w", nil, &a); err != nil {
			return "", err
		}
	}
	return id, nil
}

// pages reads the first pages of 10,000 rows.
func (q *querying) pages(id string, n int) error {
	for i := range n {
		if err := q.discard(fmt.Sprintf("/query/%s/result?workspaceId=w&limit=10000&offset=%d", id, i*10_000)); err != nil {
			return err
		}
	}
	return nil
}

// discard reads an answer and throws it away.
func (q *querying) discard(path string) error {
	res, err := q.client.Get(q.url + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d", path, res.StatusCode)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// plainServer serves the rows of a csv out of an SQLite file, and returns its
// URL.
func plainServer(b *testing.B, csv string) string {
	b.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "plain.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	exec := func(text string, args ...any) {
		if _, err := db.Exec(text, args...); err != nil {
			b.Fatal(err)
		}
	}
	db.SetMaxOpenConns(1)
	exec("CREATE TABLE t (id INTEGER, at TEXT, customer INTEGER, product INTEGER, region TEXT, price REAL, weight REAL, discount INTEGER, status TEXT, note TEXT)")
	exec("BEGIN")
	stmt, err := db.Prepare("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	defer stmt.Close()
	for i, line := range strings.Split(strings.TrimSpace(csv), "\n") {
		if i == 0 {
			continue
		}
		args := make([]any, 10)
		for k, f := range strings.SplitN(line, ",", 10) {
			args[k] = strings.Trim(f, `"`)
			if f == "" {
				args[k] = nil
			}
		}
		if _, err := stmt.Exec(args...); err != nil {
			b.Fatal(err)
		}
	}
	exec("COMMIT")
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rows, err := db.QueryContext(r.Context(), "SELECT * FROM t")
		if err != nil {
			b.Error(err)
			return
		}
		defer rows.Close()
		enc := json.NewEncoder(w)
		for rows.Next() {
			values, into := make([]any, 10), make([]any, 10)
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				b.Error(err)
			}
			if err := enc.Encode(values); err != nil {
				b.Error(err)
			}
		}
		if err := rows.Err(); err != nil {
			b.Error(err)
		}
	}))
	b.Cleanup(ts.Close)
	return ts.URL
}

// cpuTime returns how long the process has worked, clients and server.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkLargeResult stores as many million rows of ten columns as
// INLET_BENCH_MILLIONS says, and tells the most memory that the process had,
// server and client, less what it had before.
func BenchmarkLargeResult(b *testing.B) {
	millions := 1
	if text := os.Getenv("INLET_BENCH_MILLIONS"); text != "" {
		var err error
		if millions, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	q := newQuerying(b, nil)
	q.table("million", millionRows())
	if err := q.wait("SELECT count(*) FROM million"); err != nil {
		b.Fatal(err)
	}
	debug.FreeOSMemory() // the csv
	text := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT m.* FROM n, million m", millions)
	for b.Loop() {
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the peak is from now on
			b.Skip("SKIPPED: the peak of memory cannot be reset here")
		}
		start := time.Now()
		if _, err := q.finish(text + " -- " + fmt.Sprint(rand.Int())); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(millions)*1e6/time.Since(start).Seconds(), "rows/s")
		b.ReportMetric(float64(peakRSS(b))/1e6, "peak-MB")
	}
}

// peakRSS returns the most bytes that the process had resident.
func peakRSS(b *testing.B) int64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	var kb int64
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			break
		}
	}
	return kb << 10
}
