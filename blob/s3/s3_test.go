package s3_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/s3"
)

// open returns a bucket of the server, path-style or virtual-host.
func open(t *testing.T, srv *fakeserver.Server, bucket string, virtual bool, opts *s3.Options) *s3.Bucket {
	t.Helper()
	var o s3.Options
	if opts != nil {
		o = *opts
	}
	access, secret, token := srv.Keys()
	cfg := s3.Config{Endpoint: srv.URL, Region: srv.Region(), Bucket: bucket,
		AccessKeyID: access, SecretAccessKey: secret, SessionToken: token, PathStyle: !virtual}
	if virtual {
		cfg.Endpoint = srv.Endpoint()
		tr := srv.Transport()
		t.Cleanup(tr.CloseIdleConnections)
		if o.Transport == nil {
			o.Transport = tr
		}
	}
	b, err := s3.Open(t.Context(), cfg, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// fresh returns a function that makes an empty bucket on a new server.
func fresh(virtual bool, opts *fakeserver.Options) blobtest.NewBucket {
	var n atomic.Int32
	return func(t *testing.T) blob.Bucket {
		name := fmt.Sprintf("bucket-%d", n.Add(1))
		return open(t, fakeserver.Start(t, opts, name), name, virtual, nil)
	}
}

func TestSuitePathStyle(t *testing.T) {
	t.Parallel()
	blobtest.RunBucket(t, fresh(false, nil), nil)
}

// unresolved are the cases whose clients would have to resolve the bucket's
// host; the links are the same as in path style but for that.
var unresolved = map[string]string{
	"Parts": "the host of the link does not resolve", "Parts/Aborted": "the host of the link does not resolve",
}

func TestSuiteVirtualHost(t *testing.T) {
	t.Parallel()
	blobtest.RunBucket(t, fresh(true, &fakeserver.Options{VirtualOnly: true, SessionToken: "token/+=", Region: "eu-west-3"}), &blobtest.Options{Except: unresolved})
}
