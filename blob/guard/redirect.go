package guard

import (
	"net/http"
	"net/url"

	"github.com/inlet-go/inlet/store/errs"
)

// maxRedirects is how many redirects are followed.
const maxRedirects = 5

// Client returns a client over [Transport] with [CheckRedirect].
func Client(opts *Options) *http.Client {
	return &http.Client{Transport: Transport(opts), CheckRedirect: CheckRedirect}
}

// CheckURL returns an Invalid error unless u is an absolute URL of scheme http
// or https without a user in it. That its host may be reached is checked when
// it is dialed.
func CheckURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errs.New(errs.Invalid, "the URL must begin with http:// or https://")
	case u.Hostname() == "":
		return errs.New(errs.Invalid, "the URL names no host")
	case u.User != nil:
		return errs.New(errs.Invalid, "the URL must not contain a user or password")
	}
	return nil
}

// kept are the headers that follow a redirect to another host. All others may
// be credentials, whatever their name.
var kept = []string{"Accept", "Accept-Encoding", "Accept-Language", "Range", "User-Agent"}

// CheckRedirect is for [http.Client]. It allows five redirects, only to http
// and https, and never from https to http; once a redirect has left the first
// host, no header that could be a credential is sent any more. Each new host
// is dialed by the same guarded transport. Refusals are Forbidden errors.
func CheckRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errs.New(errs.Forbidden, "host %q redirects more than %d times", via[0].URL.Hostname(), maxRedirects)
	}
	if err := CheckURL(req.URL); err != nil {
		return errs.Wrap(errs.Forbidden, err, "host %q redirects to a URL that is not allowed", via[0].URL.Hostname())
	}
	left := false
	for _, hop := range append(via[1:len(via):len(via)], req) {
		if hop.URL.Scheme == "http" && via[0].URL.Scheme == "https" {
			return errs.New(errs.Forbidden, "host %q redirects to an unencrypted URL", via[0].URL.Hostname())
		}
		left = left || hop.URL.Host != via[0].URL.Host || hop.URL.Scheme != via[0].URL.Scheme
	}
	req.Header.Del("Referer") // may hold a signed query
	if !left {
		return nil
	}
	old := req.Header.Clone()
	clear(req.Header)
	for _, name := range kept {
		if v := old.Values(name); len(v) > 0 {
			req.Header[name] = v
		}
	}
	return nil
}
