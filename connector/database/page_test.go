package database

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzParsePage(f *testing.F) {
	for _, p := range []page{
		{Table: "t", By: []string{"id"}, To: []string{"1"}},
		{Table: "t", By: []string{"at", "id"}, After: []string{"1"}, To: []string{"2"}, window: window{[]string{"a", "1"}, []string{"b", "2"}}},
	} {
		key, err := p.key()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(key)
	}
	f.Add("t/.parquet")
	f.Add("t/e30.parquet")
	f.Fuzz(func(t *testing.T, key string) {
		p, err := parsePage(key)
		if err != nil {
			return
		}
		again, err := p.key()
		if err != nil {
			t.Fatalf("%q has no key: %v", key, err)
		}
		got, err := parsePage(again)
		if diff := cmp.Diff(p, got, cmp.AllowUnexported(page{}, window{})); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", key, err, diff)
		}
	})
}
