package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// Credentials is what a request presents, as its dialect names it. Nothing in
// it is proved.
type Credentials struct {
	Dialect   string        // which dialect the request speaks, such as "moi"
	Token     string        // a secret of a session or a user
	APIKey    string        // a secret of a program
	UserID    string        // an id, not a secret
	UID       string        // a compound id, not a secret
	User      string        // a name to show, such as the middle part of a UID
	Workspace string        // an id, not a secret
	Request   *http.Request // for cookies, TLS and the like; its body is already read, and it must not be changed
}

// secret returns the one that a static token is compared with.
func (c Credentials) secret() string {
	if c.Token != "" {
		return c.Token
	}
	return c.APIKey
}

// Authenticator says who presents the credentials. A scope without User gets
// the Credentials' User. Errors: Unauthorized for missing or wrong
// credentials; Forbidden, RateLimited and Unavailable are passed on to the
// caller as well, and all else is an internal error.
type Authenticator func(ctx context.Context, c Credentials) (scope.Scope, error)

// Errors of authenticators that dialects have codes of their own for; all
// others of the kind Unauthorized are wrong credentials.
var (
	ErrCredentialsMissing = errs.New(errs.Unauthorized, "credentials are required")
	ErrCredentialsExpired = errs.New(errs.Unauthorized, "credentials have expired")
)

// Open lets anyone in who can connect, as the given tenant. It is for trials
// on a loopback address, and for hosts that let nobody through to the API whom
// they have not checked.
func Open(tenant string) Authenticator {
	return func(context.Context, Credentials) (scope.Scope, error) {
		return scope.Scope{Tenant: tenant}, nil
	}
}

// Tokens lets in whoever presents one of the tokens, whichever header or field
// its dialect has for it, as the scope that belongs to it. Only hashes of the
// tokens are kept, and they are compared in constant time. An empty token lets
// nobody in.
func Tokens(tokens map[string]scope.Scope) Authenticator {
	type entry struct {
		hash  [sha256.Size]byte
		scope scope.Scope
	}
	var entries []entry
	for token, sc := range tokens {
		if token != "" {
			entries = append(entries, entry{sha256.Sum256([]byte(token)), sc})
		}
	}
	return func(_ context.Context, c Credentials) (scope.Scope, error) {
		if c.secret() == "" {
			return scope.Scope{}, ErrCredentialsMissing
		}
		hash := sha256.Sum256([]byte(c.secret()))
		var found scope.Scope
		ok := 0
		for _, e := range entries {
			if equal := subtle.ConstantTimeCompare(e.hash[:], hash[:]); equal == 1 {
				found, ok = e.scope, equal
			}
		}
		if ok == 0 {
			return scope.Scope{}, errs.New(errs.Unauthorized, "credentials are invalid")
		}
		return found, nil
	}
}

// FromContext takes the scope from the request's context, for hosts whose own
// middleware has authenticated the caller. A false result is Unauthorized.
func FromContext(from func(ctx context.Context) (scope.Scope, bool)) Authenticator {
	return func(ctx context.Context, _ Credentials) (scope.Scope, error) {
		sc, ok := from(ctx)
		if !ok {
			return scope.Scope{}, ErrCredentialsMissing
		}
		return sc, nil
	}
}
