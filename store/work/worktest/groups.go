package worktest

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/work"
)

func testStop(t *testing.T, s *store) {
	ctx := t.Context()
	s.add(1, 2)
	s.add(2, 1)
	running := s.claim(1, time.Minute)
	for running[0].Group != 1 {
		s.ok(s.Release(ctx, running[0].Lease(), 0))
		running = s.claim(1, time.Minute)
	}
	l := running[0].Lease()
	s.ok(s.StopGroup(ctx, 1))
	s.ok(s.StopGroup(ctx, 1))
	s.add(1, 1) // held back, too
	if diff := cmp.Diff(map[int64]int{2: 1}, groups(s.claim(9, time.Minute))); diff != "" {
		t.Errorf("claimed while group 1 is stopped (-want +got):\n%s", diff)
	}
	for name, ask := range map[string]func() ([]work.Lease, error){
		"check": func() ([]work.Lease, error) { return s.Check(ctx, []work.Lease{l}) },
		"renew": func() ([]work.Lease, error) { return s.Renew(ctx, []work.Lease{l}, time.Minute) },
	} {
		lost, err := ask()
		s.ok(err)
		if len(lost) != 1 {
			t.Errorf("%s: the lease of a stopped group is not lost", name)
		}
	}
	s.ok(s.Release(ctx, l, 0))

	if got := s.claim(9, time.Minute); len(got) != 0 {
		t.Errorf("claimed what was released in a stopped group: %v", got)
	}
	s.ok(s.StartGroup(ctx, 1))
	s.ok(s.StartGroup(ctx, 1))
	if diff := cmp.Diff(map[int64]int{1: 3}, groups(s.claim(9, time.Minute))); diff != "" {
		t.Errorf("claimed after the start (-want +got):\n%s", diff)
	}
}

func testStopBeforeWork(t *testing.T, s *store) {
	s.ok(s.StopGroup(t.Context(), 5))
	s.add(5, 1)
	if got := s.claim(9, time.Minute); len(got) != 0 {
		t.Errorf("claimed from a stopped group: %v", got)
	}
	s.ok(s.StartGroup(t.Context(), 5))
	if got := s.claim(9, time.Minute); len(got) != 1 {
		t.Errorf("claimed %d after the start, want 1", len(got))
	}
}

// A group that comes behind a long one does not wait for it.
func testTurns(t *testing.T, s *store) {
	s.add(1, 40)
	if got := s.claim(4, time.Minute); len(got) != 4 {
		t.Errorf("a group alone got %d of 4", len(got))
	}
	s.add(2, 1)
	s.add(3, 5)
	if diff := cmp.Diff(map[int64]int{2: 1, 3: 3}, groups(s.claim(4, time.Minute))); diff != "" {
		t.Errorf("with 4 of group 1 in flight (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[int64]int{1: 2, 3: 2}, groups(s.claim(4, time.Minute))); diff != "" {
		t.Errorf("with 4, 1 and 3 in flight (-want +got):\n%s", diff)
	}
}

func testFewestInFlight(t *testing.T, s *store) {
	s.add(1, 10)
	s.add(2, 10)
	flying := map[int64][]work.Item{}
	for _, item := range s.claim(6, time.Minute) {
		flying[item.Group] = append(flying[item.Group], item)
	}
	if len(flying[1]) != 3 || len(flying[2]) != 3 {
		t.Errorf("in flight: %d and %d, want 3 each", len(flying[1]), len(flying[2]))
	}
	for _, item := range flying[2][:2] {
		s.ok(s.Finish(t.Context(), item.Lease()))
	}
	for range 2 {
		if got := s.claim(1, time.Minute); len(got) != 1 || got[0].Group != 2 {
			t.Errorf("claimed %v, want one of group 2, which has fewer in flight", got)
		}
	}
}

// Of groups with the same number in flight, the one that waits longest.
func testLongestAgo(t *testing.T, s *store) {
	for group := range int64(3) {
		s.add(group+1, 4)
	}
	var order []int64
	for range 9 {
		items := s.claim(1, time.Minute)
		if len(items) != 1 {
			t.Fatalf("claimed %v", items)
		}
		order = append(order, items[0].Group)
		s.ok(s.Finish(t.Context(), items[0].Lease()))
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 1, 2, 3, 1, 2, 3}, order); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
}

// Work that comes, goes and is stopped at once is never forgotten.
func testStopWhileClaiming(t *testing.T, s *store) {
	ctx := t.Context()
	const items = 30
	var all sync.WaitGroup
	all.Go(func() {
		for range items {
			if _, err := s.Enqueue(ctx, work.New{Kind: "k", Group: 1}); err != nil {
				t.Error(err)
			}
		}
	})
	all.Go(func() {
		for range items / 3 {
			if err := s.StopGroup(ctx, 1); err != nil {
				t.Error(err)
			}
			if err := s.StartGroup(ctx, 1); err != nil {
				t.Error(err)
			}
		}
	})
	done := 0
	for deadline := time.Now().Add(30 * time.Second); done < items && time.Now().Before(deadline); {
		got, err := s.Claim(ctx, "node", []string{"k"}, 2, time.Minute)
		s.ok(err)
		for _, item := range got {
			// A stop may come between; then the item has to come again.
			if s.Finish(ctx, item.Lease()) == nil {
				done++
			} else {
				s.ok(s.Release(ctx, item.Lease(), 0))
			}
		}
	}
	all.Wait()
	if done != items {
		t.Errorf("%d of %d items were done", done, items)
	}
}
