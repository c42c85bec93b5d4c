// Package remote is what adapters of object stores on the network share:
// connections that cannot hang, bodies that cannot end early, listings that
// cannot loop, uploads of bounded memory, and the kinds of errors.
package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// Defaults of the adapters.
const (
	DefaultConnections = 128              // idle connections kept per host
	DefaultTimeout     = 60 * time.Second // without any byte, before a request is given up
	maxDocument        = 8 << 20          // bytes of an answer that is no object: a page of 1000 keys has 4 MiB at most
)

// Dial connects to an address, as [net.Dialer.DialContext].
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// NewTransport returns a transport that keeps conns idle connections per host
// (the default of net/http keeps 2), never uses a proxy from the environment,
// leaves bodies as they are, and gives up on a peer that neither sends nor
// takes a byte for the timeout. A nil dial dials directly.
func NewTransport(dial Dial, conns int, timeout time.Duration) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &conn{Conn: c, timeout: timeout}, nil
		},
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: timeout,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          2 * conns,
		MaxIdleConnsPerHost:   conns,
		DisableCompression:    true,
		ReadBufferSize:        64 << 10,
		WriteBufferSize:       64 << 10,
	}
}

// conn fails when the peer neither sends nor takes a byte for the timeout:
// net/http has no limit on how long a peer may refuse to take a request's
// body, or to go on with its answer. Idle connections end after it too.
type conn struct {
	net.Conn
	timeout time.Duration
}

func (c *conn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write moves the deadline of a Read under way as well: while a body is sent,
// nothing needs to come back.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// NewClient returns a client over rt that follows no redirect: a provider's
// redirect names another region, and signatures do not follow.
func NewClient(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// Documents returns rt for requests whose answers are documents, which SDKs
// read whole: an answer beyond 8 MiB, or one that stalls, is an error.
func Documents(rt http.RoundTripper, timeout time.Duration) http.RoundTripper {
	return documents{rt, timeout}
}

type documents struct {
	rt      http.RoundTripper
	timeout time.Duration
}

func (d documents) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := d.rt.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = &limited{r: newIdle(ctx, cancel, resp.Body, d.timeout), left: maxDocument}
	return resp, nil
}

// limited fails when more than left bytes come.
type limited struct {
	r    io.ReadCloser
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errs.New(errs.Unavailable, "the store's answer is too long")
	}
	return n, err
}

func (l *limited) Close() error { return l.r.Close() }

var errStalled = errs.New(errs.Unavailable, "the store stopped sending")

// idle cancels the request of a body that gives no byte for the timeout.
type idle struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timeout time.Duration
	timer   *time.Timer
}

func newIdle(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser, timeout time.Duration) *idle {
	i := &idle{ReadCloser: body, ctx: ctx, cancel: cancel, timeout: timeout}
	i.timer = time.AfterFunc(timeout, func() { cancel(errStalled) })
	i.timer.Stop()
	return i
}

func (i *idle) Read(p []byte) (int, error) {
	i.timer.Reset(i.timeout)
	n, err := i.ReadCloser.Read(p)
	i.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(i.ctx); errors.Is(cause, errStalled) {
			err = cause
		} else if i.ctx.Err() != nil {
			err = i.ctx.Err()
		}
	}
	return n, err
}

func (i *idle) Close() error {
	i.timer.Stop()
	err := i.ReadCloser.Close()
	i.cancel(nil)
	return err
}
