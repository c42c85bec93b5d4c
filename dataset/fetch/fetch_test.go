package fetch_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/inlet-go/inlet/dataset/fetch"
	"github.com/inlet-go/inlet/store/errs"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

const secret = "sig=s3cr3t"

// serve returns the URL of a server, with a secret query, and a fetcher that
// may reach it.
func serve(t *testing.T, h http.HandlerFunc) (string, *fetch.Fetcher) {
	t.Helper()
	ts := httptest.NewServer(h)
	t.Cleanup(ts.Close)
	return ts.URL + "/a.csv?" + secret, fetch.New(&fetch.Options{AllowNet: loopback, Timeout: 300 * time.Millisecond})
}

// read fetches a URL whole.
func read(t *testing.T, f *fetch.Fetcher, url string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	body, err := f.Fetch(ctx, url)
	if err != nil {
		return "", err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	return string(data), err
}

func TestFetch(t *testing.T) {
	tests := map[string]struct {
		serve http.HandlerFunc
		want  string
		kind  errs.Kind // of the error; Internal for none
		text  string    // of its message
	}{
		"a file":        {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a,b\n") }, "a,b\n", 0, ""},
		"an empty file": {func(http.ResponseWriter, *http.Request) {}, "", 0, ""},
		"not there":     {http.NotFound, "", errs.Invalid, "answered 404 Not Found"},
		"not allowed":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "", errs.Invalid, "answered 403"},
		"a part":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206) }, "", errs.Invalid, "answered 206"},
		"busy":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, "", errs.RateLimited, "too often"},
		"broken":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, "", errs.Unavailable, "answered 502"},
		"cut short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "12345")
		}, "", errs.Unavailable, "ended the file early"},
		"stalls": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "12345")
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "", errs.Unavailable, "ended the file early"},
		"never answers": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "", errs.Unavailable, "cannot be reached"},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "\x1f\x8b")
		}, "", errs.Invalid, "encoded as \"gzip\""},
		"redirects for ever": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) }, "", errs.Forbidden, "redirects more than"},
		"redirects to a file": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, "", errs.Forbidden, "not allowed"},
		"redirects to metadata": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		}, "", errs.Forbidden, "may not be reached"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, f := serve(t, tt.serve)
			got, err := read(t, f, url)
			if tt.text == "" {
				if err != nil || got != tt.want {
					t.Errorf("%q, %v, want %q", got, err, tt.want)
				}
				return
			}
			if !errors.Is(err, tt.kind) || !strings.Contains(errs.Message(err), tt.text) {
				t.Errorf("%v (%s), want %v with %q", err, errs.Message(err), tt.kind, tt.text)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

// hosts are spellings of addresses that only this machine or its network has.
var hosts = []string{
	"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "localhost", "LOCALHOST", "%6c%6fcalhost",
	"①②⑦.⓪.⓪.①", "0.0.0.0", "0", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
	"10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16",
	"100.64.0.1", "198.18.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
	"[fd00:ec2::254]", "[fc00::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
	"[2001:db8::1]", "[2001::1]", "[100::1]", "[fd20:ce::254]",
}

// TestNothingInsideIsReached listens where a fetch would arrive.
func TestNothingInsideIsReached(t *testing.T) {
	var arrived atomic.Int32
	ts := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer ts.Close()
	_, port, err := net.SplitHostPort(ts.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	f := fetch.New(nil)
	for _, host := range hosts {
		for _, url := range []string{"http://" + host + ":" + port + "/?" + secret, "http://" + host + "/?" + secret, "https://" + host + "/?" + secret} {
			_, err := read(t, f, url)
			var dns *net.DNSError // a spelling that is no address and no name
			if err == nil || !errors.Is(err, errs.Forbidden) && !errors.Is(err, errs.Invalid) && !errors.As(err, &dns) {
				t.Errorf("%s: %v, want Forbidden", host, err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error shows the secret: %v", host, err)
			}
		}
	}
	if n := arrived.Load(); n > 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestURLsThatCannotBeFetched(t *testing.T) {
	f := fetch.New(nil)
	for _, url := range []string{"", "a.csv", "ftp://h/a", "file:///etc/passwd", "gopher://h/", "http://", "http://u:p@h/", "http://h\x00/", "http://[::1", "data:,x"} {
		if _, err := f.Fetch(t.Context(), url); !errors.Is(err, errs.Invalid) {
			t.Errorf("%q: %v, want Invalid", url, err)
		}
	}
}

// resolver answers each question for an IPv4 address with the next of the
// addresses, and all others with nothing.
func resolver(t *testing.T, addrs ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for asked := 0; ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			if q.Type == dnsmessage.TypeA {
				a := netip.MustParseAddr(addrs[min(asked, len(addrs)-1)]).As4()
				asked++
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: a},
				}}
			}
			if out, err := m.Pack(); err == nil {
				conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A name may lead to an address that may be reached when it is asked for
// first, and to another one later.
func TestANameThatChangesItsAddressIsRefused(t *testing.T) {
	var arrived atomic.Int32
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	ts.Listener.Close()
	ts.Listener = listener
	ts.Start()
	defer ts.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	f := fetch.New(&fetch.Options{
		AllowNet: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}, Resolver: resolver(t, "127.0.0.2", "127.0.0.1"),
	})
	_, err = read(t, f, "http://rebind.example:"+port+"/")
	if !errors.Is(err, errs.Forbidden) || arrived.Load() != 1 {
		t.Errorf("%v, %d requests arrived; want Forbidden after the first", err, arrived.Load())
	}
}
