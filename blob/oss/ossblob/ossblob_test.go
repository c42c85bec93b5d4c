package ossblob_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"
	"gocloud.dev/gcerrors"

	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/oss"
	"github.com/inlet-go/inlet/blob/oss/ossblob"
)

type harness struct {
	srv     *fakeserver.Server
	bucket  string
	virtual bool
	client  *http.Client
}

func (h *harness) config(bucket string) (oss.Config, *oss.Options) {
	access, secret, token := h.srv.Keys()
	cfg := oss.Config{Endpoint: h.srv.URL, Bucket: bucket, AccessKeyID: access, AccessKeySecret: secret, SecurityToken: token}
	if !h.virtual {
		return cfg, nil
	}
	cfg.Endpoint, cfg.Region = h.srv.Endpoint(), h.srv.Region()
	return cfg, &oss.Options{Transport: h.client.Transport}
}

func (h *harness) MakeDriver(ctx context.Context) (driver.Bucket, error) {
	cfg, opts := h.config(h.bucket)
	return ossblob.OpenDriver(ctx, cfg, opts)
}

func (h *harness) MakeDriverForNonexistentBucket(ctx context.Context) (driver.Bucket, error) {
	cfg, opts := h.config("no-such-bucket")
	return ossblob.OpenDriver(ctx, cfg, opts)
}

func (h *harness) HTTPClient() *http.Client         { return h.client }
func (h *harness) SupportsCopy() bool               { return true }
func (h *harness) SupportsNonSlashDelimiters() bool { return true }
func (h *harness) Close()                           { h.client.CloseIdleConnections() }

func TestConformance(t *testing.T) {
	for _, virtual := range []bool{false, true} {
		t.Run(fmt.Sprintf("virtual=%t", virtual), func(t *testing.T) {
			srv := fakeserver.Start(t, &fakeserver.Options{Dialect: fakeserver.OSS, VirtualOnly: virtual}, "conformance")
			newHarness := func(context.Context, *testing.T) (drivertest.Harness, error) {
				return &harness{srv: srv, bucket: "conformance", virtual: virtual,
					client: &http.Client{Transport: srv.Transport()}}, nil
			}
			drivertest.RunConformanceTests(t, newHarness, nil)
		})
	}
}

func TestForeignKeysCanBeRead(t *testing.T) {
	srv := fakeserver.Start(t, &fakeserver.Options{Dialect: fakeserver.OSS}, "foreign")
	raw := []string{"tab\tkey", "esc__0x2f__key", "__0x41__", "__0x2f__x", "__0x5f__", "__0x5f___0x2f__y", "%2F", "a+b c", "..", "_", "__"}
	for _, key := range raw {
		srv.Put("foreign", key, fakeserver.Bytes([]byte(key)))
	}
	h := &harness{srv: srv, client: http.DefaultClient}
	cfg, _ := h.config("foreign")
	b, err := ossblob.OpenBucket(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	seen := 0
	for it := b.List(nil); ; seen++ {
		o, err := it.Next(t.Context())
		if err != nil {
			break
		}
		data, err := b.ReadAll(t.Context(), o.Key)
		if err != nil || !strings.HasSuffix(string(data), strings.TrimLeft(o.Key, `/\_`)) {
			t.Errorf("%q holds %q, %v", o.Key, data, err)
		}
	}
	if seen != len(raw) {
		t.Errorf("%d of %d keys were listed", seen, len(raw))
	}
}

func TestEscapeHatches(t *testing.T) {
	srv := fakeserver.Start(t, &fakeserver.Options{Dialect: fakeserver.OSS}, "hatches")
	h := &harness{srv: srv, client: http.DefaultClient}
	cfg, _ := h.config("hatches")
	b, err := ossblob.OpenBucket(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var client *sdk.Client
	if !b.As(&client) || client == nil {
		t.Error("no client")
	}
	_, err = b.Attributes(t.Context(), "missing")
	var service *sdk.ServiceError
	if gcerrors.Code(err) != gcerrors.NotFound || !b.ErrorAs(err, &service) || service.Code != "NoSuchKey" {
		t.Errorf("%v, %v", err, service)
	}
}
