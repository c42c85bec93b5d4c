package task

import (
	"time"
	_ "time/tzdata" // schedules name time zones, and minimal images have no zone files

	"github.com/inlet-go/inlet/store/errs"
)

// The most that Every may be: a year, in its unit.
const (
	maxMinutes = 365 * 24 * 60
	maxHours   = 365 * 24
)

// check notes what is wrong with the schedule.
func (s Schedule) check(p *errs.Problems) {
	const field = "load_mode_config.interval"
	switch s.Type {
	case Once:
		p.Check(s.Every == 0, "%s is invalid: it must be 0 for load_interval_type 4", field)
	case Minutely:
		p.Check(s.Every >= 1 && s.Every <= maxMinutes, "%s is invalid: it must be 1 to %d minutes", field, maxMinutes)
	case Hourly:
		p.Check(s.Every >= 1 && s.Every <= maxHours, "%s is invalid: it must be 1 to %d hours", field, maxHours)
	case Daily:
		p.Check(s.Every >= 0 && s.Every <= 23, "%s is invalid: it must be an hour of the day, 0 to 23", field)
	default:
		p.Addf("load_mode_config.load_interval_type is invalid: %d is none of 1 (day), 2 (hour), 3 (minute), 4 (once)", s.Type)
	}
	if _, err := s.location(); err != nil {
		p.Addf("load_mode_config.time_zone is invalid: %q is not known", s.TimeZone)
	}
}

func (s Schedule) location() (*time.Location, error) {
	if s.TimeZone == "Local" {
		return nil, errs.New(errs.Invalid, "the host's local zone is no name")
	}
	return time.LoadLocation(s.TimeZone)
}

// once reports whether a task runs once.
func (s Schedule) once() bool { return s.Type == Once || s.Type == 0 }

// first returns when a task that is made now runs first, and when next.
func (s Schedule) first(now time.Time) (start, next time.Time) {
	switch s.Type {
	case Daily:
		return time.Time{}, s.next(now, now)
	case Hourly, Minutely:
		return now, s.next(now, now)
	}
	return now, time.Time{}
}

// next returns the first due time after now of a task that was due at prev.
// It keeps the phase, so that runs that were missed make one, not many.
func (s Schedule) next(prev, now time.Time) time.Time {
	switch s.Type {
	case Minutely:
		return step(prev, now, time.Duration(s.Every)*time.Minute)
	case Hourly:
		return step(prev, now, time.Duration(s.Every)*time.Hour)
	case Daily:
		loc, err := s.location()
		if err != nil {
			loc = time.UTC // checked when the task was made; the zone is gone since
		}
		year, month, day := now.In(loc).Date()
		for ; ; day++ {
			if at := time.Date(year, month, day, s.Every, 0, 0, 0, loc); at.After(now) {
				return at
			}
		}
	}
	return time.Time{}
}

func step(prev, now time.Time, every time.Duration) time.Time {
	if now.Before(prev) {
		return prev
	}
	return prev.Add((now.Sub(prev)/every + 1) * every)
}
