package filesync

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// flights are the uploads that are going on in this process.
type flights struct {
	renew func(context.Context, []int64) error
	every time.Duration

	mu        sync.Mutex
	doors     map[int64]*door // by sync; only those that have uploads or are shut
	announced map[int64]bool  // ids of histories whose lease is to be renewed
	beating   bool
}

// door lets uploads of one sync in.
type door struct {
	inside int
	shut   bool          // End was called here
	sync   *Sync         // as it was read a moment ago, until
	until  time.Time     // this
	empty  chan struct{} // closed when nobody is inside any more; nil when nobody waits
	failed atomic.Bool   // the sync was aborted: uploads may stop at once
}

func (f *flights) init(renew func(context.Context, []int64) error, every time.Duration) {
	f.renew, f.every = renew, every
	f.doors, f.announced = map[int64]*door{}, map[int64]bool{}
}

// enter lets an upload in, or returns nil where End was called.
func (f *flights) enter(sync int64) *door {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.doors[sync]
	if d == nil {
		d = &door{}
		f.doors[sync] = d
	}
	if d.shut {
		return nil
	}
	d.inside++
	return d
}

func (f *flights) leave(sync int64, d *door) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.inside--; d.inside > 0 {
		return
	}
	if d.empty != nil {
		close(d.empty)
		d.empty = nil
	}
	if !d.shut && f.doors[sync] == d {
		delete(f.doors, sync)
	}
}

// knownFor is how long a sync that was found open is not read again for each
// upload. Whether it has ended is decided when uploads are recorded.
const knownFor = time.Second

// known returns the sync as it was found open a moment ago, or nil.
func (f *flights) known(tenant string, d *door) *Sync {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.sync == nil || d.sync.Tenant != tenant || time.Now().After(d.until) {
		return nil
	}
	return d.sync
}

// learn remembers a sync that was found open.
func (f *flights) learn(d *door, sync *Sync) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.sync, d.until = sync, time.Now().Add(knownFor)
}

// shut keeps new uploads out.
func (f *flights) shut(sync int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.doors[sync]
	if d == nil {
		d = &door{}
		f.doors[sync] = d
	}
	d.shut = true
}

// open forgets that the sync was shut: it has ended, or takes uploads again.
// With failed, those that are inside are told to stop.
func (f *flights) open(sync int64, failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.doors[sync]
	if d == nil {
		return
	}
	d.shut = false
	if failed {
		d.failed.Store(true)
	}
	if d.inside == 0 || failed {
		delete(f.doors, sync)
	}
}

// idle returns how many uploads of the sync are inside, and a channel that is
// closed when none is any more.
func (f *flights) idle(sync int64) (int, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.doors[sync]
	if d == nil || d.inside == 0 {
		return 0, nil
	}
	if d.empty == nil {
		d.empty = make(chan struct{})
	}
	return d.inside, d.empty
}

// keep renews the lease of an announced upload until forget.
func (f *flights) keep(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.announced[id] = true
	if !f.beating {
		f.beating = true
		go f.beat()
	}
}

func (f *flights) forget(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.announced, id)
}

// beat renews all leases until there are none. An error is no reason to stop:
// the next try may come in time.
func (f *flights) beat() {
	ticker := time.NewTicker(f.every)
	defer ticker.Stop()
	for range ticker.C {
		f.mu.Lock()
		if len(f.announced) == 0 {
			f.beating = false
			f.mu.Unlock()
			return
		}
		ids := make([]int64, 0, len(f.announced))
		for id := range f.announced {
			ids = append(ids, id)
		}
		f.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), f.every)
		_ = f.renew(ctx, ids)
		cancel()
	}
}
