package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
)

// cannerPrefixes are where the product has its API: in a cluster, and on a
// server of its own.
var cannerPrefixes = []string{"/api/v1", "/web/api/v1"}

// newCanner returns the dialect of Canner Enterprise's RESTful API V1: queries,
// saved SQL and the service that runs them. Its paths, fields and states are
// those of 001_6e0b60eaaf1618d9.txt; what its clients need besides is marked as
// an addition.
func newCanner(cfg *Config) *dialect {
	d := &dialect{
		name:        "canner",
		headers:     []string{"Authorization"},
		begins:      cannerPrefixes,
		credentials: cannerCredentials,
		wrap:        cannerWrap,
	}
	if cfg.Queries == nil {
		return d
	}
	routes := (&cannerQueries{service: cfg.Queries, now: cfg.Now, maxWait: cfg.MaxQueryWait}).routes()
	routes = append(routes, (&cannerResults{service: cfg.Queries, links: newLinks(cfg)}).routes()...)
	routes = append(routes, (&cannerSQLs{service: cfg.Queries, now: cfg.Now}).routes()...)
	routes = append(routes, (&cannerServices{service: cfg.Queries}).routes()...)
	for _, prefix := range cannerPrefixes {
		for _, r := range routes {
			r.path = prefix + r.path
			d.routes = append(d.routes, r)
		}
	}
	return d
}

// cannerCredentials are a personal access token.
func cannerCredentials(r *http.Request, _ object) Credentials {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Token") {
		return Credentials{}
	}
	return Credentials{Token: strings.TrimSpace(token)}
}

// cannerError is the body of every error. Clients look for both fields.
type cannerError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// cannerStatus is how a kind of error looks.
type cannerStatus struct {
	status int
	code   string
}

var cannerStatuses = map[errs.Kind]cannerStatus{
	errs.Internal:     {http.StatusInternalServerError, "INTERNAL_SERVER_ERROR"},
	errs.Invalid:      {http.StatusBadRequest, "BAD_REQUEST"},
	errs.Unauthorized: {http.StatusUnauthorized, "UNAUTHENTICATED"},
	errs.Forbidden:    {http.StatusForbidden, "FORBIDDEN"},
	errs.NotFound:     {http.StatusNotFound, "NOT_FOUND"},
	errs.Exists:       {http.StatusConflict, "ALREADY_EXISTS"},
	errs.Conflict:     {http.StatusConflict, "CONFLICT"},
	errs.TooLarge:     {http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE"},
	errs.RateLimited:  {http.StatusTooManyRequests, "TOO_MANY_REQUESTS"},
	errs.Unsupported:  {http.StatusNotImplemented, "NOT_SUPPORTED"},
	errs.Unavailable:  {http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE"},
	errs.Canceled:     {http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE"},
}

func cannerWrap(out any, err error) (int, any) {
	if err == nil {
		if out == nil {
			out = struct{}{}
		}
		return http.StatusOK, out
	}
	s, text := cannerStatuses[errs.KindOf(err)], errs.Message(err)
	var f *query.Failure
	switch {
	case errors.Is(err, query.ErrNotFinished):
		s = cannerStatus{http.StatusBadRequest, "QUERY_NOT_FINISHED"}
	case errors.Is(err, query.ErrFailed) && errors.As(err, &f):
		s, text = cannerStatus{http.StatusBadRequest, "QUERY_FAILED"}, f.Error()
	case errors.Is(err, errBadMethod):
		s.code = "METHOD_NOT_ALLOWED"
	}
	return s.status, cannerError{Code: s.code, Message: text}
}

// cannerTime writes a time as ISO 8601 in UTC with milliseconds; "" for one
// that is not set.
func cannerTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// cannerWorkspace reads the workspace from the body, or else from the query.
func cannerWorkspace(in *input) string {
	if in.body.has("workspaceId") {
		return in.body.text("workspaceId")
	}
	return in.query.text("workspaceId")
}

// cannerPart reads limit and offset. A limit beyond the greatest one is that.
func cannerPart(in *input, limit, maxLimit int) page {
	p := page{limit: limit}
	if in.query.has("limit") {
		p.limit = min(in.query.integer("limit"), maxLimit)
	}
	p.offset = in.query.integer("offset")
	for name, n := range map[string]int{"limit": p.limit, "offset": p.offset} {
		if n < 0 {
			in.query.problem(name, "it must not be negative")
		}
	}
	return p
}
