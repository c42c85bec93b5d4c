package httpapi

import (
	"net/http"

	"github.com/inlet-go/inlet/store/errs"
)

// newNative returns Inlet's own small dialect: what no product documents, and
// all of them share. Its routes need no credentials.
func newNative(cfg *Config) *dialect {
	d := &dialect{
		name:        "inlet",
		credentials: func(*http.Request, object) Credentials { return Credentials{} },
		wrap:        nativeWrap,
		routes:      []route{public(call(http.MethodGet, "/openapi.yaml", func(*input) document { return openAPI }, serveDocument))},
	}
	if cfg.Tasks != nil {
		s := &fileServer{tasks: cfg.Tasks, links: newLinks(cfg)}
		d.routes = append(d.routes, public(call(http.MethodGet, linksPath+"files/{volume}/{file}/{name}", readFileLink, s.serve)))
	}
	if cfg.Datasets != nil {
		s := &sourceServer{service: cfg.Datasets, links: newLinks(cfg)}
		d.routes = append(d.routes, s.routes()...)
	}
	if cfg.Queries != nil {
		s := &resultServer{service: cfg.Queries, links: newLinks(cfg)}
		d.routes = append(d.routes, public(call(http.MethodGet, linksPath+"results/{workspace}/{id}/{name}", readResultLink, s.serve)))
	}
	return d
}

var nativeStatuses = map[errs.Kind]int{
	errs.Internal:     http.StatusInternalServerError,
	errs.Invalid:      http.StatusBadRequest,
	errs.Unauthorized: http.StatusUnauthorized,
	errs.Forbidden:    http.StatusForbidden,
	errs.NotFound:     http.StatusNotFound,
	errs.Exists:       http.StatusConflict,
	errs.Conflict:     http.StatusConflict,
	errs.TooLarge:     http.StatusRequestEntityTooLarge,
	errs.RateLimited:  http.StatusTooManyRequests,
	errs.Unsupported:  http.StatusNotImplemented,
	errs.Unavailable:  http.StatusServiceUnavailable,
	errs.Canceled:     http.StatusServiceUnavailable,
}

// nativeError is the body of an error: the kind's name and a message.
type nativeError struct {
	Error   string `json:"error"`
	Message string `json:"message"`
}

func nativeWrap(out any, err error) (int, any) {
	if err == nil {
		return http.StatusOK, out
	}
	kind := errs.KindOf(err)
	return nativeStatuses[kind], nativeError{Error: kind.Error(), Message: errs.Message(err)}
}
