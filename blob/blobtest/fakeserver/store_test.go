package fakeserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestPagesAgreeWithASimpleListing lists random buckets page by page.
func TestPagesAgreeWithASimpleListing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[ab/]{1,5}|r/0000000[0-9]x?`)
		keys := rapid.SliceOfDistinct(key, func(s string) string { return s }).Draw(t, "keys")
		prefix := rapid.StringMatching(`[abr/]{0,2}`).Draw(t, "prefix")
		delimiter := rapid.SampledFrom([]string{"", "/", "a"}).Draw(t, "delimiter")
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		b := newBucket()
		for _, k := range keys {
			b.put(k, &object{content: Bytes(nil)})
		}
		b.ranges = []keyRange{{prefix: "r/", n: 7}}
		for i := range 7 {
			keys = append(keys, fmt.Sprintf("r/%08d", i))
		}
		var got []string
		for after, more := "", true; more; {
			var rows []entry
			rows, more = b.page(prefix, delimiter, after, limit)
			for _, e := range rows {
				got = append(got, e.key)
				after = e.key
			}
		}
		if diff := cmp.Diff(simple(keys, prefix, delimiter), got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func simple(keys []string, prefix, delimiter string) (rows []string) {
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			k = prefix + rest[:i+len(delimiter)]
		}
		rows = append(rows, k)
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

func TestRangesOfAMillionKeysCostNothing(t *testing.T) {
	b := newBucket()
	b.ranges = []keyRange{{"big/", 1_000_000, 10, time.Time{}}}
	n, after, started := 0, "", time.Now()
	for more := true; more; {
		var rows []entry
		rows, more = b.page("big/", "", after, 1000)
		n, after = n+len(rows), rows[len(rows)-1].key
	}
	if n != 1_000_000 {
		t.Errorf("%d keys", n)
	}
	t.Logf("%d keys in %v", n, time.Since(started))
	if o := b.get("big/00999999"); o == nil || o.content.Size() != 10 {
		t.Errorf("the last one is %v", o)
	}
	if b.get("big/01000000") != nil || b.get("big/1") != nil {
		t.Error("there is more than there should be")
	}
}
