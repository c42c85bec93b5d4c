package guard

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
)

// special are addresses that a user must not reach through this host. The
// predicates of net/netip let most of those from the third line on through.
var special = []string{
	"127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1", "::", "fe80::1",
	"fc00::1", "fd00:ec2::254", "224.0.0.1", "ff02::1",
	"100.64.0.1", "100.100.100.200", "198.18.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "255.255.255.255", "240.0.0.1",
	"64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
	"::127.0.0.1", "192.0.0.192", "168.63.129.16", "169.254.170.2", "fd20:ce::254", "2001::1", "100::1", "fec0::1",
}

func TestSpecialAddressesAreRefused(t *testing.T) {
	c := newChecker(Options{})
	for _, a := range special {
		if err := c.check(netip.AddrPortFrom(netip.MustParseAddr(a), 443)); err == nil {
			t.Errorf("%s is let through", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "8.8.8.8", "47.110.23.9", "2606:4700::1111", "::ffff:8.8.8.8"} {
		if err := c.check(netip.AddrPortFrom(netip.MustParseAddr(a), 443)); err != nil {
			t.Errorf("%s is refused: %v", a, err)
		}
	}
}

func TestAllow(t *testing.T) {
	prefixes := func(s ...string) (p []netip.Prefix) {
		for _, s := range s {
			p = append(p, netip.MustParsePrefix(s))
		}
		return p
	}
	tests := map[string]struct {
		opts Options
		addr string
		ok   bool
	}{
		"prefix":                     {Options{Allow: prefixes("10.1.0.0/16")}, "10.1.2.3:443", true},
		"outside the prefix":         {Options{Allow: prefixes("10.1.0.0/16")}, "10.2.2.3:443", false},
		"mapped prefix":              {Options{Allow: prefixes("::ffff:10.1.0.0/112")}, "10.1.2.3:443", true},
		"mapped address":             {Options{Allow: prefixes("10.1.0.0/16")}, "[::ffff:10.1.2.3]:443", true},
		"private":                    {Options{AllowPrivate: true}, "192.168.7.1:80", true},
		"private loopback":           {Options{AllowPrivate: true}, "[::1]:80", true},
		"private is not link-local":  {Options{AllowPrivate: true}, "169.254.1.1:80", false},
		"private is not metadata":    {Options{AllowPrivate: true}, "[fd00:ec2::254]:80", false},
		"everything but metadata":    {Options{Allow: prefixes("0.0.0.0/0")}, "169.254.169.254:80", false},
		"everything but Alibaba's":   {Options{Allow: prefixes("0.0.0.0/0")}, "100.100.100.200:80", false},
		"everything but AWS on IPv6": {Options{Allow: prefixes("::/0")}, "[fd00:ec2::254]:80", false},
		"a /31 does not name it":     {Options{Allow: prefixes("169.254.169.254/31")}, "169.254.169.254:80", false},
		"a /32 names it":             {Options{Allow: prefixes("169.254.169.254/32")}, "169.254.169.254:80", true},
		"a /128 names it":            {Options{Allow: prefixes("fd00:ec2::254/128")}, "[fd00:ec2::254]:80", true},
		"metadata through NAT64":     {Options{Allow: prefixes("64:ff9b::/96")}, "[64:ff9b::a9fe:a9fe]:80", false},
		"metadata through 6to4":      {Options{Allow: prefixes("2002::/16")}, "[2002:a9fe:a9fe::]:80", false},
		"NAT64":                      {Options{Allow: prefixes("64:ff9b::/96")}, "[64:ff9b::808:808]:80", true},
		"other port":                 {Options{}, "8.8.8.8:22", false},
		"named port":                 {Options{Ports: []uint16{9000}}, "8.8.8.8:9000", true},
		"other port of a prefix":     {Options{Allow: prefixes("10.1.0.0/16")}, "10.1.2.3:9000", true},
		"any port":                   {Options{AnyPort: true}, "8.8.8.8:22", true},
		"any port, private":          {Options{AnyPort: true}, "127.0.0.1:22", false},
		"zone":                       {Options{Allow: prefixes("fe80::/10")}, "[fe80::1%lo]:80", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := newChecker(tt.opts).check(netip.MustParseAddrPort(tt.addr)); (err == nil) != tt.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestSpellings dials: what counts is the address that the dialer uses.
func TestSpellings(t *testing.T) {
	client := Client(&Options{AnyPort: true})
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]",
		"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.", "LOCALHOST", "%6c%6fcalhost", "①②⑦.⓪.⓪.①",
		"169.254.169.254", "[fd00:ec2::254]", "100.100.100.200",
	} {
		_, err := client.Get("http://" + host + ":1/secret-path?sig=secret-sig")
		if err == nil {
			t.Errorf("%s was reached", host)
			continue
		}
		// A spelling that does not resolve never reaches an address.
		var dns *net.DNSError
		if !errors.Is(err, errs.Forbidden) && !errors.As(err, &dns) && !strings.Contains(err.Error(), "invalid") {
			t.Errorf("%s: %v, want kind Forbidden", host, err)
		}
		if msg := errs.Message(err); strings.Contains(msg, "secret") {
			t.Errorf("%s: the message %q tells the URL", host, msg)
		}
	}
}

func TestNameThatResolvesToLoopback(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	_, err := Client(&Options{AnyPort: true}).Get("http://localhost:" + port)
	if !errors.Is(err, errs.Forbidden) || !strings.Contains(errs.Message(err), `"localhost"`) {
		t.Errorf("%v (%s)", err, errs.Message(err))
	}
	resp, err := Client(&Options{AnyPort: true, Allow: private}).Get("http://localhost:" + port)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestNoProxyFromEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	if Transport(nil).Proxy != nil {
		t.Error("a proxy is used")
	}
}

// redirects serves /n as a redirect to the n-th target, and anything else as
// the headers it got.
func redirects(t *testing.T) (a, b *httptest.Server, targets *[]string) {
	targets = new([]string)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i := strings.IndexByte("0123456789", r.URL.Path[1]); i >= 0 && i < len(*targets) {
			http.Redirect(w, r, (*targets)[i], http.StatusFound)
			return
		}
		for _, name := range []string{"Authorization", "X-Api-Key", "Cookie", "Referer", "Range"} {
			io.WriteString(w, name+"="+r.Header.Get(name)+";")
		}
	})
	a, b = httptest.NewServer(h), httptest.NewServer(h)
	t.Cleanup(a.Close)
	t.Cleanup(b.Close)
	return a, b, targets
}

func TestRedirectsDropCredentials(t *testing.T) {
	a, b, targets := redirects(t)
	*targets = []string{a.URL + "/end", b.URL + "/end", b.URL + "/3", a.URL + "/end"}
	all := "Authorization=Bearer s;X-Api-Key=k;Cookie=c=1;Referer=;Range=bytes=0-1;"
	none := "Authorization=;X-Api-Key=;Cookie=;Referer=;Range=bytes=0-1;"
	for path, want := range map[string]string{"/end": all, "/0": all, "/1": none, "/2": none} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL+path+"?sig=secret", nil)
		req.Header = http.Header{
			"Authorization": {"Bearer s"}, "X-Api-Key": {"k"}, "Cookie": {"c=1"}, "Range": {"bytes=0-1"},
		}
		resp, err := Client(&Options{AnyPort: true, AllowPrivate: true}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if diff := cmp.Diff(want, string(body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	a, _, targets := redirects(t)
	*targets = []string{"/0", "file:///etc/passwd", "http://user:pw@127.0.0.1/", "http://169.254.169.254/latest"}
	for _, path := range []string{"/0", "/1", "/2", "/3"} {
		resp, err := Client(&Options{AnyPort: true, Allow: private}).Get(a.URL + path)
		if !errors.Is(err, errs.Forbidden) {
			t.Errorf("%s: %v, want kind Forbidden", path, err)
		}
		if resp != nil {
			resp.Body.Close()
		}
	}
	five := []string{"/1", "/2", "/3", "/4", "/end"}
	*targets = five
	resp, err := Client(&Options{AnyPort: true, Allow: private}).Get(a.URL + "/0")
	if err != nil {
		t.Fatalf("five redirects: %v", err)
	}
	resp.Body.Close()
}

func TestDowngradeIsRefused(t *testing.T) {
	first, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://a.example/", nil)
	next, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://a.example/", nil)
	if err := CheckRedirect(next, []*http.Request{first}); !errors.Is(err, errs.Forbidden) {
		t.Errorf("%v, want kind Forbidden", err)
	}
}

func TestCheckURL(t *testing.T) {
	for raw, ok := range map[string]bool{
		"https://h/x": true, "http://h:9000": true, "ftp://h/x": false, "file:///x": false, "//h/x": false,
		"https:///x": false, "https://u:p@h/": false, "/x": false, "https://": false,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckURL(u); (err == nil) != ok || err != nil && !errors.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestStalledBody reads from a server that stops in the middle.
func TestStalledBody(t *testing.T) {
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer srv.Close()
	defer close(stop)
	client := Client(&Options{AnyPort: true, AllowPrivate: true, Timeout: 200 * time.Millisecond})
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	started := time.Now()
	data, err := io.ReadAll(resp.Body)
	if err == nil || string(data) != "half" || time.Since(started) > 5*time.Second {
		t.Errorf("%q, %v after %v", data, err, time.Since(started))
	}
}
