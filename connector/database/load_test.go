package database_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

// rows returns the rows of all files as texts, sorted.
func (e *env) rows() []string {
	e.t.Helper()
	var list []string
	for _, f := range e.files() {
		list = append(list, rows(e.t, e.bytes(f))...)
	}
	slices.Sort(list)
	return list
}

// count returns how many rows the files say that they have.
func (e *env) count() int64 {
	e.t.Helper()
	var n int64
	for _, f := range e.files() {
		data := e.bytes(f)
		file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			e.t.Fatal(err)
		}
		n += file.NumRows()
	}
	return n
}

func rows(t testing.TB, data []byte) []string {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	r := parquet.NewReader(file)
	defer r.Close()
	var list []string
	buf := make([]parquet.Row, 100)
	for {
		n, err := r.ReadRows(buf)
		for _, row := range buf[:n] {
			var texts []string
			for _, v := range row {
				texts = append(texts, v.String())
			}
			list = append(list, strings.Join(texts, " "))
		}
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// orders is a table whose rows change.
func orders(t testing.TB, s *server, n int) string {
	name := s.table(t, "orders", "id int NOT NULL, region varchar(10) NOT NULL, price decimal(30,10), changed timestamp(6) NOT NULL, PRIMARY KEY (region, id)")
	insert(t, s, name, 1, n)
	return name
}

func insert(t testing.TB, s *server, table string, from, to int) {
	t.Helper()
	var values []string
	for i := from; i <= to; i++ {
		values = append(values, fmt.Sprintf("(%d, '%s', 12345678901234567890.0123456789, '2026-01-01 00:00:%02d.5')",
			i, []string{"north", "south"}[i%2], i/3%60))
	}
	s.exec(t, "INSERT INTO "+table+" (id, region, price, changed) VALUES "+strings.Join(values, ", "))
}

func wantOrders(from, to, second int) []string {
	var list []string
	for i := from; i <= to; i++ {
		at := second
		if at == 0 {
			at = i / 3 % 60
		}
		list = append(list, fmt.Sprintf("%d %s 12345678901234567890.0123456789 %d", i, []string{"north", "south"}[i%2], 1767225600_500000+int64(at)*1_000_000))
	}
	return list
}

func (e *env) expect(want ...[]string) {
	e.t.Helper()
	list := slices.Sorted(slices.Values(slices.Concat(want...)))
	if diff := cmp.Diff(list, e.rows(), cmpopts.EquateEmpty()); diff != "" {
		e.t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestChangedRowsAreLoadedOnce(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := orders(t, s, 100)
		id := e.load(s, table, "changed", 7, 1000)
		e.expect(wantOrders(1, 100, 0))
		if got := len(e.files()); got != 15 {
			t.Errorf("100 rows by 7 are %d files", got)
		}
		e.again(id)
		e.expect(wantOrders(1, 100, 0))

		s.exec(t, "UPDATE "+table+" SET changed = '2026-01-01 00:01:40.5' WHERE id BETWEEN 11 AND 20")
		insert(t, s, table, 101, 102)
		s.exec(t, "UPDATE "+table+" SET changed = '2026-01-01 00:01:40.5' WHERE id > 100")
		e.again(id)
		e.expect(wantOrders(1, 100, 0), wantOrders(11, 20, 100), wantOrders(101, 102, 100))
	})
}

func TestNewRowsAreFoundByTheKey(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := s.table(t, "keyed", "id bigint PRIMARY KEY, note varchar(10)")
		s.exec(t, "INSERT INTO "+table+" VALUES (9007199254740992, 'a'), (9007199254740993, NULL), (-5, '')")
		id := e.load(s, table, "", 2, 1000)
		want := []string{"-5 ", "9007199254740992 a", "9007199254740993 <null>"}
		e.expect(want)
		s.exec(t, "INSERT INTO "+table+" VALUES (9007199254740994, 'new'), (-6, 'not seen')")
		e.again(id)
		e.expect(want, []string{"9007199254740994 new"})
	})
}

func TestRowsOfOneMomentFollowTheKey(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := s.table(t, "moment", "id int PRIMARY KEY, changed timestamp(6) NOT NULL")
		var want []string
		for id := 8; id <= 12; id++ {
			s.exec(t, fmt.Sprintf("INSERT INTO %s VALUES (%d, '2026-01-01 00:00:00')", table, id))
			want = append(want, fmt.Sprintf("%d 1767225600000000", id))
		}
		id := e.load(s, table, "changed", 2, 1)
		e.again(id)
		e.again(id)
		e.expect(want)
	})
}

// A change between a listing and the load of its pages belongs to the next
// listing: no row is loaded as it was in one page, and as it is in another.
func TestRowsChangeBeforeTheyAreLoaded(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := orders(t, s, 20)
		src := e.source(s, table, "changed", 4, 100)
		keys, next := e.list(src, "")
		s.exec(t, "UPDATE "+table+" SET changed = '2026-01-01 00:01:40.5' WHERE id IN (3, 9)")
		later, _ := e.list(src, next)
		got := slices.Concat(e.pages(src, keys), e.pages(src, later))
		want := wantOrders(1, 20, 0)
		want = slices.DeleteFunc(want, func(row string) bool { return strings.HasPrefix(row, "3 ") || strings.HasPrefix(row, "9 ") })
		want = slices.Concat(want, wantOrders(3, 3, 100), wantOrders(9, 9, 100))
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// A page whose rows have all changed since is a file without rows.
func TestAPageWithoutRows(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := orders(t, s, 5)
		src := e.source(s, table, "changed", 10, 1)
		keys, _ := e.list(src, "")
		s.exec(t, "DELETE FROM "+table)
		if got := e.pages(src, keys); len(keys) != 1 || len(got) != 0 {
			t.Errorf("%d pages have the rows %v", len(keys), got)
		}
	})
}

var listed = regexp.MustCompile(`"listed":"[^"]*"`)

// untimed returns a state without the time of its listing.
func untimed(state string) string { return listed.ReplaceAllString(state, "") }

func TestInterruptedListingGoesOn(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := orders(t, s, 20)
		for _, timestamp := range []string{"", "changed"} {
			src := e.source(s, table, timestamp, 4, 100)
			all, next := e.list(src, "")
			objects, state := src.ListSince(t.Context(), "", false)
			i := 0
			for _, err := range objects {
				if err != nil {
					t.Fatal(err)
				}
				i++
				rest, last := e.list(src, state())
				if diff := cmp.Diff(all[i:], rest, cmpopts.EquateEmpty()); diff != "" || untimed(last) != untimed(next) {
					t.Errorf("by %q behind page %d, state %s, want %s (-want +got):\n%s", timestamp, i, last, next, diff)
				}
			}
		}
	})
}

func TestRetryListsATableThatCameLater(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := orders(t, s, 5)
		s.exec(t, "ALTER TABLE "+table+" RENAME TO "+table+"_away")
		id := e.load(s, table, "changed", 2, 10)
		s.exec(t, "ALTER TABLE "+table+"_away RENAME TO "+table)
		before, err := e.tasks.Get(t.Context(), e.me, id)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := e.tasks.Retry(t.Context(), e.me, id, nil); n != 1 || err != nil {
			t.Fatalf("retry of %d files: %v", n, err)
		}
		e.await(id, before.EndAt)
		e.expect(wantOrders(1, 5, 0))
		e.again(id)
		e.expect(wantOrders(1, 5, 0))
	})
}

func TestMaximumBatchesEndARun(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		id := e.load(s, orders(t, s, 50), "changed", 10, 2)
		if got := len(e.rows()); got != 20 {
			t.Errorf("a run of 2 batches of 10 loads %d rows", got)
		}
		e.again(id)
		e.again(id)
		e.expect(wantOrders(1, 50, 0))
	})
}

// A task that runs each hour looks once a day where its connector says so.
func TestPolling(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		e.polling = "Daily"
		table := orders(t, s, 5)
		id := e.load(s, table, "changed", 2, 2)
		e.again(id) // the fifth row was left over
		e.expect(wantOrders(1, 5, 0))
		insert(t, s, table, 6, 6)
		for range 23 {
			e.again(id)
		}
		e.expect(wantOrders(1, 5, 0))
		e.again(id)
		e.expect(wantOrders(1, 6, 0))
	})
}

func TestEmptyTable(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := orders(t, s, 1)
		s.exec(t, "DELETE FROM "+table)
		id := e.load(s, table, "changed", 10, 2)
		e.expect()
		insert(t, s, table, 1, 3)
		e.again(id)
		e.expect(wantOrders(1, 3, 0))
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		table := orders(t, s, 1)
		keyless := s.table(t, "keyless", "a int")
		floating := s.table(t, "floating", "a double precision PRIMARY KEY")
		for _, tt := range []struct {
			table, timestamp string
			kind             errs.Kind
			want             string
		}{
			{"nowhere", "", errs.NotFound, `table "nowhere" does not exist`},
			{keyless, "", errs.Invalid, "it has no primary key"},
			{floating, "", errs.Invalid, `rows cannot be ordered by the column "a" of this type`},
			{table, "absent", errs.Invalid, `has no column "absent"`},
		} {
			c, err := e.connect(s, tt.table, tt.timestamp, 10, 10)
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.connectors.Files(t.Context(), e.me, c.ID, connector.FilesQuery{})
			if errs.KindOf(err) != tt.kind || !strings.Contains(errs.Message(err), tt.want) {
				t.Errorf("%s: got %v: %v, want %v: %s", tt.table, errs.KindOf(err), err, tt.kind, tt.want)
			}
			made, err := e.tasks.Create(t.Context(), e.me, task.New{ConnectorID: c.ID, VolumeID: e.volume, URIs: []string{"/"}, Schedule: task.Schedule{Type: task.Once}})
			if err != nil {
				t.Fatal(err)
			}
			e.await(made.ID, made.EndAt)
			files, _, _, err := e.tasks.Files(t.Context(), e.me, made.ID, task.FileQuery{})
			if err != nil {
				t.Fatal(err)
			}
			if len(files) != 1 || !strings.Contains(files[0].Reason, tt.want) {
				t.Errorf("%s: the task shows %v", tt.table, files)
			}
		}
	})
}

func TestSecretsStaySecret(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		e := newEnv(t, nil)
		s.info["username"], s.info["password"] = "nobody_here", "hunter2hunter2"
		c, err := e.connect(s, "orders", "", 10, 10)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%+v", c.Config.Definition); strings.Contains(text, "hunter2") {
			t.Errorf("the config prints its password: %s", text)
		}
		_, err = e.connectors.Files(t.Context(), e.me, c.ID, connector.FilesQuery{})
		if err == nil || strings.Contains(fmt.Sprintf("%+v", err), "hunter2") {
			t.Errorf("a wrong user gives %v", err)
		}
	})
}
