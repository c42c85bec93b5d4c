package database

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func FuzzParsePage(f *testing.F) {
	for _, p := range []page{
		{Table: "t", By: []string{"id"}, To: []string{"1"}},
		{Table: "t", By: []string{"at", "id"}, After: []string{"1"}, To: []string{"2"}, window: window{From: []string{"a", "1"}, Until: []string{"b", "2"}}},
		{Table: "t", By: []string{"at", "id"}, To: []string{"2"}, window: window{Null: true}},
	} {
		key, err := p.key()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(key)
	}
	f.Add("0/eyJCeSI6WyJ0Il0sImFmdGVyIjpbXSwidG8iOlsiIl19.parquet") // an empty list is none
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
		if diff := cmp.Diff(p, got, cmp.AllowUnexported(page{}, window{}), cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", key, err, diff)
		}
	})
}

func TestDue(t *testing.T) {
	last := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		polling Polling
		after   time.Duration
		want    bool
	}{
		{"", 0, true},
		{Once, 1000 * 24 * time.Hour, false},
		{Hourly, 58 * time.Minute, false},
		{Hourly, 59*time.Minute + 30*time.Second, true},
		{Daily, 23 * time.Hour, false},
		{Daily, 24 * time.Hour, true},
		{Weekly, 6 * 24 * time.Hour, false},
		{Weekly, 7 * 24 * time.Hour, true},
		{Monthly, 30 * 24 * time.Hour, false},
		{Monthly, 31 * 24 * time.Hour, true},
	} {
		if got := tt.polling.due(last, last.Add(tt.after)); got != tt.want {
			t.Errorf("%q after %v: due is %v", tt.polling, tt.after, got)
		}
	}
}
