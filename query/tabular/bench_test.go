package tabular_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/inlet-go/inlet/query/tabular"
	"github.com/inlet-go/inlet/query/tabular/tabulartest"
)

// sample is a csv file of 1,000,000 rows and 10 columns, about 85 MB: numbers,
// times, short texts, floats, a quarter of two columns empty, quoted and
// non-ASCII text.
var sample = sync.OnceValue(func() []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	regions := []string{"north", "south", "east", "west"}
	states := []string{"open", "paid", "shipped", "returned"}
	var b bytes.Buffer
	b.WriteString("id,ts,customer,product,region,status,quantity,price,discount,note\n")
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1_000_000 {
		fmt.Fprintf(&b, "%d,%s,%d,product-%04d,%s,%s,%d,%.2f,", i+1,
			start.Add(time.Duration(i)*31*time.Second).Format("2006-01-02 15:04:05"), rnd.IntN(100000), rnd.IntN(1000),
			regions[rnd.IntN(4)], states[rnd.IntN(4)], rnd.IntN(50), rnd.Float64()*1000)
		if rnd.IntN(4) > 0 {
			fmt.Fprintf(&b, "%.3f", rnd.Float64())
		}
		switch rnd.IntN(8) {
		case 0, 1:
			b.WriteString(",\n")
		case 2:
			fmt.Fprintf(&b, ",\"said \"\"yes\"\", %d\"\n", i)
		case 3:
			fmt.Fprintf(&b, ",Größe %d 尺寸\n", i)
		default:
			fmt.Fprintf(&b, ",note %d\n", i)
		}
	}
	return b.Bytes()
})

// cpu is the time that this process has spent on all its threads.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func readEncodingCSV(b *testing.B, data []byte) {
	r := csv.NewReader(bytes.NewReader(data))
	r.ReuseRecord = true
	for {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

func inspect(b *testing.B, r *tabular.Reader, f tabular.File) tabular.Table {
	tables, err := r.Inspect(context.Background(), f)
	if err != nil {
		b.Fatal(err)
	}
	return tables[0]
}

func BenchmarkEncodingCSV(b *testing.B) {
	data := sample()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		readEncodingCSV(b, data)
	}
}

// BenchmarkInspectCSV reads the same file by turns with encoding/csv alone and
// with Inspect, which also infers and counts: ratio is how many times as fast
// Inspect is, by wall clock and by CPU time.
func BenchmarkInspectCSV(b *testing.B) {
	data := sample()
	r, f := tabulartest.New(b, nil), tabulartest.File("f.csv", data)
	var wall, peerWall, used, peerUsed time.Duration
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		b.StopTimer()
		start, before := time.Now(), cpu(b)
		readEncodingCSV(b, data)
		peerWall, peerUsed = peerWall+time.Since(start), peerUsed+cpu(b)-before
		b.StartTimer()
		start, before = time.Now(), cpu(b)
		inspect(b, r, f)
		wall, used = wall+time.Since(start), used+cpu(b)-before
	}
	b.ReportMetric(peerWall.Seconds()/wall.Seconds(), "ratio")
	b.ReportMetric(peerUsed.Seconds()/used.Seconds(), "cpu-ratio")
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
}

func BenchmarkOpenCSV(b *testing.B) {
	data := sample()
	r, f := tabulartest.New(b, nil), tabulartest.File("f.csv", data)
	table := inspect(b, r, f)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	count := 0
	before := cpu(b)
	for b.Loop() {
		rows, err := r.Open(context.Background(), f, table)
		if err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := rows.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			count++
		}
		rows.Close()
	}
	used := cpu(b) - before
	b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
}

// BenchmarkInspectJSON reads 100,000 objects of 10 members.
func BenchmarkInspectJSON(b *testing.B) {
	var text bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&text, `{"id":%d,"ts":"2024-01-01 00:00:00","customer":%d,"product":"product-%04d","region":"north","status":null,"quantity":%d,"price":%d.25,"paid":true,"note":"Größe \"%d\""}`+"\n",
			i, i%977, i%1000, i%50, i%1000, i)
	}
	r := tabulartest.New(b, nil)
	for _, name := range []string{"f.ndjson", "f.json"} {
		data := text.Bytes()
		if name == "f.json" {
			data = append(append([]byte("["), bytes.ReplaceAll(bytes.TrimSpace(data), []byte("\n"), []byte(",\n"))...), ']')
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				inspect(b, r, tabulartest.File(name, data))
			}
		})
	}
}
