package result_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/result"
	"github.com/inlet-go/inlet/query/tabular"
)

// wide fills a row of ten columns as tables of users have them.
func wide(row []tabular.Value, n int64, buf []byte) []byte {
	buf = buf[:0]
	put := func(i int, typ tabular.Type, text []byte) { row[i] = tabular.Value{Type: typ, Bytes: text} }
	row[0] = integer(n)
	start := len(buf)
	buf = fmt.Appendf(buf, "2026-%02d-%02d %02d:%02d:%02d", n%12+1, n%28+1, n%24, n%60, n%59)
	put(1, tabular.Timestamp, buf[start:])
	row[2], row[3] = integer(n*7919%100_000), integer(n%1000)
	put(4, tabular.Text, []byte("region-north"))
	row[5] = tabular.Value{Type: tabular.Real, Float: float64(n%10_000) / 100}
	row[6] = tabular.Value{Type: tabular.Real, Float: float64(n%977) / 7}
	row[7] = tabular.Value{}
	if n%4 != 0 {
		row[7] = integer(n % 5)
	}
	put(8, tabular.Text, []byte("delivered"))
	start = len(buf)
	buf = strconv.AppendInt(append(buf, "a note, with \"quotes\" and ünïcode "...), n, 10)
	put(9, tabular.Text, buf[start:])
	return buf
}

// stored writes n rows into a folder, once for all benchmarks of that size.
func stored(b *testing.B, n int64) (*result.Store, query.Result) {
	b.Helper()
	bucket, err := folder.Open(b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	s := result.New(bucket, nil)
	return s, fill(b, s, n)
}

func fill(b *testing.B, s *result.Store, n int64) query.Result {
	b.Helper()
	w, err := s.Write(context.Background(), "results/bench", nil)
	if err != nil {
		b.Fatal(err)
	}
	row, buf := make([]tabular.Value, 10), []byte(nil)
	for i := range n {
		buf = wide(row, i, buf)
		if err := w.Row(row); err != nil {
			b.Fatal(err)
		}
	}
	r, err := w.Finish(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// BenchmarkWrite stores 1,000,000 rows of ten columns an operation.
func BenchmarkWrite(b *testing.B) {
	for b.Loop() {
		_, r := stored(b, 1_000_000)
		b.ReportMetric(float64(r.Size)/1e6, "MB")
	}
}

// BenchmarkPage reads 10,000 rows an operation, of as many rows as
// INLET_BENCH_ROWS says.
func BenchmarkPage(b *testing.B) {
	total := int64(1_000_000)
	if text := os.Getenv("INLET_BENCH_ROWS"); text != "" {
		var err error
		if total, err = strconv.ParseInt(text, 10, 64); err != nil {
			b.Fatal(err)
		}
	}
	s, r := stored(b, total)
	b.Logf("%d rows in %d MB, peak memory %d MB", r.Rows, r.Size>>20, peakMemory(b)>>20)
	for _, offset := range []int64{0, total / 2, total - 10_000} {
		b.Run(fmt.Sprintf("offset=%d", offset), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Page(context.Background(), r, offset, 10_000, io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// peakMemory returns the most bytes that the process had resident.
func peakMemory(b *testing.B) int64 {
	b.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	var kb int64
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			break
		}
	}
	return kb << 10
}
