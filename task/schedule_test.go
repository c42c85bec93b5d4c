package task

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestScheduleNext(t *testing.T) {
	tests := map[string]struct {
		schedule        Schedule
		prev, now, want string
	}{
		"every 45 minutes keeps its phase": {
			Schedule{Type: Minutely, Every: 45}, "2026-01-01T00:10:00Z", "2026-01-01T00:10:03Z", "2026-01-01T00:55:00Z"},
		"missed runs collapse into one": {
			Schedule{Type: Minutely, Every: 45}, "2026-01-01T00:10:00Z", "2026-01-04T00:00:00Z", "2026-01-04T00:10:00Z"},
		"exactly due counts as due": {
			Schedule{Type: Hourly, Every: 2}, "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T04:00:00Z"},
		"a clock that went back does not run early": {
			Schedule{Type: Hourly, Every: 2}, "2026-01-01T06:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T06:00:00Z"},
		"daily at midnight": {
			Schedule{Type: Daily, Every: 0}, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
		"daily in a zone": {
			Schedule{Type: Daily, Every: 8, TimeZone: "Asia/Shanghai"}, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-02T00:00:00Z"},
		"daily over the start of summer time": {
			Schedule{Type: Daily, Every: 12, TimeZone: "Europe/Berlin"}, "2026-03-28T11:00:00Z", "2026-03-28T11:00:00Z", "2026-03-29T10:00:00Z"},
		"daily over the end of summer time": {
			Schedule{Type: Daily, Every: 12, TimeZone: "Europe/Berlin"}, "2026-10-24T10:00:00Z", "2026-10-24T10:00:00Z", "2026-10-25T11:00:00Z"},
		"an hour that the zone skips runs after the gap": {
			Schedule{Type: Daily, Every: 2, TimeZone: "Europe/Berlin"}, "2026-03-28T01:00:00Z", "2026-03-28T01:00:00Z", "2026-03-29T01:00:00Z"},
		"leap day": {
			Schedule{Type: Daily, Every: 0}, "2028-02-28T00:00:00Z", "2028-02-28T00:00:00Z", "2028-02-29T00:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := tt.schedule.next(at(t, tt.prev), at(t, tt.now)).UTC().Format(time.RFC3339)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("next (-want +got):\n%s", diff)
			}
		})
	}
	if !(Schedule{Type: Once}).next(time.Unix(1, 0), time.Unix(2, 0)).IsZero() {
		t.Error("a one-off task is never due again")
	}
}

func TestScheduleNextIsAlwaysLater(t *testing.T) {
	now := at(t, "2026-01-01T00:00:00Z")
	for _, s := range []Schedule{
		{Type: Minutely, Every: 1}, {Type: Hourly, Every: 5}, {Type: Daily, Every: 23, TimeZone: "America/New_York"},
		{Type: Daily, Every: 2, TimeZone: "Australia/Lord_Howe"},
	} {
		due := now
		for range 1000 {
			next := s.next(due, due)
			if !next.After(due) || next.Sub(due) > 26*time.Hour {
				t.Fatalf("%+v: next of %v is %v", s, due, next)
			}
			due = next
		}
	}
}

func TestScheduleCheck(t *testing.T) {
	tests := []struct {
		schedule Schedule
		want     string
	}{
		{Schedule{Type: Once}, ""},
		{Schedule{Type: Daily, Every: 23}, ""},
		{Schedule{Type: Once, Every: 1}, "load_mode_config.interval is invalid: it must be 0 for load_interval_type 4"},
		{Schedule{Type: Minutely}, "load_mode_config.interval is invalid: it must be 1 to 525600 minutes"},
		{Schedule{Type: Hourly, Every: 8761}, "load_mode_config.interval is invalid: it must be 1 to 8760 hours"},
		{Schedule{Type: Daily, Every: 24}, "load_mode_config.interval is invalid: it must be an hour of the day, 0 to 23"},
		{Schedule{Type: 9, TimeZone: "Mars/Olympus"}, "load_mode_config.load_interval_type is invalid: 9 is none of 1 (day), 2 (hour), 3 (minute), 4 (once); " +
			`load_mode_config.time_zone is invalid: "Mars/Olympus" is not known`},
	}
	for _, tt := range tests {
		var p errs.Problems
		tt.schedule.check(&p)
		got := ""
		if err := p.Err(); err != nil {
			got = errs.Message(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.schedule, diff)
		}
	}
}

func FuzzParseBlobKey(f *testing.F) {
	f.Add("files/0000000000002a-7")
	f.Add("files/-1-0")
	f.Fuzz(func(t *testing.T, key string) {
		if ref, err := ParseBlobKey(key); err == nil && ref.Key() != key {
			t.Errorf("%q parses to %v, whose key is %q", key, ref, ref.Key())
		}
	})
}
