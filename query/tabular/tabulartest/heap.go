package tabulartest

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// maxHeap is what reading a hostile file may need beyond the file itself, and
// maxTime how long it may take; a race detector or a busy machine gets more.
const (
	maxHeap = 64 << 20
	maxTime = 20 * time.Second
)

// Bounded runs f and checks by how much the heap grew at most, sampled every
// 200 microseconds, with what is garbage but not yet collected.
func Bounded(t testing.TB, f func()) {
	t.Helper()
	runtime.GC()
	start := heap()
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		peak := start
		for {
			select {
			case <-stop:
				done <- max(peak, heap())
				return
			case <-time.After(200 * time.Microsecond):
				peak = max(peak, heap())
			}
		}
	}()
	began := time.Now()
	f()
	took := time.Since(began)
	close(stop)
	grown := <-done - start
	t.Logf("%v, %.1f MiB", took.Round(time.Millisecond), float64(grown)/(1<<20))
	if grown > maxHeap {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if took > maxTime {
		t.Errorf("it took %v", took)
	}
}

// heap is what runtime.MemStats calls HeapAlloc, without stopping the world.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
