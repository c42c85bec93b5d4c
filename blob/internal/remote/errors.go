package remote

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// kinds are the error codes of S3, of OSS and of servers that speak either,
// whose HTTP status alone would mislead.
var kinds = map[string]errs.Kind{
	"NoSuchKey": errs.NotFound, "NoSuchBucket": errs.NotFound, "NotFound": errs.NotFound, "NoSuchUpload": errs.NotFound,
	"NoSuchVersion": errs.NotFound, "SymlinkTargetNotExist": errs.NotFound,

	"AccessDenied": errs.Forbidden, "AllAccessDisabled": errs.Forbidden, "AccountProblem": errs.Forbidden,
	"SignatureDoesNotMatch": errs.Forbidden, "InvalidAccessKeyId": errs.Forbidden, "XAdminUserNotFound": errs.Forbidden,
	"ExpiredToken": errs.Forbidden, "InvalidToken": errs.Forbidden, "TokenRefreshRequired": errs.Forbidden,
	"InvalidSecurityToken": errs.Forbidden, "SecurityTokenExpired": errs.Forbidden, "InvalidSecurity": errs.Forbidden,
	"RequestTimeTooSkewed": errs.Forbidden, "RequestExpired": errs.Forbidden, "UserDisable": errs.Forbidden,
	"NotSignedUp": errs.Forbidden, "Unauthorized": errs.Forbidden,

	"SlowDown": errs.RateLimited, "SlowDownRead": errs.RateLimited, "SlowDownWrite": errs.RateLimited,
	"Throttling": errs.RateLimited, "ThrottlingException": errs.RateLimited, "RequestLimitExceeded": errs.RateLimited,
	"TooManyRequests": errs.RateLimited, "TooManyRequestsException": errs.RateLimited,
	"BandwidthLimitExceeded": errs.RateLimited, "RequestThrottled": errs.RateLimited, "QpsLimitExceeded": errs.RateLimited,
	"DownloadTrafficRateLimitExceeded": errs.RateLimited, "UploadTrafficRateLimitExceeded": errs.RateLimited,
	"TotalQpsLimitExceeded": errs.RateLimited, "OperationAborted": errs.RateLimited,

	"PreconditionFailed": errs.Conflict, "InvalidObjectState": errs.Conflict, "ConditionalRequestConflict": errs.Conflict,
	"ObjectAlreadyExists": errs.Exists, "FileAlreadyExists": errs.Exists, "FileImmutable": errs.Conflict,

	"RequestTimeout": errs.Unavailable, "InternalError": errs.Unavailable, "ServiceUnavailable": errs.Unavailable,
	"IncompleteBody": errs.Unavailable, "XAmzContentSHA256Mismatch": errs.Unavailable, "BadDigest": errs.Unavailable,
	"InvalidDigest": errs.Unavailable, "XMinioStorageFull": errs.Unavailable, "QuotaExceeded": errs.Unavailable,
	"XRateLimitExceeded": errs.RateLimited, "InsufficientStorage": errs.Unavailable, "InsufficientCapacity": errs.Unavailable,

	"EntityTooLarge": errs.TooLarge, "NotImplemented": errs.Unsupported,
}

// texts are the messages of the kinds, which users see.
var texts = map[errs.Kind]string{
	errs.NotFound: "not found", errs.Forbidden: "access denied", errs.RateLimited: "the store asks for fewer requests",
	errs.Conflict: "changed meanwhile", errs.Exists: "already exists", errs.Unavailable: "the store cannot be reached or failed",
	errs.TooLarge: "too large for the store", errs.Unsupported: "the store cannot do that", errs.Canceled: "canceled",
	errs.Invalid: "the store refuses the request",
}

// storeFull is the message of errors that are [blob.ErrFull].
const storeFull = "the store is full"

// details are messages where the code says more than the kind.
var details = map[string]string{
	"NoSuchBucket":                 "the bucket does not exist",
	"SignatureDoesNotMatch":        "access denied: the secret is wrong",
	"InvalidAccessKeyId":           "access denied: the access key is unknown",
	"XAdminUserNotFound":           "access denied: the access key is unknown",
	"ExpiredToken":                 "access denied: the session token has expired",
	"SecurityTokenExpired":         "access denied: the session token has expired",
	"InvalidToken":                 "access denied: the session token is wrong",
	"InvalidSecurityToken":         "access denied: the session token is wrong",
	"RequestTimeTooSkewed":         "access denied: the clocks differ",
	"InvalidObjectState":           "archived: it must be restored before it can be read",
	"PermanentRedirect":            "the bucket is in another region or endpoint",
	"TemporaryRedirect":            "the bucket is in another region or endpoint",
	"AuthorizationHeaderMalformed": "the region is wrong",
	"SecondLevelDomainForbidden":   "the store wants virtual-host style",
	"QuotaExceeded":                storeFull,
	"XMinioStorageFull":            storeFull,
	"InsufficientStorage":          storeFull,
}

// Classify gives err its kind, from the provider's error code (may be "") and
// the HTTP status (may be 0), and a message that names what was asked. What
// is classified already keeps its kind; a done ctx makes it Canceled.
func Classify(ctx context.Context, err error, code string, status int, thing string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return errs.Wrap(errs.Canceled, errors.Join(context.Cause(ctx), err), "%s: canceled", thing)
	}
	var known *errs.Error
	if errors.As(err, &known) {
		return errs.Wrap(known.Kind, err, "%s: %s", thing, known.Msg)
	}
	kind := kindOf(err, code, status)
	text := texts[kind]
	if d := details[code]; d != "" {
		text = d
	} else if status == http.StatusInsufficientStorage {
		text = storeFull
	} else if status == http.StatusConflict && kind == errs.Conflict {
		text = "in conflict with what the store holds"
	}
	if text == storeFull {
		err = errors.Join(blob.ErrFull, err)
	}
	return errs.Wrap(kind, err, "%s: %s", thing, text)
}

func kindOf(err error, code string, status int) errs.Kind {
	if k, ok := kinds[code]; ok {
		return k
	}
	switch {
	case status == 0:
		if errors.Is(err, context.Canceled) {
			return errs.Canceled
		}
		return errs.Unavailable // the network, a timeout, or an answer that makes no sense
	case status == http.StatusNotFound:
		return errs.NotFound
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return errs.Forbidden
	case status == http.StatusPreconditionFailed, status == http.StatusNotModified, status == http.StatusConflict:
		return errs.Conflict
	case status == http.StatusTooManyRequests:
		return errs.RateLimited
	case status == http.StatusRequestEntityTooLarge:
		return errs.TooLarge
	case status == http.StatusNotImplemented:
		return errs.Unsupported
	case status == http.StatusRequestTimeout, status >= 500, status < 300:
		return errs.Unavailable
	}
	return errs.Invalid
}

// CheckKey returns an Invalid error for a key that no provider takes. limit is
// the provider's longest key in bytes.
func CheckKey(key string, limit int) error {
	switch {
	case key == "":
		return errs.New(errs.Invalid, "the key is empty")
	case len(key) > limit:
		return errs.New(errs.Invalid, "the key %.40q… has %d bytes, more than %d", key, len(key), limit)
	case !utf8.ValidString(key):
		return errs.New(errs.Invalid, "the key %q is not UTF-8", key)
	}
	return nil
}

// FitsXML reports whether key survives an XML document, such as that of a
// batch delete: XML 1.0 cannot carry control characters, and encoders replace
// them, so that another object would be meant.
func FitsXML(key string) bool {
	for _, r := range key {
		if r < 0x20 || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError {
			return false
		}
	}
	return true
}
