package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// linksPath is where what is served that links of ours lead to.
const linksPath = "/inlet/"

// links makes and checks links of ours. A link works without credentials until
// it expires, on every node that has the same key.
type links struct {
	key    []byte
	expiry time.Duration
	now    func() time.Time
}

func newLinks(cfg *Config) links {
	return links{key: cfg.LinkKey, expiry: cfg.LinkExpiry, now: cfg.Now}
}

// link is what a link allows, and what its signature covers.
type link struct {
	Method  string
	Tenant  string
	Path    []string // the parts of the path below linksPath
	Expires int64    // unix seconds
}

// get allows to read what path leads to for as long as expiry.
func (l links) get(tenant string, expiry time.Duration, path []string) link {
	return link{Method: http.MethodGet, Tenant: tenant, Path: path, Expires: l.now().Add(expiry).Unix()}
}

// sign returns the link under the base URL.
func (l links) sign(base string, k link) string {
	query := url.Values{
		"tenant": {k.Tenant}, "expires": {strconv.FormatInt(k.Expires, 10)},
		"signature": {base64.RawURLEncoding.EncodeToString(l.mac(k))},
	}
	parts := make([]string, len(k.Path))
	for i, part := range k.Path {
		parts[i] = url.PathEscape(part)
	}
	return base + linksPath + strings.Join(parts, "/") + "?" + query.Encode()
}

// followed is a link that somebody follows.
type followed struct {
	link
	signature string
}

func readFollowed(in *input, path []string) followed {
	f := followed{signature: in.query.text("signature")}
	f.Method, f.Path = in.r.Method, path
	if f.Method == http.MethodHead {
		f.Method = http.MethodGet
	}
	f.Tenant, f.Expires = in.query.text("tenant"), in.query.id("expires")
	return f
}

// check returns a Forbidden error unless the signature is ours and the link
// has not expired.
func (l links) check(f followed) error {
	given, err := base64.RawURLEncoding.Strict().DecodeString(f.signature)
	if err != nil || !hmac.Equal(given, l.mac(f.link)) {
		return errs.New(errs.Forbidden, "signature is invalid")
	}
	if l.now().Unix() >= f.Expires {
		return errs.New(errs.Forbidden, "link is invalid: it has expired")
	}
	return nil
}

// mac signs all fields. JSON keeps them apart, whatever they hold.
func (l links) mac(k link) []byte {
	text, err := json.Marshal(k)
	if err != nil {
		panic(err) // a struct of strings and numbers always encodes
	}
	h := hmac.New(sha256.New, l.key)
	h.Write([]byte("inlet link v1\n"))
	h.Write(text)
	return h.Sum(nil)
}

// safeName returns a name that can be the last part of a URL's path. Names of
// dots alone would be resolved away by clients.
func safeName(name string) string {
	if name = strings.ToValidUTF8(name, "_"); strings.Trim(name, ".") == "" {
		return "file"
	}
	return name
}

// attachment returns a Content-Disposition that saves under the name: quoted,
// and in the form of RFC 5987 for names that are not ASCII.
func attachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	ascii := strings.Map(func(r rune) rune {
		if r > '~' || r == '"' || r == '%' {
			return '_'
		}
		return r
	}, name)
	plain := `attachment; filename="` + ascii + `"`
	if ascii == name {
		return plain
	}
	encoded, found := strings.CutPrefix(mime.FormatMediaType("attachment", map[string]string{"filename": name}), "attachment; ")
	if !found || !strings.HasPrefix(encoded, "filename*=") {
		return plain
	}
	return plain + "; " + encoded
}
