package fakeserver

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The verifiers are written from the providers' documents, not after an SDK,
// so that an agreement with the SDK means something.

const (
	signTime  = "20060102T150405Z"
	maxSkew   = 15 * time.Minute
	maxExpiry = 7 * 24 * time.Hour
	unsigned  = "UNSIGNED-PAYLOAD"
)

func denied(code string) *apiError { return &apiError{http.StatusForbidden, code} }

// claim is what a request says about its signature, in header or query.
type claim struct {
	credential string
	headers    []string // S3: signed headers; OSS: additional headers
	signature  string
	date       string
	token      string
	payload    string
	expires    string // seconds, of presigned requests only
	presigned  bool
}

// verifyS3 checks a Signature Version 4 and returns the payload hash.
func (s *Server) verifyS3(r *http.Request, _, _ string) (string, *apiError) {
	c, err := s3Claim(r)
	if err != nil {
		return "", err
	}
	scope, err := s.checkClaim(c, "InvalidAccessKeyId", "aws4_request", "s3")
	if err != nil {
		return "", err
	}
	if err := checkSignedHeaders(r, c); err != nil {
		return "", err
	}
	canonical := strings.Join([]string{
		r.Method,
		escape(mustPath(r), true),
		canonicalQuery(r.URL.RawQuery, "X-Amz-Signature"),
		canonicalHeaders(r, c.headers),
		strings.Join(c.headers, ";"),
		c.payload,
	}, "\n")
	if !s.signatureMatches(c, "AWS4-HMAC-SHA256", "AWS4", scope, canonical) {
		return "", denied("SignatureDoesNotMatch")
	}
	return c.payload, nil
}

func s3Claim(r *http.Request) (claim, *apiError) {
	q := r.URL.Query()
	if q.Get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256" {
		c := claim{
			credential: q.Get("X-Amz-Credential"), headers: strings.Split(q.Get("X-Amz-SignedHeaders"), ";"),
			signature: q.Get("X-Amz-Signature"), date: q.Get("X-Amz-Date"), token: q.Get("X-Amz-Security-Token"),
			expires: q.Get("X-Amz-Expires"), presigned: true, payload: unsigned,
		}
		if h := q.Get("X-Amz-Content-Sha256"); h != "" {
			c.payload = h
		} else if h := r.Header.Get("X-Amz-Content-Sha256"); h != "" {
			c.payload = h
		}
		return c, nil
	}
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return claim{}, denied("AccessDenied")
	}
	f := fields(rest)
	c := claim{
		credential: f["Credential"], headers: strings.Split(f["SignedHeaders"], ";"), signature: f["Signature"],
		date: r.Header.Get("X-Amz-Date"), token: r.Header.Get("X-Amz-Security-Token"),
		payload: r.Header.Get("X-Amz-Content-Sha256"),
	}
	if c.payload == "" {
		return c, &apiError{http.StatusBadRequest, "MissingSecurityHeader"}
	}
	if strings.HasPrefix(c.payload, "STREAMING-") {
		return c, &apiError{http.StatusNotImplemented, "NotImplemented"} // as many servers do
	}
	return c, nil
}

// checkSignedHeaders insists that host and all of Amazon's own headers are
// covered by the signature.
func checkSignedHeaders(r *http.Request, c claim) *apiError {
	if !slices.Contains(c.headers, "host") {
		return denied("AccessDenied")
	}
	for name := range r.Header {
		low := strings.ToLower(name)
		if strings.HasPrefix(low, "x-amz-") && !slices.Contains(c.headers, low) {
			if low == "x-amz-content-sha256" && c.presigned {
				continue
			}
			return denied("AccessDenied")
		}
	}
	return nil
}

// verifyOSS checks an OSS V4 signature.
func (s *Server) verifyOSS(r *http.Request, bucket, key string) (string, *apiError) {
	c, err := ossClaim(r)
	if err != nil {
		return "", err
	}
	scope, err := s.checkClaim(c, "InvalidAccessKeyId", "aliyun_v4_request", "oss")
	if err != nil {
		return "", err
	}
	// The bucket is part of the signed path, also where the host names it.
	uri := "/"
	if bucket != "" {
		uri += bucket + "/" + key
	}
	signed := slices.Clone(c.headers)
	for name := range r.Header {
		low := strings.ToLower(name)
		if strings.HasPrefix(low, "x-oss-") || low == "content-type" || low == "content-md5" {
			signed = append(signed, low)
		}
	}
	slices.Sort(signed)
	canonical := strings.Join([]string{
		r.Method,
		escape(uri, true),
		canonicalQuery(r.URL.RawQuery, "x-oss-signature"),
		canonicalHeaders(r, slices.Compact(signed)),
		strings.Join(c.headers, ";"),
		c.payload,
	}, "\n")
	if !s.signatureMatches(c, "OSS4-HMAC-SHA256", "aliyun_v4", scope, canonical) {
		return "", denied("SignatureDoesNotMatch")
	}
	return c.payload, nil
}

func ossClaim(r *http.Request) (claim, *apiError) {
	q := r.URL.Query()
	list := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(s, ";")
	}
	if q.Get("x-oss-signature-version") == "OSS4-HMAC-SHA256" {
		c := claim{
			credential: q.Get("x-oss-credential"), headers: list(q.Get("x-oss-additional-headers")),
			signature: q.Get("x-oss-signature"), date: q.Get("x-oss-date"), token: q.Get("x-oss-security-token"),
			expires: q.Get("x-oss-expires"), presigned: true, payload: unsigned,
		}
		return c, nil
	}
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OSS4-HMAC-SHA256 ")
	if !ok {
		return claim{}, denied("AccessDenied")
	}
	f := fields(rest)
	c := claim{
		credential: f["Credential"], headers: list(f["AdditionalHeaders"]), signature: f["Signature"],
		date: r.Header.Get("X-Oss-Date"), token: r.Header.Get("X-Oss-Security-Token"),
		payload: r.Header.Get("X-Oss-Content-Sha256"),
	}
	if c.payload != unsigned {
		return c, &apiError{http.StatusBadRequest, "InvalidArgument"}
	}
	return c, nil
}

// checkClaim checks everything but the signature itself, and returns the
// credential's scope.
func (s *Server) checkClaim(c claim, badKey, terminator, service string) (string, *apiError) {
	access, scope, _ := strings.Cut(c.credential, "/")
	parts := strings.Split(scope, "/")
	if len(parts) != 4 || parts[2] != service || parts[3] != terminator {
		return "", &apiError{http.StatusBadRequest, "AuthorizationHeaderMalformed"}
	}
	if access != s.opts.AccessKey {
		return "", denied(badKey)
	}
	if parts[1] != s.opts.Region {
		return "", &apiError{http.StatusBadRequest, s.regionError()}
	}
	if c.token != s.opts.SessionToken {
		return "", s.tokenError()
	}
	date, err := time.Parse(signTime, c.date)
	if err != nil || !strings.HasPrefix(c.date, parts[0]) {
		return "", denied("AccessDenied")
	}
	now := s.opts.Now()
	if skew := now.Sub(date); skew < -maxSkew || !c.presigned && skew > maxSkew {
		return "", denied("RequestTimeTooSkewed")
	}
	if c.presigned {
		seconds, err := strconv.Atoi(c.expires)
		expires := time.Duration(seconds) * time.Second
		if err != nil || expires <= 0 || expires > maxExpiry {
			return "", &apiError{http.StatusBadRequest, "AuthorizationQueryParametersError"}
		}
		if now.After(date.Add(expires)) {
			return "", denied("AccessDenied")
		}
	}
	return scope, nil
}

func (s *Server) regionError() string {
	if s.opts.Dialect == OSS {
		return "InvalidArgument"
	}
	return "AuthorizationHeaderMalformed"
}

func (s *Server) tokenError() *apiError {
	if s.opts.Dialect == OSS {
		return denied("InvalidSecurityToken")
	}
	return &apiError{http.StatusBadRequest, "InvalidToken"}
}

// signatureMatches computes the signature. The two providers differ only in
// the names that go in.
func (s *Server) signatureMatches(c claim, algorithm, prefix, scope, canonical string) bool {
	digest := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, c.date, scope, hex.EncodeToString(digest[:])}, "\n")
	key := []byte(prefix + s.opts.SecretKey)
	for _, step := range strings.Split(scope, "/") {
		key = sum(key, step)
	}
	want := hex.EncodeToString(sum(key, text))
	return subtle.ConstantTimeCompare([]byte(want), []byte(c.signature)) == 1
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// fields parses "A=b, C=d".
func fields(s string) map[string]string {
	m := map[string]string{}
	for f := range strings.SplitSeq(s, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		m[k] = v
	}
	return m
}

// escape percent-encodes all bytes but RFC 3986's unreserved ones.
func escape(s string, keepSlash bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
