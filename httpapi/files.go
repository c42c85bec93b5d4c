package httpapi

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/task"
)

// fileServer serves the files of volumes that links lead to.
type fileServer struct {
	tasks *task.Service
	links links
}

// filePath is the path of a file, for links.
func filePath(volume, file int64, name string) []string {
	return []string{"files", strconv.FormatInt(volume, 10), strconv.FormatInt(file, 10), safeName(name)}
}

// followedFile is a link to a file of a volume that somebody follows.
type followedFile struct {
	followed
	volume, file int64
	r            *http.Request
}

func readFileLink(in *input) followedFile {
	f := followedFile{volume: in.pathID("volume"), file: in.pathID("file"), r: in.r}
	f.followed = readFollowed(in, filePath(f.volume, f.file, in.r.PathValue("name")))
	return f
}

func (s *fileServer) serve(ctx context.Context, _ scope.Scope, l followedFile) (any, error) {
	if err := s.links.check(l.followed); err != nil {
		return nil, err
	}
	f, err := s.tasks.VolumeFile(ctx, scope.Scope{Tenant: l.Tenant}, l.volume, l.file)
	if err != nil {
		return nil, err
	}
	return newDownload(ctx, l.r, stored{
		name: l.r.PathValue("name"), sha256: f.SHA256, size: f.Size, modTime: f.EndAt,
		open: func(ctx context.Context, opts *blob.OpenOptions) (io.ReadCloser, error) {
			return s.tasks.OpenFile(ctx, f, opts)
		},
	})
}
