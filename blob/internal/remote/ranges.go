package remote

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// Range returns the Range header for opts, "" for all of the object.
func Range(opts *blob.OpenOptions) string {
	switch {
	case opts.Length > 0:
		return fmt.Sprintf("bytes=%d-%d", opts.Offset, opts.Offset+opts.Length-1)
	case opts.Offset > 0:
		return fmt.Sprintf("bytes=%d-", opts.Offset)
	}
	return ""
}

// CheckAnswer compares the headers of a successful GET with what was asked,
// and returns how many bytes must come, or -1 if the provider does not tell.
// Servers have been seen to ignore Range and If-Match.
func CheckAnswer(h http.Header, status int, length int64, key string, opts *blob.OpenOptions) (int64, error) {
	if etag := strings.Trim(h.Get("ETag"), `"`); opts.IfMatch != "" && etag != opts.IfMatch {
		return 0, errs.New(errs.Conflict, "object %q: changed meanwhile", key)
	}
	if Range(opts) == "" {
		if status != http.StatusOK {
			return 0, errs.New(errs.Unavailable, "object %q: the store answered with a part of it", key)
		}
		return length, nil
	}
	from, to, ok := contentRange(h.Get("Content-Range"))
	if status != http.StatusPartialContent || !ok {
		// All of the object was sent. That is what was asked if it is not longer.
		if status == http.StatusOK && opts.Offset == 0 && length >= 0 && length <= opts.Length {
			return length, nil
		}
		return 0, errs.New(errs.Unavailable, "object %q: the store does not serve ranges", key)
	}
	n := to - from + 1
	if from != opts.Offset || opts.Length > 0 && n > opts.Length || length >= 0 && length != n {
		return 0, errs.New(errs.Unavailable, "object %q: the store answered with another range", key)
	}
	return n, nil
}

// contentRange parses "bytes 0-9/100".
func contentRange(s string) (from, to int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	s, _, _ = strings.Cut(s, "/")
	a, b, _ := strings.Cut(s, "-")
	from, errA := strconv.ParseInt(a, 10, 64)
	to, errB := strconv.ParseInt(b, 10, 64)
	return from, to, ok && errA == nil && errB == nil && to >= from
}
