package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// schema makes an empty schema on the test's PostgreSQL and returns a DSN for
// it.
func schema(t *testing.T) string {
	t.Helper()
	dsn := os.Getenv("INLET_TEST_POSTGRES")
	if dsn == "" {
		t.Skip("SKIPPED: INLET_TEST_POSTGRES names no PostgreSQL")
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := fmt.Sprintf("inlet_server_%d", time.Now().UnixNano())
	if _, err := db.ExecContext(t.Context(), "create schema "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Error(err)
			return
		}
		defer db.Close()
		if _, err := db.ExecContext(context.Background(), "drop schema "+name+" cascade"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

var chunkLine = regexp.MustCompile(`msg="chunk loaded".* files=(\d+)`)

// loaded returns how many files a server's log says that it loaded.
func (p *process) loaded() int {
	sum := 0
	for _, m := range chunkLine.FindAllStringSubmatch(p.logged(), -1) {
		n, _ := strconv.Atoi(m[1])
		sum += n
	}
	return sum
}

// TestTwoNodesSplitATask runs two servers on one PostgreSQL and one bucket,
// and kills one of them in the middle.
func TestTwoNodesSplitATask(t *testing.T) {
	dsn := schema(t)
	const n = 10_000
	content := map[string]string{}
	for i := range n {
		content[fmt.Sprintf("d%d/%05d", i%10, i)] = fmt.Sprintf("file %d", i)
	}
	source, data := folderOf(t, content), t.TempDir()
	flags := []string{"-data", data, "-db", dsn, "-allow-dir", source}
	survivor, victim := start(t, flags...), start(t, flags...)
	volume := survivor.volume("v")
	task := survivor.load(survivor.connector("c", source), volume, "/")
	for deadline := time.Now().Add(time.Minute); victim.loaded() < n/4; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the second node loaded %d files only, the first %d", victim.loaded(), survivor.loaded())
		}
	}
	victim.kill()
	killed := time.Now()
	survivor.await(task, 4, 40*time.Second)
	took := time.Since(killed)
	t.Logf("killed after %d files there and %d here; all done %v later", victim.loaded(), survivor.loaded(), took)
	if limit := 20 * time.Second; took > limit {
		t.Errorf("done %v after the kill, want the lease time of 15 s and one look", took)
	}
	if survivor.loaded() < n/4 {
		t.Errorf("the first node loaded %d files, want a quarter at least", survivor.loaded())
	}
	_, total, success, failed, err := survivor.files(task, 1, 1)
	if err != nil || total != n || success != n || failed != 0 {
		t.Fatalf("total %d, success %d, failed %d, %v", total, success, failed, err)
	}
	seen := map[string]bool{}
	for page := 1; len(seen) < n; page++ {
		files, _, _, _, err := survivor.files(task, page, 1000)
		if err != nil || len(files) == 0 {
			t.Fatalf("page %d: %d files, %v", page, len(files), err)
		}
		for i, f := range files {
			if seen[f.uri()] || content[f.uri()] == "" {
				t.Fatalf("%q is there twice, or was never asked for", f.uri())
			}
			seen[f.uri()] = true
			if i%50 == 0 && string(survivor.fetch(volume, f.ID)) != content[f.uri()] {
				t.Errorf("%q has other bytes", f.uri())
			}
		}
	}
}

// TestPauseWithinASecond pauses the load of one object of 1 GiB.
func TestPauseWithinASecond(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "large.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(1 << 30); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("the end"), 1<<30-7); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-data", t.TempDir(), "-allow-dir", dir)
	volume := p.volume("v")
	task := p.load(p.connector("c", dir), volume, "large.bin")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		files, _, _, _, err := p.files(task, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not listed")
		}
	}
	time.Sleep(100 * time.Millisecond) // in the middle of the transfer
	called := time.Now()
	p.mustCall("/task/pause", object{"task_id": task}, nil)
	p.await(task, 3, time.Second-time.Since(called))
	t.Logf("paused after %v", time.Since(called))
	files, _, success, _, err := p.files(task, 1, 1)
	if err != nil || success != 0 || files[0].Status != 3 {
		t.Fatalf("paused too late to prove anything: %v, %d loaded, %v", files, success, err)
	}
	p.mustCall("/task/resume", object{"task_id": task}, nil)
	p.await(task, 4, time.Minute)
	files, _, success, _, err = p.files(task, 1, 1)
	if err != nil || success != 1 || files[0].Size != 1<<30 {
		t.Fatalf("after the resume: %v, %d loaded, %v", files, success, err)
	}
}
