package httpapi

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// API serves all dialects whose services are configured. It is safe for
// concurrent use.
type API struct {
	cfg       Config
	paths     []string // patterns without prefix, in the order of the dialects
	mux       *http.ServeMux
	unknown   *endpoint // answers for paths of no dialect
	begun     map[string]bool
	telemetry telemetry
}

// endpoint is a path of a dialect with the operations on it.
type endpoint struct {
	api     *API
	dialect *dialect
	pattern string           // "" when the path is unknown
	routes  map[string]route // by method
}

// New returns the API that cfg describes. What is wrong with cfg is told all
// at once, as an Invalid error.
func New(cfg Config) (*API, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	tel, err := newTelemetry(cfg.TracerProvider, cfg.MeterProvider)
	if err != nil {
		return nil, err
	}
	return newAPI(cfg, tel, dialects(&cfg)), nil
}

// dialects returns all of them, with the routes of the services that there are.
func dialects(cfg *Config) []*dialect {
	return []*dialect{newMOI(cfg), newMaxir(cfg), newObsrv(cfg), newIngestion(cfg), newLake(cfg), newCanner(cfg), newNative(cfg)}
}

func newAPI(cfg Config, tel telemetry, dialects []*dialect) *API {
	a := &API{cfg: cfg, mux: http.NewServeMux(), telemetry: tel, begun: map[string]bool{}}
	for _, d := range dialects {
		a.add(d)
	}
	a.unknown = &endpoint{api: a, dialect: dialects[0]}
	a.mux.Handle("/", a.unknown)
	return a
}

// add routes a dialect's paths. Unknown paths that begin as one of them does
// are refused in its form; of two dialects that begin alike, the first's.
func (a *API) add(d *dialect) {
	endpoints := map[string]*endpoint{}
	if len(d.routes) > 0 {
		for _, path := range d.begins {
			a.mux.Handle(path+"/{rest...}", &endpoint{api: a, dialect: d})
		}
	}
	for _, r := range d.routes {
		if first := firstSegment(r.path); !a.begun[first] {
			a.begun[first] = true
			a.mux.Handle(first+"/{rest...}", &endpoint{api: a, dialect: d})
		}
		e := endpoints[r.path]
		if e == nil {
			e = &endpoint{api: a, dialect: d, pattern: r.path, routes: map[string]route{}}
			endpoints[r.path] = e
			a.paths = append(a.paths, r.path)
			a.mux.Handle(r.path, e)
		}
		e.routes[r.method] = r
	}
}

// firstSegment returns the first part of a path, with its slash.
func firstSegment(p string) string {
	first, _, _ := strings.Cut(p[1:], "/")
	return "/" + first
}

// Mux is a router that the API can be mounted on, such as *http.ServeMux.
type Mux interface {
	Handle(pattern string, h http.Handler)
}

// Mount registers the API's paths, below Config.Prefix, on a router that has
// other routes as well. Each path is registered with and without a trailing
// slash, in the pattern syntax that http.ServeMux and others share.
func (a *API) Mount(mux Mux) {
	for _, p := range a.paths {
		mux.Handle(a.cfg.Prefix+p, a)
		mux.Handle(a.cfg.Prefix+p+"/", a)
	}
}

// ServeHTTP serves a path below Config.Prefix, with or without a trailing
// slash. Unknown paths and methods are refused in a dialect's own form.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, ok := a.target(r.URL)
	if !ok {
		a.unknown.ServeHTTP(w, r)
		return
	}
	inner := *r
	inner.URL = target
	a.mux.ServeHTTP(w, &inner)
}

// target returns u without the prefix and a trailing slash. It reports false
// for a path that no route can have; http.ServeMux would redirect it.
func (a *API) target(u *url.URL) (*url.URL, bool) {
	escaped, ok := strings.CutPrefix(u.EscapedPath(), a.cfg.Prefix)
	if escaped != "/" {
		escaped = strings.TrimSuffix(escaped, "/")
	}
	plain, err := url.PathUnescape(escaped)
	if !ok || err != nil || escaped == "" || path.Clean(plain) != plain || path.Clean(escaped) != escaped {
		return nil, false
	}
	target := *u
	target.Path, target.RawPath = plain, escaped
	return &target, true
}

// methods returns what is allowed on the endpoint, sorted.
func (e *endpoint) methods() []string {
	list := []string{http.MethodOptions}
	for m := range e.routes {
		list = append(list, m)
		if m == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	slices.Sort(list)
	return list
}

// route returns the operation of a method. HEAD is a GET whose body the server
// leaves out.
func (e *endpoint) route(method string) (route, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	r, ok := e.routes[method]
	return r, ok
}
