package task_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// TestSchedulesOverDays lets the real dispatcher and runner run for two days
// of synthetic time, with a pause of half a day.
func TestSchedulesOverDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		store, err := sqlstore.Open(ctx, "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
		if err != nil {
			t.Fatal(err)
		}
		e := &env{t: t, store: store, source: &faulty{Bucket: cloud.Memory()}, bucket: cloud.Memory(), me: scope.Scope{Tenant: "acme"}}
		d := work.NewLocal(store, &work.Options{Poll: time.Minute, Check: time.Minute, TTL: time.Hour})
		connectors := connector.NewService(store, e, uispec.New(nil), nil)
		e.tasks = task.NewService(store, connectors, e.bucket, &task.Options{Dispatcher: d})
		runner := task.NewRunner(e.tasks, store, d, &task.RunnerOptions{Reconcile: time.Minute})
		collector := blob.NewCollector(e.bucket, store, &blob.CollectorOptions{Every: time.Hour})
		var workers errgroup.Group
		workers.Go(func() error { return d.Run(ctx) })
		workers.Go(func() error { return runner.Run(ctx) })
		workers.Go(func() error { return collector.Run(ctx) })

		conn, err := connectors.Create(ctx, e.me, connector.New{
			Name: "memory", Type: connector.Folder, Config: connector.Config{Folder: &connector.FolderConfig{Path: "/memory"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		e.connector = conn.ID
		e.put("a")
		type line struct {
			schedule task.Schedule
			runs     int64 // over two days
		}
		lines := []line{
			{once, 1},
			{task.Schedule{Type: task.Hourly, Every: 6}, 9},
			{task.Schedule{Type: task.Minutely, Every: 45}, 65},
			{task.Schedule{Type: task.Daily, Every: 3, TimeZone: "Asia/Shanghai"}, 2},
			{task.Schedule{Type: task.Hourly, Every: 1}, 37}, // paused for twelve hours
		}
		ids := make([]int64, len(lines))
		for i, l := range lines {
			v, err := e.tasks.CreateVolume(ctx, e.me, string(rune('a'+i)))
			if err != nil {
				t.Fatal(err)
			}
			e.volume = v.ID
			ids[i] = e.create(l.schedule, "a")
		}
		last := ids[len(ids)-1]
		time.Sleep(12*time.Hour + 30*time.Minute)
		if err := e.tasks.Pause(ctx, e.me, last); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Hour)
		if err := e.tasks.Resume(ctx, e.me, last); err != nil {
			t.Fatal(err)
		}
		time.Sleep(23*time.Hour + 35*time.Minute)
		for i, l := range lines {
			_, _, counts, err := e.tasks.Files(ctx, e.me, ids[i], task.FileQuery{})
			if err != nil {
				t.Fatal(err)
			}
			// The first run loads the file, each later one skips it.
			if runs := counts.Success + counts.Skipped; runs != l.runs {
				t.Errorf("%+v ran %d times, want %d", l.schedule, runs, l.runs)
			}
		}
		cancel()
		if err := workers.Wait(); err != nil {
			t.Error(err)
		}
		store.Close()
	})
}
