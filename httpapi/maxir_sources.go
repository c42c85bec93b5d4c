package httpapi

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// maxirSources are the operations on data sources.
type maxirSources struct {
	service *dataset.Service
	links   links
	max     time.Duration // of a presigned link
}

func (m *maxirSources) routes() []route {
	const all = "/v2/team/datasets/{id}/datasources"
	const one = "/v2/team/datasets/{id}/datasources/{source}"
	return []route{
		call(http.MethodPost, all, readNewSource, m.create),
		call(http.MethodPost, "/v2/team/datasources", readNewSource, m.create),
		call(http.MethodGet, all, readSourceQuery, m.list),
		call(http.MethodGet, one, readSourceID, m.get),
		call(http.MethodDelete, one, readSourceID, m.delete),
		call(http.MethodPost, one+"/presign", m.readPresign, m.presign),
	}
}

// maxirSource is a data source. From Size on the fields are additions, there
// where a data source is read, and only when they are known.
type maxirSource struct {
	ID        string          `json:"id"`
	DatasetID string          `json:"dataset_id"`
	Name      string          `json:"name"`
	Type      string          `json:"type"`
	Status    dataset.Status  `json:"status"`
	Size      int64           `json:"size,omitempty"` // bytes
	SHA256    string          `json:"sha256,omitempty"`
	Reason    string          `json:"reason,omitempty"` // why it is invalid
	Tables    []dataset.Table `json:"tables,omitempty"`
}

// maxirFile is the one type of data sources.
const maxirFile = "FILE"

func newMaxirSource(s *dataset.DataSource) maxirSource {
	return maxirSource{ID: s.ID, DatasetID: s.Dataset, Name: s.DisplayName(), Type: maxirFile, Status: s.Status}
}

// read returns a data source with what is known of it.
func readMaxirSource(s *dataset.DataSource) maxirSource {
	m := newMaxirSource(s)
	m.Size, m.Reason = s.Size, s.Reason
	if s.SHA256 != [32]byte{} {
		m.SHA256 = hex.EncodeToString(s.SHA256[:])
	}
	return m
}

// sourceID names a data source.
type sourceID struct{ dataset, source string }

func readSourceID(in *input) sourceID {
	maxirUser(in)
	return sourceID{dataset: in.r.PathValue("id"), source: in.r.PathValue("source")}
}

// newSource is a data source to create; in a dataset of its own when dataset
// is "".
type newSource struct {
	dataset.NewSource
	dataset string
}

func readNewSource(in *input) newSource {
	maxirUser(in)
	for _, key := range []string{"name", "type"} {
		if !in.body.has(key) {
			in.body.required(key)
		}
	}
	if kind := in.body.text("type"); kind != "" && kind != maxirFile {
		in.body.problem("type", "it must be FILE")
	}
	return newSource{
		dataset: in.r.PathValue("id"),
		NewSource: dataset.NewSource{
			Name: in.body.text("name"), URL: in.body.text("url"), ObjectKey: in.body.text("file_object_key"),
		},
	}
}

func (m *maxirSources) create(ctx context.Context, sc scope.Scope, n newSource) (any, error) {
	s, err := m.service.CreateSource(ctx, sc, n.dataset, n.NewSource)
	if err != nil {
		return nil, failed(err, maxirCreateError, "failed to create the data source")
	}
	return newMaxirSource(s), nil
}

// sourceQuery is which data sources of a dataset to list.
type sourceQuery struct {
	page
	dataset  string
	statuses []dataset.Status
}

func readSourceQuery(in *input) sourceQuery {
	maxirUser(in)
	q := sourceQuery{dataset: in.r.PathValue("id"), page: maxirPage(in)}
	for _, status := range in.query.texts("status") {
		q.statuses = append(q.statuses, dataset.Status(status))
	}
	return q
}

func (m *maxirSources) list(ctx context.Context, sc scope.Scope, q sourceQuery) (any, error) {
	found, total, err := m.service.Sources(ctx, sc, q.dataset, dataset.SourceQuery{Statuses: q.statuses, Offset: q.offset, Limit: q.limit})
	if err != nil {
		return nil, err
	}
	records := make([]maxirSource, len(found))
	for i, s := range found {
		records[i] = readMaxirSource(s)
	}
	return newMaxirList(q.page, total, records), nil
}

func (m *maxirSources) get(ctx context.Context, sc scope.Scope, id sourceID) (any, error) {
	s, err := m.service.Source(ctx, sc, id.dataset, id.source)
	if err != nil {
		return nil, err
	}
	answer := readMaxirSource(s)
	answer.Tables = s.Tables
	return answer, nil
}

func (m *maxirSources) delete(ctx context.Context, sc scope.Scope, id sourceID) (any, error) {
	return nil, m.service.DeleteSource(ctx, sc, id.dataset, id.source)
}

// presignQuery is which data source to link to, and for how long.
type presignQuery struct {
	sourceID
	expires time.Duration
	base    string
}

// The least and the usual time that a presigned link works.
const (
	maxirMinExpiry     = time.Minute
	maxirDefaultExpiry = 10 * time.Minute
)

func (m *maxirSources) readPresign(in *input) presignQuery {
	q := presignQuery{sourceID: readSourceID(in), expires: maxirDefaultExpiry, base: in.base}
	if in.body.has("expires_in") {
		q.expires = time.Duration(in.body.integer("expires_in")) * time.Second
	}
	if q.expires < maxirMinExpiry || q.expires > m.max {
		in.note("expires_in is invalid: it must be %d to %d seconds", int(maxirMinExpiry.Seconds()), int(m.max.Seconds()))
	}
	return q
}

// maxirLink is a presigned link.
type maxirLink struct {
	URL       string `json:"presigned_url"`
	ExpiresAt string `json:"expires_at"`
}

// presign returns the bucket's own link to a data source, or ours where it has
// none.
func (m *maxirSources) presign(ctx context.Context, sc scope.Scope, q presignQuery) (any, error) {
	const text = "an error occurred while generating the presigned URL"
	s, err := m.service.Source(ctx, sc, q.dataset, q.source)
	if err != nil {
		return nil, err
	}
	if s.Key == "" {
		return nil, maxirFailed{errs.New(errs.Conflict, "data source %q has no bytes yet", s.ID), maxirSignError, text + ": the data source has no bytes yet"}
	}
	expires := m.links.now().Add(q.expires)
	link, err := m.service.SignedURL(ctx, s, &blob.SignOptions{Expires: q.expires, ContentDisposition: attachment(s.Name)})
	if errors.Is(err, errs.Unsupported) {
		link, err = m.links.sign(q.base, m.links.get(sc.Tenant, q.expires, sourcePath(s.ID, s.Name))), nil
	}
	if err != nil {
		return nil, failed(err, maxirSignError, text)
	}
	return maxirLink{URL: link, ExpiresAt: maxirTime(expires)}, nil
}
