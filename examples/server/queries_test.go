package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// workspace is the one that the document's sample names.
const workspace = "9d5c99c3-71bd-4090-a5db-xxxxx"

// suppliers is the table that the document's sample asks.
const suppliers = "id,name,since,rating\n1,Acme,2020-01-02,4.5\n2,\"Böhm, Ltd\",2021-12-31,\n3,日本,2026-02-28,0.1\n"

// queried is a query as the API shows it.
type queried struct {
	ID       string
	Status   string
	RowCount int64
	Location string
	Error    *struct {
		Message   string
		ErrorName string
	}
	FromCache  bool
	Result     [][]any
	Columns    []struct{ Name, Type string }
	QueryStats map[string]any
}

// sql calls the query API.
func (p *process) sql(method, path string, body, out any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, p.url+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode == http.StatusNotFound {
		err = fmt.Errorf("%s: %s: %w", path, answer, errs.NotFound)
	}
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", path, res.StatusCode, answer)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// ask executes a statement and waits for its end.
func (p *process) ask(text string) queried {
	p.t.Helper()
	var q queried
	body := map[string]any{"workspaceId": workspace, "sql": text, "wait": 60_000}
	if err := p.sql(http.MethodPost, "/query", body, &q); err != nil {
		p.t.Fatalf("%v\n%s", err, p.logged())
	}
	return q
}

// arrivals are the ways in which the table comes in.
var arrivals = map[string]func(t *testing.T, p *process, dir string){
	"load task": func(t *testing.T, p *process, dir string) {
		if err := os.WriteFile(filepath.Join(dir, "supplier_81391.csv"), []byte(suppliers), 0o600); err != nil {
			t.Fatal(err)
		}
		task := p.load(p.connector("c", dir), p.volume("v"), "/")
		p.await(task, 4, time.Minute)
	},
	"data source": func(t *testing.T, p *process, _ string) {
		key, err := p.uploadForm("supplier_81391.csv", []byte(suppliers))
		if err != nil {
			t.Fatal(err)
		}
		var made struct {
			Dataset string `json:"dataset_id"`
		}
		p.mustPD(http.MethodPost, "/v2/team/datasources", map[string]any{
			"user_id": "ann", "name": "supplier_81391.csv", "type": "FILE", "file_object_key": key,
		}, &made)
		p.awaitSynched(made.Dataset, time.Minute)
	},
	"sync": func(t *testing.T, p *process, _ string) {
		id := p.startSync("FullSync", "/lake/supplier_81391")
		if err := p.upload(id, map[string]string{"part.csv": suppliers}); err != nil {
			t.Fatal(err)
		}
		if err := p.sync("end", id); err != nil {
			t.Fatal(err)
		}
	},
}

// TestJavaScriptSample runs the document's sample, unchanged but for endpoint,
// token and workspace. INLET_TEST_NODE_MODULES is a folder node_modules with
// axios, p-retry and delay.
func TestJavaScriptSample(t *testing.T) {
	seeds, modules := os.Getenv("INLET_TEST_SEEDS"), os.Getenv("INLET_TEST_NODE_MODULES")
	if seeds == "" || modules == "" {
		t.Skip("SKIPPED: INLET_TEST_SEEDS names no folder with the documents, or INLET_TEST_NODE_MODULES none with the sample's packages")
	}
	text, err := os.ReadFile(filepath.Join(seeds, "001_6e0b60eaaf1618d9.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, sample, ok := strings.Cut(string(text), "Sample code\n")
	sample, _, end := strings.Cut(sample, "PUT /query/:id/cancel")
	if !ok || !end {
		t.Fatal("the document has no sample")
	}
	for name, arrive := range arrivals {
		t.Run(name, func(t *testing.T) {
			source := t.TempDir()
			p := start(t, "-data", t.TempDir(), "-allow-dir", source)
			arrive(t, p, source)
			dir := t.TempDir()
			code := strings.NewReplacer("https://staging-xx-xxx.dev.apps.cannerdata.com", p.url, "Y2xpZW50XzM3YzNiNDxxxx", "any").Replace(sample)
			if err := os.WriteFile(filepath.Join(dir, "sample.mjs"), []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("node", "sample.mjs")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || stderr.Len() > 0 {
				t.Fatalf("node: %v\n%s%s\n%s", err, stderr.String(), out, p.logged())
			}
			const want = "[\n  [ 1, 'Acme', '2020-01-02', 4.5 ],\n  [ 2, 'Böhm, Ltd', '2021-12-31', null ],\n  [ 3, '日本', '2026-02-28', 0.1 ]\n]\n"
			if got := string(out); !strings.HasPrefix(got, want) {
				t.Errorf("the sample prints\n%s", got)
			}
		})
	}
}

// TestQueriesOverEverything joins what came in by each of the ways.
func TestQueriesOverEverything(t *testing.T) {
	source := t.TempDir()
	p := start(t, "-data", t.TempDir(), "-allow-dir", source)
	for _, arrive := range arrivals {
		arrive(t, p, source)
	}
	q := p.ask("SELECT count(*), sum(a.id + b.id) FROM v.supplier_81391 a JOIN lake.supplier_81391 b ON a.id = b.id")
	if q.Status != "FINISHED" || fmt.Sprint(q.Result) != "[[3 12]]" {
		t.Errorf("got %+v, %+v", q, q.Error)
	}
	q = p.ask("SELECT * FROM supplier_81391")
	if q.Status != "FAILED" || q.Error.ErrorName != "AMBIGUOUS_NAME" || !strings.Contains(q.Error.Message, "lake.supplier_81391") {
		t.Errorf("got %+v, %+v", q, q.Error)
	}
	q = p.ask("SELECT table_schema, table_name FROM information_schema.tables WHERE table_name = 'supplier_81391' ORDER BY 1")
	if len(q.Result) != 3 {
		t.Errorf("got %+v, %+v", q, q.Error)
	}
	q = p.ask("SELECT 1 FROM nowhere")
	if q.Status != "FAILED" || q.Error.ErrorName != "TABLE_NOT_FOUND" || !strings.Contains(q.Error.Message, "supplier_81391") {
		t.Errorf("got %+v, %+v", q, q.Error)
	}
}
