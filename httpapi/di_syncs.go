package httpapi

import (
	"context"
	"net/http"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// diSyncs are the operations on syncs.
type diSyncs struct {
	service   *filesync.Service
	anonymous string
}

func (d *diSyncs) routes() []route {
	const base = "/api/ingestion/file/sync"
	return []route{
		call(http.MethodPost, base+"/start", readNewSync, d.start),
		call(http.MethodPost, base+"/end", readSyncID, succeed(d.service.End)),
		call(http.MethodPost, base+"/abort", readSyncID, succeed(d.service.Abort)),
		anonymous(d.anonymous, call(http.MethodGet, base+"/list", readSyncQuery, d.list)),
		anonymous(d.anonymous, call(http.MethodGet, base+"/history", readHistoryQuery, d.history)),
	}
}

// readNewSync reads what start needs. What is wrong with the path is told by
// the service.
func readNewSync(in *input) filesync.New {
	n := filesync.New{Name: requiredText(in, "name"), Path: requiredText(in, "path")}
	if text := requiredText(in, "sync_type"); text != "" {
		var err error
		if n.Type, err = filesync.ParseSyncType(text); err != nil {
			in.note("%s", errs.Message(err))
		}
	}
	return n
}

// diStarted is the answer of start.
type diStarted struct {
	SyncID int64 `json:"sync_id"`
}

func (d *diSyncs) start(ctx context.Context, sc scope.Scope, n filesync.New) (any, error) {
	y, err := d.service.Start(ctx, sc, n)
	if err != nil {
		return nil, err
	}
	return diStarted{SyncID: y.ID}, nil
}

func readSyncID(in *input) int64 { return in.body.id("sync_id") }

// diSuccess is the answer of what has nothing to tell. It is never false.
type diSuccess struct {
	Success bool `json:"success"`
}

// succeed makes an operation of what a service does with a sync.
func succeed(do func(context.Context, scope.Scope, int64) error) func(context.Context, scope.Scope, int64) (any, error) {
	return func(ctx context.Context, sc scope.Scope, id int64) (any, error) {
		return diSuccess{true}, about(id, do(ctx, sc, id))
	}
}

func readSyncQuery(in *input) filesync.SyncQuery {
	offset, limit := diPage(in)
	return filesync.SyncQuery{Offset: offset, Limit: limit}
}

// diSync is a sync in a list.
type diSync struct {
	OrgID      int64  `json:"org_id"` // always 0: the product knows one organization
	SyncID     int64  `json:"sync_id"`
	Name       string `json:"name"`
	Path       string `json:"path"`
	SyncType   string `json:"sync_type"`
	SyncStatus string `json:"sync_status"`
	StartTime  int64  `json:"start_time"`
	EndTime    int64  `json:"end_time"`
	TotalFiles int64  `json:"total_files"`
	NumFailed  int64  `json:"num_failed"`
}

func (d *diSyncs) list(ctx context.Context, sc scope.Scope, q filesync.SyncQuery) (any, error) {
	found, err := d.service.Syncs(ctx, sc, q)
	list := make([]diSync, len(found))
	for i, y := range found {
		list[i] = diSync{
			SyncID: y.ID, Name: y.Name, Path: y.Path, SyncType: string(y.Type), SyncStatus: string(y.Status),
			StartTime: diTime(y.StartAt), EndTime: diTime(y.EndAt), TotalFiles: y.TotalFiles, NumFailed: y.NumFailed,
		}
	}
	return list, err
}

// readHistoryQuery reads also the filter by sync_id, an addition.
func readHistoryQuery(in *input) filesync.HistoryQuery {
	offset, limit := diPage(in)
	q := filesync.HistoryQuery{Offset: offset, Limit: limit}
	if in.query.has("sync_id") {
		q.SyncID = in.query.id("sync_id")
	}
	return q
}

// diHistory is an upload in a list.
type diHistory struct {
	OrgID      int64  `json:"org_id"`
	HistoryID  int64  `json:"history_id"`
	SyncID     int64  `json:"sync_id"`
	FileName   string `json:"file_name"`
	StartTime  int64  `json:"start_time"`
	EndTime    int64  `json:"end_time"`
	SyncStatus string `json:"sync_status"`
	Message    string `json:"message"`
}

func (d *diSyncs) history(ctx context.Context, sc scope.Scope, q filesync.HistoryQuery) (any, error) {
	found, err := d.service.History(ctx, sc, q)
	list := make([]diHistory, len(found))
	for i, h := range found {
		list[i] = diHistory{
			HistoryID: h.ID, SyncID: h.SyncID, FileName: h.FileName, StartTime: diTime(h.StartAt), EndTime: diTime(h.EndAt),
			SyncStatus: string(h.Status), Message: h.Message,
		}
	}
	return list, err
}

// diTrash are the operations on the trash, which the product has no API for.
type diTrash struct{ service *filesync.Service }

func (d *diTrash) routes() []route {
	const base = "/api/ingestion/file/trash"
	return []route{
		call(http.MethodGet, base, readTrashQuery, d.list),
		call(http.MethodPost, base+"/restore", readSyncID, d.restore),
		call(http.MethodPost, base+"/purge", readSyncID, d.purge),
	}
}

func readTrashQuery(in *input) filesync.TrashQuery {
	offset, limit := diPage(in)
	return filesync.TrashQuery{Path: in.query.text("path"), Offset: offset, Limit: limit}
}

// diGeneration is a generation in the trash.
type diGeneration struct {
	OrgID      int64  `json:"org_id"`
	SyncID     int64  `json:"sync_id"`
	Path       string `json:"path"`
	Generation string `json:"generation"`
	TotalFiles int64  `json:"total_files"`
	TotalSize  int64  `json:"total_size"`
	TrashTime  int64  `json:"trash_time"`
}

func (d *diTrash) list(ctx context.Context, sc scope.Scope, q filesync.TrashQuery) (any, error) {
	found, err := d.service.Trash(ctx, sc, q)
	list := make([]diGeneration, len(found))
	for i, t := range found {
		list[i] = diGeneration{
			SyncID: t.SyncID, Path: t.Path, Generation: generationID(t.Generation), TotalFiles: t.Files, TotalSize: t.Size,
			TrashTime: diTime(t.TrashAt),
		}
	}
	return list, err
}

func (d *diTrash) restore(ctx context.Context, sc scope.Scope, id int64) (any, error) {
	_, err := d.service.Restore(ctx, sc, id)
	return diSuccess{true}, err
}

func (d *diTrash) purge(ctx context.Context, sc scope.Scope, id int64) (any, error) {
	return diSuccess{true}, d.service.Purge(ctx, sc, id)
}
