package fakeserver

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mustPath returns the decoded path; [Server.split] has refused what cannot be
// decoded.
func mustPath(r *http.Request) string {
	p, err := url.PathUnescape(r.URL.EscapedPath())
	if err != nil {
		return r.URL.EscapedPath()
	}
	return p
}

// canonicalQuery sorts and encodes the query without the signature itself. A
// parameter without a value has "=" for Amazon and none for Alibaba.
func canonicalQuery(raw, signature string) string {
	oss := strings.HasPrefix(signature, "x-oss-")
	var pairs [][2]string
	for p := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(p, "=")
		k, v = unquote(k), unquote(v)
		if p == "" || k == signature {
			continue
		}
		pairs = append(pairs, [2]string{escape(k, false), escape(v, false)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0])
		if p[1] != "" || !oss {
			b.WriteString("=" + p[1])
		}
	}
	return b.String()
}

func unquote(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// canonicalHeaders lists the named headers, one per line.
func canonicalHeaders(r *http.Request, names []string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	return b.String()
}

func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}
