// Package worktest holds the suites that every implementation of [work.Leases]
// and of [work.Dispatcher] passes.
package worktest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
)

// RunLeases runs the suite for leases. newLeases returns an empty store for
// each test and closes it when that test ends.
func RunLeases(t *testing.T, newLeases func(t *testing.T) work.Leases) {
	run := func(name string, test func(t *testing.T, s *store)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &store{newLeases(t), t})
		})
	}
	run("Claim", testClaim)
	run("Kinds", testKinds)
	run("NotBefore", testNotBefore)
	run("Finish", testFinish)
	run("Release", testRelease)
	run("Expiry", testExpiry)
	run("LateRenewal", testLateRenewal)
	run("Renewal", testRenewal)
	run("Zombie", testZombie)
	run("Groups/Stop", testStop)
	run("Groups/StopBeforeWork", testStopBeforeWork)
	run("Groups/Turns", testTurns)
	run("Groups/FewestInFlight", testFewestInFlight)
	run("Groups/LongestAgo", testLongestAgo)
	run("Claimers", testClaimers)
	run("StopWhileClaiming", testStopWhileClaiming)
}

// store is a store under test.
type store struct {
	work.Leases
	t *testing.T
}

func (s *store) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) conflict(what string, err error) {
	s.t.Helper()
	if !errors.Is(err, errs.Conflict) {
		s.t.Errorf("%s: %v, want a conflict", what, err)
	}
}

// add enqueues n items of kind "k".
func (s *store) add(group int64, n int) {
	s.t.Helper()
	for range n {
		_, err := s.Enqueue(s.t.Context(), work.New{Kind: "k", Group: group, Tenant: "t"})
		s.ok(err)
	}
}

func (s *store) claim(limit int, ttl time.Duration) []work.Item {
	s.t.Helper()
	items, err := s.Claim(s.t.Context(), "node", []string{"k"}, limit, ttl)
	s.ok(err)
	return items
}

// one claims one item, waiting for it.
func (s *store) one(ttl time.Duration) work.Item {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if items := s.claim(1, ttl); len(items) == 1 {
			return items[0]
		}
	}
	s.t.Fatal("no item came")
	return work.Item{}
}

// groups returns how many items there are of each group.
func groups(items []work.Item) map[int64]int {
	n := map[int64]int{}
	for _, item := range items {
		n[item.Group]++
	}
	return n
}

func testClaim(t *testing.T, s *store) {
	ctx := t.Context()
	want := work.Item{Kind: "k", Group: 7, Tenant: "t", Fence: 1, Attempt: 1, Payload: "p <&> \u00e4"}
	id, err := s.Enqueue(ctx, work.New{Kind: "k", Group: 7, Tenant: "t", Payload: want.Payload})
	s.ok(err)
	want.ID = id
	for _, ask := range []struct {
		kinds []string
		limit int
	}{{[]string{"other"}, 5}, {nil, 5}, {[]string{"k"}, 0}} {
		if items, err := s.Claim(ctx, "node", ask.kinds, ask.limit, time.Minute); err != nil || len(items) != 0 {
			t.Errorf("claimed %v of %v, %v", items, ask, err)
		}
	}
	items, err := s.Claim(ctx, "node", []string{"other", "k", "third"}, 5, time.Minute)
	s.ok(err)
	if diff := cmp.Diff([]work.Item{want}, items); diff != "" || id == 0 {
		t.Errorf("claimed (-want +got):\n%s", diff)
	}
	if again := s.claim(5, time.Minute); len(again) != 0 {
		t.Errorf("claimed twice: %v", again)
	}
	s.add(7, 5)
	if got := s.claim(3, time.Minute); len(got) != 3 {
		t.Errorf("claimed %d, want the limit of 3", len(got))
	}
	if got := s.claim(9, time.Minute); len(got) != 2 {
		t.Errorf("claimed %d, want the 2 that are left", len(got))
	}
}

func testNotBefore(t *testing.T, s *store) {
	_, err := s.Enqueue(t.Context(), work.New{Kind: "k", NotBefore: time.Now().Add(time.Hour)})
	s.ok(err)
	late, err := s.Enqueue(t.Context(), work.New{Kind: "k", NotBefore: time.Now().Add(300 * time.Millisecond)})
	s.ok(err)
	if items := s.claim(5, time.Minute); len(items) != 0 {
		t.Errorf("claimed before its time: %v", items)
	}
	if item := s.one(time.Minute); item.ID != late {
		t.Errorf("claimed %d, want %d", item.ID, late)
	}
}

func testFinish(t *testing.T, s *store) {
	s.add(1, 1)
	item := s.one(time.Minute)
	s.conflict("a fence from the future", s.Finish(t.Context(), work.Lease{ID: item.ID, Fence: item.Fence + 1}))
	s.conflict("no fence", s.Finish(t.Context(), work.Lease{ID: item.ID}))
	s.conflict("an item that is not there", s.Finish(t.Context(), work.Lease{ID: 1, Fence: 1}))
	s.ok(s.Finish(t.Context(), item.Lease()))
	s.conflict("finished twice", s.Finish(t.Context(), item.Lease()))
	s.conflict("released after the finish", s.Release(t.Context(), item.Lease(), 0))
	lost, err := s.Renew(t.Context(), []work.Lease{item.Lease()}, time.Minute)
	s.ok(err)
	if len(lost) != 1 {
		t.Error("the lease of a finished item was renewed")
	}
}

func testRelease(t *testing.T, s *store) {
	s.add(1, 1)
	first := s.one(time.Minute)
	s.ok(s.Release(t.Context(), first.Lease(), 0))
	s.conflict("finished after the release", s.Finish(t.Context(), first.Lease()))
	second := s.one(time.Minute)
	if second.ID != first.ID || second.Fence <= first.Fence || second.Attempt != 2 {
		t.Errorf("claimed %+v after %+v", second, first)
	}
	s.ok(s.Release(t.Context(), second.Lease(), time.Hour))
	if items := s.claim(5, time.Minute); len(items) != 0 {
		t.Errorf("claimed before its delay: %v", items)
	}
}

func testExpiry(t *testing.T, s *store) {
	s.add(1, 2)
	dead := s.claim(2, 200*time.Millisecond)
	if items := s.claim(5, time.Minute); len(items) != 0 {
		t.Errorf("claimed while leased: %v", items)
	}
	for range dead {
		item := s.one(time.Minute)
		i := slices.IndexFunc(dead, func(d work.Item) bool { return d.ID == item.ID })
		if i < 0 || item.Fence <= dead[i].Fence || item.Attempt != 2 {
			t.Errorf("taken over: %+v of %+v", item, dead)
		}
	}
}

// A lease that ran out, and that nobody took, can still be renewed and used.
func testLateRenewal(t *testing.T, s *store) {
	s.add(1, 1)
	s.add(2, 1)
	items := s.claim(2, time.Millisecond)
	time.Sleep(20 * time.Millisecond)
	s.ok(s.Finish(t.Context(), items[0].Lease()))
	lost, err := s.Renew(t.Context(), []work.Lease{items[1].Lease()}, time.Minute)
	s.ok(err)
	if len(lost) != 0 {
		t.Errorf("lost: %v", lost)
	}
	if again := s.claim(5, time.Minute); len(again) != 0 {
		t.Errorf("claimed after the renewal: %v", again)
	}
}

func testRenewal(t *testing.T, s *store) {
	s.add(1, 1)
	const ttl = time.Second
	item := s.one(ttl)
	for start := time.Now(); time.Since(start) < 2*ttl; time.Sleep(ttl / 10) {
		lost, err := s.Renew(t.Context(), []work.Lease{item.Lease()}, ttl)
		s.ok(err)
		if got := s.claim(1, ttl); len(lost) != 0 || len(got) != 0 {
			t.Fatalf("after %v: lost %v, claimed %v", time.Since(start), lost, got)
		}
	}
}

// Kinds that are claimed together take turns as groups do.
func testKinds(t *testing.T, s *store) {
	ctx := t.Context()
	for _, kind := range []string{"a", "b", "c", "a", "b", "c"} {
		_, err := s.Enqueue(ctx, work.New{Kind: kind, Group: int64(kind[0])})
		s.ok(err)
	}
	for _, limit := range []int{1, 2, 3} {
		items, err := s.Claim(ctx, "node", []string{"c", "b", "a"}, limit, time.Minute)
		s.ok(err)
		if len(items) != limit || len(groups(items)) != limit {
			t.Errorf("claimed %v, want %d of different kinds", items, limit)
		}
	}
}

// A node that was stopped and goes on after its lease was taken.
func testZombie(t *testing.T, s *store) {
	ctx := t.Context()
	s.add(1, 1)
	zombie := s.one(time.Millisecond)
	time.Sleep(10 * time.Millisecond)
	now := s.one(time.Minute)
	other := work.Lease{ID: now.ID + 1, Fence: 1}
	both := []work.Lease{zombie.Lease(), now.Lease(), other}
	want := []work.Lease{zombie.Lease(), other}
	byFence := cmpopts.SortSlices(func(a, b work.Lease) bool { return a.ID < b.ID })
	lost, err := s.Check(ctx, both)
	s.ok(err)
	if diff := cmp.Diff(want, lost, byFence); diff != "" {
		t.Errorf("check (-want +got):\n%s", diff)
	}
	lost, err = s.Renew(ctx, both, time.Minute)
	s.ok(err)
	if diff := cmp.Diff(want, lost, byFence); diff != "" {
		t.Errorf("renew (-want +got):\n%s", diff)
	}
	s.conflict("finish by a zombie", s.Finish(ctx, zombie.Lease()))
	s.conflict("release by a zombie", s.Release(ctx, zombie.Lease(), time.Hour))
	s.ok(s.Finish(ctx, now.Lease()))
}

// testClaimers lets eight nodes claim at once.
func testClaimers(t *testing.T, s *store) {
	const nodes, perGroup = 8, 25
	for group := range int64(4) {
		s.add(group+1, perGroup)
	}
	var mu sync.Mutex
	taken := map[int64]string{}
	var all sync.WaitGroup
	for n := range nodes {
		all.Go(func() {
			owner := fmt.Sprint("node ", n)
			for idle := 0; idle < 20; {
				items, err := s.Claim(t.Context(), owner, []string{"k"}, 3, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				if len(items) == 0 {
					idle++
					time.Sleep(5 * time.Millisecond)
				}
				mu.Lock()
				for _, item := range items {
					if first := taken[item.ID]; first != "" {
						t.Errorf("item %d was given to %s and %s", item.ID, first, owner)
					}
					taken[item.ID] = owner
				}
				mu.Unlock()
				for _, item := range items {
					if err := s.Finish(t.Context(), item.Lease()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if len(taken) != 4*perGroup {
		t.Errorf("%d items were given, want %d", len(taken), 4*perGroup)
	}
}
