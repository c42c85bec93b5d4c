package httpapi

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// sourceServer serves the data sources that links lead to, and takes the parts
// of uploads.
type sourceServer struct {
	service *dataset.Service
	links   links
}

// sourcePath is the path of a data source, and partPath that of a part of an
// upload, for links.
func sourcePath(id, name string) []string { return []string{"sources", id, safeName(name)} }

func partPath(upload, number string) []string { return []string{"uploads", upload, number} }

func (s *sourceServer) routes() []route {
	return []route{
		public(call(http.MethodGet, linksPath+"sources/{source}/{name}", readSourceLink, s.get)),
		public(streamed(call(http.MethodPut, linksPath+"uploads/{upload}/{number}", readPartLink, s.put))),
	}
}

// followedSource is a link to a data source that somebody follows.
type followedSource struct {
	followed
	r *http.Request
}

func readSourceLink(in *input) followedSource {
	return followedSource{readFollowed(in, sourcePath(in.r.PathValue("source"), in.r.PathValue("name"))), in.r}
}

func (s *sourceServer) get(ctx context.Context, _ scope.Scope, l followedSource) (any, error) {
	if err := s.links.check(l.followed); err != nil {
		return nil, err
	}
	src, err := s.service.SourceByID(ctx, scope.Scope{Tenant: l.Tenant}, l.r.PathValue("source"))
	if err != nil {
		return nil, err
	}
	if src.Key == "" {
		return nil, errs.New(errs.NotFound, "data source %q has no bytes", src.ID)
	}
	return newDownload(ctx, l.r, stored{
		name: src.Name, sha256: src.SHA256, size: src.Size, modTime: src.UpdatedAt,
		open: func(ctx context.Context, opts *blob.OpenOptions) (io.ReadCloser, error) {
			return s.service.OpenSource(ctx, src, opts)
		},
	})
}

// sentPart is a part of an upload that somebody sends.
type sentPart struct {
	followed
	upload string
	number int
	body   io.Reader
}

func readPartLink(in *input) sentPart {
	p := sentPart{upload: in.r.PathValue("upload"), body: in.stream}
	p.followed = readFollowed(in, partPath(p.upload, in.r.PathValue("number")))
	p.number, _ = strconv.Atoi(in.r.PathValue("number")) // the signature tells whether it is one
	return p
}

func (s *sourceServer) put(ctx context.Context, _ scope.Scope, p sentPart) (any, error) {
	if err := s.links.check(p.followed); err != nil {
		return nil, err
	}
	etag, err := s.service.PutPart(ctx, p.Tenant, p.upload, p.number, p.body)
	if err != nil {
		return nil, err
	}
	return storedPart{etag}, nil
}

// storedPart answers as S3 does: with an ETag and no body.
type storedPart struct{ etag string }

func (p storedPart) stream(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("ETag", `"`+p.etag+`"`)
	w.WriteHeader(http.StatusOK)
	return nil
}
