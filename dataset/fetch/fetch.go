// Package fetch opens the URLs that data sources are made from.
//
// A URL is what a user chose, so it is dialed through package guard: it leads
// nowhere but to the public Internet, however it is spelled, whatever its name
// resolves to, and wherever it redirects.
package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/inlet-go/inlet/blob/guard"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
)

// Options says what URLs may reach; nil is the public Internet on the ports 80
// and 443.
type Options struct {
	// AllowNet lists prefixes that may be reached although they are private,
	// loopback or otherwise special, on any port.
	AllowNet []netip.Prefix
	// Timeout is how long a server may be silent; 0 means 30 s.
	Timeout time.Duration
	// Resolver looks names up; nil means the host's own.
	Resolver *net.Resolver
}

// Fetcher opens URLs. It is safe for concurrent use.
type Fetcher struct{ client *http.Client }

var _ dataset.Fetcher = (*Fetcher)(nil)

// New returns a Fetcher.
func New(opts *Options) *Fetcher {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	return &Fetcher{client: guard.Client(&guard.Options{Allow: o.AllowNet, Connections: 2, Timeout: o.Timeout, Resolver: o.Resolver})}
}

// Fetch opens what the URL leads to. No error shows the URL, which may hold a
// signature. See [dataset.Fetcher] for the kinds of errors.
func (f *Fetcher) Fetch(ctx context.Context, text string) (io.ReadCloser, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the URL is invalid")
	}
	if err := guard.CheckURL(u); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, text, nil)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the URL is invalid")
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("User-Agent", "inlet")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, dialError(ctx, u, err)
	}
	if err := check(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return &body{ReadCloser: resp.Body, ctx: ctx, host: resp.Request.URL.Hostname()}, nil
}

// dialError gives an error of a request its kind, and leaves the URL out that
// net/http puts into its text.
func dialError(ctx context.Context, u *url.URL, err error) error {
	var known *errs.Error
	if errors.As(err, &known) {
		return known
	}
	var named *url.Error
	if errors.As(err, &named) {
		err = named.Err
	}
	if ctx.Err() != nil { // other timeouts look the same
		return ctx.Err()
	}
	return errs.Wrap(errs.Unavailable, err, "host %q cannot be reached", u.Hostname())
}

// check returns an error unless the answer is a file.
func check(resp *http.Response) error {
	host := resp.Request.URL.Hostname()
	switch {
	case resp.StatusCode == http.StatusOK:
	case resp.StatusCode == http.StatusTooManyRequests:
		return errs.New(errs.RateLimited, "host %q was asked too often", host)
	case resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode >= 500:
		return errs.New(errs.Unavailable, "host %q answered %d %s", host, resp.StatusCode, http.StatusText(resp.StatusCode))
	default:
		return errs.New(errs.Invalid, "host %q answered %d %s", host, resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return errs.New(errs.Invalid, "host %q sent the file encoded as %.20q, which was not asked for", host, enc)
	}
	return nil
}

// body tells an end that comes too early from the end.
type body struct {
	io.ReadCloser
	ctx  context.Context // of the fetch
	host string
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil, err == io.EOF:
		return n, err
	case b.ctx.Err() != nil:
		return n, b.ctx.Err()
	}
	return n, errs.Wrap(errs.Unavailable, err, "host %q ended the file early", b.host)
}
