package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
)

// queryCrash is what the test knows of the server that it kills.
type queryCrash struct {
	*process
	late bool // the server may answer before it saves
	t    *testing.T
	mu   sync.Mutex
	// By id: how many rows the statement gives, and the last state that the
	// server told.
	rows   map[string]int
	states map[string]string
	ended  map[string]bool // seen after the crash that they had to survive
	early  map[string]bool // answered in time by a server that may save them later
	// Of the ended ones: those that were open at the crash and have failed or
	// have finished, all that have finished, and those that nobody knows.
	lost, kept, whole, gone int
}

// TestKilledServerKeepsQueries kills the server while clients run queries. No
// query stays open, and what a client saw FINISHED has all of its rows.
func TestKilledServerKeepsQueries(t *testing.T) {
	c := killQueries(t, false)
	if c.lost == 0 || c.whole == 0 {
		t.Errorf("of %d queries %d were lost and %d were whole: this proves nothing", len(c.rows), c.lost, c.whole)
	}
}

// TestKilledServerForgetsEarlyAnswers does so with a server that may answer
// before it saves: such a query has all of its rows, too, or nobody knows it.
func TestKilledServerForgetsEarlyAnswers(t *testing.T) {
	c := killQueries(t, true)
	if c.lost == 0 || c.whole == 0 || c.gone == 0 {
		t.Errorf("of %d queries %d were lost, %d were whole and %d were forgotten: this proves nothing", len(c.rows), c.lost, c.whole, c.gone)
	}
}

func killQueries(t *testing.T, late bool) *queryCrash {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 4))
	data := t.TempDir()
	flags := []string{"-data", data}
	if late {
		flags = append(flags, "-save-within", "20ms")
	}
	c := &queryCrash{t: t, late: late, rows: map[string]int{}, states: map[string]string{}, ended: map[string]bool{}, early: map[string]bool{}}
	n := 0
	for ; goesOn(t, n, c.lost > 0 && c.whole > 0 && (c.gone > 0 || !late)); n++ {
		c.process = start(t, flags...)
		c.check()
		c.run(n, r)
	}
	c.process = start(t, flags...)
	c.check()
	c.settle()
	if err := c.stop(); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, c.logged())
	}
	c.audit(data)
	t.Logf("%d kills; of the queries that were open at one %d were failed, %d had finished; %d that were answered early were forgotten; %d in all",
		n, c.lost, c.kept, c.gone, len(c.rows))
	return c
}

// numbers is a statement of n rows.
func numbers(n int, mark uint64) string {
	return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, 'a text that is long enough' FROM n -- %d", n-1, mark)
}

// few rows are kept with their query, and not in the bucket.
const few = 30

// run has clients that run queries until the nth kill of the server.
func (c *queryCrash) run(n int, r *rand.Rand) {
	p, seed := c.process, r.Uint64()
	var clients sync.WaitGroup
	for k := range 4 {
		clients.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(k)))
			for {
				n := 1 + r.IntN(few)
				if r.IntN(2) == 0 {
					n = 20_000 + r.IntN(20_000) // an object of the bucket
				}
				wait := r.IntN(3) * 50
				body := map[string]any{"workspaceId": workspace, "sql": numbers(n, r.Uint64()), "wait": wait}
				var q queried
				if p.sql(http.MethodPost, "/query", body, &q) != nil {
					return
				}
				c.note(q, n)
				if c.late && wait > 0 && q.Status == "FINISHED" && n <= few {
					c.answeredEarly(q.ID)
				}
				for q.Status != "FINISHED" && q.Status != "FAILED" {
					if p.sql(http.MethodGet, "/query/"+q.ID+"?workspaceId="+workspace, nil, &q) != nil {
						return
					}
					c.note(q, n)
				}
			}
		})
	}
	awaitKill(c.t, n, r, 120*time.Millisecond, c.finished)
	c.kill()
	clients.Wait()
}

// finished is how many queries a client saw FINISHED.
func (c *queryCrash) finished() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, state := range c.states {
		if state == "FINISHED" {
			n++
		}
	}
	return n
}

func (c *queryCrash) answeredEarly(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.early[id] = true
}

func (c *queryCrash) note(q queried, rows int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows[q.ID], c.states[q.ID] = rows, q.Status
	if q.Status == "FAILED" {
		c.t.Errorf("query %s failed before the crash: %+v", q.ID, q.Error)
	}
}

// check looks at all queries that were acknowledged since the last check.
func (c *queryCrash) check() {
	c.t.Helper()
	for id, rows := range c.rows {
		if c.ended[id] {
			continue
		}
		c.ended[id] = true
		if c.early[id] && c.forgotten(id) {
			c.gone++
			continue
		}
		q := c.await(id)
		open := c.states[id] != "FINISHED"
		switch {
		case q.Status == "FINISHED":
			c.read(id, rows)
			c.whole++
			if open {
				c.kept++
			}
		case !open:
			c.t.Errorf("query %s was FINISHED and is %s: %+v", id, q.Status, q.Error)
		case q.Error == nil || q.Error.ErrorName != query.ServerStopped:
			c.t.Errorf("query %s failed with %+v", id, q.Error)
		default:
			c.lost++
		}
	}
}

// forgotten tells whether the server does not know a query.
func (c *queryCrash) forgotten(id string) bool {
	var q queried
	return errors.Is(c.sql(http.MethodGet, "/query/"+id+"?workspaceId="+workspace, nil, &q), errs.NotFound)
}

// await waits for the end of a query, which the restart must bring at once.
func (c *queryCrash) await(id string) (q queried) {
	c.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if err := c.sql(http.MethodGet, "/query/"+id+"?workspaceId="+workspace, nil, &q); err != nil {
			c.t.Fatalf("query %s: %v\n%s", id, err, c.logged())
		}
		if q.Status == "FINISHED" || q.Status == "FAILED" {
			return q
		}
		if time.Now().After(end) {
			c.t.Fatalf("query %s stays %s after the crash", id, q.Status)
		}
	}
}

// settle waits until the restart has ended those queries too whose answer
// nobody got.
func (c *queryCrash) settle() {
	c.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var list struct{ Result []queried }
		if err := c.sql(http.MethodGet, "/queries?limit=1000&workspaceId="+workspace, nil, &list); err != nil {
			c.t.Fatalf("%v\n%s", err, c.logged())
		}
		open := slices.IndexFunc(list.Result, func(q queried) bool { return q.Status != "FINISHED" && q.Status != "FAILED" })
		if open < 0 {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("query %s stays %s after the crash", list.Result[open].ID, list.Result[open].Status)
		}
	}
}

// read reads the beginning and the end of a result.
func (c *queryCrash) read(id string, rows int) {
	c.t.Helper()
	for _, offset := range []int{0, max(0, rows-3)} {
		var page queried
		path := fmt.Sprintf("/query/%s/result?workspaceId=%s&limit=5&offset=%d", id, workspace, offset)
		if err := c.sql(http.MethodGet, path, nil, &page); err != nil {
			c.t.Fatalf("%v\n%s", err, c.logged())
		}
		if page.RowCount != int64(rows) || len(page.Result) != min(5, rows-offset) {
			c.t.Fatalf("query %s has %d rows, %d of them from %d on; want %d", id, page.RowCount, len(page.Result), offset, rows)
		}
		for i, row := range page.Result {
			if row[0] != float64(offset+i) {
				c.t.Fatalf("row %d of query %s is %v", offset+i, id, row)
			}
		}
	}
}

// audit looks at the stopped server's bucket: it holds the results of queries
// and nothing else.
func (c *queryCrash) audit(data string) {
	c.t.Helper()
	a := audit(c.t, data)
	keys := map[string]bool{}
	all, total, err := a.store.Queries(c.t.Context(), tenant, workspace, 0, 1_000_000) // those too whose answer nobody got
	if err != nil || total < len(c.rows)-c.gone {
		c.t.Fatalf("%d queries, %v; want at least %d", total, err, len(c.rows)-c.gone)
	}
	for _, q := range all {
		if q.Result.Key != "" {
			keys[q.Result.Key] = true
		}
		if !q.Status.Done() || q.Status == query.Failed && (q.Result.Key != "" || q.Result.Rows > 0) {
			c.t.Errorf("query %s is %s, with %d rows", q.ID, q.Status, q.Result.Rows)
		}
	}
	if n := a.sweep(); n != len(keys) {
		c.t.Errorf("the bucket holds %d objects after the sweep, the results are in %d", n, len(keys))
	}
}
