package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

func TestPartSizes(t *testing.T) {
	u := NewUploader(0, 0, 0)
	const mib, tib = 1 << 20, 1 << 40
	for _, size := range []int64{9 * mib, 100 * mib, 78 << 30, 80 << 30, tib, 5 * tib} {
		part := u.partAt(0, size)
		if parts := (size + part - 1) / part; parts > maxParts || part < DefaultPartSize || part > 5<<30 || part != u.partAt(9999, size) {
			t.Errorf("%d bytes: %d parts of %d", size, parts, part)
		}
	}
	total, last := int64(0), int64(0)
	for n := range maxParts {
		part := u.partAt(n, 0)
		if part < last || part > 5<<30 {
			t.Fatalf("part %d has %d bytes", n+1, part)
		}
		total, last = total+part, part
	}
	if total < 2*tib {
		t.Errorf("an object of unknown size may have only %d bytes", total)
	}
}

// TestOneBufferLargerThanTheBudget must not wait for ever.
func TestOneBufferLargerThanTheBudget(t *testing.T) {
	u := NewUploader(1<<20, 1, 1<<20)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			buf, free, err := u.buffers.get(t.Context(), 3<<20)
			if err != nil || len(buf) != 3<<20 {
				t.Errorf("%d bytes, %v", len(buf), err)
				return
			}
			free()
		})
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	_, free, _ := u.buffers.get(ctx, 1<<20)
	defer free()
	cancel()
	if _, _, err := u.buffers.get(ctx, 1); err == nil {
		t.Error("waiting for memory does not end with ctx")
	}
}

func TestBuffersStayWithinTheLimit(t *testing.T) {
	b := newBuffers(100)
	done := b.use()
	for _, n := range []int64{10, 60, 100, 10, 10, 30, 100, 70} {
		buf, free, err := b.get(t.Context(), n)
		if err != nil || int64(len(buf)) != n || b.held > 100 {
			t.Errorf("%d bytes: got %d, %v; %d held", n, len(buf), err, b.held)
		}
		free()
	}
	first, free, _ := b.get(t.Context(), 70)
	free()
	if again, free, _ := b.get(t.Context(), 70); &first[0] != &again[0] {
		t.Error("a buffer is not used again")
	} else {
		free()
	}
	if done(); b.held != 0 || len(b.kept) != 0 {
		t.Errorf("%d bytes held when nobody uses them", b.held)
	}
}

func TestRange(t *testing.T) {
	for want, o := range map[string]blob.OpenOptions{
		"": {}, "bytes=0-9": {Length: 10}, "bytes=5-": {Offset: 5}, "bytes=5-5": {Offset: 5, Length: 1}, "bytes=4294967296-4294967297": {Offset: 1 << 32, Length: 2},
	} {
		if got := Range(&o); got != want {
			t.Errorf("%+v: %q, want %q", o, got, want)
		}
	}
}

func TestCheckAnswer(t *testing.T) {
	tests := map[string]struct {
		header string // Content-Range
		status int
		length int64
		opts   blob.OpenOptions
		size   int64
		ok     bool
	}{
		"whole":                     {"", 200, 10, blob.OpenOptions{}, 10, true},
		"whole of unknown length":   {"", 200, -1, blob.OpenOptions{}, -1, true},
		"part of a whole":           {"bytes 0-4/10", 206, 5, blob.OpenOptions{}, 0, false},
		"range":                     {"bytes 2-4/10", 206, 3, blob.OpenOptions{Offset: 2, Length: 3}, 3, true},
		"range of unknown length":   {"bytes 2-4/10", 206, -1, blob.OpenOptions{Offset: 2, Length: 3}, 3, true},
		"range cut at the end":      {"bytes 8-9/10", 206, 2, blob.OpenOptions{Offset: 8, Length: 30}, 2, true},
		"another start":             {"bytes 0-2/10", 206, 3, blob.OpenOptions{Offset: 2, Length: 3}, 0, false},
		"too much":                  {"bytes 2-5/10", 206, 4, blob.OpenOptions{Offset: 2, Length: 3}, 0, false},
		"another length":            {"bytes 2-4/10", 206, 2, blob.OpenOptions{Offset: 2, Length: 3}, 0, false},
		"no content range":          {"", 206, 3, blob.OpenOptions{Offset: 2, Length: 3}, 0, false},
		"ignored":                   {"", 200, 10, blob.OpenOptions{Offset: 2, Length: 3}, 0, false},
		"ignored from the start":    {"", 200, 10, blob.OpenOptions{Length: 3}, 0, false},
		"ignored but not too long":  {"", 200, 2, blob.OpenOptions{Length: 3}, 2, true},
		"nonsense":                  {"bytes x-y/z", 206, 3, blob.OpenOptions{Offset: 2}, 0, false},
		"nonsense that ends before": {"bytes 4-2/10", 206, 3, blob.OpenOptions{Offset: 4}, 0, false},
	}
	for name, tt := range tests {
		h := http.Header{}
		if tt.header != "" {
			h.Set("Content-Range", tt.header)
		}
		size, err := CheckAnswer(h, tt.status, tt.length, "k", &tt.opts)
		if (err == nil) != tt.ok || tt.ok && size != tt.size || err != nil && !errors.Is(err, errs.Unavailable) {
			t.Errorf("%s: %d, %v", name, size, err)
		}
	}
}

func TestFitsXML(t *testing.T) {
	for key, want := range map[string]bool{"a/b": true, "ü😀&<": true, "\x01": false, "\t": false, "\r": false, "\uFFFE": false, "\xff": false, "\x7f": true} {
		if FitsXML(key) != want {
			t.Errorf("%q: %t", key, !want)
		}
	}
}

func TestInputLooksAhead(t *testing.T) {
	in := &input{r: io.MultiReader(strings.NewReader("abc"), strings.NewReader("de")), key: "k"}
	in.hash = discardHash{}
	buf := make([]byte, 5)
	if done, err := in.fill(t.Context(), buf); !done || err != nil || string(buf) != "abcde" {
		t.Errorf("%q, %t, %v", buf, done, err)
	}
}

type discardHash struct{}

func (discardHash) Write(p []byte) (int, error) { return len(p), nil }
func (discardHash) Sum(b []byte) []byte         { return b }
func (discardHash) Reset()                      {}
func (discardHash) Size() int                   { return 0 }
func (discardHash) BlockSize() int              { return 1 }

func TestListSortsAndFilters(t *testing.T) {
	pages := []Page{
		{Objects: []blob.Object{{Key: "c"}, {Key: "a/", Dir: true}, {Key: "b"}}, More: true, Token: "1"},
		{More: true, Token: "2"},
		{Objects: []blob.Object{{Key: "e"}, {Key: "d"}}},
	}
	var tokens []string
	fetch := func(_ context.Context, q Query) (Page, error) {
		tokens = append(tokens, q.After+"|"+q.Token)
		p := pages[0]
		pages = pages[1:]
		return p, nil
	}
	var got []string
	for o, err := range List(t.Context(), "", &blob.ListOptions{OneLevel: true, After: "a/x"}, fetch) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key)
	}
	if diff := cmp.Diff([]string{"b", "c", "d", "e"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a/x|", "|1", "|2"}, tokens); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	for range List(t.Context(), "b/", &blob.ListOptions{After: "c"}, nil) {
		t.Error("there is nothing behind the prefix")
	}
}

// TestSlowPeers: a peer that is slow but alive is not given up, and one that
// takes nothing is.
func TestSlowPeers(t *testing.T) {
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			<-stop // reads nothing of the body
			return
		}
		for range 8 {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
			time.Sleep(60 * time.Millisecond)
		}
	}))
	defer srv.Close()
	defer close(stop)
	tr := NewTransport(nil, 4, 250*time.Millisecond)
	defer tr.CloseIdleConnections()
	resp, err := NewClient(tr).Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || len(data) != 8 {
		t.Errorf("a slow answer: %q, %v", data, err)
	}
	body := io.NopCloser(io.LimitReader(zeros{}, 256<<20))
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL, body)
	started := time.Now()
	if resp, err := NewClient(tr).Do(req); err == nil {
		resp.Body.Close()
		t.Error("a body that nobody takes was sent")
	}
	if d := time.Since(started); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
