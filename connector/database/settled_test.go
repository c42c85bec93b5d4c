package database_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/inlet-go/inlet/connector/database"
	"github.com/inlet-go/inlet/task"
)

// moments is a table of rows that name themselves, with a timestamp that may
// be NULL.
func moments(t testing.TB, s *server, typ string) string {
	return s.table(t, "moments", "id int PRIMARY KEY, changed "+typ+" NULL")
}

// ids returns the ids of the rows of all files, sorted.
func (e *env) ids() []string { return idsOf(e.rows()) }

func idsOf(rows []string) []string {
	var list []string
	for _, row := range rows {
		var id string
		fmt.Sscan(row, &id)
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}

func (e *env) wantIDs(what string, want ...string) {
	e.t.Helper()
	if diff := cmp.Diff(want, e.ids(), cmpopts.EquateEmpty()); diff != "" {
		e.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestRowsWithoutATimestampAreLoadedOnce(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := moments(t, s, "timestamp(6)")
		s.exec(t, "INSERT INTO "+table+" VALUES (1, '2026-01-01'), (2, NULL), (3, NULL)")
		id := e.load(s, table, "changed", 100, 100)
		e.wantIDs("the first run", "1", "2", "3")
		e.again(id)
		e.wantIDs("a run of nothing new", "1", "2", "3")
		s.exec(t, "INSERT INTO "+table+" VALUES (4, NULL)", "UPDATE "+table+" SET changed = '2026-01-02' WHERE id = 2")
		e.again(id)
		e.again(id)
		e.wantIDs("a new row without a timestamp, and a row that got one", "1", "2", "2", "3", "4")
	})
}

func TestTableWithoutAnyTimestamp(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := moments(t, s, "timestamp(6)")
		s.exec(t, "INSERT INTO "+table+" VALUES (1, NULL), (2, NULL), (3, NULL)")
		id := e.load(s, table, "changed", 1, 2)
		e.wantIDs("a run of 2 batches of 1", "1", "2")
		e.again(id)
		e.wantIDs("the next run", "1", "2", "3")
		s.exec(t, "INSERT INTO "+table+" VALUES (0, '2026-01-01')")
		e.again(id)
		e.again(id)
		e.wantIDs("with the first timestamp", "0", "1", "2", "3")
	})
}

// A transaction that is open while a run lists commits rows that are earlier
// than others that are there already.
func TestRowsThatAreCommittedLateAreLoaded(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e, began := newEnv(t, nil), time.Now()
		late, err := s.db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer late.Rollback()
		all := []string{"timestamp(6)", "timestamp(0)", map[string]string{"PostgreSQL": "timestamptz", "MySQL": "datetime(6)"}[s.kind]}
		listed := map[string]int64{}
		for _, typ := range all {
			listed[moments(t, s, typ)] = 0
		}
		for table := range listed {
			s.exec(t, "INSERT INTO "+table+" VALUES (1, '2026-01-01')")
			if _, err := late.Exec("INSERT INTO " + table + " VALUES (2, now())"); err != nil {
				t.Fatal(err)
			}
			s.exec(t, "INSERT INTO "+table+" VALUES (3, now())")
		}
		time.Sleep(time.Until(began.Add(3 * time.Second))) // else the last rows are too new by themselves
		for table := range listed {
			listed[table] = e.load(s, table, "changed", 100, 100)
		}
		e.wantIDs("while the transaction is open", "1", "1", "1")
		if err := late.Commit(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); len(e.rows()) < 9 && time.Now().Before(deadline); {
			for _, id := range listed {
				e.again(id)
			}
		}
		for _, id := range listed {
			e.again(id)
		}
		e.wantIDs("after its end", "1", "1", "1", "2", "2", "2", "3", "3", "3")
	})
}

// everything lists a source for a task that lists it once, or again.
func (e *env) everything(src task.Incremental, once bool) []string {
	e.t.Helper()
	objects, _ := src.ListSince(e.t.Context(), "", once)
	var keys []string
	for obj, err := range objects {
		if err != nil {
			e.t.Fatal(err)
		}
		keys = append(keys, obj.Key)
	}
	return idsOf(e.pages(src, keys))
}

// What no listing follows is of all that there is.
func TestTheOnlyListingIsOfEveryRow(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		for typ, times := range map[string][]string{"timestamp": {"'2026-01-01'", "'2037-01-01'"}, "date": {"'2026-01-01'", "current_date"}} {
			table := moments(t, s, typ)
			s.exec(t, fmt.Sprintf("INSERT INTO %s VALUES (1, %s), (2, %s), (3, NULL)", table, times[0], times[1]))
			src := e.source(s, table, "changed", 100, 100)
			for once, want := range map[bool][]string{false: {"1", "3"}, true: {"1", "2", "3"}} {
				if diff := cmp.Diff(want, e.everything(src, once)); diff != "" {
					t.Errorf("%s, the only listing: %v (-want +got):\n%s", typ, once, diff)
				}
			}
		}
	})
}

// user makes a user who may read tables only, and connects as it.
func (s *server) user(t *testing.T, settings ...string) *server {
	t.Helper()
	name := fmt.Sprintf("inlet_%d_%d", os.Getpid(), tables.Add(1))
	if s.kind == "MySQL" {
		s.exec(t, "CREATE USER "+name+"@'%' IDENTIFIED BY 'secret'", "GRANT SELECT ON test.* TO "+name+"@'%'")
		t.Cleanup(func() { s.exec(t, "DROP USER "+name+"@'%'") })
	} else {
		s.exec(t, "CREATE ROLE "+name+" LOGIN PASSWORD 'secret' IN ROLE pg_read_all_data")
		t.Cleanup(func() { s.exec(t, "DROP ROLE "+name) })
	}
	for _, text := range settings {
		s.exec(t, fmt.Sprintf(text, name))
	}
	as := &server{s.kind, s.db, map[string]any{}}
	for key, value := range s.info {
		as.info[key] = value
	}
	as.info["username"], as.info["password"] = name, "secret"
	return as
}

// Who may not see open transactions gets what is older than a lag.
func TestLagWhereTransactionsAreNotShown(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnvWith(t, nil, database.Options{Lag: time.Hour})
		held, err := s.db.Conn(t.Context()) // somebody else is connected
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		table := moments(t, s, "timestamp(6)")
		s.exec(t, "INSERT INTO "+table+" VALUES (1, now() - INTERVAL '2' HOUR), (2, now() - INTERVAL '30' MINUTE)")
		grant := map[string]string{"PostgreSQL": "GRANT pg_read_all_stats TO %s", "MySQL": "GRANT PROCESS ON *.* TO %s@'%%'"}[s.kind]
		for who, tt := range map[string]struct {
			as   *server
			want []string
		}{
			"without the right": {s.user(t), []string{"1"}},
			"with it":           {s.user(t, grant), []string{"1", "2"}},
		} {
			if diff := cmp.Diff(tt.want, e.everything(e.source(tt.as, table, "changed", 100, 100), false)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", who, diff)
			}
		}
	})
}

// Times without a zone are the server's.
func TestTimesWithoutAZone(t *testing.T) {
	s := openPostgres(t)
	e := newEnv(t, nil)
	as := s.user(t, "GRANT pg_read_all_stats TO %s", "ALTER ROLE %s SET timezone = 'Asia/Tokyo'")
	table := moments(t, s, "timestamp")
	s.exec(t, "INSERT INTO "+table+" VALUES (1, (now() - INTERVAL '1 minute') AT TIME ZONE 'Asia/Tokyo'), (2, (now() + INTERVAL '1 hour') AT TIME ZONE 'Asia/Tokyo')")
	if diff := cmp.Diff([]string{"1"}, e.everything(e.source(as, table, "changed", 100, 100), false)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// A column of numbers has no clock.
func TestNumbersAsTimestamps(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := moments(t, s, "bigint")
		s.exec(t, "INSERT INTO "+table+" VALUES (1, 9000000000000000000), (2, -1), (3, NULL)")
		if diff := cmp.Diff([]string{"1", "2", "3"}, e.everything(e.source(s, table, "changed", 100, 100), false)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}
