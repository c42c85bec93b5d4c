package query

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// journal saves queries, many in one transaction: while one is being
// committed, those that come meanwhile gather for the next.
type journal struct {
	repo   Queries
	owner  Owner
	lease  time.Duration
	within time.Duration // see Options.SaveWithin

	mu      sync.Mutex
	busy    bool // a batch is being written
	pending []entry
	urgent  bool        // among the pending is one that must not be held back
	timer   *time.Timer // ends the time for which the pending are held back; nil when none are
	held    int64       // bytes of queries that were told and are not durable yet
}

type entry struct {
	q    *Query // nil only waits for those before it
	then func(error)
}

// maxBatch bounds the queries of one transaction.
const maxBatch = 256

// maxHeld bounds the bytes of queries whose ends were told before they are
// durable.
const maxHeld = 4 << 20

// maxHeldRows bounds the rows of such a query: whoever waited for them gets all
// of them with its end.
const maxHeldRows = 1000

// saveTimeout bounds a transaction. It does not end with the caller, whose
// query may be among others'.
const saveTimeout = 30 * time.Second

// add keeps the state that q has now, and calls then with nil once that is
// durable, or with an error. States of one query are kept in the order in which
// they were added.
func (j *journal) add(q *Query, then func(error)) {
	e := entry{q: q.clone(), then: then}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.append(e)
}

// append adds an entry that must not be held back. The caller holds mu.
func (j *journal) append(e entry) {
	j.pending, j.urgent = append(j.pending, e), true
	j.start()
}

// start writes what is pending, unless that is being done. The caller holds mu.
func (j *journal) start() {
	if !j.busy {
		j.busy = true
		go j.flush()
	}
}

// reserve returns how many bytes q takes while it is held back, to be given to
// free once it is durable, or 0 when it must not be.
func (j *journal) reserve(q *Query) int64 {
	size := cost(q)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.within <= 0 || j.held+size > maxHeld {
		return 0
	}
	j.held += size
	return size
}

func (j *journal) free(size int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.held -= size
}

// addLater is add for a query that is held back.
func (j *journal) addLater(q *Query, then func(error)) {
	e := entry{q: q.clone(), then: then}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = append(j.pending, e)
	j.hold()
}

// hold sees to it that what is pending and may be held back is written in
// time. The caller holds mu.
func (j *journal) hold() {
	if len(j.pending) >= maxBatch {
		j.start()
	}
	if j.timer == nil {
		j.timer = time.AfterFunc(j.within, j.release)
	}
}

// release writes what was held back for long enough.
func (j *journal) release() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.timer = nil; len(j.pending) > 0 {
		j.urgent = true
		j.start()
	}
}

// save is add for one who waits.
func (j *journal) save(q *Query) <-chan error {
	saved := make(chan error, 1)
	j.add(q, func(err error) { saved <- err })
	return saved
}

// drain writes what is held back, and waits until ctx ends for all that was
// added before to be durable.
func (j *journal) drain(ctx context.Context) {
	if j.within <= 0 {
		return
	}
	done := make(chan struct{})
	j.mu.Lock()
	if j.busy || len(j.pending) > 0 {
		j.append(entry{then: func(error) { close(done) }})
	} else {
		close(done)
	}
	j.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (j *journal) flush() {
	for {
		runtime.Gosched() // those that are about to add may do so first
		batch := j.next()
		if batch == nil {
			return
		}
		err := j.commit(batch)
		go func() { // while the next batch is written
			for _, e := range batch {
				e.then(err)
			}
		}()
	}
}

// next takes what is to be written next. It returns nil, and ends the writing,
// when there is nothing or the rest may be held back.
func (j *journal) next() []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(len(j.pending), maxBatch)
	if n == 0 || n < maxBatch && !j.urgent {
		j.busy = false
		return nil
	}
	batch := j.pending[:n:n]
	if j.pending = j.pending[n:]; len(j.pending) == 0 {
		j.pending, j.urgent = nil, false
		if j.timer != nil {
			j.timer.Stop()
			j.timer = nil
		}
	}
	return batch
}

// commit saves the last state of each query of a batch.
func (j *journal) commit(batch []entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	queries := make([]*Query, 0, len(batch))
	last := make(map[string]int, len(batch))
	for _, e := range batch {
		if e.q == nil {
			continue
		}
		if i, ok := last[e.q.ID]; ok {
			queries[i] = e.q
			continue
		}
		last[e.q.ID] = len(queries)
		queries = append(queries, e.q)
	}
	if len(queries) == 0 {
		return nil
	}
	return j.repo.SaveQueries(ctx, j.owner, j.lease, queries)
}
