package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
)

// The file upload API of DataInsider is two dialects: syncs are made under
// /api/ingestion, and files are put and read under /api/lake. Its routes and
// fields are those of 004_ddc886d1cd93e300.txt, its errors those of the
// product's own code.

// newIngestion returns the dialect of syncs and of the trash.
func newIngestion(cfg *Config) *dialect {
	d := &dialect{name: "ingestion", headers: diHeaders, credentials: diCredentials, wrap: ingestionWrap}
	if cfg.FileSync != nil {
		s := &diSyncs{service: cfg.FileSync, anonymous: cfg.AnonymousUploads}
		t := &diTrash{service: cfg.FileSync}
		d.routes = append(s.routes(), t.routes()...)
	}
	return d
}

// newLake returns the dialect of files.
func newLake(cfg *Config) *dialect {
	d := &dialect{name: "lake", headers: diHeaders, credentials: diCredentials, wrap: lakeWrap}
	if cfg.FileSync != nil {
		u := &diUpload{service: cfg.FileSync, anonymous: cfg.AnonymousUploads}
		l := &diLake{service: cfg.FileSync}
		d.routes = append(u.routes(), l.routes()...)
	}
	return d
}

var diHeaders = []string{"x-api-key"}

// diCredentials takes the key from the body, as documented, or from the header
// or the query.
func diCredentials(r *http.Request, body object) Credentials {
	key, _ := body.fields["api_key"].(string)
	if key == "" {
		key = r.Header.Get("x-api-key")
	}
	if key == "" {
		key = r.URL.Query().Get("api_key")
	}
	return Credentials{APIKey: key}
}

// apiError is the body of an error of /api/ingestion; the code is the status.
type apiError struct {
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// reason is how a kind of error looks under /api/ingestion.
type reason struct {
	status int
	text   string
}

var reasons = map[errs.Kind]reason{
	errs.Internal:     {http.StatusInternalServerError, "internal_error"},
	errs.Invalid:      {http.StatusBadRequest, "invalid_param"},
	errs.Unauthorized: {http.StatusBadRequest, "bad_request"},
	errs.Forbidden:    {http.StatusForbidden, "forbidden"},
	errs.NotFound:     {http.StatusBadRequest, "bad_request"},
	errs.Exists:       {http.StatusBadRequest, "bad_request"},
	errs.Conflict:     {http.StatusBadRequest, "bad_request"},
	errs.TooLarge:     {http.StatusRequestEntityTooLarge, "too_large"},
	errs.RateLimited:  {http.StatusTooManyRequests, "too_many_requests"},
	errs.Unsupported:  {http.StatusBadRequest, "bad_request"},
	errs.Unavailable:  {http.StatusServiceUnavailable, "service_unavailable"},
	errs.Canceled:     {http.StatusServiceUnavailable, "service_unavailable"},
}

// badJSON is how the product spells the reason of a body that is no JSON.
const badJSON = "invalaid_json_format"

func ingestionWrap(out any, err error) (int, any) {
	if err == nil {
		return http.StatusOK, out
	}
	r := reasons[errs.KindOf(err)]
	var body errBody
	if errors.As(err, &body) && errors.Is(err, errs.Invalid) {
		r.text = badJSON
	}
	return r.status, apiError{Code: r.status, Reason: r.text, Message: diMessage(err)}
}

// errSync is an error about a sync that the caller named.
type errSync struct {
	error
	id int64
}

func (e errSync) Unwrap() error { return e.error }

// about says which sync an error is about; nil stays nil.
func about(id int64, err error) error {
	if err == nil {
		return nil
	}
	return errSync{err, id}
}

// diMessage words an error as the product does, where it has words for it.
func diMessage(err error) string {
	var sync errSync
	switch {
	case errors.Is(err, ErrCredentialsMissing):
		return "the field `api_key` is missing or empty."
	case errors.Is(err, errs.Unauthorized):
		return "invalid api key"
	case errors.Is(err, filesync.ErrEnded):
		return "job is already ended"
	case errors.Is(err, errs.NotFound) && errors.As(err, &sync):
		return fmt.Sprintf("sync info for id %d not found", sync.id)
	}
	return errs.Message(err)
}

// lakeAnswer is the body of an answer of /api/lake; Msg is null in a success.
type lakeAnswer struct {
	Code int     `json:"code"`
	Msg  *string `json:"msg"`
}

// The codes of /api/lake that are in use, from the product's web client.
const (
	lakeException   = 2
	lakeParam       = 4
	lakeOperation   = 6
	lakeNotFound    = 7
	lakeExists      = 10
	lakeEmpty       = 11
	lakeUnsupported = 12
	lakeTimeout     = 14
	lakeOverflow    = 15
	lakeNotServe    = 17
	lakeNotPermit   = 18
	lakeUnreadable  = 20
	lakeUnwritable  = 21
	lakeWrongAuth   = 22
	lakeDiskFull    = 26
	lakeOverload    = 36
)

var lakeCodes = map[errs.Kind]int{
	errs.Internal:     lakeException,
	errs.Invalid:      lakeParam,
	errs.Unauthorized: lakeWrongAuth,
	errs.Forbidden:    lakeNotPermit,
	errs.NotFound:     lakeNotFound,
	errs.Exists:       lakeExists,
	errs.Conflict:     lakeOperation,
	errs.TooLarge:     lakeOverflow,
	errs.RateLimited:  lakeOverload,
	errs.Unsupported:  lakeUnsupported,
	errs.Unavailable:  lakeNotServe,
	errs.Canceled:     lakeTimeout,
}

// errLake is an error with a code that its kind does not tell.
type errLake struct {
	error
	code int
}

func (e errLake) Unwrap() error { return e.error }

// lakeWrap answers errors with the status 200, which is what the product's web
// client expects; Config.Statuses can change it.
func lakeWrap(out any, err error) (int, any) {
	if err == nil {
		if out == nil {
			out = lakeAnswer{}
		}
		return http.StatusOK, out
	}
	code := lakeCodes[errs.KindOf(err)]
	var special errLake
	switch {
	case errors.Is(err, blob.ErrFull):
		code = lakeDiskFull
	case errors.As(err, &special):
		code = special.code
	}
	msg := diMessage(err)
	return http.StatusOK, lakeAnswer{Code: code, Msg: &msg}
}

// unavailable gives errors of a bucket or a store that is away a code.
func unavailable(code int, err error) error {
	if errors.Is(err, errs.Unavailable) {
		return errLake{err, code}
	}
	return err
}

// diPage reads from and size, which are 0 and 10 unless given. A size beyond
// MaxPageSize is cut.
func diPage(in *input) (offset, limit int) {
	offset, limit = in.query.integer("from"), 10
	if in.query.has("size") {
		limit = in.query.integer("size")
	}
	if offset < 0 {
		in.query.problem("from", "it must not be negative")
	}
	if in.query.has("size") && limit <= 0 {
		in.query.problem("size", "it must be 1 or more")
	}
	return max(offset, 0), min(max(limit, 1), MaxPageSize)
}

// diTime returns a time in milliseconds; 0 for one that is not set.
func diTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// requiredText returns a text of the body that must not be empty.
func requiredText(in *input, key string) string {
	if !in.body.has(key) {
		in.body.required(key)
		return ""
	}
	if s, isText := in.body.fields[key].(string); isText && strings.TrimSpace(s) == "" {
		in.body.problem(key, "it is empty")
	}
	return in.body.text(key)
}
