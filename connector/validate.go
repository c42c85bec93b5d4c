package connector

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// MaxName is the most characters that a name of a connector, volume or task
// may have.
const MaxName = 255

// CheckName notes what is wrong with a name that users see. It is shared by
// the things that refer to connectors.
func CheckName(p *errs.Problems, field, name string) {
	switch {
	case strings.TrimSpace(name) == "":
		p.Addf("%s is required", field)
	case !utf8.ValidString(name):
		p.Addf("%s is invalid: not UTF-8", field)
	case utf8.RuneCountInString(name) > MaxName:
		p.Addf("%s is invalid: longer than %d characters", field, MaxName)
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || isBidiOverride(r) }):
		p.Addf("%s is invalid: has a control character", field)
	}
}

// isBidiOverride reports whether r can make a name look like another one.
func isBidiOverride(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// isToken reports whether s can stand in an HTTP header: printable ASCII
// without blanks.
func isToken(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// checkEndpoint returns what is wrong with an endpoint.
func checkEndpoint(endpoint string) error {
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || !isToken(u.Host):
		return errors.New("not a host or URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("its scheme must be http or https")
	case u.User != nil:
		return errors.New("it must not hold credentials")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("it must not have a query or fragment")
	}
	return nil
}
