package task

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/inlet-go/inlet/store/scope"
)

// Progress is a sample of a task's work.
type Progress struct {
	At      time.Time
	Status  Status
	Files   Counts
	Bytes   int64         // loaded so far, with what this node has of files in flight
	Rate    float64       // bytes a second, averaged over some seconds
	ETA     time.Duration // until the files known so far are loaded; 0 when unknown
	Current []string      // URIs that this node is loading
	Final   bool          // nothing is left to do
}

// Watch yields the task's progress now, whenever it changed, and when it is
// final, which a periodic task never is. It ends after an error, which it
// yields, and when ctx ends.
func (s *Service) Watch(ctx context.Context, sc scope.Scope, id int64) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		ticker := time.NewTicker(s.opts.WatchEvery)
		defer ticker.Stop()
		var last Progress
		var rate rateMeter
		for first := true; ; first = false {
			p, err := s.sample(ctx, sc, id)
			if err != nil {
				yield(Progress{}, err)
				return
			}
			p.Rate = rate.add(p.At, p.Bytes)
			if left := p.Files.Bytes - p.Bytes; p.Rate >= 1 && left > 0 && p.Files.Listed {
				p.ETA = time.Duration(float64(left) / p.Rate * float64(time.Second))
			}
			if first || p.Final || p.Status != last.Status || p.Files != last.Files || p.Bytes != last.Bytes {
				if !yield(p, nil) || p.Final {
					return
				}
			}
			last = p
			select {
			case <-ctx.Done():
				yield(Progress{}, ctx.Err())
				return
			case <-ticker.C:
			}
		}
	}
}

func (s *Service) sample(ctx context.Context, sc scope.Scope, id int64) (Progress, error) {
	t, err := s.Get(ctx, sc, id)
	if err != nil {
		return Progress{}, err
	}
	counts, err := s.repo.TaskCounts(ctx, sc.Tenant, id)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{At: s.opts.Now(), Status: t.Status, Files: counts, Bytes: counts.Loaded, Final: t.Status == Completed}
	if !p.Final {
		inFlight, uris := s.meters.of(id)
		p.Bytes += inFlight
		p.Current = uris
	}
	return p, nil
}

// rateMeter averages a growing count over time.
type rateMeter struct {
	at    time.Time
	count int64
	rate  float64
}

// rateWindow is the time over which a rate forgets half of what it was.
const rateWindow = 3 * time.Second

func (m *rateMeter) add(at time.Time, count int64) float64 {
	dt := at.Sub(m.at)
	switch {
	case m.at.IsZero():
		m.at, m.count = at, count
	case dt > 0:
		now := max(0, float64(count-m.count)/dt.Seconds())
		weight := min(1, float64(dt)/float64(rateWindow))
		m.rate += (now - m.rate) * weight
		m.at, m.count = at, count
	}
	return m.rate
}

// meters count the bytes of files that this node has in flight, by task.
type meters struct {
	mu    sync.Mutex
	tasks map[int64]*meter
}

type meter struct {
	users int
	mu    sync.Mutex
	bytes int64
	files map[int64]string // URIs by file id
}

// maxCurrent bounds the URIs that a Progress shows.
const maxCurrent = 32

// open returns the task's meter, which the caller gives back by close.
func (m *meters) open(task int64) *meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tasks == nil {
		m.tasks = map[int64]*meter{}
	}
	t := m.tasks[task]
	if t == nil {
		t = &meter{files: map[int64]string{}}
		m.tasks[task] = t
	}
	t.users++
	return t
}

func (m *meters) close(task int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tasks[task]; t != nil {
		if t.users--; t.users == 0 {
			delete(m.tasks, task)
		}
	}
}

func (m *meters) of(task int64) (bytes int64, uris []string) {
	m.mu.Lock()
	t := m.tasks[task]
	m.mu.Unlock()
	if t == nil {
		return 0, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, uri := range t.files {
		if len(uris) == maxCurrent {
			break
		}
		uris = append(uris, uri)
	}
	return t.bytes, uris
}

func (t *meter) started(file int64, uri string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files[file] = uri
}

func (t *meter) moved(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes += n
}

func (t *meter) finished(file int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.files, file)
}
