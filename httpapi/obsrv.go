package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/inlet-go/inlet/store/errs"
)

// newObsrv returns the dialect of Obsrv's connector API: the registry of
// connector definitions. Its paths, fields and codes are those of
// 003_37f1d6dc39f6b89a.txt and of the product's later documents.
func newObsrv(cfg *Config) *dialect {
	w := &obsrvWrap{now: cfg.Now, zone: cfg.Location}
	d := &dialect{
		name:        "obsrv",
		headers:     []string{"Authorization"},
		begins:      []string{"/v2/connectors", "/v2/connector"},
		credentials: obsrvCredentials,
		wrapRequest: w.wrap,
	}
	if cfg.Definitions != nil {
		c := &obsrvConnectors{service: cfg.Definitions}
		d.routes = append(d.routes, c.routes()...)
	}
	return d
}

// obsrvCredentials are a bearer token (RFC 6750), where there is one.
func obsrvCredentials(r *http.Request, _ object) Credentials {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Credentials{}
	}
	return Credentials{Token: strings.TrimSpace(token)}
}

// The paths of the dialect, and how its answers call what stands there.
const (
	obsrvList     = "/v2/connectors/list"
	obsrvRead     = "/v2/connectors/read/{id}"
	obsrvRegister = "/v2/connector/register"
	obsrvAlias    = "/v2/connectors/register" // an addition: some documents have it
)

var obsrvIDs = map[string]string{
	obsrvList: "api.connectors.list", obsrvRead: "api.connectors.read",
	obsrvRegister: "api.connector.register", obsrvAlias: "api.connector.register",
	"": "api.route", // of a path that is unknown
}

// obsrvAnswer is the envelope. An answer has a Result or an Error; but an
// error of all operations except a registration has an empty Result too.
type obsrvAnswer struct {
	ID           string      `json:"id"`
	Ver          string      `json:"ver"`
	TS           string      `json:"ts"`
	Params       obsrvParams `json:"params"`
	ResponseCode string      `json:"responseCode"`
	Result       any         `json:"result,omitempty"`
	Error        *obsrvError `json:"error,omitempty"`
}

// obsrvParams tells apart the request's own id and the answer's.
type obsrvParams struct {
	Status   string `json:"status"`
	MsgID    string `json:"msgid,omitempty"`
	ResMsgID string `json:"resmsgid"`
}

// obsrvError says what went wrong. Trace is there, and empty, where a
// registration failed.
type obsrvError struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Trace   *string `json:"trace,omitempty"`
}

// obsrvStatus is how a kind of error looks.
type obsrvStatus struct {
	status int
	name   string // of the status
	code   string
}

var obsrvStatuses = map[errs.Kind]obsrvStatus{
	errs.Internal:     {http.StatusInternalServerError, "INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR"},
	errs.Invalid:      {http.StatusBadRequest, "BAD_REQUEST", "CONNECTORS_LIST_INPUT_INVALID"},
	errs.Unauthorized: {http.StatusUnauthorized, "UNAUTHORIZED", "UNAUTHORIZED_ACCESS"},
	errs.Forbidden:    {http.StatusForbidden, "FORBIDDEN", "ACCESS_FORBIDDEN"},
	errs.NotFound:     {http.StatusNotFound, "NOT_FOUND", "CONNECTOR_NOT_FOUND"},
	errs.Exists:       {http.StatusConflict, "CONFLICT", "CONFLICT"},
	errs.Conflict:     {http.StatusConflict, "CONFLICT", "CONFLICT"},
	errs.TooLarge:     {http.StatusRequestEntityTooLarge, "REQUEST_ENTITY_TOO_LARGE", "REQUEST_ENTITY_TOO_LARGE"},
	errs.RateLimited:  {http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS"},
	errs.Unsupported:  {http.StatusNotImplemented, "NOT_IMPLEMENTED", "NOT_IMPLEMENTED"},
	errs.Unavailable:  {http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE"},
	errs.Canceled:     {http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE"},
}

// obsrvFailed is an error that an operation words itself.
type obsrvFailed struct {
	error
	obsrvStatus
	text string
}

func (e obsrvFailed) Unwrap() error { return e.error }

// obsrvWrap writes envelopes.
type obsrvWrap struct {
	now  func() time.Time
	zone *time.Location
}

// wrap implements dialect.wrapRequest.
func (w *obsrvWrap) wrap(pattern string, body object, out any, err error) (int, any) {
	answer := obsrvAnswer{
		ID: obsrvIDs[pattern], Ver: "v2", TS: w.now().In(w.zone).Format("2006-01-02T15:04:05-07:00"),
		Params:       obsrvParams{Status: "SUCCESS", MsgID: obsrvMsgID(body), ResMsgID: uuid.NewString()},
		ResponseCode: "OK", Result: out,
	}
	if err == nil {
		return http.StatusOK, answer
	}
	s, text := obsrvStatuses[errs.KindOf(err)], errs.Message(err)
	var failed obsrvFailed
	switch {
	case errors.As(err, &failed):
		s, text = failed.obsrvStatus, failed.text
	case errors.Is(err, errUnknownPath):
		s.code, text = "ROUTE_NOT_FOUND", "Route not found"
	case errs.KindOf(err) == errs.Invalid && pattern != obsrvList && !errors.Is(err, errBadMethod):
		s.code = "BAD_REQUEST"
	case errors.Is(err, errBadMethod):
		s = obsrvStatus{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "METHOD_NOT_ALLOWED"}
	}
	answer.Params.Status, answer.ResponseCode = "FAILED", s.name
	answer.Result, answer.Error = struct{}{}, &obsrvError{Code: s.code, Message: text}
	if answer.ID == obsrvIDs[obsrvRegister] {
		answer.Result, answer.Error.Trace = nil, new(string)
	}
	return s.status, answer
}

// obsrvMsgID returns the id that the caller gave the request, or "".
func obsrvMsgID(body object) string {
	params, _ := body.fields["params"].(map[string]any)
	id, _ := params["msgid"].(string)
	return id
}
