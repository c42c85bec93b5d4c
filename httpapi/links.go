package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// filesPath is where files are served that links of ours lead to.
const filesPath = "/inlet/files/"

// links makes and checks links to files of volumes. A link works without
// credentials until it expires, on every node that has the same key.
type links struct {
	key    []byte
	expiry time.Duration
	now    func() time.Time
}

func newLinks(cfg *Config) links {
	return links{key: cfg.LinkKey, expiry: cfg.LinkExpiry, now: cfg.Now}
}

// fileLink is what a link names, and what its signature covers.
type fileLink struct {
	Tenant       string
	Volume, File int64
	Name         string // what the file is called when it is saved
	Expires      int64  // unix seconds
}

// sign returns a link to a file under the base URL.
func (l links) sign(base, tenant string, volume, file int64, name string) string {
	f := fileLink{Tenant: tenant, Volume: volume, File: file, Name: safeName(name), Expires: l.now().Add(l.expiry).Unix()}
	query := url.Values{
		"tenant": {f.Tenant}, "expires": {strconv.FormatInt(f.Expires, 10)},
		"signature": {base64.RawURLEncoding.EncodeToString(l.mac(f))},
	}
	return base + filesPath + strconv.FormatInt(volume, 10) + "/" + strconv.FormatInt(file, 10) + "/" +
		url.PathEscape(f.Name) + "?" + query.Encode()
}

// check returns a Forbidden error unless the signature is ours and the link
// has not expired.
func (l links) check(f fileLink, signature string) error {
	given, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil || !hmac.Equal(given, l.mac(f)) {
		return errs.New(errs.Forbidden, "signature is invalid")
	}
	if l.now().Unix() >= f.Expires {
		return errs.New(errs.Forbidden, "link is invalid: it has expired")
	}
	return nil
}

// mac signs all fields. JSON keeps them apart, whatever they hold.
func (l links) mac(f fileLink) []byte {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // a struct of strings and numbers always encodes
	}
	h := hmac.New(sha256.New, l.key)
	h.Write([]byte("inlet file link v1\n"))
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
