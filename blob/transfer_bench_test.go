package blob_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/folder"
)

// repeated is a Source whose objects repeat one megabyte, so that measuring
// neither needs nor evicts much memory.
type repeated struct {
	blob.Source
	block []byte
}

func (r *repeated) Open(_ context.Context, _ string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	return &repeatedBody{block: r.block, off: opts.Offset, left: opts.Length}, nil
}

type repeatedBody struct {
	block     []byte
	off, left int64
}

func (b *repeatedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	at := b.block[b.off%int64(len(b.block)):]
	n := copy(p[:min(int64(len(p)), b.left)], at)
	b.off += int64(n)
	b.left -= int64(n)
	return n, nil
}

func (b *repeatedBody) Close() error { return nil }

// sized is repeated for objects that are read whole.
type sized struct {
	*repeated
	size int64
}

func (s *sized) Open(ctx context.Context, key string, opts *blob.OpenOptions) (io.ReadCloser, error) {
	o := *opts
	if o.Length == 0 {
		o.Length = s.size - o.Offset
	}
	return s.repeated.Open(ctx, key, &o)
}

func cpuSeconds() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// sha256Seconds measures how long hashing a GiB takes.
func sha256Seconds(block []byte) float64 {
	h := sha256.New()
	started := cpuSeconds()
	for range 256 {
		h.Write(block)
	}
	return (cpuSeconds() - started) * float64(1<<30) / float64(256*len(block))
}

// BenchmarkTransfer copies from memory into a folder in memory: what is left
// is the cost of the engine, of SHA-256 and of the kernel. It reports CPU
// seconds per GiB, also as a multiple of what SHA-256 alone takes at the same
// moment, and CPU time per object.
func BenchmarkTransfer(b *testing.B) {
	for _, tt := range []struct {
		name  string
		n     int
		size  int64
		large int64
	}{
		{"1x1GiB", 1, 1 << 30, 0},
		{"1x1GiB/stream", 1, 1 << 30, 1 << 40},
		{"200x8MiB", 200, 8 << 20, 0},
		{"10000x4KiB", 10_000, 4 << 10, 0},
	} {
		b.Run(tt.name, func(b *testing.B) {
			dir, err := os.MkdirTemp("/dev/shm", "inlet-bench-*")
			if err != nil {
				dir = b.TempDir()
			}
			defer os.RemoveAll(dir)
			dst, err := folder.Open(dir, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer dst.Close()
			src := &sized{&repeated{block: random(1 << 20)}, tt.size}
			tr := blob.NewTransfer(&blob.TransferOptions{Deferred: true, LargeFrom: tt.large})
			var keys []string
			for i := range tt.n {
				keys = append(keys, fmt.Sprintf("files/%016x-1", 0x19a3b4c5d6000+i))
			}
			items := func(yield func(blob.Item) bool) {
				for _, key := range keys {
					if !yield(blob.Item{Source: blob.Object{Key: key, Size: tt.size, ETag: "1"}, Key: key}) {
						return
					}
				}
			}
			b.SetBytes(int64(tt.n) * tt.size)
			cpu := 0.0
			for b.Loop() {
				started := cpuSeconds()
				if err := tr.Copy(b.Context(), dst, src, items, nil); err != nil {
					b.Fatal(err)
				}
				if err := dst.Sync(b.Context()); err != nil {
					b.Fatal(err)
				}
				cpu += cpuSeconds() - started
				b.StopTimer()
				if err := dst.Delete(b.Context(), keys...); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			report(b, cpu, tt.n, tt.size, src.block)
		})
	}
}

func report(b *testing.B, cpu float64, n int, size int64, block []byte) {
	total := float64(b.N) * float64(n) * float64(size) / (1 << 30)
	b.ReportMetric(cpu/total, "cpu-s/GiB")
	b.ReportMetric(cpu/total/sha256Seconds(block), "x-sha256")
	b.ReportMetric(cpu/float64(b.N*n)*1e6, "cpu-µs/object")
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		var kib float64
		fmt.Sscan(rest, &kib)
		b.ReportMetric(kib/1024, "peak-MiB")
	}
}
