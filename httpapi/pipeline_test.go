package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// toy is a dialect that is as small as one can be.
func toy(routes ...route) *dialect {
	return &dialect{
		name:    "toy",
		headers: []string{"X-Toy"},
		credentials: func(r *http.Request, body object) Credentials {
			return Credentials{Token: r.Header.Get("X-Toy"), APIKey: body.text("key"), User: "doll"}
		},
		wrap: func(out any, err error) (int, any) {
			if err != nil {
				return nativeStatuses[errs.KindOf(err)], map[string]any{"toy": errs.Message(err)}
			}
			return http.StatusOK, map[string]any{"toy": out}
		},
		routes: routes,
	}
}

// nothingIn reads nothing.
func nothingIn(*input) struct{} { return struct{}{} }

func echoScope(_ context.Context, sc scope.Scope, _ struct{}) (any, error) {
	return sc.Tenant + "/" + sc.User, nil
}

// toyAPI serves the routes to callers with the token "t".
func toyAPI(t testing.TB, change func(*Config), routes ...route) *API {
	t.Helper()
	cfg := Config{
		Connectors:    connector.NewService(nil, nil, nil, nil), // never called: the toy has no routes to it
		Authenticator: Tokens(map[string]scope.Scope{"t": {Tenant: "acme"}}),
	}
	if change != nil {
		change(&cfg)
	}
	if err := cfg.complete(); err != nil {
		t.Fatal(err)
	}
	tel, err := newTelemetry(cfg.TracerProvider, cfg.MeterProvider)
	if err != nil {
		t.Fatal(err)
	}
	return newAPI(cfg, tel, []*dialect{toy(routes...)})
}

// ask sends a request; headers are alternately names and values.
func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPipelineAnswersInTheDialectsForm(t *testing.T) {
	fail := func(err error) route {
		return call("GET", "/fail", nothingIn, func(context.Context, scope.Scope, struct{}) (any, error) { return nil, err })
	}
	tests := map[string]struct {
		route        route
		method, path string
		body         string
		token        string
		status       int
		want         string
	}{
		"success":          {call("GET", "/a", nothingIn, echoScope), "GET", "/a", "", "t", 200, `{"toy":"acme/doll"}`},
		"trailing slash":   {call("POST", "/a", nothingIn, echoScope), "POST", "/a/", "{}", "t", 200, `{"toy":"acme/doll"}`},
		"key in the body":  {call("POST", "/a", nothingIn, echoScope), "POST", "/a", `{"key":"t"}`, "", 200, `{"toy":"acme/doll"}`},
		"no credentials":   {call("GET", "/a", nothingIn, echoScope), "GET", "/a", "", "", 401, `{"toy":"credentials are required"}`},
		"wrong ones":       {call("GET", "/a", nothingIn, echoScope), "GET", "/a", "", "x", 401, `{"toy":"credentials are invalid"}`},
		"before the body":  {call("POST", "/a", nothingIn, echoScope), "POST", "/a", "{", "", 401, `{"toy":"credentials are required"}`},
		"public":           {public(call("GET", "/a", nothingIn, echoScope)), "GET", "/a", "", "", 200, `{"toy":"/"}`},
		"unknown path":     {call("GET", "/a", nothingIn, echoScope), "GET", "/b", "", "t", 404, `{"toy":"path not exists"}`},
		"unknown below":    {call("GET", "/a", nothingIn, echoScope), "GET", "/a/b", "", "t", 404, `{"toy":"path not exists"}`},
		"two slashes":      {call("GET", "/a", nothingIn, echoScope), "GET", "//a", "", "t", 404, `{"toy":"path not exists"}`},
		"dots":             {call("GET", "/a", nothingIn, echoScope), "GET", "/x/../a", "", "t", 404, `{"toy":"path not exists"}`},
		"root":             {call("GET", "/a", nothingIn, echoScope), "GET", "/", "", "t", 404, `{"toy":"path not exists"}`},
		"wrong method":     {call("GET", "/a", nothingIn, echoScope), "PUT", "/a", "", "t", 405, `{"toy":"method is invalid: PUT"}`},
		"kind":             {fail(errs.New(errs.Conflict, "busy")), "GET", "/fail", "", "t", 409, `{"toy":"busy"}`},
		"cause is private": {fail(errors.New("dsn")), "GET", "/fail", "", "t", 500, `{"toy":"internal error"}`},
		"panic": {call("GET", "/a", nothingIn, func(context.Context, scope.Scope, struct{}) (any, error) { panic("boom") }),
			"GET", "/a", "", "t", 500, `{"toy":"internal error"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := ask(toyAPI(t, nil, tt.route), tt.method, tt.path, tt.body, "X-Toy", tt.token)
			if w.Code != tt.status {
				t.Errorf("status = %d, want %d", w.Code, tt.status)
			}
			if diff := cmp.Diff(tt.want+"\n", w.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if w.Header().Get("X-Request-ID") == "" || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("headers = %v", w.Header())
			}
		})
	}
}

func TestAllProblemsOfAnInputAreToldAtOnce(t *testing.T) {
	type in struct{ id int64 }
	read := func(in_ *input) in {
		in_.query.id("q")
		in_.query.flag("f")
		in_.body.object("o").id("id")
		in_.body.texts("list")
		return in{id: in_.body.id("id")}
	}
	called := false
	api := toyAPI(t, nil, call("POST", "/a", read, func(context.Context, scope.Scope, in) (any, error) {
		called = true
		return nil, nil
	}))
	w := ask(api, "POST", "/a?f=perhaps", `{"o":{"id":1.5},"list":["a",2,null]}`, "X-Toy", "t")
	want := `{"toy":"q is required; f is invalid: it must be true or false; ` +
		`o.id is invalid: it must be a positive whole number, or a string of one; ` +
		`list[1] is invalid: it must be a string; list[2] is invalid: it must be a string; id is required"}` + "\n"
	if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Code != 400 {
		t.Errorf("status %d, body (-want +got):\n%s", w.Code, diff)
	}
	if called {
		t.Error("the service was called with a wrong input")
	}
}

func TestMethodsAndHead(t *testing.T) {
	api := toyAPI(t, nil, call("GET", "/a", nothingIn, echoScope), call("POST", "/a", nothingIn, echoScope))
	w := ask(api, "DELETE", "/a", "", "X-Toy", "t")
	if got := w.Header().Get("Allow"); got != "GET, HEAD, OPTIONS, POST" {
		t.Errorf("Allow = %q", got)
	}
	w = ask(api, "OPTIONS", "/a", "")
	if w.Code != 204 || w.Body.Len() != 0 || w.Header().Get("Allow") == "" || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("OPTIONS: %d %q %v", w.Code, w.Body, w.Header())
	}
	w = ask(api, "HEAD", "/a", "", "X-Toy", "t")
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d %q %v", w.Code, w.Body, w.Header())
	}
}

func TestPrefixAndForeignMux(t *testing.T) {
	api := toyAPI(t, func(c *Config) { c.Prefix = "/in/let/" },
		call("GET", "/a", nothingIn, echoScope), call("GET", "/things/{id}", func(in *input) int64 { return in.pathID("id") },
			func(_ context.Context, _ scope.Scope, id int64) (any, error) { return id, nil }))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /a", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	api.Mount(mux)
	for target, want := range map[string]int{
		"/a": 418, "/in/let/a": 200, "/in/let/a/": 200, "/in/let/things/7": 200, "/in/let/things/7/": 200,
		"/in/let/things/x": 400, "/in/let/nothing": 404, "/things/7": 404,
	} {
		if w := ask(mux, "GET", target, "", "X-Toy", "t"); w.Code != want {
			t.Errorf("%s = %d, want %d: %s", target, w.Code, want, w.Body)
		}
	}
	if w := ask(api, "GET", "/in/let/a", "", "X-Toy", "t"); w.Code != 200 {
		t.Errorf("not mounted = %d, want 200", w.Code)
	}
	if w := ask(api, "GET", "/a", "", "X-Toy", "t"); w.Code != 404 {
		t.Errorf("outside of the prefix = %d, want 404", w.Code)
	}
}

func TestCORS(t *testing.T) {
	api := toyAPI(t, func(c *Config) { c.CORS = &CORS{Origins: []string{"https://ok.example"}, MaxAge: time.Minute} },
		call("GET", "/a", nothingIn, echoScope))
	w := ask(api, "OPTIONS", "/a", "", "Origin", "https://ok.example", "Access-Control-Request-Method", "GET")
	want := map[string]string{
		"Access-Control-Allow-Origin": "https://ok.example", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
		"Access-Control-Allow-Headers": "Content-Type, X-Request-ID, X-Toy", "Access-Control-Max-Age": "60", "Vary": "Origin",
		"Access-Control-Allow-Credentials": "",
	}
	for name, value := range want {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	w = ask(api, "GET", "/a", "", "Origin", "https://evil.example", "X-Toy", "t")
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("a foreign origin is allowed: %q", got)
	}
}

func TestRequestID(t *testing.T) {
	for given, keep := range map[string]bool{
		"abc-123": true, "": false, "a b": false, "x\ny": false, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false, "é": false,
	} {
		if got := requestID(given); (got == given) != keep || got == "" {
			t.Errorf("requestID(%q) = %q", given, got)
		}
	}
}

func TestLogHoldsNoSecret(t *testing.T) {
	var log bytes.Buffer
	api := toyAPI(t, func(c *Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) },
		call("GET", "/a/{id}", nothingIn, echoScope))
	ask(api, "GET", "/a/hidden-path?signature=hidden-query", "", "X-Toy", "t", "X-Request-ID", "r1", "X-Secret", "hidden-header")
	ask(api, "GET", "/a/1?k=hidden-query", "", "X-Toy", "hidden-token")
	if strings.Contains(log.String(), "hidden") {
		t.Errorf("log holds a secret:\n%s", log.String())
	}
	var line map[string]any
	if err := json.NewDecoder(&log).Decode(&line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"msg": "request", "dialect": "toy", "method": "GET", "route": "/a/{id}", "status": 200.0, "request_id": "r1", "tenant": "acme",
	} {
		if line[key] != want {
			t.Errorf("log %s = %v, want %v", key, line[key], want)
		}
	}
	if _, ok := line["duration"]; !ok {
		t.Error("log has no duration")
	}
}

func TestStatusesCanBeOverridden(t *testing.T) {
	api := toyAPI(t, func(c *Config) { c.Statuses = map[errs.Kind]int{errs.Conflict: 423} },
		call("GET", "/a", nothingIn, func(context.Context, scope.Scope, struct{}) (any, error) { return nil, errs.New(errs.Conflict, "busy") }))
	if w := ask(api, "GET", "/a", "", "X-Toy", "t"); w.Code != 423 {
		t.Errorf("status = %d, want 423", w.Code)
	}
}

func TestTemporaryErrorsSayWhenToRetry(t *testing.T) {
	api := toyAPI(t, func(c *Config) {
		c.Authenticator = func(context.Context, Credentials) (scope.Scope, error) {
			return scope.Scope{}, errs.New(errs.RateLimited, "too often")
		}
	}, call("GET", "/a", nothingIn, echoScope))
	w := ask(api, "GET", "/a", "")
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
}

// brokenStream fails after its first bytes.
type brokenStream struct{}

func (brokenStream) stream(w http.ResponseWriter, _ *http.Request) error {
	w.Write([]byte("half"))
	return errs.New(errs.Unavailable, "source is gone")
}

func TestBrokenStreamBreaksTheConnection(t *testing.T) {
	server := httptest.NewServer(toyAPI(t, nil, public(call("GET", "/a", nothingIn,
		func(context.Context, scope.Scope, struct{}) (any, error) { return brokenStream{}, nil }))))
	defer server.Close()
	resp, err := http.Get(server.URL + "/a")
	if err == nil {
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("the client took half an answer for the whole")
	}
}
