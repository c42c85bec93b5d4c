package database_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inlet-go/inlet/blob/folder"
)

// BenchmarkLoad loads a table of INLET_BENCH_ROWS rows (100,000 where it is not
// set) of PostgreSQL, in turns with COPY of it into a file, then 10,000 rows
// that changed. It reports the ratio of their rates, and the most memory that
// the process had.
func BenchmarkLoad(b *testing.B) {
	s := openPostgres(b)
	n := 100_000
	if text := os.Getenv("INLET_BENCH_ROWS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	table := s.table(b, "bench", "id bigint PRIMARY KEY, name text, price numeric(12,2), quantity int, ratio float8, paid bool, created timestamptz, changed timestamptz NOT NULL")
	s.exec(b, fmt.Sprintf(`INSERT INTO %s SELECT i, 'customer ' || md5(i::text), (i %% 100000) / 100.0, i %% 1000, i / 7.0, i %% 2 = 0,
		'2020-01-01'::timestamptz + i * interval '1 minute', '2026-01-01'::timestamptz + i * interval '1 millisecond' FROM generate_series(1, %d) i`, table, n),
		"VACUUM ANALYZE "+table)
	var copied, loaded time.Duration
	var rate, most float64
	for b.Loop() {
		started := time.Now()
		copyOut(b, table)
		copied += time.Since(started)

		bucket, err := folder.Open(b.TempDir(), nil)
		if err != nil {
			b.Fatal(err)
		}
		e := newEnv(b, bucket)
		started = time.Now()
		id := e.load(s, table, "changed", max(n/20, 1), 1000)
		loaded += time.Since(started)
		rate = float64(n) / time.Since(started).Seconds()
		if most == 0 { // before the files are read below
			most = peak(b)
		}

		s.exec(b, fmt.Sprintf("UPDATE %s SET changed = (SELECT max(changed) FROM %s) + interval '1 second' WHERE id %% %d = 0", table, table, max(n/10_000, 1)))
		started = time.Now()
		e.again(id)
		b.ReportMetric(time.Since(started).Seconds(), "s/increment")
		if got, want := e.count(), int64(n+n/max(n/10_000, 1)); got != want {
			b.Fatalf("the files have %d rows, want %d", got, want)
		}
	}
	b.ReportMetric(copied.Seconds()/loaded.Seconds(), "of-COPY")
	b.ReportMetric(rate, "rows/s")
	b.ReportMetric(most, "peak-MB")
}

// copyOut is what any client can do at best.
func copyOut(b *testing.B, table string) {
	conn, err := pgx.Connect(b.Context(), os.Getenv("INLET_TEST_POSTGRES"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	f, err := os.Create(filepath.Join(b.TempDir(), "copy"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := conn.PgConn().CopyTo(b.Context(), io.Writer(f), "COPY "+table+" TO STDOUT"); err != nil {
		b.Fatal(err)
	}
}

// peak returns the most memory that this process had, in MB.
func peak(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // another system
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	kb, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1000
}
