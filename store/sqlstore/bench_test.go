package sqlstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/task"
)

// benchEnv scales the benchmarks: INLET_BENCH_FILES is the number of files,
// INLET_BENCH_CHUNK how many are in a chunk.
func benchEnv(b testing.TB, name string, def int) int {
	text := os.Getenv(name)
	if text == "" {
		return def
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		b.Fatalf("%s is %q", name, text)
	}
	return n
}

// cpu returns the processor time that this process has used, and every
// postgres process of this machine.
func cpu(b testing.TB) time.Duration {
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		b.Fatal(err)
	}
	used := time.Duration(self.Utime.Nano() + self.Stime.Nano())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "(postgres)") {
			continue
		}
		// After the name: state is field 3, so utime, stime, cutime and cstime,
		// fields 14 to 17, are at 11 to 14.
		fields := strings.Fields(string(text[strings.LastIndex(string(text), ")")+1:]))
		for _, field := range fields[11:15] {
			ticks, _ := strconv.ParseInt(field, 10, 64)
			used += time.Duration(ticks) * time.Second / 100
		}
	}
	return used
}

// newLoad makes a task with a run whose listing is claimed.
func newLoad(b testing.TB, s *sqlstore.Store, name string) (*task.Task, *task.Run) {
	b.Helper()
	ctx := context.Background()
	c := &connector.Connector{Tenant: "t", Name: name, Type: connector.Folder, Config: connector.Config{Folder: &connector.FolderConfig{Path: "/d"}}}
	v := &task.Volume{Tenant: "t", Name: name}
	must(b, s.CreateConnector(ctx, c))
	must(b, s.CreateVolume(ctx, v))
	t := &task.Task{
		Tenant: "t", ConnectorID: c.ID, VolumeID: v.ID, Status: task.Executable, URIs: []string{"data/"}, Creator: "bench",
		Schedule: task.Schedule{Type: task.Once},
	}
	run := &task.Run{First: true, URIs: t.URIs}
	must(b, s.CreateTask(ctx, t, run))
	return t, run
}

func must(b testing.TB, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// listFiles lists n files in chunks.
func listFiles(b testing.TB, s *sqlstore.Store, t *task.Task, run *task.Run, n, chunk int) {
	b.Helper()
	ctx := context.Background()
	items, err := s.Claim(ctx, "bench", []string{task.KindList}, 1, time.Hour)
	must(b, err)
	now := time.Now()
	for first := 0; first < n; first += chunk {
		files := make([]*task.File, min(chunk, n-first))
		for i := range files {
			k := first + i
			files[i] = &task.File{
				VolumeID: t.VolumeID, ConnectorID: t.ConnectorID, URI: fmt.Sprintf("data/%04d/part-%09d.parquet", k/1000, k),
				Size: 1000, ETag: "d41d8cd98f00b204e9800998ecf8427e", ModTime: now, Status: task.Waiting, Creator: "bench", StartAt: now, UpdatedAt: now,
			}
		}
		must(b, s.AppendChunk(ctx, items[0].Lease(), run.ID, files, 0, task.Cursor{URI: 0, After: files[len(files)-1].URI}, nil))
	}
	must(b, s.EndListing(ctx, items[0].Lease(), run.ID))
}

// loadFiles completes every chunk, as work that does nothing.
func loadFiles(b testing.TB, s *sqlstore.Store) {
	b.Helper()
	ctx := context.Background()
	for {
		items, err := s.Claim(ctx, "bench", []string{task.KindLoad}, 2, time.Hour)
		must(b, err)
		if len(items) == 0 {
			return
		}
		for _, item := range items {
			files, err := s.ChunkFiles(ctx, item.ID)
			must(b, err)
			now := time.Now()
			results := make([]task.FileResult, len(files))
			for i, f := range files {
				results[i] = task.FileResult{
					FileID: f.ID, Status: task.Success, Size: f.Size, ETag: f.ETag, ModTime: f.ModTime,
					SHA256: [32]byte{byte(i), byte(i >> 8), 1}, StartAt: now, EndAt: now,
				}
			}
			must(b, s.CommitFiles(ctx, item.Lease(), item.ID, results, true))
		}
	}
}

// BenchmarkLoad lists files and completes them. With -benchtime=1x and
// INLET_BENCH_FILES=1000000 it is the scale that a task must bear.
func BenchmarkLoad(b *testing.B) {
	n, chunk := benchEnv(b, "INLET_BENCH_FILES", 50_000), benchEnv(b, "INLET_BENCH_CHUNK", 1000)
	for _, db := range databases {
		b.Run(db.name, func(b *testing.B) {
			var list, load, wall time.Duration
			for b.Loop() {
				s := open(b, db.dsn(b), nil)
				t, run := newLoad(b, s, "bench")
				start, begin := cpu(b), time.Now()
				listFiles(b, s, t, run, n, chunk)
				listed := cpu(b)
				loadFiles(b, s)
				list, load, wall = list+listed-start, load+cpu(b)-listed, wall+time.Since(begin)
				counts, err := s.TaskCounts(context.Background(), "t", t.ID)
				must(b, err)
				if counts.Success != int64(n) {
					b.Fatalf("%d of %d files were loaded", counts.Success, n)
				}
			}
			files := float64(b.N * n)
			b.ReportMetric(float64(list.Microseconds())/files, "list-cpu-µs/file")
			b.ReportMetric(float64(load.Microseconds())/files, "load-cpu-µs/file")
			b.ReportMetric(float64((list+load).Microseconds())/files, "cpu-µs/file")
			b.ReportMetric(files/wall.Seconds(), "files/s")
		})
	}
}
