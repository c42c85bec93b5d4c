package dataset

import (
	"strings"
	"testing"
	"time"
)

func TestIDsSortByTimeAndAreUnique(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	last := ""
	for i := range 1000 {
		id := newID("dataset-", at.Add(time.Duration(i)*time.Millisecond))
		if id <= last || len(id) != len("dataset-")+idLength || strings.ToLower(id) != id {
			t.Fatalf("%q comes after %q", id, last)
		}
		last = id
	}
	if one, other := newID("", at), newID("", at); one == other {
		t.Error("two ids are the same")
	}
}

func TestKeysTellTheHour(t *testing.T) {
	id := newID("datasource-", time.Date(2026, 11, 24, 9, 59, 59, 999_000_000, time.UTC))
	key := SourceKey(id, 17)
	if want := "sources/26112409-" + id + "-11"; key != want {
		t.Errorf("key %q, want %q", key, want)
	}
	got, fence, err := ParseSourceKey(key)
	if got != id || fence != 17 || err != nil {
		t.Errorf("parsed %q %d %v", got, fence, err)
	}
	if key := UploadKey("strange"); key != "uploads/00000000-strange" {
		t.Errorf("key of an id of another form: %q", key)
	}
	for _, key := range []string{"", "sources/", "sources/x", "sources/26112409-" + id, "sources/26112408-" + id + "-11", key + "g", strings.ToUpper(key), "uploads/" + key} {
		if id, _, err := ParseSourceKey(key); err == nil {
			t.Errorf("%q is taken for the key of %q", key, id)
		}
	}
}
