package sqlstore_test

import (
	"testing"
	"time"

	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/store/work/worktest"
)

func TestLeases(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			db.dsn(t)
			worktest.RunLeases(t, func(t *testing.T) work.Leases { return open(t, db.dsn(t), nil) })
		})
	}
}

func TestDispatcher(t *testing.T) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			db.dsn(t)
			worktest.RunDispatcher(t,
				func(t *testing.T) work.Leases { return open(t, db.dsn(t), nil) },
				func(leases work.Leases) work.Dispatcher {
					return work.NewLocal(leases, &work.Options{
						TTL: 10 * time.Second, Check: 100 * time.Millisecond, Poll: 50 * time.Millisecond,
						Backoff: func(int) time.Duration { return 20 * time.Millisecond },
					})
				})
		})
	}
}
