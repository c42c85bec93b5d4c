package blobtest

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// stage begins an object; a bucket that is no Stager has nothing to check.
func stage(t *testing.T, b blob.Bucket, key string, size int) blob.Stage {
	t.Helper()
	stager, ok := b.(blob.Stager)
	if !ok {
		return nil
	}
	st, err := stager.Stage(t.Context(), key, int64(size))
	if err != nil {
		t.Fatalf("Stage(%q, %d): %v", key, size, err)
	}
	t.Cleanup(st.Abort)
	return st
}

func testStageOutOfOrder(t *testing.T, s *suite) {
	b := s.newBucket(t)
	data := pattern(s.opts.LargeSize)
	st := stage(t, b, "files/k", len(data))
	if st == nil {
		return
	}
	const part = 100_000
	var wg sync.WaitGroup
	for _, i := range rand.Perm((len(data) + part - 1) / part) {
		wg.Go(func() {
			from, to := i*part, min(len(data), (i+1)*part)
			if n, err := st.WriteAt([]byte(data[from:to]), int64(from)); err != nil || n != to-from {
				t.Errorf("WriteAt(%d) = %d, %v", from, n, err)
			}
			got := make([]byte, to-from)
			if _, err := st.ReadAt(got, int64(from)); err != nil || string(got) != data[from:to] {
				t.Errorf("ReadAt(%d) = %s, %v", from, brief(got), err)
			}
		})
	}
	wg.Wait()
	wantAbsent(t, b, "files/k")
	if err := st.Commit(t.Context(), &blob.WriteOptions{ContentType: "text/csv"}); err != nil {
		t.Fatal(err)
	}
	st.Abort() // does nothing any more
	wantContent(t, b, "files/k", data)
	o, err := b.Stat(t.Context(), "files/k")
	if err != nil || o.Size != int64(len(data)) || o.ContentType != "text/csv" {
		t.Errorf("Stat = %+v, %v", o, err)
	}
}

func testStageAbort(t *testing.T, s *suite) {
	b := s.newBucket(t)
	write(t, b, "old", "stays", nil)
	for _, key := range []string{"new", "old"} {
		st := stage(t, b, key, 1000)
		if st == nil {
			return
		}
		if _, err := st.WriteAt([]byte("half"), 500); err != nil {
			t.Fatal(err)
		}
		st.Abort()
		st.Abort()
		if err := st.Commit(t.Context(), nil); err == nil {
			t.Error("Commit after Abort succeeded")
		}
	}
	wantAbsent(t, b, "new")
	wantContent(t, b, "old", "stays")

	st := stage(t, b, "new", 4)
	if _, err := st.WriteAt([]byte("half"), 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := st.Commit(ctx, nil); kindOf(err) != errs.Canceled {
		t.Errorf("Commit with a canceled ctx: %v, want kind Canceled", err)
	}
	st.Abort()
	wantAbsent(t, b, "new")
}

func testStageIfNotExist(t *testing.T, s *suite) {
	b := s.newBucket(t)
	first, second := stage(t, b, "k", 5), stage(t, b, "k", 6)
	if first == nil {
		return
	}
	for st, data := range map[blob.Stage]string{first: "first", second: "second"} {
		if _, err := st.WriteAt([]byte(data), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Commit(t.Context(), &blob.WriteOptions{IfNotExist: true}); err != nil {
		t.Fatal(err)
	}
	err := second.Commit(t.Context(), &blob.WriteOptions{IfNotExist: true})
	wantKind(t, "second Commit", err, errs.Exists, "k")
	second.Abort()
	wantContent(t, b, "k", "first")
	empty := stage(t, b, "empty", 0)
	if err := empty.Commit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "empty", "")
}
