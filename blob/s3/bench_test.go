package s3_test

import (
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/s3"
)

func benchServer(b *testing.B, opts *fakeserver.Options) (*fakeserver.Server, *s3.Bucket) {
	b.Helper()
	srv := fakeserver.Start(b, opts, "data")
	bucket, err := s3.Open(b.Context(), s3.Config{Endpoint: srv.URL, Bucket: "data", AccessKeyID: "test",
		SecretAccessKey: "testsecret", PathStyle: true}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { bucket.Close() })
	return srv, bucket
}

// BenchmarkGet compares reads of 4 KiB by signed requests with those of the
// SDK; both include the server, which runs in this process.
func BenchmarkGet(b *testing.B) {
	srv, bucket := benchServer(b, nil)
	srv.Put("data", "k", fakeserver.Synthetic(4096, 1))
	buf := make([]byte, 256<<10)
	b.Run("signed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, err := bucket.Open(b.Context(), "k", nil)
			if err != nil {
				b.Fatal(err)
			}
			io.CopyBuffer(io.Discard, struct{ io.Reader }{r}, buf)
			r.Close()
		}
	})
	client := official(srv.URL, "us-east-1", "test", "testsecret")
	b.Run("sdk", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out, err := client.GetObject(b.Context(), &awss3.GetObjectInput{Bucket: aws.String("data"), Key: aws.String("k")})
			if err != nil {
				b.Fatal(err)
			}
			io.CopyBuffer(io.Discard, struct{ io.Reader }{out.Body}, buf)
			out.Body.Close()
		}
	})
}

// BenchmarkListMillion lists a million keys, which neither side holds.
func BenchmarkListMillion(b *testing.B) {
	srv, bucket := benchServer(b, nil)
	const n = 1_000_000
	srv.PutRange("data", "big/", n, 10)
	for b.Loop() {
		started, seen := time.Now(), 0
		for _, err := range bucket.List(b.Context(), "big/", &blob.ListOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
			seen++
		}
		if seen != n {
			b.Fatalf("%d keys", seen)
		}
		b.ReportMetric(float64(n)/time.Since(started).Seconds(), "keys/s")
		b.ReportMetric(float64(heap())/(1<<20), "heap-MiB")
	}
}
