package work_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
)

// flaky is a store whose heartbeats can be made to fail.
type flaky struct {
	work.Leases
	mu     sync.Mutex
	broken bool
	beats  int
}

var errDown = errors.New("the database is down")

func (f *flaky) set(broken bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = broken
}

func (f *flaky) beat() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beats++
	if f.broken {
		return errDown
	}
	return nil
}

func (f *flaky) Renew(ctx context.Context, l []work.Lease, ttl time.Duration) ([]work.Lease, error) {
	if err := f.beat(); err != nil {
		return nil, err
	}
	return f.Leases.Renew(ctx, l, ttl)
}

func (f *flaky) Check(ctx context.Context, l []work.Lease) ([]work.Lease, error) {
	f.mu.Lock()
	broken := f.broken
	f.mu.Unlock()
	if broken {
		return nil, errDown
	}
	return f.Leases.Check(ctx, l)
}

// bubble runs a test in its own time, with a store whose clock is that time.
func bubble(t *testing.T, test func(t *testing.T, s *flaky)) {
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlstore.Open(t.Context(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(t, &flaky{Leases: s})
	})
}

// run runs a node until stop is called.
func run(t *testing.T, d *work.Local) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the dispatcher ended with %v", err)
		}
	}
}

func enqueue(t *testing.T, s work.Leases) {
	t.Helper()
	if _, err := s.Enqueue(t.Context(), work.New{Kind: "k", Group: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestHeartbeatsKeepALease(t *testing.T) {
	bubble(t, func(t *testing.T, s *flaky) {
		enqueue(t, s)
		d := work.NewLocal(s, nil)
		var attempts []int
		d.Handle("k", 2, func(ctx context.Context, item work.Item) error {
			attempts = append(attempts, item.Attempt)
			select {
			case <-time.After(10 * time.Minute):
				return s.Finish(ctx, item.Lease())
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		stop := run(t, d)
		time.Sleep(11 * time.Minute)
		stop()
		if len(attempts) != 1 || s.beats < 100 {
			t.Errorf("attempts %v with %d heartbeats, want one attempt and a beat every 5 s", attempts, s.beats)
		}
	})
}

func TestALeaseThatCannotBeRenewedIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, s *flaky) {
		enqueue(t, s)
		d := work.NewLocal(s, nil)
		var ended []time.Duration
		var causes []error
		d.Handle("k", 1, func(ctx context.Context, item work.Item) error {
			start := time.Now()
			if item.Attempt == 2 {
				return s.Finish(ctx, item.Lease())
			}
			<-ctx.Done()
			ended, causes = append(ended, time.Since(start)), append(causes, context.Cause(ctx))
			return ctx.Err()
		})
		stop := run(t, d)
		time.Sleep(20 * time.Second)
		s.set(true)
		time.Sleep(20 * time.Second)
		s.set(false)
		time.Sleep(20 * time.Second)
		stop()
		// The last heartbeat was at 20 s at the latest; the lease ends 15 s later.
		if len(ended) != 1 || ended[0] < 29*time.Second || ended[0] > 36*time.Second || causes[0] != work.ErrLost {
			t.Errorf("given up after %v because of %v, want 15 s after the last heartbeat", ended, causes)
		}
	})
}

func TestCausesAndDelays(t *testing.T) {
	bubble(t, func(t *testing.T, s *flaky) {
		var log bytes.Buffer
		enqueue(t, s)
		d := work.NewLocal(s, &work.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		var starts []time.Time
		d.Handle("k", 1, func(ctx context.Context, item work.Item) error {
			starts = append(starts, time.Now())
			if item.Attempt == 3 {
				panic("boom")
			}
			return errDown
		})
		stop := run(t, d)
		time.Sleep(30 * time.Minute)
		stop()
		for i := 1; i < len(starts); i++ {
			// 1, 2, 4, … s up to a minute, less up to a half, and a poll of 250 ms.
			most := min(time.Second<<min(i-1, 6), time.Minute)
			if d := starts[i].Sub(starts[i-1]); d < most/2 || d > most+time.Second {
				t.Errorf("attempt %d came %v after the one before, want %v to %v", i+1, d, most/2, most)
			}
		}
		if len(starts) < 30 || len(starts) > 70 {
			t.Errorf("%d attempts in half an hour", len(starts))
		}
		for _, want := range []string{"boom", "local_test.go", errDown.Error(), "attempt=2"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %q", want)
			}
		}
	})
}

func TestWhyAHandlerEnds(t *testing.T) {
	bubble(t, func(t *testing.T, s *flaky) {
		enqueue(t, s)
		d := work.NewLocal(s, nil)
		var causes []error
		d.Handle("k", 1, func(ctx context.Context, item work.Item) error {
			<-ctx.Done()
			causes = append(causes, context.Cause(ctx))
			return ctx.Err()
		})
		stop := run(t, d)
		time.Sleep(time.Second)
		d.StopGroup(1)
		time.Sleep(time.Second)
		stop()
		if len(causes) != 2 || causes[0] != work.ErrStopped || causes[1] != work.ErrShutdown {
			t.Errorf("causes %v, want stopped and then shutdown", causes)
		}
		items, err := s.Claim(t.Context(), "other", []string{"k"}, 1, time.Minute)
		if err != nil || len(items) != 1 || items[0].Attempt != 3 {
			t.Errorf("after the shutdown: %v, %v", items, err)
		}
	})
}

func TestHandleRefusesMistakes(t *testing.T) {
	d := work.NewLocal(nil, nil)
	h := func(context.Context, work.Item) error { return nil }
	d.Handle("k", 1, h)
	for name, again := range map[string]func(){
		"twice": func() { d.Handle("k", 1, h) },
		"none":  func() { d.Handle("l", 0, h) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			again()
		}()
	}
}
