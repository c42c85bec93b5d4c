package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// The one file of a small task must not wait for a task of 1,000 chunks that
// came before it.
func TestOneFileBehindAThousandChunks(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			s := open(t, db.dsn(t), nil)
			big, run := newLoad(t, s, "big")
			listFiles(t, s, big, run, 1000, 1)
			var small atomic.Int64
			started := make(chan time.Time, 1)
			d := work.NewLocal(s, nil)
			d.Handle(task.KindLoad, 8, func(ctx context.Context, item work.Item) error {
				if item.Group == small.Load() {
					started <- time.Now()
				}
				time.Sleep(50 * time.Millisecond) // a transfer
				return s.Finish(ctx, item.Lease())
			})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- d.Run(ctx) }()
			time.Sleep(200 * time.Millisecond)
			of, one := newLoad(t, s, "small")
			small.Store(one.ID)
			listFiles(t, s, of, one, 1, 1)
			listed := time.Now()
			d.Wake(task.KindLoad)
			select {
			case at := <-started:
				if waited := at.Sub(listed); waited > 500*time.Millisecond {
					t.Errorf("the small task waited %v", waited)
				}
			case <-time.After(10 * time.Second):
				t.Error("the small task was not started")
			}
			cancel()
			must(t, <-done)
		})
	}
}

// fill adds many tasks by SQL, which is all that reading them needs.
func fill(b testing.TB, s *sqlstore.Store, tenants, perTenant int) {
	b.Helper()
	of, _ := newLoad(b, s, "fill")
	for tenant := range tenants {
		must(b, s.FillTasks(context.Background(), of.ID, fmt.Sprint("tenant ", tenant), perTenant))
	}
}

// BenchmarkTaskPages reads pages of a tenant with a tenth of all tasks;
// INLET_BENCH_TASKS is how many there are, the goal is set for 1,000,000.
func BenchmarkTaskPages(b *testing.B) {
	n := benchEnv(b, "INLET_BENCH_TASKS", 100_000)
	for _, db := range databases[1:] {
		b.Run(db.name, func(b *testing.B) {
			s := open(b, db.dsn(b), &sqlstore.Options{Sealer: plain, Relaxed: true})
			fill(b, s, 10, n/10)
			for _, offset := range []int{0, n / 100 * 9} {
				b.Run(fmt.Sprint("row ", offset), func(b *testing.B) {
					for b.Loop() {
						page, total, err := s.Tasks(b.Context(), "tenant 3", task.Query{Offset: offset, Limit: 20})
						if err != nil || len(page) != 20 || total != n/10 {
							b.Fatalf("%d of %d, %v", len(page), total, err)
						}
					}
				})
			}
		})
	}
}

// BenchmarkFilePages reads pages of a task's and of a volume's files.
func BenchmarkFilePages(b *testing.B) {
	n := benchEnv(b, "INLET_BENCH_FILES", 50_000)
	for _, db := range databases[1:] {
		b.Run(db.name, func(b *testing.B) {
			s := open(b, db.dsn(b), &sqlstore.Options{Sealer: plain, Relaxed: true})
			of, run := newLoad(b, s, "a")
			listFiles(b, s, of, run, n, 1000)
			loadFiles(b, s)
			for _, offset := range []int{0, n / 10 * 9} {
				q := task.FileQuery{Offset: offset, Limit: 20}
				b.Run(fmt.Sprint("task row ", offset), func(b *testing.B) {
					for b.Loop() {
						page, total, err := s.TaskFiles(b.Context(), "t", of.ID, q)
						must(b, errors.Join(err, fits(page, total, n)))
					}
				})
				b.Run(fmt.Sprint("volume row ", offset), func(b *testing.B) {
					for b.Loop() {
						page, total, err := s.VolumeFiles(b.Context(), "t", of.VolumeID, q)
						must(b, errors.Join(err, fits(page, total, n)))
					}
				})
			}
			last, _, err := s.VolumeFiles(b.Context(), "t", of.VolumeID, task.FileQuery{Offset: n / 2, Limit: 1})
			must(b, err)
			b.Run("volume by key", func(b *testing.B) {
				for b.Loop() {
					page, total, err := s.VolumeFiles(b.Context(), "t", of.VolumeID,
						task.FileQuery{After: last[0].ID, AfterURI: last[0].URI, Limit: 20})
					must(b, errors.Join(err, fits(page, total, n)))
				}
			})
		})
	}
}

func fits(page []*task.File, total, n int) error {
	if len(page) != 20 || total != n {
		return fmt.Errorf("a page of %d files, %d in all, want 20 of %d", len(page), total, n)
	}
	return nil
}

// BenchmarkClaim claims and releases one item while many wait.
func BenchmarkClaim(b *testing.B) {
	for _, waiting := range []int{100, 20_000} {
		b.Run(fmt.Sprint(waiting, " waiting"), func(b *testing.B) {
			s := open(b, "sqlite:"+filepath.Join(b.TempDir(), "x.db"), &sqlstore.Options{Sealer: plain, Relaxed: true})
			for i := range waiting {
				_, err := s.Enqueue(b.Context(), work.New{Kind: "k", Group: int64(i % (waiting / 10))})
				must(b, err)
			}
			for b.Loop() {
				items, err := s.Claim(b.Context(), "bench", []string{"k"}, 1, time.Hour)
				must(b, err)
				must(b, s.Finish(b.Context(), items[0].Lease()))
				b.StopTimer()
				_, err = s.Enqueue(b.Context(), work.New{Kind: "k", Group: items[0].Group})
				must(b, err)
				b.StartTimer()
			}
		})
	}
}
