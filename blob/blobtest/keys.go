package blobtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// WeirdKeys are keys that adapters have been seen to change, lose or refuse.
// All of them are in one bucket at the same time.
var WeirdKeys = []string{
	"tab\tkey", "new\nline", "space key", " lead", "trail ", "plus+key", "per%cent", "per%2Fcent", "a&b=c?d#e",
	"esc__0x2f__key", "__0x41__", "A", "a", "a/b", "a/b/c", "a.attrs", "quote\"'`", "<angle>&amp;", "back\\slash",
	"半角かな/中文.csv", "émoji😀", "e\u0301", "\u00e9", "dir/", "dir//double", "dot/./dot", "dotdot/../up", "..", "...",
	"con", "nul.txt", "name:colon*star|pipe", "~tilde", "tmp", ".tmp", "x=", "x~", "x+", "CASE", "Case", "case",
	strings.Repeat("n", 300), strings.Repeat("深", 341), strings.Repeat("long/", 204) + "long", "\x7f",
}

func testWeirdKeys(t *testing.T, s *suite) {
	b := s.newBucket(t)
	objects := map[string]string{}
	var keys []string
	for i, key := range WeirdKeys {
		if reason, ok := s.opts.ExceptKeys[key]; ok {
			t.Logf("%q is left out: %s", key, reason)
			continue
		}
		objects[key] = fmt.Sprintf("%d %s", i, key)
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		write(t, b, key, objects[key], &blob.WriteOptions{Deferred: true})
	}
	for _, key := range keys {
		wantContent(t, b, key, objects[key])
		if o, err := b.Stat(t.Context(), key); err != nil || o.Key != key || o.Size != int64(len(objects[key])) {
			t.Errorf("Stat(%q) = %+v, %v", key, o, err)
		}
	}
	if diff := cmp.Diff(keys, list(t, b, "", nil)); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	for i, after := range keys {
		got := list(t, b, "", &blob.ListOptions{After: after})
		if diff := cmp.Diff(append([]string{}, keys[i+1:]...), got); diff != "" {
			t.Errorf("List after %q (-want +got):\n%s", after, diff)
		}
	}
	if diff := cmp.Diff(oneLevel(keys, ""), list(t, b, "", &blob.ListOptions{OneLevel: true})); diff != "" {
		t.Errorf("List of one level (-want +got):\n%s", diff)
	}
	if err := b.Delete(t.Context(), keys...); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if got := list(t, b, "", nil); len(got) > 0 {
		t.Errorf("after Delete, List = %q", got)
	}
}

func testIfMatchAfterOverwrite(t *testing.T, s *suite) {
	b := s.newBucket(t)
	write(t, b, "k", "version 1", nil)
	old, err := b.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	write(t, b, "k", "version 2", nil)
	_, err = read(t.Context(), b, "k", &blob.OpenOptions{IfMatch: old.ETag})
	wantKind(t, "read with the ETag of the version before", err, errs.Conflict, "k")
	_, err = read(t.Context(), b, "k", &blob.OpenOptions{Offset: 2, Length: 3, IfMatch: old.ETag})
	wantKind(t, "ranged read with the ETag of the version before", err, errs.Conflict, "k")
}

func testDelete(t *testing.T, s *suite) {
	b := s.newBucket(t)
	write(t, b, "files/a", "1", nil)
	write(t, b, "files/a/b", "2", nil)
	write(t, b, "files/c", "3", nil)
	if err := b.Delete(t.Context(), "files/a", "files/missing"); err != nil {
		t.Errorf("Delete: %v", err)
	}
	wantAbsent(t, b, "files/a")
	wantContent(t, b, "files/a/b", "2")
	if err := b.Delete(t.Context(), "files/a"); err != nil {
		t.Errorf("Delete of what is gone: %v", err)
	}
	if err := b.Delete(t.Context()); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
	if diff := cmp.Diff([]string{"files/a/b", "files/c"}, list(t, b, "", nil)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	write(t, b, "files/a", "again", nil)
	wantContent(t, b, "files/a", "again")
}

// testDeleteMany deletes more keys than one batch of S3 takes.
func testDeleteMany(t *testing.T, s *suite) {
	b := s.newBucket(t)
	objects := map[string]string{"kept": "1"}
	keys := []string{}
	for i := range 1100 {
		key := fmt.Sprintf("files/%04d", i)
		keys = append(keys, key)
		if i%10 == 0 { // the others do not exist
			objects[key] = "x"
		}
	}
	fill(t, b, objects)
	if err := b.Delete(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"kept"}, list(t, b, "", nil)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// testSignedURL checks only that a bucket signs or says that it cannot; what
// a link allows is for the adapter's own tests, which know its server.
func testSignedURL(t *testing.T, s *suite) {
	b := s.newBucket(t)
	write(t, b, "k", "signed", nil)
	for _, opts := range []*blob.SignOptions{nil, {Method: "PUT", ContentType: "text/csv"}} {
		url, err := b.SignedURL(t.Context(), "k", opts)
		if err == nil && !strings.HasPrefix(url, "http") {
			t.Errorf("SignedURL = %q", url)
		}
		if err != nil && errs.KindOf(err) != errs.Unsupported {
			t.Errorf("SignedURL: %v, want a URL or kind Unsupported", err)
		}
	}
}
