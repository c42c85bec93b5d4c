package blobtest

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

func testStat(t *testing.T, s *suite) {
	src := s.newSource(t, map[string]string{"dir/a.csv": "id\n1\n", "dir/empty": ""})
	o, err := src.Stat(t.Context(), "dir/a.csv")
	if err != nil {
		t.Fatal(err)
	}
	if o.Key != "dir/a.csv" || o.Size != 5 || o.Dir {
		t.Errorf("Stat = %+v", o)
	}
	if age := time.Since(o.ModTime); !o.ModTime.IsZero() && (age < -time.Hour || age > time.Hour) {
		t.Errorf("ModTime is %v ago", age)
	}
	if o, err = src.Stat(t.Context(), "dir/empty"); err != nil || o.Size != 0 {
		t.Errorf("Stat of an empty object = %+v, %v", o, err)
	}
	for listed, err := range src.List(t.Context(), "dir/a.csv", nil) {
		if err != nil {
			t.Fatal(err)
		}
		full, _ := src.Stat(t.Context(), "dir/a.csv")
		if listed.Size != full.Size || (listed.ETag != "" && listed.ETag != full.ETag) {
			t.Errorf("listed %+v but Stat says %+v", listed, full)
		}
	}
}

func testOpen(t *testing.T, s *suite) {
	objects := map[string]string{
		"empty":     "",
		"one":       "x",
		"dir/large": pattern(s.opts.LargeSize),
		"dir/line":  "a,b\r\n1,2\r\n",
	}
	src := s.newSource(t, objects)
	for key, want := range objects {
		wantContent(t, src, key, want)
	}
}

func testOpenRanges(t *testing.T, s *suite) {
	data := pattern(s.opts.LargeSize)
	n := int64(len(data))
	src := s.newSource(t, map[string]string{"k": data})
	for _, r := range []struct{ offset, length int64 }{
		{0, 1}, {0, n}, {0, n + 1}, {1, 0}, {1, 1}, {n / 2, 17}, {n - 1, 0}, {n - 1, 100}, {65536, 65536},
	} {
		end := n
		if r.length > 0 {
			end = min(n, r.offset+r.length)
		}
		got, err := read(t.Context(), src, "k", &blob.OpenOptions{Offset: r.offset, Length: r.length})
		if want := data[r.offset:end]; err != nil || string(got) != want {
			t.Errorf("offset %d length %d = %s, %v; want %s", r.offset, r.length, brief(got), err, brief([]byte(want)))
		}
	}
	// A range that starts at the end or behind it holds nothing; providers
	// differ in whether they call that an error.
	for _, offset := range []int64{n, n + 100} {
		got, err := read(t.Context(), src, "k", &blob.OpenOptions{Offset: offset})
		if len(got) > 0 || (err != nil && !errors.Is(err, errs.Invalid)) {
			t.Errorf("offset %d of %d = %s, %v; want nothing or an Invalid error", offset, n, brief(got), err)
		}
	}
}

func testOpenIfMatch(t *testing.T, s *suite) {
	src := s.newSource(t, map[string]string{"k": "content"})
	o, err := src.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if o.ETag == "" {
		t.Fatal("no ETag: a change during a copy would go unnoticed")
	}
	if got, err := read(t.Context(), src, "k", &blob.OpenOptions{IfMatch: o.ETag}); err != nil || string(got) != "content" {
		t.Errorf("with the ETag of Stat: %q, %v", got, err)
	}
	got, err := read(t.Context(), src, "k", &blob.OpenOptions{Offset: 3, Length: 2, IfMatch: o.ETag})
	if err != nil || string(got) != "te" {
		t.Errorf("a range with the ETag of Stat: %q, %v", got, err)
	}
	_, err = src.Open(t.Context(), "k", &blob.OpenOptions{IfMatch: "00000000000000000000000000000000"})
	wantKind(t, "Open with another ETag", err, errs.Conflict, "k")
}

func testOpenCanceled(t *testing.T, s *suite) {
	src := s.newSource(t, map[string]string{"k": pattern(max(s.opts.LargeSize, 16<<20))})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := src.Open(ctx, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	started := time.Now()
	_, err = io.Copy(io.Discard, r)
	if kindOf(err) != errs.Canceled {
		t.Errorf("reading on after cancel: %v, want kind Canceled", err)
	}
	if d := time.Since(started); d > time.Second {
		t.Errorf("took %v to notice the cancel", d)
	}
	r.Close()
	if _, err := src.Stat(ctx, "k"); kindOf(err) != errs.Canceled {
		t.Errorf("Stat with a canceled ctx: %v, want kind Canceled", err)
	}
	if _, err := src.Open(ctx, "k", nil); kindOf(err) != errs.Canceled {
		t.Errorf("Open with a canceled ctx: %v, want kind Canceled", err)
	}
}

func testMissing(t *testing.T, s *suite) {
	src := s.newSource(t, map[string]string{"dir/a": "1"})
	for _, key := range []string{"missing", "dir", "dir/", "dir/a/b", "dir/aa", "dir//a"} {
		_, err := src.Stat(t.Context(), key)
		wantKind(t, "Stat", err, errs.NotFound, key)
		_, err = src.Open(t.Context(), key, nil)
		wantKind(t, "Open", err, errs.NotFound, key)
	}
}

func testReadConcurrently(t *testing.T, s *suite) {
	data := pattern(200_000)
	src := s.newSource(t, map[string]string{"a": data, "b": data[1000:]})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if i%4 == 3 {
				if got := list(t, src, "", nil); len(got) != 2 {
					t.Errorf("List = %q", got)
				}
				return
			}
			off := int64(i * 1000)
			got, err := read(t.Context(), src, "a", &blob.OpenOptions{Offset: off, Length: 50_000})
			if err != nil || string(got) != data[off:off+50_000] {
				t.Errorf("offset %d: %s, %v", off, brief(got), err)
			}
		})
	}
	wg.Wait()
}

// kindOf is [errs.KindOf] for errors that may be nil, which is no kind.
func kindOf(err error) errs.Kind {
	if err == nil {
		return 255
	}
	return errs.KindOf(err)
}
