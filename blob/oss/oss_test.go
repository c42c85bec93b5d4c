package oss_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/oss"
)

// open returns a bucket of the server, path-style or virtual-host.
func open(t *testing.T, srv *fakeserver.Server, bucket string, virtual bool, opts *oss.Options) *oss.Bucket {
	t.Helper()
	var o oss.Options
	if opts != nil {
		o = *opts
	}
	access, secret, token := srv.Keys()
	cfg := oss.Config{Endpoint: srv.URL, Bucket: bucket, AccessKeyID: access, AccessKeySecret: secret, SecurityToken: token}
	if virtual {
		cfg.Endpoint, cfg.Region = srv.Endpoint(), srv.Region()
		tr := srv.Transport()
		t.Cleanup(tr.CloseIdleConnections)
		if o.Transport == nil {
			o.Transport = tr
		}
	}
	b, err := oss.Open(t.Context(), cfg, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// fresh returns a function that makes an empty bucket on a new server.
func fresh(virtual bool, opts fakeserver.Options) blobtest.NewBucket {
	var n atomic.Int32
	opts.Dialect = fakeserver.OSS
	return func(t *testing.T) blob.Bucket {
		name := fmt.Sprintf("bucket-%d", n.Add(1))
		return open(t, fakeserver.Start(t, &opts, name), name, virtual, nil)
	}
}

var suite = &blobtest.Options{ExceptKeys: map[string]string{
	strings.Repeat("long/", 204) + "long": "OSS allows 1023 bytes",
}}

func TestSuitePathStyle(t *testing.T) {
	t.Parallel()
	blobtest.RunBucket(t, fresh(false, fakeserver.Options{}), suite)
}

func TestSuiteVirtualHost(t *testing.T) {
	t.Parallel()
	blobtest.RunBucket(t, fresh(true, fakeserver.Options{
		VirtualOnly: true, SessionToken: "token/+=", Region: "ap-southeast-1",
	}), &blobtest.Options{ExceptKeys: suite.ExceptKeys, Except: map[string]string{
		"Parts": "the host of the link does not resolve", "Parts/Aborted": "the host of the link does not resolve",
	}})
}
