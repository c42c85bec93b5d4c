package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
)

// newMOI returns the dialect of MatrixOne Intelligence's data access API:
// connectors, origin volumes and load tasks. Its paths, fields and codes are
// those of 000_9d73e1e795dce592.txt and of the product's later documents.
func newMOI(cfg *Config) *dialect {
	d := &dialect{
		name:        "moi",
		headers:     []string{"Access-Token", "moi-key", "user-id", "uid"},
		credentials: moiCredentials,
		wrap:        moiWrap,
	}
	if cfg.Connectors != nil {
		c := &moiConnectors{service: cfg.Connectors, reveal: cfg.RevealSecrets, bare: cfg.BareCreate}
		d.routes = append(d.routes, c.routes()...)
	}
	if cfg.Tasks != nil {
		t := &moiTasks{service: cfg.Tasks, bare: cfg.BareCreate}
		v := &moiVolumes{service: cfg.Tasks, bare: cfg.BareCreate, links: newLinks(cfg)}
		d.routes = append(d.routes, t.routes()...)
		d.routes = append(d.routes, v.routes()...)
	}
	return d
}

func moiCredentials(r *http.Request, _ object) Credentials {
	uid := r.Header.Get("uid")
	return Credentials{
		Token:     r.Header.Get("Access-Token"),
		APIKey:    r.Header.Get("moi-key"),
		UserID:    r.Header.Get("user-id"),
		Workspace: r.Header.Get("user-id"),
		UID:       uid,
		User:      uidUser(uid),
	}
}

// uidUser returns the name in a uid, which is "<ids>:<name>:<role>", or "" for
// a text of another form. Only the name may hold a colon.
func uidUser(uid string) string {
	_, rest, _ := strings.Cut(uid, ":")
	end := strings.LastIndexByte(rest, ':')
	if end < 0 {
		return ""
	}
	name := rest[:end]
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > connector.MaxName || strings.ContainsFunc(name, unicode.IsControl) {
		return ""
	}
	return name
}

// moiAnswer is the envelope of a success. One without data has no such field.
type moiAnswer struct {
	Code string `json:"code"`
	Msg  string `json:"msg"`
	Data any    `json:"data,omitempty"`
}

// moiFailure is the envelope of an error; its data is always null.
type moiFailure struct {
	Code string    `json:"code"`
	Msg  string    `json:"msg"`
	Data *struct{} `json:"data"`
}

// moiStatus is how a kind of error looks.
type moiStatus struct {
	status int
	code   string
}

// moiStatuses follow the product's list of codes. That a thing that is not
// there is a 200 is the product's own choice; Config.Statuses can change it.
var moiStatuses = map[errs.Kind]moiStatus{
	errs.Internal:     {http.StatusInternalServerError, "ErrInternal"},
	errs.Invalid:      {http.StatusBadRequest, "ErrParamInvalid"},
	errs.Unauthorized: {http.StatusUnauthorized, "ErrUnauthorized"},
	errs.Forbidden:    {http.StatusForbidden, "ErrForbidden"},
	errs.NotFound:     {http.StatusOK, "ErrServer"},
	errs.Exists:       {http.StatusBadRequest, "ErrParamInvalid"},
	errs.Conflict:     {http.StatusConflict, "ErrConflict"},
	errs.TooLarge:     {http.StatusRequestEntityTooLarge, "ErrTooLarge"},
	errs.RateLimited:  {http.StatusTooManyRequests, "ErrTooManyRequests"},
	errs.Unsupported:  {http.StatusBadRequest, "ErrParamInvalid"},
	errs.Unavailable:  {http.StatusServiceUnavailable, "ErrServiceUnavailable"},
	errs.Canceled:     {http.StatusServiceUnavailable, "ErrServiceUnavailable"},
}

// errConnectorInUse marks the one conflict that has a code of its own.
type errConnectorInUse struct{ error }

func (e errConnectorInUse) Unwrap() error { return e.error }

func moiWrap(out any, err error) (int, any) {
	if err == nil {
		return http.StatusOK, moiAnswer{Code: "OK", Msg: "OK", Data: out}
	}
	s := moiStatuses[errs.KindOf(err)]
	var inUse errConnectorInUse
	if errors.As(err, &inUse) {
		s.code = "ErrConnectorInUse"
	}
	return s.status, moiFailure{Code: s.code, Msg: moiMessage(err)}
}

// moiMessage words an error as the product's clients look for it: they match
// "not exists".
func moiMessage(err error) string {
	return strings.ReplaceAll(errs.Message(err), "does not exist", "not exists")
}

// created returns the data of a creation: nothing when bare.
func created(bare bool, key string, id any) any {
	if bare {
		return nil
	}
	return map[string]any{key: id}
}

// unix returns a time in seconds; 0 for one that is not set.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
