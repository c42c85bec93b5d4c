package oss

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/retry"

	"github.com/inlet-go/inlet/blob/internal/remote"
	"github.com/inlet-go/inlet/store/errs"
)

// classify gives an error of the SDK its kind. thing names what was asked,
// such as `object "k"`.
func classify(ctx context.Context, err error, thing string) error {
	code, status := codeOf(err)
	return remote.Classify(ctx, err, code, status, thing)
}

func codeOf(err error) (code string, status int) {
	var service *sdk.ServiceError
	if !errors.As(err, &service) {
		return "", 0
	}
	if service.Code == "BadErrorResponse" { // the SDK's own, for an answer without a document
		return "", service.StatusCode
	}
	return service.Code, service.StatusCode
}

func isCode(err error, code string) bool {
	got, _ := codeOf(err)
	return got == code
}

func object(key string) string { return fmt.Sprintf("object %q", key) }

func (b *Bucket) listing(prefix string) string {
	return fmt.Sprintf("list %q in bucket %q", prefix, b.cfg.Bucket)
}

// checkKey returns an Invalid error for a key that OSS does not take.
func checkKey(key string) error {
	if err := remote.CheckKey(key, maxKey); err != nil {
		return err
	}
	if strings.HasPrefix(key, "/") || strings.HasPrefix(key, `\`) {
		return errs.New(errs.Invalid, "the key %q begins with a slash", key)
	}
	return nil
}

// onlyThrottled repeats only requests that the server has certainly not
// served. A conditional write that is repeated after its answer was lost would
// find its own object and report that the key is taken.
type onlyThrottled struct{ retry.Retryer }

func (r onlyThrottled) IsErrorRetryable(err error) bool {
	code, status := codeOf(err)
	return status != 0 && errs.KindOf(remote.Classify(context.Background(), err, code, status, "")) == errs.RateLimited
}

// Classify gives an error of the SDK's client its kind and a message that
// names the key, as the methods of [Bucket] do.
func Classify(ctx context.Context, err error, key string) error {
	return classify(ctx, err, object(key))
}
