package sqlstore

import (
	"context"
	"strings"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/task"
)

// Live see [blob.Garbage].
func (s *Store) Live(ctx context.Context, keys []string) ([]bool, error) {
	live := make([]bool, len(keys))
	refs := map[garbageRow]int{}    // the files among the keys, by their place
	others := map[string][]string{} // the keys of each other known prefix
	for i, key := range keys {
		prefix, _, _ := strings.Cut(key, "/")
		r, err := task.ParseBlobKey(key)
		switch {
		case err == nil:
			refs[garbageRow{r.FileID, r.Fence}] = i
		case filesync.BlobPrefix == prefix+"/" && !filesync.IsBlobKey(key), query.ResultPrefix == prefix+"/" && !query.IsResultKey(key):
			live[i] = true
		case liveKeys[prefix+"/"] != "":
			others[prefix+"/"] = append(others[prefix+"/"], key)
		default:
			live[i] = true
		}
	}
	files, err := s.liveFiles(ctx, refs)
	if err != nil {
		return nil, err
	}
	for _, row := range files {
		if i, ok := refs[row]; ok {
			live[i] = true
		}
	}
	known := map[string]bool{}
	for prefix, of := range others {
		if err := s.markLive(ctx, known, prefix, of); err != nil {
			return nil, err
		}
	}
	for i, key := range keys {
		live[i] = live[i] || known[key]
	}
	return live, nil
}

// liveKeys says for each prefix, besides that of files, which of some keys can
// be reached.
var liveKeys = map[string]string{
	dataset.UploadPrefix: "SELECT blob_key FROM uploads WHERE blob_key {in}",
	dataset.PartPrefix:   "SELECT blob_key FROM upload_parts WHERE blob_key {in}",
	dataset.SourcePrefix: "SELECT blob_key FROM data_sources WHERE blob_key {in}",

	connector.DefinitionPrefix: "SELECT source_url AS blob_key FROM definitions WHERE source_url {in}",
	query.ResultPrefix:         "SELECT result_key AS blob_key FROM queries WHERE result_key <> '' AND result_key {in}",
	filesync.BlobPrefix: `SELECT blob_key FROM (SELECT blob_key FROM lake_blobs
		UNION ALL SELECT blob_key FROM sync_history WHERE status = 0) k WHERE blob_key {in}`,
}

// markLive notes the keys of a prefix that can be reached or wait to be
// collected.
func (s *Store) markLive(ctx context.Context, known map[string]bool, prefix string, keys []string) error {
	var found []string
	err := s.look(ctx, "keys", func(q session) error {
		of := s.d.array(keys)
		return q.all(ctx, &found, liveKeys[prefix]+" UNION ALL SELECT blob_key FROM garbage_keys WHERE blob_key {in}", of, of)
	})
	if err == nil && prefix == dataset.SourcePrefix {
		found, err = s.beingSynched(ctx, found, keys)
	}
	for _, key := range found {
		known[key] = true
	}
	return err
}

// beingSynched adds to found the keys under which the latest claims of data
// sources write.
func (s *Store) beingSynched(ctx context.Context, found, keys []string) ([]string, error) {
	var ids []string
	for _, key := range keys {
		if id, _, err := dataset.ParseSourceKey(key); err == nil {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return found, nil
	}
	var claims []struct {
		ID    string `db:"id"`
		Fence int64  `db:"fence"`
	}
	err := s.look(ctx, "data sources", func(q session) error {
		return q.all(ctx, &claims, "SELECT s.id, w.fence FROM data_sources s JOIN work_items w ON w.id = s.num WHERE s.id {in}", s.d.array(ids))
	})
	for _, c := range claims {
		found = append(found, dataset.SourceKey(c.ID, c.Fence))
	}
	return found, err
}

// liveFiles returns the bytes of the files that are visible, wait to be
// collected, or are of a claim that may commit yet.
func (s *Store) liveFiles(ctx context.Context, refs map[garbageRow]int) (known []garbageRow, err error) {
	if len(refs) == 0 {
		return nil, nil
	}
	ids := make([]int64, 0, len(refs))
	for r := range refs {
		ids = append(ids, r.FileID)
	}
	err = s.look(ctx, "files", func(q session) error {
		of := s.d.array(ids)
		return q.all(ctx, &known, `SELECT id AS file_id, fence FROM files WHERE id {in} AND published = 1
			UNION ALL SELECT file_id, fence FROM garbage WHERE file_id {in}
			UNION ALL SELECT f.id, w.fence FROM files f JOIN work_items w ON w.id = f.chunk_id
				WHERE f.id {in} AND f.status IN (1, 2, 6)`, of, of, of)
	})
	return known, err
}
