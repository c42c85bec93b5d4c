package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/task"
)

// moiVolumes are the operations on origin volumes, which load tasks fill.
type moiVolumes struct {
	service *task.Service
	links   links
	bare    bool // answer creations without an id
}

func (m *moiVolumes) routes() []route {
	bodyID := func(in *input) int64 { return in.body.id("id") }
	return []route{
		call(http.MethodPost, "/CreateOriginVolume", func(in *input) string { return in.body.text("name") }, m.create),
		call(http.MethodPost, "/DescribeOriginVolumes", readVolumeQuery, m.list),
		call(http.MethodPost, "/DescribeOriginVolume", readVolumeFiles, m.files),
		call(http.MethodPost, "/GetOriginVolumeFileLink", readVolumeFile, m.link),
		call(http.MethodPost, "/DeleteOriginVolumeFiles", readRemoval, m.removeFiles),
		call(http.MethodPost, "/DeleteOriginVolume", bodyID, nothing(m.service.DeleteVolume)),
	}
}

func (m *moiVolumes) create(ctx context.Context, sc scope.Scope, name string) (any, error) {
	v, err := m.service.CreateVolume(ctx, sc, name)
	if err != nil {
		return nil, err
	}
	return created(m.bare, "id", strconv.FormatInt(v.ID, 10)), nil
}

func readVolumeQuery(in *input) task.VolumeQuery {
	p := pagingOrAll(in.body)
	return task.VolumeQuery{Offset: p.offset, Limit: p.limit}
}

// moiVolume is an origin volume.
type moiVolume struct {
	ID        int64  `json:"id,string"`
	Name      string `json:"name"`
	Size      int64  `json:"size"` // bytes
	FileNum   int64  `json:"file_num"`
	Owner     string `json:"owner"`
	CreatedAt int64  `json:"created_at"`
	UpdatedAt int64  `json:"updated_at"`
}

// moiVolumeList is a list of volumes.
type moiVolumeList struct {
	Total   int         `json:"total"`
	Volumes []moiVolume `json:"volumes"`
}

func (m *moiVolumes) list(ctx context.Context, sc scope.Scope, q task.VolumeQuery) (any, error) {
	found, total, err := m.service.Volumes(ctx, sc, q)
	if err != nil {
		return nil, err
	}
	list := moiVolumeList{Total: total, Volumes: make([]moiVolume, len(found))}
	for i, v := range found {
		list.Volumes[i] = moiVolume{
			ID: v.ID, Name: v.Name, Size: v.Size, FileNum: v.FileNum, Owner: v.Owner,
			CreatedAt: unix(v.CreatedAt), UpdatedAt: unix(v.UpdatedAt),
		}
	}
	return list, nil
}

// readVolumeFiles reads which files of a volume to list: a page by number, or
// those after a cursor, or the first MaxUnpaged.
func readVolumeFiles(in *input) fileQuery {
	p := pagingOrAll(in.body)
	q := fileQuery{of: in.body.id("id"), FileQuery: task.FileQuery{Offset: p.offset, Limit: p.limit}}
	if in.body.has("cursor") {
		var c fileCursor
		if err := c.UnmarshalText([]byte(in.body.text("cursor"))); err != nil {
			in.body.problem("cursor", "it must be the next_cursor of an answer")
		}
		q.After, q.AfterURI = c.ID, c.URI
	}
	return q
}

// fileCursor is a place in a volume's files: behind the one that it names. On
// the wire it is opaque.
type fileCursor struct {
	ID  int64
	URI string
}

// MarshalText implements [encoding.TextMarshaler].
func (c fileCursor) MarshalText() ([]byte, error) {
	plain := strconv.FormatInt(c.ID, 36) + ":" + c.URI
	return base64.RawURLEncoding.AppendEncode(nil, []byte(plain)), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (c *fileCursor) UnmarshalText(text []byte) error {
	plain, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	id, uri, _ := strings.Cut(string(plain), ":")
	c.URI = uri
	c.ID, err = strconv.ParseInt(id, 36, 64)
	return err
}

// moiVolumeFiles is a part of a volume's files. The cursor is an addition; it
// is there only when more follow.
type moiVolumeFiles struct {
	Total      int         `json:"total"`
	Items      []moiFile   `json:"items"`
	NextCursor *fileCursor `json:"next_cursor,omitempty"`
}

func (m *moiVolumes) files(ctx context.Context, sc scope.Scope, q fileQuery) (any, error) {
	v, err := m.service.Volume(ctx, sc, q.of)
	if err != nil {
		return nil, err
	}
	limit := q.Limit
	q.Limit++ // one more than asked for tells whether more follow
	files, total, err := m.service.VolumeFiles(ctx, sc, q.of, q.FileQuery)
	if err != nil {
		return nil, err
	}
	list := moiVolumeFiles{Total: total}
	if len(files) > limit {
		files = files[:limit]
		last := files[limit-1]
		list.NextCursor = &fileCursor{ID: last.ID, URI: last.URI}
	}
	list.Items = newMOIFiles(files, v.Name)
	return list, nil
}

// linkQuery is which file of which volume to link to.
type linkQuery struct {
	volume, file int64
	base         string
}

func readVolumeFile(in *input) linkQuery {
	return linkQuery{volume: in.body.id("volume_id"), file: in.body.id("file_id"), base: in.base}
}

// link returns the bucket's own link to a file, or ours where it has none.
func (m *moiVolumes) link(ctx context.Context, sc scope.Scope, q linkQuery) (any, error) {
	f, err := m.service.VolumeFile(ctx, sc, q.volume, q.file)
	if err != nil {
		return nil, err
	}
	name := baseName(f.URI)
	link, err := m.service.SignedURL(ctx, f, &blob.SignOptions{Expires: m.links.expiry, ContentDisposition: attachment(name)})
	if errors.Is(err, errs.Unsupported) {
		link, err = m.links.sign(q.base, m.links.get(sc.Tenant, m.links.expiry, filePath(q.volume, q.file, name))), nil
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{"link": link}, nil
}

func readRemoval(in *input) fileIDs {
	q := fileIDs{of: in.body.id("volume_id"), files: in.body.ids("file_ids")}
	if !in.body.has("file_ids") || len(in.body.items("file_ids")) == 0 {
		in.body.required("file_ids")
	}
	return q
}

// removeFiles answers an empty object, as documented.
func (m *moiVolumes) removeFiles(ctx context.Context, sc scope.Scope, q fileIDs) (any, error) {
	return struct{}{}, m.service.RemoveFiles(ctx, sc, q.of, q.files)
}
