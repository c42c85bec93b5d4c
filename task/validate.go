package task

import (
	"strings"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// maxURI is the most bytes that a URI may have: S3's limit for a key.
const maxURI = 1024

// checkURIs notes what is wrong with the URIs and returns them without
// doubles.
func (s *Service) checkURIs(p *errs.Problems, uris []string) []string {
	if len(uris) == 0 {
		p.Addf("uris is required")
		return nil
	}
	if len(uris) > s.opts.MaxURIs {
		p.Addf("uris is invalid: more than %d", s.opts.MaxURIs)
		return nil
	}
	seen := make(map[string]bool, len(uris))
	clean := make([]string, 0, len(uris))
	for i, uri := range uris {
		if reason := checkKey(uri); reason != "" {
			p.Addf("uris[%d] is invalid: %s", i, reason)
		}
		if !seen[uri] {
			seen[uri] = true
			clean = append(clean, uri)
		}
	}
	return clean
}

// checkKey returns why a key cannot be kept, or "".
func checkKey(key string) string {
	switch {
	case key == "":
		return "empty"
	case len(key) > maxURI:
		return "longer than 1024 bytes"
	case !utf8.ValidString(key):
		return "not UTF-8"
	case strings.Contains(key, "\x00"):
		return "has a NUL"
	}
	return ""
}
