package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// The pages of results: what clients of the product ask for at most, and what
// they ask for by default.
const (
	cannerRowsDefault = 5000
	cannerRowsMax     = 100_000
)

// cannerResults are the operations on the rows of queries.
type cannerResults struct {
	service *query.Service
	links   links
}

func (c *cannerResults) routes() []route {
	return []route{
		call(http.MethodGet, "/query/{id}/result", readCannerResult, c.result),
		call(http.MethodGet, "/query/{id}/result/signedUrls", func(in *input) cannerLinkQuery { return cannerLinkQuery{readCannerID(in), in.base} }, c.signed),
		call(http.MethodGet, "/query/{id}/result/download", readCannerDownload, c.download),
	}
}

// cannerResultQuery is which rows of which query.
type cannerResultQuery struct {
	cannerID
	page
}

func readCannerResult(in *input) cannerResultQuery {
	return cannerResultQuery{readCannerID(in), cannerPart(in, cannerRowsDefault, cannerRowsMax)}
}

func (c *cannerResults) result(ctx context.Context, sc scope.Scope, v cannerResultQuery) (any, error) {
	p, err := c.service.Result(ctx, sc, v.workspace, v.id, int64(v.offset), int64(v.limit))
	if err != nil {
		return nil, err
	}
	tail, err := json.Marshal(struct {
		Columns  []cannerColumn `json:"columns"`
		RowCount int64          `json:"rowCount"`
	}{newCannerColumns(p.Columns), p.Total})
	if err != nil {
		return nil, err
	}
	tail[0] = ',' // it goes on behind the rows
	return newCannerRows(ctx, []byte(`{"result":[`), p, append([]byte{']'}, tail...))
}

// cannerRows is an answer with the rows of a page. The rows are JSON already:
// they go from the store to the client as they are.
type cannerRows struct {
	head []byte         // all before the rows that were not read yet
	rest *io.PipeReader // nil when head has all
	tail []byte
}

// wholePage is how many bytes of rows are gathered before the answer begins:
// what goes wrong before that is told with a status.
const wholePage = 128 << 10

// newCannerRows reads the rows that stand between head and tail, as many as
// are gathered.
func newCannerRows(ctx context.Context, head []byte, p *query.Page, tail []byte) (any, error) {
	first := bytes.NewBuffer(head)
	if p.InMemory() {
		err := p.WriteRows(ctx, first)
		return &cannerRows{head: append(first.Bytes(), tail...)}, err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(p.WriteRows(ctx, w)) }()
	_, err := io.CopyN(first, r, wholePage)
	switch {
	case errors.Is(err, io.EOF):
		return &cannerRows{head: append(first.Bytes(), tail...)}, nil
	case err != nil:
		return nil, err
	}
	return &cannerRows{head: first.Bytes(), rest: r, tail: tail}, nil
}

// stream implements streamer.
func (c *cannerRows) stream(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if c.rest == nil {
		h.Set("Content-Length", strconv.Itoa(len(c.head)))
	} else {
		defer c.rest.Close()
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(c.head)
	if err != nil || c.rest == nil {
		return err
	}
	if _, err := io.Copy(w, c.rest); err != nil {
		return err
	}
	_, err = w.Write(c.tail)
	return err
}

// cannerLinkQuery is whose result to link to, from where.
type cannerLinkQuery struct {
	cannerID
	base string
}

// signed returns links that need no credentials. The product's have Parquet.
func (c *cannerResults) signed(ctx context.Context, sc scope.Scope, v cannerLinkQuery) (any, error) {
	p, err := c.service.Result(ctx, sc, v.workspace, v.id, 0, 0)
	if err != nil {
		return nil, err
	}
	answer := struct {
		SignedURLs []string `json:"signedUrls"`
	}{[]string{}}
	if p.Total > 0 {
		if _, err := c.service.Exporter("parquet"); err != nil {
			return nil, err
		}
		path := []string{"results", v.workspace, v.id, "result.parquet"}
		answer.SignedURLs = append(answer.SignedURLs, c.links.sign(v.base, c.links.get(sc.Tenant, c.links.expiry, path)))
	}
	return answer, nil
}

// cannerDownload is which result in which format.
type cannerDownload struct {
	cannerID
	format string
}

func readCannerDownload(in *input) cannerDownload {
	d := cannerDownload{readCannerID(in), in.query.text("format")}
	if d.format == "" {
		d.format = "csv"
	}
	return d
}

func (c *cannerResults) download(ctx context.Context, sc scope.Scope, d cannerDownload) (any, error) {
	return newExport(ctx, c.service, sc, d)
}

// newExport returns a whole result in a format.
func newExport(ctx context.Context, s *query.Service, sc scope.Scope, d cannerDownload) (any, error) {
	e, err := s.Exporter(d.format)
	if err != nil {
		return nil, err
	}
	q, err := s.Get(ctx, sc, d.workspace, d.id)
	if err != nil {
		return nil, err
	}
	first, err := s.Page(q, 0, 1)
	if err == nil { // what is wrong is told before the answer begins
		err = first.WriteRows(ctx, io.Discard)
	}
	if err != nil {
		return nil, err
	}
	p, err := s.Page(q, 0, q.Result.Rows)
	if err != nil {
		return nil, err
	}
	return export{exporter: e, page: p, name: d.id + "." + d.format}, nil
}

// export writes a result as a file.
type export struct {
	exporter query.Exporter
	page     *query.Page
	name     string
}

// stream implements streamer.
func (e export) stream(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", e.exporter.ContentType())
	h.Set("Content-Disposition", attachment(e.name))
	h.Set("Cache-Control", "private")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return e.exporter.Export(r.Context(), w, e.page)
}

// resultServer serves what links to results lead to.
type resultServer struct {
	service *query.Service
	links   links
}

// resultLink is a link that somebody follows to a result.
type resultLink struct {
	followed
	cannerDownload
}

func readResultLink(in *input) resultLink {
	workspace, id, name := in.r.PathValue("workspace"), in.r.PathValue("id"), in.r.PathValue("name")
	_, format, _ := strings.Cut(name, ".")
	return resultLink{
		readFollowed(in, []string{"results", workspace, id, name}),
		cannerDownload{cannerID{workspace, id}, format},
	}
}

func (s *resultServer) serve(ctx context.Context, _ scope.Scope, l resultLink) (any, error) {
	if err := s.links.check(l.followed); err != nil {
		return nil, err
	}
	out, err := newExport(ctx, s.service, scope.Scope{Tenant: l.Tenant}, l.cannerDownload)
	if errors.Is(err, errs.Conflict) {
		return nil, errs.New(errs.NotFound, "the result does not exist")
	}
	return out, err
}
