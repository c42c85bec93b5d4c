package connector

import (
	"net/url"
	"path/filepath"
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

// checkConfig notes everything that is wrong with c for the type.
func checkConfig(p *errs.Problems, t SourceType, c Config) {
	if t.Key() == "" {
		p.Addf("source_type is invalid: %d is none of 4 (OSS), 5 (S3), 100 (folder)", t)
		return
	}
	given := map[string]bool{"oss": c.OSS != nil, "s3": c.S3 != nil, "folder": c.Folder != nil}
	if !given[t.Key()] {
		p.Addf("config.%s is required for source_type %d", t.Key(), t)
		return
	}
	switch t {
	case OSS:
		f := c.OSS
		checkBucket(p, "config.oss.", f.Endpoint, f.AccessKeyID, f.AccessKeySecret, f.BucketName)
	case S3:
		f := c.S3
		checkBucket(p, "config.s3.", f.Endpoint, f.AccessKeyID, f.AccessKeySecret, f.BucketName)
		p.Check(f.Region != "", "config.s3.region is required")
		p.Check(isToken(f.Region), "config.s3.region is invalid")
	case Folder:
		p.Check(filepath.IsAbs(c.Folder.Path), "config.folder.path is invalid: it must be absolute")
	}
}

func checkBucket(p *errs.Problems, prefix, endpoint, id string, secret Secret, bucket string) {
	if endpoint == "" {
		p.Addf("%sendpoint is required", prefix)
	} else if err := checkEndpoint(endpoint); err != "" {
		p.Addf("%sendpoint is invalid: %s", prefix, err)
	}
	p.Check(id != "", "%saccess_key_id is required", prefix)
	p.Check(isToken(id), "%saccess_key_id is invalid", prefix)
	p.Check(secret != "", "%saccess_key_secret is required", prefix)
	p.Check(secret != Mask, "%saccess_key_secret is invalid: it is the mask of a stored secret", prefix)
	p.Check(isToken(secret.Reveal()), "%saccess_key_secret is invalid", prefix)
	p.Check(bucket != "", "%sbucket_name is required", prefix)
	p.Check(isToken(bucket) && !strings.ContainsAny(bucket, "/?#@:"), "%sbucket_name is invalid", prefix)
}

// isToken reports whether s can stand in an HTTP header: printable ASCII
// without blanks.
func isToken(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// checkEndpoint returns what is wrong with an endpoint, or "".
func checkEndpoint(endpoint string) string {
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || !isToken(u.Host):
		return "not a host or URL"
	case u.Scheme != "http" && u.Scheme != "https":
		return "its scheme must be http or https"
	case u.User != nil:
		return "it must not hold credentials"
	case u.RawQuery != "" || u.Fragment != "":
		return "it must not have a query or fragment"
	}
	return ""
}
