package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/task"
)

// TestKilledServerLoadsTablesOnce kills the server at random moments while it
// loads a table that goes on changing. In the end each row is there in its last
// version, and no version of a row is there twice.
func TestKilledServerLoadsTablesOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	s := openPostgres(t)
	table := s.versions("killed")
	rows := 4000
	s.insert(table, 1, rows)
	data := t.TempDir()
	flags := []string{"-data", data, "-allow-net", "127.0.0.0/8"}

	var id, volume string
	var during, minutes int
	for i := range kills(t) {
		p := start(t, flags...)
		if i == 0 {
			volume = p.volume("v")
			id = p.every(1, p.table(s, table, 10), volume)
		}
		s.insert(table, rows+1, rows+100)
		rows += 100
		from := r.IntN(rows - 100)
		s.exec(fmt.Sprintf("UPDATE %s SET version = version + 1, changed = now() WHERE id > %d AND id <= %d", table, from, from+100))
		minutes = i%2 + 1
		p.again(id, 3-minutes) // due for the next server, if this one does not come to it
		end, patience := time.Now().Add(time.Duration(r.IntN(200))*time.Millisecond), time.Now().Add(30*time.Second)
		for loading := false; time.Now().Before(end) || i == 0 && !loading && time.Now().Before(patience); {
			_, total, success, failed, err := p.files(id, 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			loading = success > 0 && success+failed < total
			if time.Now().After(end) && loading {
				during++
			}
		}
		p.kill()
	}

	p := start(t, flags...)
	want := s.rows(table)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		got, _ := p.volumeRows(volume)
		if missing(want, got) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d rows do not come\n%s", missing(want, got), len(want), p.logged())
		}
		minutes = 3 - minutes
		p.again(id, minutes)
	}
	if err := p.stop(); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, p.logged())
	}
	a := audit(t, data)
	got, files := a.tableRows(volume)
	if n := missing(want, got); n != 0 {
		t.Errorf("%d rows are not there", n)
	}
	for i := 1; i < len(got); i++ {
		if got[i] == got[i-1] {
			t.Errorf("row %s is there twice", got[i])
		}
	}
	if n := a.sweep(); n != files {
		t.Errorf("the bucket holds %d objects after the sweep, want %d", n, files)
	}
	if during == 0 {
		t.Error("no kill came while files were loaded: this proves nothing")
	}
	t.Logf("%d kills, %d of them while files were loaded; %d rows, %d versions of them in %d files", kills(t), during, len(want), len(got), files)
}

// missing returns how many of the texts are not in a sorted list.
func missing(texts, in []string) (n int) {
	for _, text := range texts {
		if _, ok := slices.BinarySearch(in, text); !ok {
			n++
		}
	}
	return n
}

// tableRows returns the rows of a volume's files, sorted.
func (a *auditor) tableRows(volume string) (list []string, count int) {
	a.t.Helper()
	id, err := strconv.ParseInt(volume, 10, 64)
	if err != nil {
		a.t.Fatal(err)
	}
	files, _, err := a.tasks.VolumeFiles(a.t.Context(), scope.Scope{Tenant: tenant}, id, task.FileQuery{})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, f := range files {
		if a.sum(f) != f.SHA256 {
			a.t.Errorf("%q does not match its SHA-256", f.URI)
		}
		r, err := a.tasks.OpenFile(a.t.Context(), f, nil)
		if err != nil {
			a.t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			a.t.Fatal(err)
		}
		list = append(list, parquetRows(a.t, data)...)
	}
	slices.Sort(list)
	return list, len(files)
}
