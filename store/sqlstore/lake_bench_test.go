package sqlstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// fullSync makes a full sync of n files that has not ended.
func fullSync(b *testing.B, s *sqlstore.Store, n int) *filesync.Sync {
	b.Helper()
	ctx := context.Background()
	y := &filesync.Sync{Tenant: "t", Name: "bench", Path: "/bench", Type: filesync.Full, Status: filesync.Syncing}
	must(b, s.CreateSync(ctx, y))
	now := time.Now()
	for first := 0; first < n; first += 1000 {
		batch := make([]*filesync.Record, min(1000, n-first))
		for i := range batch {
			batch[i] = &filesync.Record{
				Tenant: "t", SyncID: y.ID, Status: filesync.Finished, Name: fmt.Sprintf("part-%09d.parquet", first+i), StartAt: now, EndAt: now, Size: 1 << 40,
				Place: filesync.Place{Key: fmt.Sprintf("lake/%014x-%016x", y.ID, first), Packed: true, Offset: int64(i)},
			}
		}
		must(b, s.RecordUploads(ctx, batch, time.Minute))
		for _, r := range batch {
			must(b, r.Err)
		}
	}
	return y
}

// BenchmarkEndFullSync ends a full sync whose files replace as many others.
// INLET_BENCH_FILES is how many; the goal, less than a second, is set for
// 100,000.
func BenchmarkEndFullSync(b *testing.B) {
	n := benchEnv(b, "INLET_BENCH_FILES", 20_000)
	for _, db := range databases[1:] {
		b.Run(db.name, func(b *testing.B) {
			s := open(b, db.dsn(b), nil)
			var slowest time.Duration
			for b.Loop() {
				b.StopTimer()
				y := fullSync(b, s, n)
				b.StartTimer()
				start := time.Now()
				must(b, s.CloseSync(b.Context(), "t", y.ID, "bench"))
				outcome, err := s.EndSync(b.Context(), "t", y.ID, filesync.EndOptions{})
				must(b, err)
				slowest = max(slowest, time.Since(start))
				if outcome != (filesync.Outcome{}) {
					b.Fatalf("the end came to %+v", outcome)
				}
			}
			b.ReportMetric(slowest.Seconds(), "slowest-s")
			l, err := s.LakeFolder(b.Context(), "t", filesync.ListQuery{Path: "/bench", Limit: 1})
			must(b, err)
			if l.Total != n {
				b.Fatalf("%d files are there, want %d", l.Total, n)
			}
		})
	}
}
