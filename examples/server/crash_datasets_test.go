package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/scope"
)

// promises are what a server acknowledged before it was killed.
type promises struct {
	mu      sync.Mutex
	dataset string
	uploads map[string][32]byte    // by object key, the SHA-256 of what was sent
	sources map[string]sourceState // by id
	content map[string][32]byte    // by id of a data source
}

func (k *promises) upload(key string, content []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.uploads[key] = sha256.Sum256(content)
}

// made is how many uploads and data sources were acknowledged.
func (k *promises) made() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.uploads) + len(k.sources)
}

// source makes a data source and notes it if that was acknowledged.
func (k *promises) source(p *process, content []byte, field, value string) error {
	var s sourceState
	err := p.pd(http.MethodPost, "/v2/team/datasets/"+k.dataset+"/datasources",
		object{"name": "a.csv", "type": "FILE", "user_id": "ann", field: value}, &s)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sources[s.ID], k.content[s.ID] = s, sha256.Sum256(content)
	return nil
}

// randomCSV returns a csv of up to 200 KB.
func randomCSV(r *rand.Rand) []byte {
	var b bytes.Buffer
	b.WriteString("id,text\n")
	for range 1 + r.IntN(5000) {
		fmt.Fprintf(&b, "%d,%x\n", r.Uint32(), r.Uint64())
	}
	return b.Bytes()
}

// work uploads and makes data sources until the server is gone.
func (k *promises) work(p *process, web string, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	for {
		content := randomCSV(r)
		var err error
		switch r.IntN(3) {
		case 0:
			var key string
			if key, err = p.uploadForm("a.csv", content); err == nil {
				k.upload(key, content)
				err = k.source(p, content, "file_object_key", key)
			}
		case 1:
			err = k.inParts(p, content)
		case 2:
			n := r.Uint64()
			content = randomCSV(rand.New(rand.NewPCG(n, 3)))
			err = k.source(p, content, "url", fmt.Sprintf("%s/%d", web, n))
		}
		if err != nil {
			return
		}
	}
}

// inParts uploads in one part, which is the server's least, and makes a data
// source of it.
func (k *promises) inParts(p *process, content []byte) error {
	var begun struct {
		ID    string `json:"upload_id"`
		Key   string `json:"file_object_key"`
		Parts []struct {
			URL string `json:"upload_url"`
		} `json:"part_items"`
	}
	err := p.pd(http.MethodPost, "/v2/team/file/init-multipart-upload", object{"file_name": "a.csv", "file_size": len(content), "user_id": "ann"}, &begun)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPut, begun.Parts[0].URL, bytes.NewReader(content))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	err = p.pd(http.MethodPost, "/v2/team/file/complete-multipart-upload", object{
		"file_object_key": begun.Key, "upload_id": begun.ID, "user_id": "ann", "part_etags": []object{{"number": 1, "etag": res.Header.Get("ETag")}},
	}, nil)
	if err != nil {
		return err
	}
	k.upload(begun.Key, content)
	return k.source(p, content, "file_object_key", begun.Key)
}

// TestKilledServerKeepsDataSources kills the server at random moments while
// files are uploaded and data sources become synched.
func TestKilledServerKeepsDataSources(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var n uint64
		fmt.Sscanf(strings.Trim(req.URL.Path, "/"), "%d", &n)
		w.Write(randomCSV(rand.New(rand.NewPCG(n, 3))))
	}))
	defer web.Close()
	data := t.TempDir()
	k := &promises{uploads: map[string][32]byte{}, sources: map[string]sourceState{}, content: map[string][32]byte{}}
	n := 0
	for ; goesOn(t, n, len(k.uploads) > 0 && len(k.sources) > 0); n++ {
		p := start(t, "-data", data, "-allow-net", "127.0.0.0/8")
		if k.dataset == "" {
			var d struct{ ID string }
			p.mustPD(http.MethodPost, "/v2/team/datasets", object{"name": "d", "user_id": "ann"}, &d)
			k.dataset = d.ID
		}
		var workers sync.WaitGroup
		for w := range 3 {
			workers.Go(func() { k.work(p, web.URL, seed+uint64(1000*n+w)) })
		}
		awaitKill(t, n, r, 300*time.Millisecond, k.made)
		p.kill()
		workers.Wait()
	}
	if len(k.uploads) == 0 || len(k.sources) == 0 {
		t.Fatal("nothing was acknowledged before a kill: this proves nothing")
	}

	p := start(t, "-data", data, "-allow-net", "127.0.0.0/8")
	p.awaitSynched(k.dataset, 2*time.Minute)
	if err := p.stop(); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, p.logged())
	}
	a := audit(t, data)
	a.orphans() // first: what is promised must survive it
	svc := dataset.NewService(a.store, a.bucket, nil)
	me := scope.Scope{Tenant: tenant, User: "ann"}
	found, total, err := svc.Sources(t.Context(), me, k.dataset, dataset.SourceQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found {
		sum := a.sumOf(s.Key)
		if s.Status != dataset.Synched || sum != s.SHA256 {
			t.Errorf("data source %s is %s %q, its bytes match: %v", s.ID, s.Status, s.Reason, sum == s.SHA256)
		}
		if want, ok := k.content[s.ID]; ok && want != sum {
			t.Errorf("data source %s has other bytes than were sent", s.ID)
		}
		delete(k.sources, s.ID)
	}
	for id := range k.sources {
		t.Errorf("data source %s was acknowledged and is gone", id)
	}
	for key, want := range k.uploads {
		u, err := a.store.Upload(t.Context(), tenant, key)
		if err != nil {
			t.Errorf("upload %s was acknowledged: %v", key, err)
			continue
		}
		if got := a.sumOfUpload(u); u.State != dataset.Complete || got != want {
			t.Errorf("upload %s is not whole", key)
		}
	}
	t.Logf("%d kills, %d uploads acknowledged, %d data sources", n, len(k.uploads), total)
}

// sumOf hashes an object of the bucket.
func (a *auditor) sumOf(keys ...string) [32]byte {
	a.t.Helper()
	h := sha256.New()
	for _, key := range keys {
		r, err := a.bucket.Open(a.t.Context(), key, nil)
		if err != nil {
			a.t.Errorf("%s: %v", key, err)
			return [32]byte{}
		}
		if _, err := io.Copy(h, r); err != nil {
			a.t.Errorf("%s: %v", key, err)
		}
		r.Close()
	}
	return [32]byte(h.Sum(nil))
}

// sumOfUpload hashes an upload, be it one object or parts.
func (a *auditor) sumOfUpload(u *dataset.Upload) [32]byte {
	a.t.Helper()
	if u.Key != "" {
		return a.sumOf(u.Key)
	}
	parts, err := a.store.Parts(a.t.Context(), u.ID)
	if err != nil {
		a.t.Error(err)
	}
	var keys []string
	for _, p := range parts {
		keys = append(keys, p.Key)
	}
	return a.sumOf(keys...)
}

// orphans sweeps, and fails when an object is left that no row knows, or a row
// whose object was swept.
func (a *auditor) orphans() {
	a.t.Helper()
	before := a.objects()
	left := a.sweep()
	again := a.objects()
	if left != len(again) || left > len(before) {
		a.t.Errorf("%d objects, %d after the sweep", len(before), left)
	}
	live, err := a.store.Live(a.t.Context(), again)
	if err != nil {
		a.t.Fatal(err)
	}
	for i, key := range again {
		if !live[i] {
			a.t.Errorf("object %s is an orphan that was not swept", key)
		}
	}
	a.t.Logf("%d orphans were swept", len(before)-left)
}

func (a *auditor) objects() (keys []string) {
	a.t.Helper()
	for o, err := range a.bucket.List(a.t.Context(), "", &blob.ListOptions{}) {
		if err != nil {
			a.t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}
