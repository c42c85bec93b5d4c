package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// The paths of the crash test: one is replaced as a whole, one grows.
const (
	wholePath = "/lake/whole"
	addedPath = "/lake/added"
)

// lakeCall sends a request of the file upload API and decodes the answer, which
// must have the status 200.
func (p *process) lakeCall(path, contentType string, body io.Reader, out any) error {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, p.url+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", path, res.StatusCode, text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// sync calls an operation on a sync.
func (p *process) sync(what string, id int64) error {
	var done struct{ Success bool }
	body := strings.NewReader(fmt.Sprintf(`{"sync_id":%d,"api_key":"any"}`, id))
	return p.lakeCall("/api/ingestion/file/sync/"+what, "application/json", body, &done)
}

func (p *process) startSync(typ, path string) int64 {
	p.t.Helper()
	var made struct {
		ID int64 `json:"sync_id"`
	}
	body := fmt.Sprintf(`{"name":"crash","path":%q,"api_key":"any","sync_type":%q}`, path, typ)
	if err := p.lakeCall("/api/ingestion/file/sync/start", "application/json", strings.NewReader(body), &made); err != nil {
		p.t.Fatalf("start: %v\n%s", err, p.logged())
	}
	return made.ID
}

// upload sends files in one request; nil means that all are acknowledged.
func (p *process) upload(sync int64, files map[string]string) error {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, content := range files {
		part, err := w.CreateFormFile("file", name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(part, content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	var answer struct {
		Code int
		Msg  *string
	}
	err := p.lakeCall(fmt.Sprintf("/api/lake/file/upload?sync_id=%d", sync), w.FormDataContentType(), &body, &answer)
	if err == nil && answer.Code != 0 {
		err = fmt.Errorf("upload: code %d %s", answer.Code, *answer.Msg)
	}
	return err
}

// names returns what is at a path, or nothing where it does not exist.
func (p *process) names(path string) []string {
	p.t.Helper()
	var names []string
	for {
		var folder struct {
			Code  int
			Total int
			Data  []struct{ Name string }
		}
		err := p.lakeCall(fmt.Sprintf("/api/lake/file?path=%s&size=1000&from=%d", path, len(names)), "", nil, &folder)
		if err != nil || folder.Code != 0 && folder.Code != 7 {
			p.t.Fatalf("list %s: code %d %v\n%s", path, folder.Code, err, p.logged())
		}
		for _, f := range folder.Data {
			names = append(names, f.Name)
		}
		if len(folder.Data) == 0 || len(names) >= folder.Total {
			return names
		}
	}
}

func (p *process) read(path string) string {
	p.t.Helper()
	res, err := http.Get(p.url + "/api/lake/file/download?path=" + url.QueryEscape(path))
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.Header.Get("Content-Type") != "application/octet-stream" {
		p.t.Fatalf("download %s: %d %v %.200s", path, res.StatusCode, err, text)
	}
	return string(text)
}

// setOf returns the files of a full sync: small ones and a large one, each of
// which says whose it is.
func setOf(id int64) map[string]string {
	set := map[string]string{"large": strings.Repeat(fmt.Sprintf("sync %09d. ", id), 10_000)}
	for i := range 12 {
		set[fmt.Sprintf("f%02d", i)] = fmt.Sprintf("sync %09d file %d", id, i)
	}
	return set
}

// syncCrash is what the test knows of the server that it kills.
type syncCrash struct {
	*process
	t       *testing.T
	r       *rand.Rand
	current int64             // whose set is at wholePath; 0 for none
	open    int64             // the full sync that the crash left open
	asked   bool              // its end was asked for
	ended   bool              // and acknowledged
	added   map[string]string // acknowledged at addedPath
	tried   map[string]string // sent there
	adding  int64
	swapped int           // crashes during an end, after which the new set was there
	kept    int           // and those after which the old one was
	took    time.Duration // about what an end takes until the new set is there
}

// TestKilledServerKeepsSyncsWhole kills the server during uploads and, every
// other time, during the end of a full sync, and starts it again.
func TestKilledServerKeepsSyncsWhole(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	data := t.TempDir()
	c := &syncCrash{t: t, r: rand.New(rand.NewPCG(seed, 2)), added: map[string]string{}, tried: map[string]string{}, took: time.Millisecond}
	n := 0
	for i := 0; goesOn(t, i, len(c.added) > 0); i++ {
		n = i + 1
		c.process = start(t, "-data", data)
		c.check()
		c.goOn(i)
		if i%2 == 0 {
			c.dieDuringUploads(i)
		} else {
			c.dieDuringEnd()
		}
	}
	c.process = start(t, "-data", data)
	c.check()
	for name, content := range c.added {
		if got := c.read(addedPath + "/" + name); got != content {
			t.Errorf("%s holds %q, want %q", name, got, content)
		}
	}
	if err := c.stop(); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, c.logged())
	}
	c.audit(data)
	t.Logf("%d kills; %d during an end left the new set, %d the old one; %d acknowledged additions",
		n, c.swapped, c.kept, len(c.added))
	if len(c.added) == 0 {
		t.Error("nothing was acknowledged before a kill: this proves nothing")
	}
}

// check compares what is there after a crash.
func (c *syncCrash) check() {
	c.t.Helper()
	names := c.names(wholePath)
	whole := c.current
	if slices.Contains(names, "f00") {
		if _, err := fmt.Sscanf(c.read(wholePath+"/f00"), "sync %d file", &whole); err != nil {
			c.t.Fatal(err)
		}
	} else if c.current != 0 || len(names) > 0 {
		c.t.Fatalf("the set of sync %d is gone, there are %q", c.current, names)
	}
	switch {
	case whole == c.current && c.ended:
		c.t.Fatalf("the end of sync %d was acknowledged, and the set of %d is there", c.open, whole)
	case whole != c.current && (whole != c.open || !c.asked):
		c.t.Fatalf("the set of sync %d is there, want %d, or %d if its end was asked for", whole, c.current, c.open)
	}
	if whole != 0 {
		want := setOf(whole)
		if len(names) != len(want) {
			c.t.Fatalf("sync %d: %q are there, want %d files", whole, names, len(want))
		}
		for name, content := range want {
			if got := c.read(wholePath + "/" + name); got != content {
				c.t.Fatalf("%s of sync %d holds %.40q", name, whole, got)
			}
		}
	}
	if c.asked {
		if whole == c.open {
			c.swapped++
			c.took = max(c.took*4/5, 100*time.Microsecond)
		} else {
			c.kept++
			c.took = min(c.took*5/4, time.Second)
		}
	}
	c.current = whole
	there := map[string]bool{}
	for _, name := range c.names(addedPath) {
		there[name] = true
		if _, ok := c.tried[name]; !ok {
			c.t.Errorf("%s was never sent", name)
		}
	}
	for name := range c.added {
		if !there[name] {
			c.t.Errorf("%s was acknowledged and is gone", name)
		}
	}
}

// goOn ends or gives up what the crash left open.
func (c *syncCrash) goOn(i int) {
	c.t.Helper()
	if c.open != 0 {
		what := "abort"
		if c.asked && c.r.IntN(2) == 0 {
			what = "end"
		}
		err := c.sync(what, c.open)
		finished := c.current == c.open
		if finished != (err != nil && strings.Contains(err.Error(), "job is already ended")) {
			c.t.Fatalf("%s of sync %d after the crash, whose set is there: %t: %v\n%s", what, c.open, finished, err, c.logged())
		}
		if what == "end" && !finished {
			c.current = c.open
			c.open, c.asked, c.ended = 0, false, false
			c.check()
		}
	}
	c.open, c.asked, c.ended = 0, false, false
	if c.adding == 0 || i%20 == 0 {
		c.adding = c.startSync("IncrementalSync", addedPath)
	}
}

// dieDuringUploads kills the server while files come for both paths.
func (c *syncCrash) dieDuringUploads(i int) {
	c.open = c.startSync("FullSync", wholePath)
	p, open, adding := c.process, c.open, c.adding
	var mu sync.Mutex
	var all sync.WaitGroup
	for k := range 3 {
		all.Go(func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("%d-%d-%d", i, k, n)
				mu.Lock()
				c.tried[name] = "added " + name
				mu.Unlock()
				if p.upload(adding, map[string]string{name: "added " + name}) != nil {
					return
				}
				mu.Lock()
				c.added[name] = "added " + name
				mu.Unlock()
			}
		})
	}
	all.Go(func() {
		for p.upload(open, setOf(open)) == nil {
		}
	})
	awaitKill(c.t, i, c.r, 60*time.Millisecond, func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(c.added)
	})
	c.kill()
	all.Wait()
}

// dieDuringEnd kills the server a moment after an end was asked for.
func (c *syncCrash) dieDuringEnd() {
	c.t.Helper()
	c.open = c.startSync("FullSync", wholePath)
	if err := c.upload(c.open, setOf(c.open)); err != nil {
		c.t.Fatalf("%v\n%s", err, c.logged())
	}
	p, open := c.process, c.open
	answer := make(chan error, 1)
	c.asked = true
	go func() { answer <- p.sync("end", open) }()
	time.Sleep(time.Duration(c.r.Int64N(int64(2 * c.took))))
	c.kill()
	c.ended = <-answer == nil
}

// audit looks at the stopped server's data: after all is collected that can
// be, the bucket holds what the visible files are in and nothing else.
func (c *syncCrash) audit(data string) {
	c.t.Helper()
	a, me := audit(c.t, data), scope.Scope{Tenant: tenant}
	svc := filesync.NewService(a.store, a.bucket, nil)
	later := func() time.Time { return time.Now().Add(48 * time.Hour) }
	runner := filesync.NewRunner(svc, &filesync.RunnerOptions{TrashFor: time.Nanosecond, Now: later})
	for range 2 { // what the first leaves to the second may be dropped by then
		if err := runner.Reconcile(c.t.Context()); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := a.collector.Collect(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	keys := map[string]bool{}
	for path, empty := range map[string]bool{wholePath: c.current == 0, addedPath: len(c.added) == 0} {
		for f, err := range svc.Files(c.t.Context(), me, path) {
			if empty && errors.Is(err, errs.NotFound) {
				break // each kill came before anything was there
			}
			if err != nil {
				c.t.Fatal(err)
			}
			keys[f.Place.Key] = true
		}
	}
	if n := a.sweep(); n != len(keys) {
		c.t.Errorf("the bucket holds %d objects after the sweep, the files are in %d", n, len(keys))
	}
	history, err := svc.History(c.t.Context(), me, filesync.HistoryQuery{})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, h := range history {
		if h.Status == filesync.Syncing || h.Status == filesync.Failed && h.Message == "" {
			err = errors.Join(err, fmt.Errorf("upload %d of %q is %s %q", h.ID, h.FileName, h.Status, h.Message))
		}
	}
	if err != nil {
		c.t.Error(err)
	}
}
