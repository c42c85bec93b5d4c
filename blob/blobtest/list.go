package blobtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// tree is chosen so that the order of whole keys differs from the order in
// which a walk of directories would find them: "a-" and "a.txt" come before
// "a/", and "a0" behind it.
var tree = []string{
	"a-/x", "a.txt", "a/b", "a/b.c/d", "a/b/c", "a0", "ab", "b/1", "b/2", "b/2/deep/er", "b/3", "c",
	"dir/sub/one.csv", "dir/sub/two.csv", "z",
}

// treeOf returns the tree without keys that are below another one: a folder
// of files cannot hold both "a/b" and "a/b/c".
func treeOf(s *suite) (map[string]string, []string) {
	var keys []string
	objects := map[string]string{}
	for _, k := range tree {
		if s.newBucket == nil && (k == "a/b" || k == "b/2") {
			continue
		}
		keys = append(keys, k)
		objects[k] = "content of " + k
	}
	slices.Sort(keys)
	return objects, keys
}

func testListOrder(t *testing.T, s *suite) {
	objects, keys := treeOf(s)
	src := s.newSource(t, objects)
	var got []string
	for o, err := range src.List(t.Context(), "", nil) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Dir || o.Size != int64(len(objects[o.Key])) {
			t.Errorf("%+v: want size %d and no directory", o, len(objects[o.Key]))
		}
		got = append(got, o.Key)
	}
	if diff := cmp.Diff(keys, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func testListPrefix(t *testing.T, s *suite) {
	objects, keys := treeOf(s)
	src := s.newSource(t, objects)
	for _, prefix := range []string{"a", "a/", "a/b", "a/b.", "b/2", "b/2/", "dir/sub/", "dir/sub/t", "z", "zz", "a//", "nothing/"} {
		want := []string{}
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k)
			}
		}
		if diff := cmp.Diff(want, list(t, src, prefix, nil)); diff != "" {
			t.Errorf("prefix %q (-want +got):\n%s", prefix, diff)
		}
	}
}

// oneLevel says what a listing of keys with OneLevel has to give.
func oneLevel(keys []string, prefix string) []string {
	want := []string{}
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		if i := strings.Index(rest, "/"); i >= 0 {
			k = prefix + rest[:i+1]
		}
		want = append(want, k)
	}
	slices.Sort(want)
	return slices.Compact(want)
}

func testListOneLevel(t *testing.T, s *suite) {
	objects, keys := treeOf(s)
	src := s.newSource(t, objects)
	for _, prefix := range []string{"", "a", "a/", "a/b", "b/", "b/2/", "dir", "dir/", "dir/sub/", "dir/su", "nothing/"} {
		for _, size := range []int{0, 1, 3} {
			got := list(t, src, prefix, &blob.ListOptions{OneLevel: true, PageSize: size})
			if diff := cmp.Diff(oneLevel(keys, prefix), got); diff != "" {
				t.Errorf("prefix %q page size %d (-want +got):\n%s", prefix, size, diff)
			}
		}
	}
}

// testListAfter resumes a listing behind each of its keys, and behind keys
// that do not exist.
func testListAfter(t *testing.T, s *suite) {
	objects, keys := treeOf(s)
	src := s.newSource(t, objects)
	for _, after := range append([]string{"a", "a/", "a/a", "a/bb", "b/2/zzz", "zz", "\x01"}, keys...) {
		want := []string{}
		for _, k := range keys {
			if k > after {
				want = append(want, k)
			}
		}
		if diff := cmp.Diff(want, list(t, src, "", &blob.ListOptions{After: after})); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", after, diff)
		}
	}
	for _, prefix := range []string{"", "a", "b/"} {
		level := oneLevel(keys, prefix)
		for i, after := range level {
			got := list(t, src, prefix, &blob.ListOptions{After: after, OneLevel: true})
			if diff := cmp.Diff(level[i+1:], got); diff != "" {
				t.Errorf("one level of %q after %q (-want +got):\n%s", prefix, after, diff)
			}
		}
	}
	if got := list(t, src, "b/", &blob.ListOptions{After: "a/zzz"}); len(got) == 0 || got[0] != "b/1" {
		t.Errorf("a key before the prefix as After hides objects: %q", got)
	}
}

func testListPages(t *testing.T, s *suite) {
	objects := map[string]string{}
	var keys []string
	for i := range s.opts.ListSize {
		key := fmt.Sprintf("p/%d/%05d.csv", i%3, i)
		objects[key] = fmt.Sprint(i)
		keys = append(keys, key)
	}
	slices.Sort(keys)
	src := s.newSource(t, objects)
	for _, size := range []int{0, 1000, 999} {
		if diff := cmp.Diff(keys, list(t, src, "", &blob.ListOptions{PageSize: size})); diff != "" {
			t.Errorf("page size %d (-want +got):\n%s", size, diff)
		}
	}
	middle := len(keys) / 2
	got := list(t, src, "p/", &blob.ListOptions{After: keys[middle], PageSize: 500})
	if diff := cmp.Diff(keys[middle+1:], got); diff != "" {
		t.Errorf("resumed in the middle (-want +got):\n%s", diff)
	}
	want := []string{"p/0/", "p/1/", "p/2/"}
	if diff := cmp.Diff(want, list(t, src, "p/", &blob.ListOptions{OneLevel: true})); diff != "" {
		t.Errorf("one level (-want +got):\n%s", diff)
	}
}

func testListStops(t *testing.T, s *suite) {
	objects, keys := treeOf(s)
	src := s.newSource(t, objects)
	n := 0
	for _, err := range src.List(t.Context(), "", &blob.ListOptions{PageSize: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	// The same sequence can be ranged over again, from the start.
	seq := src.List(t.Context(), "", nil)
	for range 2 {
		n = 0
		for range seq {
			n++
		}
		if n != len(keys) {
			t.Errorf("%d objects, want %d", n, len(keys))
		}
	}
}

func testListCanceled(t *testing.T, s *suite) {
	objects, _ := treeOf(s)
	src := s.newSource(t, objects)
	ctx, cancel := context.WithCancel(t.Context())
	n, failed := 0, 0
	for _, err := range src.List(ctx, "", &blob.ListOptions{PageSize: 1}) {
		if err != nil {
			failed++
			if errs.KindOf(err) != errs.Canceled {
				t.Errorf("%v, want kind Canceled", err)
			}
			continue
		}
		if n++; n == 2 {
			cancel()
		}
	}
	if cancel(); failed != 1 {
		t.Errorf("%d errors after cancel, want 1 that ends the listing", failed)
	}
}
