package query

import "sync"

// recent keeps queries that ended, the last ones, up to a number of bytes.
// They do not change any more.
type recent struct {
	max int64

	mu    sync.Mutex
	size  int64
	byID  map[string]*Query
	order []*Query // the oldest first
}

// queryCost is about how many bytes a query takes besides its texts.
const queryCost = 1024

func newRecent(max int64) recent { return recent{max: max, byID: map[string]*Query{}} }

func cost(q *Query) int64 {
	return queryCost + int64(len(q.SQL)+len(q.Result.Inline)+64*len(q.Columns))
}

func (r *recent) add(q *Query) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cost(q) > r.max/4 || r.byID[q.ID] != nil {
		return
	}
	r.byID[q.ID] = q
	r.order = append(r.order, q)
	r.size += cost(q)
	for r.size > r.max {
		oldest := r.order[0]
		r.order[0] = nil
		r.order = r.order[1:]
		delete(r.byID, oldest.ID)
		r.size -= cost(oldest)
	}
}

// get returns a query that must not be changed, or nil.
func (r *recent) get(tenant, workspace, id string) *Query {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.byID[id]
	if q == nil || q.Tenant != tenant || workspace != "" && q.Workspace != workspace {
		return nil
	}
	return q
}

// clear forgets all.
func (r *recent) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size, r.order = 0, nil
	clear(r.byID)
}
