// Package httpapi serves Inlet over HTTP in the dialects that clients of
// existing products already speak.
//
// All dialects share one pipeline: the body is decoded within bounds, the
// dialect says what it presents as credentials, the host's [Authenticator]
// says who that is, a service is called, and the dialect wraps what came back.
// A dialect is data, two functions and a list of routes; no handler writes an
// envelope or a status.
//
//	api, err := httpapi.New(httpapi.Config{
//		Connectors:    connectors,
//		Tasks:         tasks,
//		Authenticator: httpapi.Tokens(map[string]scope.Scope{token: {Tenant: "acme"}}),
//	})
//	…
//	api.Mount(mux) // or http.ListenAndServe(addr, api)
package httpapi
