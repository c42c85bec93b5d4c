package httpapi

import (
	"context"
	"net/http"

	"github.com/inlet-go/inlet/store/scope"
)

// dialect is one product's way to speak HTTP.
type dialect struct {
	name string

	// headers are the request headers that may carry credentials; browsers on
	// allowed origins may send them.
	headers []string

	// idHeader is the header besides X-Request-ID that tells the request's id,
	// and traceHeader the one in which callers tell an id of theirs, which is
	// taken up into logs and traces; "" where the dialect has none.
	idHeader, traceHeader string

	// credentials returns what the request presents. body is empty when there
	// was none, or none that could be read.
	credentials func(r *http.Request, body object) Credentials

	// wrap returns the status and the JSON body of an answer. out is what the
	// route returned, nil for nothing to tell; it does not count when err is
	// not nil.
	wrap func(out any, err error) (status int, body any)

	// wrapRequest is wrap where answers tell of the request. pattern is its
	// path's, "" for an unknown one; body is empty when it was not read.
	wrapRequest func(pattern string, body object, out any, err error) (status int, answer any)

	// begins lists paths below which unknown ones are refused in this
	// dialect's form, although another dialect begins like them.
	begins []string

	routes []route
}

// route is one operation of a dialect.
type route struct {
	method string
	path   string // a pattern of http.ServeMux without method and trailing slash

	// public routes are served without credentials; their scope is empty.
	public bool

	// anonymous is the tenant of callers without credentials; "" refuses them.
	anonymous string

	// streamed routes read the body themselves, from input.stream. Credentials
	// are then not looked for in it.
	streamed bool

	// serve calls the service. A result that is a streamer is written as it
	// says, all else in the dialect's envelope.
	serve func(ctx context.Context, sc scope.Scope, in *input) (any, error)
}

// streamer is a result that is bytes, not JSON. An error of stream means that
// what was written is not whole.
type streamer interface {
	stream(w http.ResponseWriter, r *http.Request) error
}

// call returns the route that reads an In from the request and gives it to do.
// What read notes as wrong is answered all at once, and do is not called.
func call[In any](method, path string, read func(*input) In, do func(context.Context, scope.Scope, In) (any, error)) route {
	return route{method: method, path: path, serve: func(ctx context.Context, sc scope.Scope, in *input) (any, error) {
		v := read(in)
		if err := in.problems.Err(); err != nil {
			return nil, err
		}
		return do(ctx, sc, v)
	}}
}

// anonymous returns r as a route that callers without credentials may use as
// the tenant, unless that is "".
func anonymous(tenant string, r route) route {
	r.anonymous = tenant
	return r
}

// streamed returns r as a route that reads its body itself.
func streamed(r route) route {
	r.streamed = true
	return r
}

// public returns r as a route that needs no credentials.
func public(r route) route {
	r.public = true
	return r
}
