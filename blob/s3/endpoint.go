package s3

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

const defaultRegion = "us-east-1"

// endpoint says where the bucket is.
type endpoint struct {
	base   *url.URL // without the bucket
	region string
	path   bool // the bucket is the first element of the path
}

// hostable are bucket names that can be a host name.
var hostable = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)

// parseEndpoint normalizes what users write: with or without a scheme, with
// the bucket in front of the host or as the path, or nothing for Amazon's own.
func parseEndpoint(raw, region, bucket string, path bool) (endpoint, error) {
	if region == "" {
		region = defaultRegion
	}
	if raw == "" {
		raw = "https://s3." + region + ".amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			raw += ".cn"
		}
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return endpoint{}, errs.New(errs.Invalid, "the endpoint must be HOST, http://HOST or https://HOST")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return endpoint{}, errs.New(errs.Invalid, "the endpoint must have no user, query or fragment")
	}
	base := strings.TrimRight(u.Path, "/")
	if base == "/"+bucket {
		base = ""
	}
	host := u.Host
	if rest, ok := strings.CutPrefix(host, bucket+"."); ok && providerHost.MatchString(rest) {
		host = rest
	}
	e := endpoint{base: &url.URL{Scheme: u.Scheme, Host: host, Path: base}, region: region}
	e.path = path || isAddress(u.Hostname()) || !hostable.MatchString(bucket)
	return e, nil
}

// providerHost are hosts of which it is known that a label before them is a
// bucket; for others it may be part of the server's name.
var providerHost = regexp.MustCompile(`^(s3[.-]|oss-|obs\.|cos\.)`)

func isAddress(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return net.ParseIP(host) != nil
}

// object returns the URL of a key. Every byte that is not unreserved is
// escaped, as the signature wants it.
func (e endpoint) object(bucket, key string) *url.URL {
	u := *e.base
	prefix := e.base.Path + "/"
	if e.path {
		prefix += bucket + "/"
	} else {
		u.Host = bucket + "." + e.base.Host
	}
	u.Path, u.RawPath = prefix+key, escapePath(prefix+key)
	return &u
}

const upperHex = "0123456789ABCDEF"

func escapePath(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}
