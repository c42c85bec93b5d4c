package httpapi

import (
	"crypto/rand"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/task"
)

// The limits that hold unless a Config says otherwise, and those that always
// hold.
const (
	// DefaultMaxBody is the most bytes of a JSON body.
	DefaultMaxBody = 1 << 20
	// DefaultBodyTimeout is how long a client that uploads may pause.
	DefaultBodyTimeout = time.Minute
	// DefaultLinkExpiry is how long a link to a file works.
	DefaultLinkExpiry = time.Hour
	// DefaultMaxLinkExpiry is the longest time that callers may ask for; S3
	// and OSS sign no longer links.
	DefaultMaxLinkExpiry = 7 * 24 * time.Hour
	// DefaultMaxQueryWait is the longest that a request waits for a query.
	DefaultMaxQueryWait = 30 * time.Second
	// MaxDepth is how deep objects and arrays of a JSON body may nest.
	MaxDepth = 32
	// DefaultPageSize is the number of items of a page when only its number
	// was asked for.
	DefaultPageSize = 20
	// MaxPageSize is the most items that a page may be asked to have.
	MaxPageSize = 1000
	// MaxUnpaged is the most items that a list without pages returns.
	MaxUnpaged = 10_000
	// minLinkKey is the fewest bytes of a link key.
	minLinkKey = 16
)

// Config says what an [API] serves. Only Authenticator is required.
type Config struct {
	// Connectors, Tasks, Datasets and FileSync are the services. A nil one leaves
	// its routes out.
	Connectors *connector.Service
	Tasks      *task.Service
	Datasets   *dataset.Service
	FileSync   *filesync.Service

	// Definitions is the registry of connector definitions; nil leaves its
	// routes out.
	Definitions *connector.Definitions

	// Queries runs SQL; nil leaves its routes out.
	Queries *query.Service

	// Authenticator decides who a caller is. [Open] lets anyone in.
	Authenticator Authenticator

	// AnonymousUploads names the tenant for which callers without a key may
	// upload into syncs that they know, and list syncs and their history, as the
	// product's own documents show it. "" asks them for a key.
	AnonymousUploads string

	// Prefix is the path below which all routes are, such as "/inlet/v1".
	Prefix string
	// BaseURL is the URL, without Prefix, under which clients reach the API;
	// links to files start with it. "" means the scheme and host of the
	// request that asks for a link, which is wrong behind a proxy that
	// rewrites them.
	BaseURL string
	// LinkKey signs links to files that the bucket cannot sign itself; at
	// least 16 bytes. With nil it is random: links then work on this node
	// only, and only until it restarts.
	LinkKey []byte
	// LinkExpiry is how long a link works; 0 means DefaultLinkExpiry.
	LinkExpiry time.Duration
	// MaxLinkExpiry is the longest time that a caller may ask a link to work
	// for; 0 means DefaultMaxLinkExpiry.
	MaxLinkExpiry time.Duration

	// MaxBody is the most bytes of a JSON body; 0 means DefaultMaxBody.
	MaxBody int64
	// BodyTimeout is how long a client that uploads a file may pause before
	// it is given up; 0 means DefaultBodyTimeout.
	BodyTimeout time.Duration
	// MaxQueryWait is the longest that a request may wait for a query to
	// finish; 0 means DefaultMaxQueryWait. It must be shorter than what
	// proxies in front of the server allow a request.
	MaxQueryWait time.Duration
	// CORS lets browsers call from other origins; nil refuses them.
	CORS *CORS
	// RevealSecrets shows connectors' secrets in answers instead of a mask.
	RevealSecrets bool
	// BareCreate answers creations without the new id, exactly as the older
	// documents of the products do.
	BareCreate bool
	// Statuses overrides the HTTP status of error kinds in every dialect,
	// such as {errs.NotFound: 404}. Bodies stay as they are.
	Statuses map[errs.Kind]int

	// Logger gets one line per request; nil discards.
	Logger *slog.Logger
	// TracerProvider gets a span per request; nil traces nothing.
	TracerProvider trace.TracerProvider
	// MeterProvider gets the duration of requests; nil measures nothing.
	MeterProvider metric.MeterProvider
	// Now is the clock by which links expire; nil means time.Now.
	Now func() time.Time
	// Location is the time zone of the times that answers of Obsrv's API have
	// in their envelopes; nil means UTC.
	Location *time.Location
}

// CORS says which web pages may call the API.
type CORS struct {
	// Origins lists the origins, such as "https://console.example"; "*"
	// allows all. Answers never allow cookies.
	Origins []string
	// MaxAge is how long a browser may remember a preflight's answer.
	MaxAge time.Duration
}

// allows reports whether pages of the origin may call.
func (c *CORS) allows(origin string) bool {
	return c != nil && origin != "" &&
		(slices.Contains(c.Origins, origin) || slices.Contains(c.Origins, "*"))
}

// complete checks c and puts defaults in place of zero values.
func (c *Config) complete() error {
	var p errs.Problems
	p.Check(c.Authenticator != nil, "Config.Authenticator is required; use httpapi.Open to let anyone in")
	p.Check(c.Connectors != nil || c.Tasks != nil || c.Datasets != nil || c.FileSync != nil || c.Definitions != nil || c.Queries != nil, "Config has no service")
	c.Prefix = strings.TrimRight(c.Prefix, "/")
	p.Check(c.Prefix == "" || strings.HasPrefix(c.Prefix, "/") && path.Clean(c.Prefix) == c.Prefix && !strings.ContainsAny(c.Prefix, "{}?# %"),
		"Config.Prefix is invalid: %q is not a clean path that starts with a slash", c.Prefix)
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if u, err := url.Parse(c.BaseURL); c.BaseURL != "" {
		p.Check(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil,
			"Config.BaseURL is invalid: it must be an http or https URL without query")
	}
	p.Check(c.LinkKey == nil || len(c.LinkKey) >= minLinkKey, "Config.LinkKey is invalid: shorter than %d bytes", minLinkKey)
	p.Check(c.LinkExpiry >= 0, "Config.LinkExpiry is invalid: it must not be negative")
	p.Check(c.MaxLinkExpiry == 0 || c.MaxLinkExpiry >= maxirMinExpiry, "Config.MaxLinkExpiry is invalid: less than %v", maxirMinExpiry)
	p.Check(c.BodyTimeout >= 0, "Config.BodyTimeout is invalid: it must not be negative")
	p.Check(c.MaxBody >= 0, "Config.MaxBody is invalid: it must not be negative")
	for _, kind := range slices.Sorted(maps.Keys(c.Statuses)) {
		p.Check(http.StatusText(c.Statuses[kind]) != "" && c.Statuses[kind] >= 200,
			"Config.Statuses[%v] is invalid: %d", kind, c.Statuses[kind])
	}
	if err := p.Err(); err != nil {
		return err
	}
	c.setDefaults()
	return nil
}

func (c *Config) setDefaults() {
	if c.LinkKey == nil {
		c.LinkKey = make([]byte, 32)
		rand.Read(c.LinkKey)
	}
	if c.LinkExpiry == 0 {
		c.LinkExpiry = DefaultLinkExpiry
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.MaxLinkExpiry == 0 {
		c.MaxLinkExpiry = DefaultMaxLinkExpiry
	}
	if c.BodyTimeout == 0 {
		c.BodyTimeout = DefaultBodyTimeout
	}
	if c.MaxQueryWait == 0 {
		c.MaxQueryWait = DefaultMaxQueryWait
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
}
