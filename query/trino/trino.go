// Package trino runs queries on a Trino cluster. It is a module of its own,
// because its driver brings Kerberos and compression libraries with it.
//
// The cluster's tables are its own; whoever asks sees what the cluster lets
// the user see that Options.User names. Statements are checked to be one that
// reads before they are sent: that is for plain messages, and against
// passthrough table functions. What a user may read or write is the business
// of the cluster's access control, which should allow the account reading only,
// and the kill query operation on its own queries, so that a cancel reaches
// the cluster.
//
// No cluster was at hand when this was written. It is proved against package
// trinotest, a server that speaks the documented client protocol, and by a
// test against a real cluster that runs where TRINO_DSN names one.
package trino

import (
	"context"
	"database/sql"
	"net/http"
	"net/url"
	"time"

	driver "github.com/trinodb/trino-go-client/trino"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// Options are settings of an [Engine]; nil is the defaults.
type Options struct {
	// User names the cluster's user for whom a statement runs; "" is the
	// user of the configuration. The account that logs in must be allowed to
	// impersonate. Without it all statements run as the configuration's user.
	User func(sc scope.Scope) string

	// Version tells the state that the cluster's tables are in; answers are
	// kept until it is another one. It is called in each Prepare. Without it
	// answers are volatile, see Cacheable.
	Version func(ctx context.Context) (string, error)

	// Cacheable accepts that an answer may be as old as a caller allows.
	// Statements that call functions such as random stay volatile.
	Cacheable bool

	StatementBytes int           // of a statement; 0 means 1 MiB
	ValueBytes     int           // of one value of a result; 0 means 16 MiB
	Progress       time.Duration // between two reports; 0 means 200 ms
}

// Engine runs statements on a cluster. It is safe for concurrent use.
type Engine struct {
	name string
	db   *sql.DB
	opts Options
	http *transport
	own  *http.Transport // nil where the host gave one

	life *query.Life
}

var _ query.Engine = (*Engine)(nil)

// New returns an engine on the cluster that config names. name tells the
// cluster from others of the host: engines of the same name share cached
// answers. A client of the host's own is given as HTTPClient, not by
// CustomClientName. The session's time zone is UTC, whatever config says, because
// local times are read in it. A config that cannot work is an Invalid error.
func New(name string, config *driver.Config, opts *Options) (*Engine, error) {
	if config == nil || config.CustomClientName != "" {
		return nil, errs.New(errs.Invalid, "there is no configuration of the cluster, or one of a registered client")
	}
	e := &Engine{name: "trino/1/" + name}
	if opts != nil {
		e.opts = *opts
	}
	if e.opts.StatementBytes <= 0 {
		e.opts.StatementBytes = 1 << 20
	}
	if e.opts.ValueBytes <= 0 {
		e.opts.ValueBytes = 16 << 20
	}
	if e.opts.Progress <= 0 {
		e.opts.Progress = 200 * time.Millisecond
	}
	e.life = query.NewLife()
	if _, err := driver.NewConnector(config); err != nil {
		return nil, errs.New(errs.Invalid, "the configuration of the cluster is invalid") // the error may show it
	}
	c := *config
	c.TimeZone = "UTC"
	if err := e.intercept(&c); err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "the configuration of the cluster is invalid")
	}
	connector, err := driver.NewConnector(&c)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the configuration of the cluster is invalid")
	}
	e.db = sql.OpenDB(connector)
	return e, nil
}

// intercept puts the engine's transport in front of the one that c asks for.
func (e *Engine) intercept(c *driver.Config) error {
	client := http.Client{}
	if c.HTTPClient != nil {
		client = *c.HTTPClient
	} else {
		base := http.DefaultTransport.(*http.Transport).Clone()
		settings, err := c.TLSConfig()
		if err != nil {
			return err
		}
		if settings != nil {
			base.TLSClientConfig = settings
		}
		if c.HTTPProxy != "" {
			base.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: c.HTTPProxy})
		} else if c.SOCKSProxy != "" {
			base.Proxy = http.ProxyURL(&url.URL{Scheme: "socks5", Host: c.SOCKSProxy})
		}
		client.Transport, e.own = base, base
		c.HTTPProxy, c.SOCKSProxy = "", ""
	}
	e.http = &transport{base: client.Transport}
	client.Transport = e.http
	c.HTTPClient = &client
	return nil
}

// Name implements [query.Engine].
func (e *Engine) Name() string { return e.name }

// Close ends what is running and waits for it.
func (e *Engine) Close() error {
	<-e.life.End()
	e.http.wait()
	err := e.db.Close()
	if e.own != nil {
		e.own.CloseIdleConnections()
	}
	return err
}

// Prepare implements [query.Engine]. It only checks that the statement is one
// that reads; the cluster judges it when it runs.
func (e *Engine) Prepare(ctx context.Context, st query.Statement) (query.Prepared, error) {
	if len(st.SQL) > e.opts.StatementBytes {
		return nil, &query.Failure{Name: query.ExceededLimit, Message: "the statement is too long"}
	}
	volatile, refused := rules.Check(st.SQL)
	if refused != nil {
		return nil, refused
	}
	ctx, leave, err := e.life.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return nil, errs.Wrap(errs.Canceled, err, "the statement was stopped")
	}
	p := &prepared{engine: e, scope: st.Scope, sql: rules.Trim(st.SQL)}
	p.deps.Volatile = volatile || !e.opts.Cacheable && e.opts.Version == nil
	if e.opts.Version != nil {
		version, err := e.opts.Version(ctx)
		if err != nil {
			return nil, err
		}
		p.deps.Versions = map[string]string{"": version}
	}
	return p, nil
}
