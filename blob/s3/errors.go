package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

// classify gives an error of the SDK or of a signed request its kind. thing
// names what was asked, such as `object "k"`.
func classify(ctx context.Context, err error, thing string) error {
	code, status := codeOf(err)
	return remote.Classify(ctx, err, code, status, thing)
}

func codeOf(err error) (code string, status int) {
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) && resp.Response != nil && resp.Response.Response != nil {
		status = resp.HTTPStatusCode()
	}
	var decode *smithy.DeserializationError
	if errors.As(err, &decode) && code == "" {
		return "", 0 // an answer that makes no sense, whatever its status
	}
	return code, status
}

func object(key string) string { return fmt.Sprintf("object %q", key) }

func (b *Bucket) listing(prefix string) string {
	return fmt.Sprintf("list %q in bucket %q", prefix, b.cfg.Bucket)
}

// maxErrorBody bounds what is read of an error's document.
const maxErrorBody = 64 << 10

// responseError reads an error answer into the form that the SDK gives it, so
// that the SDK's retryer and [codeOf] understand it.
func responseError(resp *http.Response) error {
	defer resp.Body.Close()
	var doc struct {
		Code    string
		Message string
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if xml.Unmarshal(body, &doc) != nil || doc.Code == "" {
		doc.Code = statusCodes[resp.StatusCode]
	}
	return &awshttp.ResponseError{
		RequestID: resp.Header.Get("X-Amz-Request-Id"),
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: resp},
			Err:      &smithy.GenericAPIError{Code: doc.Code, Message: doc.Message},
		},
	}
}

// statusCodes are the codes of answers without a document, such as to HEAD.
var statusCodes = map[int]string{
	http.StatusNotFound:           "NotFound",
	http.StatusPreconditionFailed: "PreconditionFailed",
	http.StatusMovedPermanently:   "PermanentRedirect",
	http.StatusTemporaryRedirect:  "TemporaryRedirect",
}

// isCode reports whether err is an error of the server with that code.
func isCode(err error, codes ...string) bool {
	got, _ := codeOf(err)
	for _, c := range codes {
		if got == c {
			return true
		}
	}
	return false
}

// patient repeats what the SDK would, but not what this process itself refuses,
// such as a guarded dial: the SDK repeats every error of dialing.
type patient struct{ aws.Retryer }

func (r patient) IsErrorRetryable(err error) bool {
	var known *errs.Error
	if errors.As(err, &known) {
		return errs.Temporary(err)
	}
	return r.Retryer.IsErrorRetryable(err)
}

// onlyThrottled repeats only requests that the server has certainly not
// served. A conditional write that is repeated after its answer was lost would
// find its own object and report that the key is taken.
type onlyThrottled struct{ aws.Retryer }

func (r onlyThrottled) IsErrorRetryable(err error) bool {
	code, status := codeOf(err)
	return status != 0 && errs.KindOf(remote.Classify(context.Background(), err, code, status, "")) == errs.RateLimited
}
