// Package guard makes HTTP transports for addresses that users choose.
//
// A user who may name a URL or an endpoint could otherwise reach what only
// this host can: services on the loopback interface and in the private
// network, and the metadata service that hands out the host's credentials.
// Addresses are checked when they are dialed, after names were resolved, so
// that no spelling of an address and no change of a name's address helps.
package guard

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

// Options says what may be reached beyond the public Internet; nil is nothing.
type Options struct {
	// Allow are prefixes that may be reached although they are private or
	// special, on any port. A metadata address is reached only if a prefix
	// names exactly it, such as 169.254.169.254/32.
	Allow []netip.Prefix

	// AllowPrivate allows loopback and private addresses (RFC 1918, RFC 4193),
	// for endpoints that the operator, not a user, has configured.
	AllowPrivate bool

	Ports   []uint16 // that may be reached elsewhere; nil means 80 and 443
	AnyPort bool     // all ports may be reached

	Connections int           // idle connections to keep per host; 0 means 128
	Timeout     time.Duration // without any byte, before a request is given up; 0 means one minute
	Resolver    *net.Resolver // nil means the host's own
}

// metadata are the addresses under which clouds give credentials to whoever
// asks from within the machine: AWS, Google and Azure, ECS tasks, EKS pods,
// Alibaba, Oracle, Azure's wire server, and AWS and Google on IPv6.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("169.254.170.2"), netip.MustParseAddr("169.254.170.23"),
	netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192"), netip.MustParseAddr("168.63.129.16"),
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd00:ec2::23"), netip.MustParseAddr("fd20:ce::254"),
}

var private = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fc00::/7"),
}

// Transport returns a transport that refuses, with a Forbidden error that
// names the host, to connect to addresses and ports that opts does not allow.
// It uses no proxy: a proxy would resolve names itself.
func Transport(opts *Options) *http.Transport {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Connections <= 0 {
		o.Connections = remote.DefaultConnections
	}
	if o.Timeout <= 0 {
		o.Timeout = remote.DefaultTimeout
	}
	return remote.NewTransport(NewDialer(&o).DialContext, o.Connections, o.Timeout)
}

// Dialer makes connections of which opts allows the address and the port. It
// is safe for concurrent use.
type Dialer struct{ dialer net.Dialer }

// NewDialer returns a dialer for protocols other than HTTP.
func NewDialer(opts *Options) *Dialer {
	var o Options
	if opts != nil {
		o = *opts
	}
	c := newChecker(o)
	return &Dialer{net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second, Resolver: o.Resolver, Control: c.control}}
}

// DialContext connects as [net.Dialer] does; what is not allowed is a
// Forbidden error that names the host.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.dialer.DialContext(ctx, network, addr)
	if errors.Is(err, errRefused) {
		host, _, _ := net.SplitHostPort(addr)
		return nil, errs.Wrap(errs.Forbidden, err, "host %q may not be reached from here", host)
	}
	return conn, err
}

// errRefused marks the refusals among the errors of dialing.
var errRefused = errors.New("refused by the guard")

// checker decides about addresses.
type checker struct {
	guardian *ssrf.Guardian
	named    map[netip.Addr]bool // single addresses that are allowed
	allow    []netip.Prefix
}

func newChecker(o Options) *checker {
	c := &checker{named: map[netip.Addr]bool{}}
	allow := append([]netip.Prefix(nil), o.Allow...)
	if o.AllowPrivate {
		allow = append(allow, private...)
	}
	for _, p := range allow {
		p = unmap(p)
		c.allow = append(c.allow, p)
		if p.IsSingleIP() {
			c.named[p.Addr()] = true
		}
	}
	var options []ssrf.Option
	switch {
	case o.AnyPort:
		options = append(options, ssrf.WithAnyPort())
	case len(o.Ports) > 0:
		options = append(options, ssrf.WithPorts(o.Ports...))
	}
	c.guardian = ssrf.New(options...)
	return c
}

// unmap turns an IPv4-mapped prefix into an IPv4 one.
func unmap(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// control is called with the address that is about to be dialed.
func (c *checker) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.Join(errRefused, err)
	}
	if err := c.check(ap); err != nil {
		return errors.Join(errRefused, err)
	}
	return nil
}

var errMetadata = errors.New("address of a metadata service")

func (c *checker) check(ap netip.AddrPort) error {
	addr := ap.Addr().Unmap()
	for _, m := range metadata {
		for _, a := range embedded(addr) {
			if a == m && !c.named[m] {
				return errMetadata
			}
		}
	}
	for _, p := range c.allow {
		if p.Contains(addr) {
			return nil
		}
	}
	return c.guardian.SafeAddrPort(netip.AddrPortFrom(addr, ap.Port()))
}

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4  = netip.MustParsePrefix("2002::/16")
	v4Compt = netip.MustParsePrefix("::/96")
)

// embedded returns addr without its zone, and the IPv4 address that a gateway
// would make of it.
func embedded(addr netip.Addr) []netip.Addr {
	addr = addr.WithZone("")
	all := []netip.Addr{addr}
	if addr.Is4() {
		return all
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr), v4Compt.Contains(addr):
		all = append(all, netip.AddrFrom4([4]byte(b[12:16])))
	case sixTo4.Contains(addr):
		all = append(all, netip.AddrFrom4([4]byte(b[2:6])))
	}
	return all
}
