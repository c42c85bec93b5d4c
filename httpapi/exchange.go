package httpapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// exchange is one request and its answer on their way through the pipeline.
type exchange struct {
	*endpoint
	w     http.ResponseWriter
	r     *http.Request
	id    string
	start time.Time
	scope scope.Scope
	body  object // as far as it was read
	err   error  // what went wrong, for the log

	status int // 0 until the header is written
	bytes  int64
}

// The refusals that come from routing, before any service is asked.
var (
	errUnknownPath = errors.New("no such path")
	errBadMethod   = errors.New("method not allowed")
)

// ServeHTTP runs the pipeline for one request.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{endpoint: e, w: w, r: r, start: time.Now(), id: requestID(r.Header.Get("X-Request-ID"))}
	ctx, end := e.api.telemetry.start(r, e.pattern)
	x.r = r.WithContext(ctx)
	defer func() {
		x.log()
		end(x)
	}()
	defer x.recover()
	h := w.Header()
	h.Set("X-Request-ID", x.id)
	if x.dialect.idHeader != "" {
		h.Set(x.dialect.idHeader, x.id)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	x.allowOrigin()
	x.serve()
}

// serve finds the operation and answers.
func (x *exchange) serve() {
	op, ok := x.route(x.r.Method)
	switch {
	case len(x.routes) == 0:
		x.refuse(http.StatusNotFound, errs.Wrap(errs.NotFound, errUnknownPath, "path not exists"))
	case x.r.Method == http.MethodOptions:
		x.Header().Set("Allow", strings.Join(x.methods(), ", "))
		x.WriteHeader(http.StatusNoContent)
	case !ok:
		x.Header().Set("Allow", strings.Join(x.methods(), ", "))
		x.refuse(http.StatusMethodNotAllowed, errs.Wrap(errs.Invalid, errBadMethod, "method is invalid: %.*s", maxShown, x.r.Method))
	default:
		out, err := x.run(op)
		x.answer(out, err)
	}
}

// run decodes, authenticates and calls. A body that cannot be decoded is told
// only to callers that are known.
func (x *exchange) run(op route) (any, error) {
	in := newInput(x.r, x.base())
	var bodyErr error
	if op.streamed {
		body := newPatient(x.w, x.r.Body, x.api.cfg.BodyTimeout)
		defer body.done()
		in.stream = body
	} else {
		in.body.fields, bodyErr = readBody(x.w, x.r, x.api.cfg.MaxBody)
		x.body = in.body
	}
	ctx := x.r.Context()
	if !op.public {
		var err error
		if x.scope, err = x.authenticate(ctx, op, in.body); err != nil {
			return nil, err
		}
	}
	if bodyErr != nil {
		return nil, errBody{bodyErr}
	}
	in.scope = x.scope
	return op.serve(ctx, x.scope, in)
}

// errBody marks what is wrong with a body as a whole.
type errBody struct{ error }

func (e errBody) Unwrap() error { return e.error }

func (x *exchange) authenticate(ctx context.Context, op route, body object) (scope.Scope, error) {
	c := x.dialect.credentials(x.r, body)
	if op.anonymous != "" && c.secret() == "" {
		return scope.Scope{Tenant: op.anonymous}, nil
	}
	c.Dialect, c.Request = x.dialect.name, x.r
	sc, err := x.api.cfg.Authenticator(ctx, c)
	if err != nil {
		return scope.Scope{}, err
	}
	if sc.User == "" {
		sc.User = c.User
	}
	return sc, sc.Check()
}

// base returns the URL under which the caller reaches the API.
func (x *exchange) base() string {
	if x.api.cfg.BaseURL != "" {
		return x.api.cfg.BaseURL + x.api.cfg.Prefix
	}
	scheme := "http://"
	if x.r.TLS != nil {
		scheme = "https://"
	}
	return scheme + x.r.Host + x.api.cfg.Prefix
}

// answer writes what an operation returned, in the dialect's form.
func (x *exchange) answer(out any, err error) {
	if s, ok := out.(streamer); ok && err == nil {
		if x.err = s.stream(x, x.r); x.err != nil {
			panic(http.ErrAbortHandler) // the client must not take a part for the whole
		}
		return
	}
	status, body := x.wrap(out, err)
	if err != nil {
		x.err = err
		if override, ok := x.api.cfg.Statuses[errs.KindOf(err)]; ok {
			status = override
		}
		if errs.Temporary(err) && status != http.StatusOK {
			x.Header().Set("Retry-After", "1")
		}
	}
	x.write(status, body)
}

// refuse writes an error with a status that routing decides.
func (x *exchange) refuse(status int, err error) {
	x.err = err
	_, body := x.wrap(nil, err)
	x.write(status, body)
}

func (x *exchange) wrap(out any, err error) (int, any) {
	if x.dialect.wrapRequest != nil {
		return x.dialect.wrapRequest(x.pattern, x.body, out, err)
	}
	return x.dialect.wrap(out, err)
}

func (x *exchange) write(status int, body any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		panic(fmt.Errorf("answer cannot be encoded: %w", err)) // a wire type that is none
	}
	h := x.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	h.Set("Cache-Control", "no-store")
	x.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = x.Write(buf.Bytes()) // the client went away: there is nobody to tell
	}
}

// recover turns a panic into an internal error, or, when the answer has begun,
// breaks the connection so that nobody takes the rest for whole.
func (x *exchange) recover() {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	x.api.cfg.Logger.ErrorContext(x.r.Context(), "request panicked",
		"request_id", x.id, "route", x.pattern, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if x.status != 0 {
		panic(http.ErrAbortHandler)
	}
	x.refuse(http.StatusInternalServerError, errs.New(errs.Internal, "panic"))
}

// allowOrigin answers the browser's question whether a page of another origin
// may call.
func (x *exchange) allowOrigin() {
	cors, origin := x.api.cfg.CORS, x.r.Header.Get("Origin")
	if cors == nil {
		return
	}
	h := x.Header()
	h.Add("Vary", "Origin")
	if !cors.allows(origin) || len(x.routes) == 0 {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	exposed := "X-Request-ID, ETag, Content-Disposition, Retry-After"
	if x.dialect.idHeader != "" {
		exposed += ", " + x.dialect.idHeader
	}
	h.Set("Access-Control-Expose-Headers", exposed)
	if x.r.Method == http.MethodOptions {
		headers := slices.Concat([]string{"Content-Type", "X-Request-ID"}, x.dialect.headers)
		h.Set("Access-Control-Allow-Methods", strings.Join(x.methods(), ", "))
		h.Set("Access-Control-Allow-Headers", strings.Join(headers, ", "))
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(cors.MaxAge.Seconds())))
	}
}

// traceID returns the caller's own id for the request, cut to the length that
// an id may have, or "".
func (x *exchange) traceID() string {
	if x.dialect.traceHeader == "" {
		return ""
	}
	id := strings.ToValidUTF8(x.r.Header.Get(x.dialect.traceHeader), "_")
	return id[:min(len(id), maxRequestID)]
}

// maxRequestID is the most characters of a request id that is taken up.
const maxRequestID = 128

// requestID returns the caller's id for the request if it is fit for logs and
// headers, else a new one.
func requestID(given string) string {
	strange := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-_.:/+=@", r)
	}
	if given == "" || len(given) > maxRequestID || strings.ContainsFunc(given, strange) {
		return rand.Text()
	}
	return given
}

// Header, WriteHeader and Write make an exchange the http.ResponseWriter of
// handlers that write for themselves, so that their answers are logged too.

// Header implements [http.ResponseWriter].
func (x *exchange) Header() http.Header { return x.w.Header() }

// WriteHeader implements [http.ResponseWriter].
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= 200 {
		x.status = status
	}
	x.w.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.w.Write(b)
	x.bytes += int64(n)
	return n, err
}

// Unwrap lets [http.ResponseController] reach the server's own writer.
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }
