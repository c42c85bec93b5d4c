package trino

import (
	"sync"
	"time"

	driver "github.com/trinodb/trino-go-client/trino"

	"github.com/inlet-go/inlet/query"
)

// watcher passes on what the driver tells of a run. The driver drops what it
// cannot deliver at once, so reports are made by a goroutine of their own.
type watcher struct {
	report func(query.Progress)
	news   chan struct{}
	done   chan struct{}

	mu  sync.Mutex
	now query.Progress
}

var _ driver.ProgressUpdater = (*watcher)(nil)

func watch(report func(query.Progress)) *watcher {
	w := &watcher{report: report, news: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for range w.news {
			report(w.last())
		}
	}()
	return w
}

// Update implements the driver's interface.
func (w *watcher) Update(info driver.QueryProgressInfo) {
	s := info.QueryStats
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = query.Progress{
		StatementID: info.QueryId,
		Nodes:       s.Nodes, TotalSplits: s.TotalSplits, QueuedSplits: s.QueuesSplits, RunningSplits: s.RunningSplits,
		CompletedSplits: s.CompletedSplits,
		CPU:             time.Duration(s.CPUTimeMillis) * time.Millisecond,
		ProcessedRows:   s.ProcessedRows, ProcessedBytes: s.ProcessedBytes,
		PeakMemory: s.PeakMemoryBytes, Spilled: s.SpilledBytes,
	}
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *watcher) last() query.Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// end makes the last report. The driver has closed the rows and calls Update
// no more.
func (w *watcher) end(finished bool) {
	close(w.news)
	<-w.done
	now := w.last()
	if finished {
		now.QueuedSplits, now.RunningSplits, now.CompletedSplits = 0, 0, now.TotalSplits
	}
	w.report(now)
}
