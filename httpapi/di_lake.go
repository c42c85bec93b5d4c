package httpapi

import (
	"context"
	"encoding/hex"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/scope"
)

// diLake reads what is in the lake.
type diLake struct{ service *filesync.Service }

func (d *diLake) routes() []route {
	const base = "/api/lake/file"
	return []route{
		call(http.MethodGet, base, readFolder, d.list),
		call(http.MethodGet, base+"/info", readLakeFile, d.info),
		call(http.MethodGet, base+"/download", readLakeFile, d.download),
	}
}

// generationID is a generation on the wire: a text, for it needs 53 bits.
func generationID(id int64) string { return strconv.FormatInt(id, 10) }

// readGeneration reads which generation is meant; an addition.
func readGeneration(in *input) int64 {
	if !in.query.has("generation") || in.query.text("generation") == "0" {
		return 0
	}
	return in.query.id("generation")
}

func readLakePath(in *input) string {
	if !in.query.has("path") {
		in.note("path is required")
	}
	return in.query.text("path")
}

var lakeOrders = map[string]filesync.Order{
	"": filesync.ByName, "name": filesync.ByName, "size": filesync.BySize, "sizeInByte": filesync.BySize, "date": filesync.ByDate,
}

func readFolder(in *input) filesync.ListQuery {
	q := filesync.ListQuery{Path: readLakePath(in), Generation: readGeneration(in), Search: in.query.text("search")}
	q.Offset, q.Limit = diPage(in)
	order, ok := lakeOrders[in.query.text("sortBy")]
	if !ok {
		in.query.problem("sortBy", "it must be name, size or date")
	}
	q.OrderBy = order
	switch in.query.text("sortMode") {
	case "", "1":
	case "0":
		q.Desc = true
	default:
		in.query.problem("sortMode", "it must be 1 for ascending or 0 for descending")
	}
	switch in.query.text("type") {
	case "":
	case "0":
		q.OnlyDirs = true
	case "1":
		q.OnlyFiles = true
	default:
		in.query.problem("type", "it must be 0 for folders or 1 for files")
	}
	return q
}

// diFileInfo is a file or a folder. Path, sync_id and sha256 are additions.
type diFileInfo struct {
	FormatType  int    `json:"formatType"` // 0 unknown, 1 Parquet, 2 media
	Type        int    `json:"type"`       // 0 folder, 1 file
	Name        string `json:"name"`
	SizeInByte  int64  `json:"sizeInByte"`
	Date        int64  `json:"date"`
	Group       string `json:"group"`
	Permission  string `json:"permission"`
	Creator     string `json:"creator"`
	ContentType string `json:"contentType"`
	Path        string `json:"path"`
	SyncID      int64  `json:"syncId"`
	SHA256      string `json:"sha256"`
}

func newFolderInfo(p string) diFileInfo { return diFileInfo{Name: path.Base(p), Path: p} }

func newFileInfo(f *filesync.File, p string) diFileInfo {
	info := diFileInfo{
		Type: 1, Name: f.Name, SizeInByte: f.Size, Date: diTime(f.EndAt), ContentType: contentType(f.Name),
		Path: p, SyncID: f.SyncID, SHA256: hex.EncodeToString(f.SHA256[:]),
	}
	major, _, _ := strings.Cut(info.ContentType, "/")
	switch {
	case strings.EqualFold(path.Ext(f.Name), ".parquet"):
		info.FormatType = 1
	case major == "image" || major == "audio" || major == "video":
		info.FormatType = 2
	}
	return info
}

// contentType guesses from a name.
func contentType(name string) string {
	if strings.EqualFold(path.Ext(name), ".parquet") {
		return "application/vnd.apache.parquet" // not known to every host
	}
	if t := mime.TypeByExtension(strings.ToLower(path.Ext(name))); t != "" {
		return t
	}
	return "application/octet-stream"
}

// diFolder is a page of a folder. Generation is an addition: with it, the next
// page fits this one even when a sync ends in between.
type diFolder struct {
	lakeAnswer
	Data       []diFileInfo `json:"data"`
	FullPath   string       `json:"fullPath"`
	Total      int          `json:"total"`
	Generation string       `json:"generation"`
}

func (d *diLake) list(ctx context.Context, sc scope.Scope, q filesync.ListQuery) (any, error) {
	found, err := d.service.List(ctx, sc, q)
	if err != nil {
		return nil, err
	}
	folder := diFolder{
		Data: make([]diFileInfo, len(found.Entries)), FullPath: path.Clean(q.Path), Total: found.Total, Generation: generationID(found.Generation),
	}
	for i, e := range found.Entries {
		p := path.Join(folder.FullPath, e.Name)
		if e.File == nil {
			folder.Data[i] = newFolderInfo(p)
		} else {
			folder.Data[i] = newFileInfo(e.File, p)
		}
	}
	return folder, nil
}

// lakeFile is which file is asked for.
type lakeFile struct {
	path       string
	generation int64
	r          *http.Request
}

func readLakeFile(in *input) lakeFile {
	return lakeFile{path: readLakePath(in), generation: readGeneration(in), r: in.r}
}

// diFile is what is known of one file or folder.
type diFile struct {
	lakeAnswer
	Data diFileInfo `json:"data"`
}

func (d *diLake) info(ctx context.Context, sc scope.Scope, q lakeFile) (any, error) {
	var f *filesync.File
	var err error
	if q.generation == 0 {
		f, err = d.service.Stat(ctx, sc, q.path)
	} else {
		f, err = d.service.File(ctx, sc, q.path, q.generation)
	}
	switch {
	case err != nil:
		return nil, err
	case f == nil:
		return diFile{Data: newFolderInfo(path.Clean(q.path))}, nil
	}
	return diFile{Data: newFileInfo(f, f.Path())}, nil
}

func (d *diLake) download(ctx context.Context, sc scope.Scope, q lakeFile) (any, error) {
	f, err := d.service.File(ctx, sc, q.path, q.generation)
	if err != nil {
		return nil, err
	}
	out, err := newDownload(ctx, q.r, stored{
		name: f.Name, sha256: f.SHA256, size: f.Size, modTime: f.EndAt,
		open: func(ctx context.Context, opts *blob.OpenOptions) (io.ReadCloser, error) {
			return d.service.Open(ctx, f, opts)
		},
	})
	return out, unavailable(lakeUnreadable, err)
}
