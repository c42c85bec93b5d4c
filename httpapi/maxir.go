package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
)

// newMaxir returns the dialect of MAXIR AI's data source API: datasets, data
// sources, uploads and presigned links. Its paths, fields and codes are those
// of 002_b5728707f13cb807.txt and of the product's list of error codes.
func newMaxir(cfg *Config) *dialect {
	d := &dialect{
		name:        "maxir",
		headers:     []string{"x-pd-api-key", "x-pd-external-trace-id"},
		idHeader:    "x-pd-trace-id",
		traceHeader: "x-pd-external-trace-id",
		credentials: maxirCredentials,
		wrap:        maxirWrap,
	}
	if cfg.Datasets != nil {
		datasets := &maxirDatasets{service: cfg.Datasets}
		sources := &maxirSources{service: cfg.Datasets, links: newLinks(cfg), max: cfg.MaxLinkExpiry}
		files := &maxirFiles{service: cfg.Datasets, links: newLinks(cfg)}
		d.routes = append(d.routes, datasets.routes()...)
		d.routes = append(d.routes, sources.routes()...)
		d.routes = append(d.routes, files.routes()...)
	}
	return d
}

// maxirCredentials are the key of a project, in a header, and the member of it
// who asks, in the query or the body.
func maxirCredentials(r *http.Request, body object) Credentials {
	user := r.URL.Query().Get("user_id")
	if user == "" {
		user, _ = body.fields["user_id"].(string)
	}
	return Credentials{APIKey: r.Header.Get("x-pd-api-key"), UserID: user, User: user}
}

// maxirAnswer is the envelope of a success.
type maxirAnswer struct {
	Code int `json:"code"`
	Data any `json:"data"`
}

// maxirFailure is the envelope of an error. Clients read either text.
type maxirFailure struct {
	Code    int    `json:"code"`
	Msg     string `json:"msg"`
	Message string `json:"message"`
}

// maxirCode is how an error looks. Most are a 200 in this product: clients go
// by the code.
type maxirCode struct{ status, code int }

// The codes of the product that are told by more than the kind.
const (
	maxirExpired     = 1002
	maxirNoKey       = 1003
	maxirExtension   = 300004
	maxirEmpty       = 300005
	maxirFull        = 300006
	maxirUploadError = 300007
	maxirSignError   = 300008
	maxirCreateError = 300011
)

// maxirCodes follow the product's list. What is only for a while is a 503,
// which its clients repeat.
var maxirCodes = map[errs.Kind]maxirCode{
	errs.Internal:     {http.StatusInternalServerError, 9999},
	errs.Invalid:      {http.StatusBadRequest, 300001},
	errs.Unauthorized: {http.StatusForbidden, 1004},
	errs.Forbidden:    {http.StatusOK, 300002},
	errs.NotFound:     {http.StatusOK, 300003},
	errs.Exists:       {http.StatusBadRequest, 300001},
	errs.Conflict:     {http.StatusBadRequest, 300001},
	errs.TooLarge:     {http.StatusBadRequest, 300001},
	errs.RateLimited:  {http.StatusTooManyRequests, 201},
	errs.Unsupported:  {http.StatusBadRequest, 300001},
	errs.Unavailable:  {http.StatusServiceUnavailable, 9999},
	errs.Canceled:     {http.StatusServiceUnavailable, 9999},
}

// maxirFailed marks an error of an operation that has a code of its own for
// what is nobody's fault.
type maxirFailed struct {
	error
	code int
	text string
}

func (e maxirFailed) Unwrap() error { return e.error }

// failed returns err marked with the code, unless it is the caller's fault.
func failed(err error, code int, text string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, blob.ErrFull):
		return maxirFailed{err, maxirFull, "insufficient storage space"}
	}
	switch errs.KindOf(err) {
	case errs.Internal, errs.Unavailable, errs.Unsupported:
		return maxirFailed{err, code, text}
	}
	return err
}

func maxirWrap(out any, err error) (int, any) {
	if err == nil {
		if out == nil {
			out = struct{}{}
		}
		return http.StatusOK, maxirAnswer{Data: out}
	}
	c := maxirCodes[errs.KindOf(err)]
	text := strings.ReplaceAll(errs.Message(err), "does not exist", "not found")
	var op maxirFailed
	switch {
	case errors.As(err, &op):
		c, text = maxirCode{http.StatusOK, op.code}, op.text
	case errors.Is(err, ErrCredentialsMissing):
		c.code = maxirNoKey
	case errors.Is(err, ErrCredentialsExpired):
		c.code = maxirExpired
	case errors.Is(err, dataset.ErrExtension):
		c = maxirCode{http.StatusOK, maxirExtension}
	case errors.Is(err, dataset.ErrEmpty):
		c = maxirCode{http.StatusOK, maxirEmpty}
	}
	return c.status, maxirFailure{Code: c.code, Msg: text, Message: text}
}

// maxirTime writes a time as the product does: UTC, with milliseconds.
func maxirTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// maxirUser notes that it is not known who asks.
func maxirUser(in *input) {
	if in.scope.User == "" {
		in.note("user_id is required")
	}
}

// maxirPage reads page_number and page_size.
func maxirPage(in *input) page {
	number, size := 1, 10
	if in.query.has("page_number") {
		number = in.query.integer("page_number")
	}
	if in.query.has("page_size") {
		size = in.query.integer("page_size")
	}
	return pageOf(in.query, "page_number", number, "page_size", size)
}

// maxirList is a page of a list.
type maxirList[T any] struct {
	TotalItems int `json:"total_items"`
	PageSize   int `json:"page_size"`
	PageNumber int `json:"page_number"`
	Records    []T `json:"records"`
}

func newMaxirList[T any](p page, total int, records []T) maxirList[T] {
	return maxirList[T]{TotalItems: total, PageSize: p.limit, PageNumber: p.offset/p.limit + 1, Records: records}
}
