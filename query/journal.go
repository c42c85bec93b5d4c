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
	repo  Queries
	owner Owner
	lease time.Duration

	mu      sync.Mutex
	busy    bool
	pending []entry
}

type entry struct {
	q    *Query
	then func(error)
}

// maxBatch bounds the queries of one transaction.
const maxBatch = 256

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
	j.pending = append(j.pending, e)
	if !j.busy {
		j.busy = true
		go j.flush()
	}
}

// save is add for one who waits.
func (j *journal) save(q *Query) <-chan error {
	saved := make(chan error, 1)
	j.add(q, func(err error) { saved <- err })
	return saved
}

func (j *journal) flush() {
	for {
		runtime.Gosched() // those that are about to add may do so first
		j.mu.Lock()
		n := min(len(j.pending), maxBatch)
		if n == 0 {
			j.busy, j.pending = false, nil
			j.mu.Unlock()
			return
		}
		batch := j.pending[:n:n]
		j.pending = j.pending[n:]
		j.mu.Unlock()
		err := j.commit(batch)
		go func() { // while the next batch is written
			for _, e := range batch {
				e.then(err)
			}
		}()
	}
}

// commit saves the last state of each query of a batch.
func (j *journal) commit(batch []entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	queries := make([]*Query, 0, len(batch))
	last := make(map[string]int, len(batch))
	for _, e := range batch {
		if i, ok := last[e.q.ID]; ok {
			queries[i] = e.q
			continue
		}
		last[e.q.ID] = len(queries)
		queries = append(queries, e.q)
	}
	return j.repo.SaveQueries(ctx, j.owner, j.lease, queries)
}
