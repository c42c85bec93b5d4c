package httpapi

import (
	"context"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	service := connector.NewService(nil, nil, nil, nil)
	tests := map[string]struct {
		cfg  Config
		want []string
	}{
		"nothing":         {Config{}, []string{"Authenticator is required", "no service"}},
		"prefix":          {Config{Connectors: service, Authenticator: Open("a"), Prefix: "x"}, []string{"Prefix is invalid"}},
		"prefix pattern":  {Config{Connectors: service, Authenticator: Open("a"), Prefix: "/{x}"}, []string{"Prefix is invalid"}},
		"base URL":        {Config{Connectors: service, Authenticator: Open("a"), BaseURL: "ftp://h"}, []string{"BaseURL is invalid"}},
		"short key":       {Config{Connectors: service, Authenticator: Open("a"), LinkKey: []byte("k")}, []string{"LinkKey is invalid"}},
		"negative limits": {Config{Connectors: service, Authenticator: Open("a"), MaxBody: -1, LinkExpiry: -1}, []string{"MaxBody", "LinkExpiry"}},
		"status": {Config{Connectors: service, Authenticator: Open("a"), Statuses: map[errs.Kind]int{errs.NotFound: 7}},
			[]string{"Statuses[not found]"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New(tt.cfg)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestNilServiceLeavesItsRoutesOut(t *testing.T) {
	api, err := New(Config{Connectors: connector.NewService(nil, nil, nil, nil), Authenticator: Open("a")})
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(api, "GET", "/task/list", ""); w.Code != 404 {
		t.Errorf("/task/list = %d, want 404", w.Code)
	}
	if w := ask(api, "POST", "/connectors/get", "{}"); w.Code != 400 {
		t.Errorf("/connectors/get = %d, want 400", w.Code)
	}
}

func TestTokens(t *testing.T) {
	auth := Tokens(map[string]scope.Scope{"one": {Tenant: "a"}, "two": {Tenant: "b", User: "u"}, "": {Tenant: "nobody"}})
	tests := map[string]struct {
		c    Credentials
		want scope.Scope
		err  error
	}{
		"token":         {Credentials{Token: "one"}, scope.Scope{Tenant: "a"}, nil},
		"api key":       {Credentials{APIKey: "two"}, scope.Scope{Tenant: "b", User: "u"}, nil},
		"token is used": {Credentials{Token: "x", APIKey: "two"}, scope.Scope{}, errs.Unauthorized},
		"empty":         {Credentials{UserID: "one"}, scope.Scope{}, errs.Unauthorized},
		"prefix":        {Credentials{Token: "on"}, scope.Scope{}, errs.Unauthorized},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := auth(context.Background(), tt.c)
			if got != tt.want || (err == nil) != (tt.err == nil) || err != nil && errs.KindOf(err) != tt.err {
				t.Errorf("= %v, %v; want %v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestFromContext(t *testing.T) {
	type key struct{}
	auth := FromContext(func(ctx context.Context) (scope.Scope, bool) {
		sc, ok := ctx.Value(key{}).(scope.Scope)
		return sc, ok
	})
	if _, err := auth(context.Background(), Credentials{}); errs.KindOf(err) != errs.Unauthorized {
		t.Errorf("without a scope: %v", err)
	}
	want := scope.Scope{Tenant: "a"}
	if got, err := auth(context.WithValue(context.Background(), key{}, want), Credentials{}); err != nil || got != want {
		t.Errorf("= %v, %v", got, err)
	}
}

func TestScopeWithoutTenantIsRefused(t *testing.T) {
	api := toyAPI(t, func(c *Config) { c.Authenticator = Open("") }, call("GET", "/a", nothingIn, echoScope))
	if w := ask(api, "GET", "/a", ""); w.Code != 401 {
		t.Errorf("status = %d, want 401", w.Code)
	}
}
