package examples_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/connector/uispec"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
	"github.com/inlet-go/inlet/task"
)

type userKey struct{}

// noSources refuses every connector: this program only manages volumes.
type noSources struct{}

func (noSources) Open(context.Context, connector.Config) (blob.Source, error) {
	return nil, errors.New("no sources here")
}

// The REST API inside a server that has routes, a mux and a login of its own.
func Example_mount() {
	store, err := sqlstore.Open(context.Background(), "mem:", &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	connectors := connector.NewService(store, noSources{}, uispec.New(nil), nil)
	api, err := httpapi.New(httpapi.Config{
		Connectors: connectors,
		Tasks:      task.NewService(store, connectors, cloud.Memory(), nil),
		Prefix:     "/data",
		// The host's own login put the user into the context.
		Authenticator: httpapi.FromContext(func(ctx context.Context) (scope.Scope, bool) {
			user, ok := ctx.Value(userKey{}).(string)
			return scope.Scope{Tenant: "acme", User: user}, ok
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	api.Mount(mux)
	login := func(w http.ResponseWriter, r *http.Request) {
		if user := r.Header.Get("X-User"); user != "" {
			r = r.WithContext(context.WithValue(r.Context(), userKey{}, user))
		}
		mux.ServeHTTP(w, r)
	}

	server := httptest.NewServer(http.HandlerFunc(login))
	defer server.Close()
	for _, user := range []string{"ann", ""} {
		req, err := http.NewRequest(http.MethodPost, server.URL+"/data/DescribeOriginVolumes", strings.NewReader("{}"))
		if err != nil {
			log.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-User", user)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(res.StatusCode, strings.TrimSpace(string(body)))
	}
	// Output:
	// 200 {"code":"OK","msg":"OK","data":{"total":0,"volumes":[]}}
	// 401 {"code":"ErrUnauthorized","msg":"credentials are required","data":null}
}
