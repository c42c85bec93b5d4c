package oss

import (
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

// defaultRegion is used for endpoints that are addresses or localhost, which
// are not Alibaba's: V4 signatures must name some region.
const defaultRegion = "cn-hangzhou"

// The forms of Alibaba's endpoints, with the region as the first group:
// "oss-cn-hangzhou.aliyuncs.com", the same with "-internal" or behind "s3." or
// "vpc100-", and "cn-hangzhou.oss.aliyuncs.com".
var regional = []*regexp.Regexp{
	regexp.MustCompile(`^(?:s3\.|vpc100-)?oss-([a-z]+-[a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$`),
	regexp.MustCompile(`^([a-z]+-[a-z0-9-]+)\.oss\.aliyuncs\.com$`),
}

// parseEndpoint normalizes what users write, with or without a scheme and with
// or without the bucket before the host, and derives the region from Alibaba's
// own hosts unless it is given.
func parseEndpoint(raw, region, bucket string) (endpoint, derived string, err error) {
	if raw == "" && region != "" {
		raw = "oss-" + region + ".aliyuncs.com"
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, perr := url.Parse(strings.TrimSpace(raw))
	if perr != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", "", errs.New(errs.Invalid, "the endpoint must be HOST, http://HOST or https://HOST")
	}
	if path := strings.Trim(u.Path, "/"); u.User != nil || u.RawQuery != "" || u.Fragment != "" || path != "" && path != bucket {
		return "", "", errs.New(errs.Invalid, "the endpoint must have no user, path, query or fragment")
	}
	host := u.Host
	if rest, ok := strings.CutPrefix(host, bucket+"."); ok && strings.HasSuffix(rest, ".aliyuncs.com") {
		host = rest
	}
	name := strings.ToLower(host)
	if h, _, err := net.SplitHostPort(name); err == nil {
		name = h
	}
	if region == "" {
		region = regionOf(name)
	}
	if region == "" {
		return "", "", errs.New(errs.Invalid, "the region is required: the endpoint does not tell it")
	}
	if strings.HasSuffix(name, ".aliyuncs.com") {
		host = strings.TrimPrefix(host, "s3.") // the endpoint of the S3 protocol is not that of this one
	}
	return u.Scheme + "://" + host, region, nil
}

func regionOf(host string) string {
	for _, re := range regional {
		if m := re.FindStringSubmatch(host); m != nil {
			return m[1]
		}
	}
	if host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil {
		return defaultRegion
	}
	return ""
}
