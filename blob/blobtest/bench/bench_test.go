package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
)

// TestMain lets the test binary be a client process as well.
func TestMain(m *testing.M) {
	if os.Getenv("BENCH_CLIENT") != "" {
		if err := jobFromEnv().run(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// usage is what one run of a client took.
type usage struct {
	wall, cpu time.Duration
	rss       float64 // MB at its peak
}

// rclone returns the program and flags of rclone with so many transfers.
func (j job) rclone(transfers int) *exec.Cmd {
	cmd := exec.Command(os.Getenv("INLET_BENCH_RCLONE"), "copy", ":s3:"+j.bucket, j.dest, "--config", "",
		"--s3-provider", "Other", "--s3-endpoint", j.endpoint, "--s3-access-key-id", j.access, "--s3-secret-access-key", j.secret,
		"--s3-force-path-style", "--s3-list-version", "2", "--transfers", fmt.Sprint(transfers), "--checkers", fmt.Sprint(max(8, transfers)))
	cmd.Env = j.env()
	return cmd
}

// measure runs a client on an empty folder and checks what arrived.
func (j job) measure(b *testing.B, client string, files int, size int64) usage {
	b.Helper()
	j.client = client
	dest, err := os.MkdirTemp(root(), "inlet-bench-*")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dest)
	j.dest = dest
	cmd := exec.Command(os.Args[0])
	cmd.Env = j.env()
	switch client {
	case "rclone-4":
		cmd = j.rclone(4)
	case "rclone-32":
		cmd = j.rclone(32)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v\n%s", client, err, stderr.String())
	}
	u := usage{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	u.rss = float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
	if client != "list" {
		arrived(b, client, dest, files, size)
	}
	return u
}

// arrived checks the number of files and that none is short.
func arrived(b *testing.B, client, dest string, files int, size int64) {
	b.Helper()
	n := 0
	err := filepath.WalkDir(dest, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".attrs") {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() >= size {
			n++
		}
		return err
	})
	if err != nil || n != files {
		b.Fatalf("%s left %d whole files of %d, %v", client, n, files, err)
	}
}

func root() string {
	if dir := os.Getenv("INLET_BENCH_DIR"); dir != "" {
		return dir
	}
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

// compare runs the clients in turns and reports medians: each one's wall time,
// CPU time per object and peak memory, and how many times as long and as much
// CPU as Inlet the better rclone took.
func compare(b *testing.B, j job, files int, size int64, clients ...string) {
	b.Helper()
	if os.Getenv("INLET_BENCH_RCLONE") == "" {
		clients = slices.DeleteFunc(clients, func(c string) bool { return strings.HasPrefix(c, "rclone") })
	}
	runs := map[string][]usage{}
	for b.Loop() {
		for _, client := range clients {
			runs[client] = append(runs[client], j.measure(b, client, files, size))
		}
	}
	b.ReportMetric(0, "ns/op")
	middle := map[string]usage{}
	for _, client := range clients {
		m := median(runs[client])
		middle[client] = m
		b.ReportMetric(m.wall.Seconds(), client+"-s")
		b.ReportMetric(float64(m.cpu.Microseconds())/float64(files), client+"-cpu-µs/object")
		b.ReportMetric(m.rss, client+"-MB")
	}
	four, ok := middle["rclone-4"]
	if !ok {
		return
	}
	many := middle["rclone-32"]
	b.ReportMetric(min(four.wall, many.wall).Seconds()/middle["inlet"].wall.Seconds(), "wall-ratio")
	b.ReportMetric(min(four.cpu, many.cpu).Seconds()/middle["inlet"].cpu.Seconds(), "cpu-ratio")
}

func median(runs []usage) usage {
	pick := func(f func(usage) float64) float64 {
		v := make([]float64, len(runs))
		for i, r := range runs {
			v[i] = f(r)
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return usage{
		wall: time.Duration(pick(func(u usage) float64 { return float64(u.wall) })),
		cpu:  time.Duration(pick(func(u usage) float64 { return float64(u.cpu) })),
		rss:  pick(func(u usage) float64 { return u.rss }),
	}
}

// server starts the S3 server over a folder that holds one bucket with the
// files, each sent in one request or, where it is large, in parts.
func server(b *testing.B, files int, size int64, whole bool) job {
	b.Helper()
	program := os.Getenv("INLET_TEST_S3SERVER")
	if program == "" {
		b.Skip("SKIPPED: INLET_TEST_S3SERVER names no S3 server program")
	}
	dir, err := os.MkdirTemp(root(), "inlet-bench-s3-*")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "bucket"), 0o755); err != nil {
		b.Fatal(err)
	}
	j := job{access: "test", secret: "testsecret", bucket: "bucket"}
	cmd := exec.Command(program, "-dir", dir, "-access", j.access, "-secret", j.secret)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			j.endpoint = url
			j.whole = whole
			j.fill(b, files, size)
			return j
		}
	}
	b.Fatal("the S3 server did not start")
	return j
}

// fill uploads the files, in a process of its own: what a process had in memory
// counts as that of those which it starts.
func (j job) fill(b *testing.B, files int, size int64) {
	b.Helper()
	j.client, j.files, j.size = "fill", files, size
	cmd := exec.Command(os.Args[0])
	cmd.Env = j.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("filling the bucket: %v\n%s", err, out)
	}
}

var peers = []string{"inlet", "rclone-4", "rclone-32", "gocloud"}

func BenchmarkSmall(b *testing.B) {
	compare(b, server(b, 10_000, 4<<10, true), 10_000, 4<<10, peers...)
}
func BenchmarkMedium(b *testing.B) { compare(b, server(b, 200, 8<<20, true), 200, 8<<20, peers...) }

// BenchmarkLarge copies an object that was uploaded in one request, whose ETag
// is its MD5 and is checked by rclone, and one that was uploaded in parts,
// which rclone takes as it comes. Inlet hashes both.
func BenchmarkLarge(b *testing.B) {
	b.Run("one_request", func(b *testing.B) { compare(b, server(b, 1, 1<<30, true), 1, 1<<30, peers...) })
	b.Run("parts", func(b *testing.B) { compare(b, server(b, 1, 1<<30, false), 1, 1<<30, peers...) })
}

// BenchmarkLatency adds 20 ms to each request.
func BenchmarkLatency(b *testing.B) {
	s := fakeserver.Start(b, &fakeserver.Options{Latency: 20 * time.Millisecond}, "bucket")
	s.PutRange("bucket", "d/", 5000, 4<<10)
	access, secret, _ := s.Keys()
	compare(b, job{endpoint: s.URL, access: access, secret: secret, bucket: "bucket"}, 5000, 4<<10, peers...)
}

// BenchmarkDurable compares durable writes with relaxed ones, on a disk.
func BenchmarkDurable(b *testing.B) {
	if os.Getenv("INLET_BENCH_DIR") == "" {
		b.Setenv("INLET_BENCH_DIR", b.TempDir())
	}
	compare(b, server(b, 10_000, 4<<10, true), 10_000, 4<<10, "inlet", "inlet-relaxed")
}

// BenchmarkList lists a million objects.
func BenchmarkList(b *testing.B) {
	s := fakeserver.Start(b, nil, "bucket")
	s.PutRange("bucket", "d/", 1_000_000, 4<<10)
	access, secret, _ := s.Keys()
	compare(b, job{endpoint: s.URL, access: access, secret: secret, bucket: "bucket"}, 1_000_000, 0, "list")
}
