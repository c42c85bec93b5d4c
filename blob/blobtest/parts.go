package blobtest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// minPart is the least size of a part that is not the last.
const minPart = 5 << 20

// putPart sends a part as clients do, and returns its ETag. A server that
// refuses it may answer, which is a status, or just close the connection.
func putPart(t *testing.T, link, body string) (etag string, status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, link, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Logf("no answer: %v", err)
		return "", http.StatusBadRequest
	}
	defer resp.Body.Close()
	return resp.Header.Get("ETag"), resp.StatusCode
}

// testParts has something to check in a bucket that is a [blob.PartTaker].
func testParts(t *testing.T, s *suite) {
	b := s.newBucket(t)
	taker, ok := b.(blob.PartTaker)
	if !ok {
		return
	}
	const key = "uploads/k"
	data := strings.Repeat("0123456789", minPart/10+5)
	bodies := []string{data[:minPart], data[minPart:]}
	id, err := taker.BeginParts(t.Context(), key)
	if err != nil || id == "" {
		t.Fatalf("BeginParts = %q, %v", id, err)
	}
	parts := make([]blob.Part, 2)
	for _, i := range []int{1, 0, 1} { // in any order, and again
		link, err := taker.SignPart(t.Context(), key, id, i+1, int64(len(bodies[i])), time.Minute)
		if err != nil {
			t.Fatalf("SignPart(%d): %v", i+1, err)
		}
		if _, status := putPart(t, link, bodies[i][1:]); status < 400 {
			t.Errorf("a part of another size was taken with status %d", status)
		}
		if _, status := putPart(t, strings.Replace(link, "partNumber=", "partNumber=1", 1), bodies[i]); status < 400 {
			t.Errorf("another part than the one that was signed was taken with status %d", status)
		}
		etag, status := putPart(t, link, bodies[i])
		if status != http.StatusOK || etag == "" {
			t.Fatalf("part %d: status %d, ETag %q", i+1, status, etag)
		}
		parts[i] = blob.Part{Number: i + 1, ETag: strings.Trim(etag, `"`)}
	}
	wantAbsent(t, b, key)
	wrong := []blob.Part{parts[0], {Number: 2, ETag: strings.Repeat("0", 32)}}
	if err := taker.FinishParts(t.Context(), key, id, wrong); kindOf(err) != errs.Invalid {
		t.Errorf("FinishParts with a wrong ETag: %v, want kind Invalid", err)
	}
	wantAbsent(t, b, key)
	if err := taker.FinishParts(t.Context(), key, id, parts); err != nil {
		t.Fatalf("FinishParts: %v", err)
	}
	wantContent(t, b, key, data)
	if err := taker.AbortParts(t.Context(), key, id); err != nil {
		t.Errorf("AbortParts of an upload that is finished: %v", err)
	}
	wantContent(t, b, key, data)
}

func testPartsAborted(t *testing.T, s *suite) {
	b := s.newBucket(t)
	taker, ok := b.(blob.PartTaker)
	if !ok {
		return
	}
	const key = "uploads/k"
	id, err := taker.BeginParts(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	link, err := taker.SignPart(t.Context(), key, id, 1, 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	etag, _ := putPart(t, link, "x")
	for range 2 {
		if err := taker.AbortParts(t.Context(), key, id); err != nil {
			t.Errorf("AbortParts: %v", err)
		}
	}
	if _, status := putPart(t, link, "x"); status < 400 {
		t.Errorf("a part of an aborted upload was taken with status %d", status)
	}
	if err := taker.FinishParts(t.Context(), key, id, []blob.Part{{Number: 1, ETag: etag}}); kindOf(err) != errs.NotFound {
		t.Errorf("FinishParts of an aborted upload: %v, want kind NotFound", err)
	}
	wantAbsent(t, b, key)
	if _, err := taker.SignPart(t.Context(), key, id, 1, 1, 0); kindOf(err) != errs.Invalid {
		t.Errorf("a link without time: %v, want kind Invalid", err)
	}
}
