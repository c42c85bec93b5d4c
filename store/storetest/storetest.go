// Package storetest is the suite that every store passes. A store's own test
// calls [Run] with a function that makes an empty one.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/query/catalog"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/work"
	"github.com/inlet-go/inlet/task"
)

// Store is what the suite covers. Leases have a suite of their own, worktest.
type Store interface {
	connector.Repository
	connector.DefinitionRepository
	dataset.Repository
	task.Repository
	filesync.Repository
	query.Repository
	catalog.Store
	work.Leases
	blob.Garbage
}

// Run runs the suite. newStore returns an empty store for each test and closes
// it when that test ends.
func Run(t *testing.T, newStore func(t *testing.T) Store) {
	run := func(name string, test func(t *testing.T, f *fixture)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &fixture{T: t, Store: newStore(t), ctx: t.Context()})
		})
	}

	run("Connectors/RoundTrip", testConnectorRoundTrip)
	run("Connectors/List", testConnectorList)
	run("Connectors/Update", testConnectorUpdate)
	run("Connectors/Delete", testConnectorDelete)
	run("Connectors/RelatedTasks", testRelatedTasks)

	run("Volumes/RoundTrip", testVolumeRoundTrip)
	run("Volumes/List", testVolumeList)
	run("Volumes/Delete", testVolumeDelete)
	run("Volumes/Files", testVolumeFiles)
	run("Volumes/RemoveFiles", testRemoveFiles)

	run("Tasks/RoundTrip", testTaskRoundTrip)
	run("Tasks/Create", testTaskCreate)
	run("Tasks/List", testTaskList)
	run("Tasks/Update", testTaskUpdate)
	run("Tasks/Pause", testPause)
	run("Tasks/Delete", testTaskDelete)
	run("Tasks/Files", testTaskFiles)
	run("Tasks/PausedFiles", testPausedFiles)
	run("Tasks/Retry", testRetry)
	run("Tasks/RetryRefused", testRetryRefused)
	run("Tasks/ReplaceRun", testReplaceRun)

	run("Runs/Listing", testListing)
	run("Runs/State", testState)
	run("Runs/Commit", testCommit)
	run("Runs/CommitAgain", testCommitAgain)
	run("Runs/CommitRefused", testCommitRefused)
	run("Runs/Supersede", testSupersede)
	run("Runs/SameURITwice", testSameURITwice)
	run("Runs/Drop", testDrop)
	run("Runs/Unchanged", testUnchanged)
	run("Runs/Zombie", testZombie)
	run("Runs/Purge", testPurge)

	run("Queries/RoundTrip", testQueryRoundTrip)
	run("Queries/List", testQueryList)
	run("Queries/Owners", testQueryOwners)
	run("Queries/Abandon", testQueryAbandon)
	run("Queries/Cancel", testQueryCancel)
	run("Queries/Cache", testQueryCache)
	run("Queries/Expire", testQueryExpire)
	run("Queries/Saved", testSavedSQL)
	run("Tables/Named", testNamedFiles)
	run("Tables/After", testFilesAfter)

	run("Schedules/Due", testDue)
	run("Schedules/StartRun", testStartRun)
	run("Schedules/Settle", testSettle)

	run("Datasets/RoundTrip", testDatasetRoundTrip)
	run("Datasets/List", testDatasetList)
	run("Datasets/Purge", testDatasetPurge)
	run("Sources/RoundTrip", testSourceRoundTrip)
	run("Sources/List", testSourceList)
	run("Sources/Delete", testSourceDelete)
	run("Uploads/RoundTrip", testUploadRoundTrip)
	run("Uploads/Parts", testUploadParts)
	run("Uploads/Expiry", testUploadExpiry)
	run("Syncs/RoundTrip", testSyncRoundTrip)
	run("Syncs/Uploads", testUploads)
	run("Syncs/Packs", testPacks)
	run("Syncs/UploadsRefused", testUploadsRefused)
	run("Syncs/End", testEndSync)
	run("Syncs/Trash", testTrash)
	run("Syncs/Fail", testFailSync)
	run("Syncs/Orphans", testOrphans)
	run("Syncs/Concurrent", testConcurrentSyncs)
	run("Lake/Folders", testLake)
	run("Lake/Generations", testGenerations)

	run("Definitions/RoundTrip", testDefinitionRoundTrip)
	run("Definitions/List", testDefinitionList)
	run("Definitions/Versions", testDefinitionVersions)
	run("Definitions/Together", testDefinitionsTogether)
	run("Definitions/Archives", testDefinitionArchives)
	run("Definitions/Connectors", testDefinedConnectors)

	run("Garbage/Collected", testCollected)
	run("Garbage/Live", testLive)
	run("Garbage/DeletedVolume", testDeletedVolume)

	run("Tenants/Strangers", testStrangers)
	run("Texts/CaseSensitive", testCaseSensitive)
	run("Texts/ByteOrder", testByteOrder)
	run("Texts/Unstorable", testUnstorable)
	run("Ids/Order", testIDs)

	run("Concurrency/UpdateTask", testConcurrentUpdates)
	run("Concurrency/UpdateConnector", testConcurrentConnectorUpdates)
	run("Concurrency/Publishers", testConcurrentPublishers)
	run("Concurrency/LastChunks", testConcurrentLastChunks)
	run("Concurrency/StartRun", testConcurrentStartRun)
	run("Concurrency/SameName", testConcurrentNames)
	run("Concurrency/ForgetUpload", testConcurrentForgetting)
	run("Concurrency/LiveVersions", testConcurrentVersions)
}

// fixture is a store with what tests need around it.
type fixture struct {
	*testing.T
	Store
	ctx context.Context
}

// Run is the store's, not the test's.
func (f *fixture) Run(ctx context.Context, id int64) (*task.Run, *task.Task, error) {
	return f.Store.Run(ctx, id)
}

const (
	tenant   = "tenant"
	stranger = "stranger"
)

// day is a time that the databases' own clocks never show.
var day = time.Date(2025, 3, 4, 5, 6, 7, 8_000_000, time.UTC)

var once = task.Schedule{Type: task.Once}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// is fails unless err is of the kind, or has the cause.
func (f *fixture) is(err, kind error) {
	f.Helper()
	if !errors.Is(err, kind) {
		f.Fatalf("error is %v, want %v", err, kind)
	}
	if errs.Message(err) == "" {
		f.Errorf("%v error without a message", kind)
	}
}

func (f *fixture) connector(name string) *connector.Connector {
	f.Helper()
	c := &connector.Connector{
		Tenant: tenant, Name: name, Type: connector.Folder, Status: connector.Active,
		Config: connector.Config{Folder: &connector.FolderConfig{Path: "/data"}}, CreatedBy: "me", CreatedAt: day, UpdatedAt: day,
	}
	f.ok(f.CreateConnector(f.ctx, c))
	return c
}

func (f *fixture) volume(name string) *task.Volume {
	f.Helper()
	v := &task.Volume{Tenant: tenant, Name: name, Owner: "me", CreatedAt: day, UpdatedAt: day}
	f.ok(f.CreateVolume(f.ctx, v))
	return v
}

// loading is a task with its run, on the way through the store.
type loading struct {
	*fixture
	task *task.Task
	run  *task.Run
}

// begin creates a task with a run into the volume; nil makes a volume and a
// connector of its own.
func (f *fixture) begin(s task.Schedule, into *loading) *loading {
	f.Helper()
	t := &task.Task{
		Tenant: tenant, Status: task.Executable, URIs: []string{"dir/"}, Schedule: s, Revision: 1, Creator: "me",
		ConnectorType: connector.Folder, CreatedAt: day, UpdatedAt: day,
	}
	if into != nil {
		t.ConnectorID, t.VolumeID = into.task.ConnectorID, into.task.VolumeID
	} else {
		name := fmt.Sprint(time.Now().UnixNano())
		t.ConnectorID, t.VolumeID = f.connector("c"+name).ID, f.volume("v"+name).ID
	}
	run := &task.Run{First: true, ScheduledFor: day, Revision: 1, URIs: t.URIs}
	f.ok(f.CreateTask(f.ctx, t, run))
	return &loading{f, t, run}
}

// claim takes the one item of the kind that is due for the run.
func (l *loading) claim(kind string) work.Item {
	l.Helper()
	items, err := l.Claim(l.ctx, "node", []string{kind}, 1000, time.Minute)
	l.ok(err)
	var mine []work.Item
	for _, item := range items {
		if item.Group == l.run.ID {
			mine = append(mine, item)
			continue
		}
		l.ok(l.Release(l.ctx, item.Lease(), 0))
	}
	if len(mine) != 1 {
		l.Fatalf("%d items of %s are due, want 1", len(mine), kind)
	}
	return mine[0]
}

func (l *loading) files(uris ...string) []*task.File {
	list := make([]*task.File, len(uris))
	for i, uri := range uris {
		list[i] = &task.File{
			Tenant: tenant, TaskID: l.task.ID, VolumeID: l.task.VolumeID, ConnectorID: l.task.ConnectorID, URI: uri, Size: 10,
			ETag: "e-" + uri, ModTime: day, Status: task.Waiting, Creator: "me", StartAt: day, UpdatedAt: day,
		}
	}
	return list
}

// list lists the files as one chunk and ends the listing.
func (l *loading) list(uris ...string) []*task.File {
	l.Helper()
	files := l.files(uris...)
	item := l.claim(task.KindList)
	l.ok(l.AppendChunk(l.ctx, item.Lease(), l.run.ID, files, 0, task.Cursor{URI: 1}, nil))
	l.ok(l.EndListing(l.ctx, item.Lease(), l.run.ID))
	return files
}

func success(files ...*task.File) []task.FileResult {
	list := make([]task.FileResult, len(files))
	for i, f := range files {
		list[i] = task.FileResult{
			FileID: f.ID, Status: task.Success, Size: 20, ETag: f.ETag, ModTime: f.ModTime, SHA256: [32]byte{1, 2, byte(i)},
			StartAt: day.Add(time.Minute), EndAt: day.Add(time.Hour),
		}
	}
	return list
}

func failure(files ...*task.File) []task.FileResult {
	list := make([]task.FileResult, len(files))
	for i, f := range files {
		list[i] = task.FileResult{FileID: f.ID, Status: task.Failed, Reason: "no such key", StartAt: day, EndAt: day}
	}
	return list
}

// load lists the files and loads all of them.
func (l *loading) load(uris ...string) []*task.File {
	l.Helper()
	files := l.list(uris...)
	item := l.claim(task.KindLoad)
	l.ok(l.CommitFiles(l.ctx, item.Lease(), item.ID, success(files...), true))
	return files
}

// shown returns the URIs of the volume's visible files, and fails when its
// counters do not fit them.
func (l *loading) shown() []string {
	l.Helper()
	files, total, err := l.VolumeFiles(l.ctx, tenant, l.task.VolumeID, task.FileQuery{})
	l.ok(err)
	v, err := l.Volume(l.ctx, tenant, l.task.VolumeID)
	l.ok(err)
	uris, size := []string{}, int64(0)
	for _, f := range files {
		uris, size = append(uris, f.URI), size+f.Size
		if !f.Published || f.Status != task.Success {
			l.Errorf("file %q of the volume has status %d, published %v", f.URI, f.Status, f.Published)
		}
	}
	if v.FileNum != int64(len(files)) || total != len(files) || v.Size != size {
		l.Errorf("the volume counts %d files of %d bytes, a total of %d; it shows %d of %d", v.FileNum, v.Size, total, len(files), size)
	}
	return uris
}

func (l *loading) counts() task.Counts {
	l.Helper()
	c, err := l.TaskCounts(l.ctx, tenant, l.task.ID)
	l.ok(err)
	return c
}

func (l *loading) status() task.Status {
	l.Helper()
	t, err := l.Task(l.ctx, tenant, l.task.ID)
	l.ok(err)
	return t.Status
}

func (l *loading) set(status task.Status) {
	l.Helper()
	l.ok(l.UpdateTask(l.ctx, tenant, l.task.ID, func(t *task.Task) error {
		t.Status = status
		return nil
	}))
}
