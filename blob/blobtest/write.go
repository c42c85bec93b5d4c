package blobtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

func testWriteRoundTrip(t *testing.T, s *suite) {
	b := s.newBucket(t)
	large := pattern(s.opts.LargeSize)
	for key, data := range map[string]string{
		"empty": "", "one": "x", "files/0001": "a,b\n1,2\n", "files/large": large, "files": "a name that is also a prefix",
	} {
		write(t, b, key, data, nil)
		wantContent(t, b, key, data)
		write(t, b, key, data+"!", &blob.WriteOptions{Size: int64(len(data)) + 1})
		wantContent(t, b, key, data+"!")
	}
	// A reader that gives its last bytes together with io.EOF, and a byte at a time.
	write := func(key string, r io.Reader) {
		if _, err := b.Write(t.Context(), key, r, nil); err != nil {
			t.Error(err)
		}
		wantContent(t, b, key, large[:5000])
	}
	write("eager", &eagerEOF{data: large[:5000]})
	write("slow", io.MultiReader(strings.NewReader(large[:1]), strings.NewReader(large[1:4999]), strings.NewReader(large[4999:5000])))
}

type eagerEOF struct{ data string }

func (r *eagerEOF) Read(p []byte) (int, error) {
	n := copy(p, r.data)
	if r.data = r.data[n:]; r.data == "" {
		return n, io.EOF
	}
	return n, nil
}

func testWriteContentType(t *testing.T, s *suite) {
	b := s.newBucket(t)
	write(t, b, "typed", "<html>", &blob.WriteOptions{ContentType: "text/csv; charset=utf-8"})
	write(t, b, "untyped", "<html>", nil)
	for key, want := range map[string]string{"typed": "text/csv; charset=utf-8", "untyped": "application/octet-stream"} {
		if o, err := b.Stat(t.Context(), key); err != nil || o.ContentType != want {
			t.Errorf("Stat(%q) = %+v, %v; want content type %q", key, o, err, want)
		}
	}
}

func testOverwrite(t *testing.T, s *suite) {
	b := s.newBucket(t)
	for _, data := range []string{"first and longest", "second", "", "third"} {
		write(t, b, "k", data, &blob.WriteOptions{ContentType: "text/" + fmt.Sprint(len(data))})
		wantContent(t, b, "k", data)
		o, err := b.Stat(t.Context(), "k")
		if err != nil || o.Size != int64(len(data)) || o.ContentType != "text/"+fmt.Sprint(len(data)) {
			t.Errorf("Stat = %+v, %v", o, err)
		}
	}
	if got := list(t, b, "", nil); len(got) != 1 {
		t.Errorf("List = %q", got)
	}
}

// testOverwriteAtomic reads while two versions replace each other: a reader
// sees one of them whole, or is told of the change, but never a mixture.
func testOverwriteAtomic(t *testing.T, s *suite) {
	b := s.newBucket(t)
	size := min(s.opts.LargeSize, 600_000)
	versions := []string{strings.Repeat("A", size), strings.Repeat("B", size/2)}
	write(t, b, "k", versions[0], nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				write(t, b, "k", versions[i%2], nil)
			}
		}
	})
	whole := 0
	for range 25 {
		got, err := read(t.Context(), b, "k", nil)
		switch {
		case errors.Is(err, errs.Conflict):
		case err != nil:
			t.Errorf("read: %v", err)
		case string(got) == versions[0] || string(got) == versions[1]:
			whole++
		default:
			t.Errorf("read a mixture: %s with %d A", brief(got), strings.Count(string(got), "A"))
		}
	}
	close(stop)
	wg.Wait()
	if whole == 0 {
		t.Error("no read succeeded")
	}
}

func testIfNotExist(t *testing.T, s *suite) {
	b := s.newBucket(t)
	write(t, b, "files/k", "first", &blob.WriteOptions{IfNotExist: true})
	_, err := b.Write(t.Context(), "files/k", strings.NewReader("second"), &blob.WriteOptions{IfNotExist: true})
	wantKind(t, "second Write", err, errs.Exists, "files/k")
	wantContent(t, b, "files/k", "first")
	if err := b.Delete(t.Context(), "files/k"); err != nil {
		t.Fatal(err)
	}
	write(t, b, "files/k", "third", &blob.WriteOptions{IfNotExist: true})
}

func testIfNotExistRaced(t *testing.T, s *suite) {
	b := s.newBucket(t)
	for i := range 20 {
		key := fmt.Sprintf("raced/%d", i)
		var winners atomic.Int32
		var winner atomic.Value
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				data := strings.Repeat(fmt.Sprint(w), 100+w)
				_, err := b.Write(t.Context(), key, strings.NewReader(data), &blob.WriteOptions{IfNotExist: true})
				if err == nil {
					winners.Add(1)
					winner.Store(data)
				} else if !errors.Is(err, errs.Exists) {
					t.Errorf("a loser got %v, want kind Exists", err)
				}
			})
		}
		wg.Wait()
		if winners.Load() != 1 {
			t.Fatalf("%d of 8 writers of %q won", winners.Load(), key)
		}
		wantContent(t, b, key, winner.Load().(string))
	}
}

func testSizeMismatch(t *testing.T, s *suite) {
	b := s.newBucket(t)
	data := pattern(300_000)
	for _, size := range []int{1, len(data) - 1, len(data) + 1, 10 * len(data)} {
		_, err := b.Write(t.Context(), "k", strings.NewReader(data), &blob.WriteOptions{Size: int64(size)})
		wantKind(t, fmt.Sprintf("%d bytes announced as %d", len(data), size), err, errs.Conflict, "k")
		wantAbsent(t, b, "k")
	}
	_, err := b.Write(t.Context(), "k", strings.NewReader(""), &blob.WriteOptions{Size: 1})
	wantKind(t, "no bytes announced as 1", err, errs.Conflict, "k")
	wantAbsent(t, b, "k")
}

type failingReader struct {
	data io.Reader
	err  error
}

func (r *failingReader) Read(p []byte) (int, error) {
	n, err := r.data.Read(p)
	if err == io.EOF {
		err = r.err
	}
	return n, err
}

func testReaderFails(t *testing.T, s *suite) {
	b := s.newBucket(t)
	write(t, b, "old", "stays", nil)
	cut := errors.New("the line was cut")
	for _, n := range []int{0, 1, 100, s.opts.LargeSize} {
		for _, key := range []string{"new", "old"} {
			_, err := b.Write(t.Context(), key, &failingReader{strings.NewReader(pattern(n)), cut}, nil)
			if !errors.Is(err, cut) {
				t.Errorf("reader failed after %d bytes: %v, want the reader's error in the chain", n, err)
			}
		}
		wantAbsent(t, b, "new")
		wantContent(t, b, "old", "stays")
	}
	unavailable := errs.New(errs.Unavailable, "source is down")
	_, err := b.Write(t.Context(), "new", &failingReader{strings.NewReader("x"), unavailable}, nil)
	if kindOf(err) != errs.Unavailable {
		t.Errorf("%v: the kind of the reader's error was lost", err)
	}
}

func testWriteCanceled(t *testing.T, s *suite) {
	b := s.newBucket(t)
	for _, n := range []int{10, s.opts.LargeSize} {
		ctx, cancel := context.WithCancel(t.Context())
		r := io.MultiReader(strings.NewReader(pattern(n)), readFunc(func([]byte) (int, error) {
			cancel()
			return 0, nil
		}), io.LimitReader(readFunc(func(p []byte) (int, error) {
			clear(p)
			return len(p), nil
		}), int64(s.opts.LargeSize)))
		_, err := b.Write(ctx, "k", &stopsEmpty{r: r}, nil)
		if kindOf(err) != errs.Canceled {
			t.Errorf("canceled after %d bytes: %v, want kind Canceled", n, err)
		}
		cancel()
		wantAbsent(t, b, "k")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Write(ctx, "k", strings.NewReader("x"), nil); kindOf(err) != errs.Canceled {
		t.Errorf("Write with a canceled ctx: %v, want kind Canceled", err)
	}
	if err := b.Delete(ctx, "k"); kindOf(err) != errs.Canceled {
		t.Errorf("Delete with a canceled ctx: %v, want kind Canceled", err)
	}
	wantAbsent(t, b, "k")
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// stopsEmpty takes the reader that cancels out of the chain after one call.
type stopsEmpty struct {
	r     io.Reader
	empty int
}

func (s *stopsEmpty) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if n == 0 && err == nil {
		if s.empty++; s.empty > 3 {
			return 0, errors.New("read on after the ctx was canceled")
		}
	}
	return n, err
}

func testInvalidKey(t *testing.T, s *suite) {
	b := s.newBucket(t)
	for what, key := range map[string]string{"empty": "", "too long": strings.Repeat("k", 1025)} {
		_, err := b.Write(t.Context(), key, strings.NewReader("x"), nil)
		if kindOf(err) != errs.Invalid {
			t.Errorf("Write with a key that is %s: %v, want kind Invalid", what, err)
		}
	}
	if got := list(t, b, "", nil); len(got) > 0 {
		t.Errorf("List = %q", got)
	}
}

func testDeferred(t *testing.T, s *suite) {
	b := s.newBucket(t)
	for i := range 20 {
		key := fmt.Sprintf("files/%d", i)
		write(t, b, key, key, &blob.WriteOptions{Deferred: true})
		wantContent(t, b, key, key)
	}
	syncer, ok := b.(blob.Syncer)
	if !ok {
		return
	}
	for range 2 { // with nothing to do, it does nothing
		if err := syncer.Sync(t.Context()); err != nil {
			t.Errorf("Sync: %v", err)
		}
	}
	wantContent(t, b, "files/7", "files/7")
}

func testWriteConcurrently(t *testing.T, s *suite) {
	b := s.newBucket(t)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				key := fmt.Sprintf("w%d/%d", w, i)
				data := pattern(w*1000 + i)
				if _, err := b.Write(t.Context(), key, strings.NewReader(data), &blob.WriteOptions{Deferred: i%2 == 0}); err != nil {
					t.Errorf("Write(%q): %v", key, err)
					continue
				}
				wantContent(t, b, key, data)
				if i%5 == 4 {
					if err := b.Delete(t.Context(), key); err != nil {
						t.Errorf("Delete(%q): %v", key, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if got := list(t, b, "", nil); len(got) != 64 {
		t.Errorf("%d objects left, want 64: %q", len(got), got)
	}
}
