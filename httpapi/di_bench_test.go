package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/cloud"
	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// nowhere forgets what it is told, so that a server over it accepts uploads
// and throws them away: it parses, hashes and answers all the same.
type nowhere struct{ filesync.Repository }

func (nowhere) Sync(context.Context, string, int64) (*filesync.Sync, error) {
	return &filesync.Sync{ID: 1, Tenant: "acme", Path: "/bench", Type: filesync.Full, Status: filesync.Syncing}, nil
}

func (nowhere) RecordUploads(context.Context, []*filesync.Record, time.Duration) error { return nil }

func (nowhere) RenewUploads(context.Context, []int64, time.Duration) error { return nil }

type noBucket struct{ blob.Bucket }

func (noBucket) Write(_ context.Context, _ string, r io.Reader, _ *blob.WriteOptions) (blob.Written, error) {
	n, err := io.Copy(io.Discard, r)
	return blob.Written{Size: n}, err
}

// benchServer serves a file sync service over HTTP.
func benchServer(b *testing.B, repo filesync.Repository, bucket blob.Bucket) (*filesync.Service, string) {
	svc := filesync.NewService(repo, bucket, nil)
	api, err := httpapi.New(httpapi.Config{FileSync: svc, Authenticator: httpapi.Open("acme")})
	if err != nil {
		b.Fatal(err)
	}
	ts := httptest.NewServer(api)
	b.Cleanup(ts.Close)
	return svc, ts.URL
}

// kept is a server that keeps what it gets: in an SQLite file and a folder,
// durably.
func kept(b *testing.B) (*filesync.Service, string) {
	dir := b.TempDir()
	store, err := sqlstore.Open(context.Background(), "sqlite:"+filepath.Join(dir, "x.db"), &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	return benchServer(b, store, benchBucket(b))
}

func benchBucket(b *testing.B) blob.Bucket {
	bucket, err := folder.Open(filepath.Join(b.TempDir(), "bucket"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { bucket.Close() })
	return bucket
}

// push uploads n files of 4 KiB over 8 connections, some in each request, and
// returns how long it took.
func push(b *testing.B, client *http.Client, url string, sync int64, n, perRequest int) time.Duration {
	content := bytes.Repeat([]byte("x"), 4096)
	requests := make(chan int)
	start := time.Now()
	done := make(chan error, 8)
	for range 8 {
		go func() {
			var err error
			for first := range requests {
				if err == nil {
					err = pushSome(client, url, sync, first, min(perRequest, n-first), content)
				}
			}
			done <- err
		}()
	}
	for first := 0; first < n; first += perRequest {
		requests <- first
	}
	close(requests)
	for range 8 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func pushSome(client *http.Client, url string, sync int64, first, n int, content []byte) error {
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	body.Reset()
	w := multipart.NewWriter(body)
	for i := range n {
		part, err := w.CreateFormFile("file", fmt.Sprintf("file%06d.bin", first+i))
		if err != nil {
			return err
		}
		if _, err := part.Write(content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	res, err := client.Post(url+"/api/lake/file/upload?sync_id="+strconv.FormatInt(sync, 10), w.FormDataContentType(), bytes.NewReader(body.Bytes()))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && strings.TrimSpace(string(text)) != `{"code":0,"msg":null}` {
		err = fmt.Errorf("upload: %d %s", res.StatusCode, text)
	}
	return err
}

// BenchmarkSyncUpload uploads 10,000 files of 4 KiB over 8 connections to a server
// that keeps them, to one that keeps their bytes durably and no row, and to one
// that throws them away, in turns. The ratios are the rates of the first two by
// the last one's.
func BenchmarkSyncUpload(b *testing.B) {
	const files = 10_000
	for _, perRequest := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(perRequest, " per request"), func(b *testing.B) {
			svc, keeps := kept(b)
			_, rowless := benchServer(b, nowhere{}, benchBucket(b))
			_, throws := benchServer(b, nowhere{}, noBucket{cloud.Memory()})
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
			me := scope.Scope{Tenant: "acme"}
			push(b, client, throws, 1, files, perRequest) // the client warms up
			var kept, bytesKept, thrown time.Duration
			for b.Loop() {
				y, err := svc.Start(context.Background(), me, filesync.New{Name: "n", Path: "/bench", Type: filesync.Full})
				if err != nil {
					b.Fatal(err)
				}
				thrown += push(b, client, throws, 1, files, perRequest)
				bytesKept += push(b, client, rowless, 1, files, perRequest)
				kept += push(b, client, keeps, y.ID, files, perRequest)
				if err := svc.End(context.Background(), me, y.ID); err != nil {
					b.Fatal(err)
				}
				if l, err := svc.List(context.Background(), me, filesync.ListQuery{Path: "/bench", Limit: 1}); err != nil || l.Total != files {
					b.Fatalf("%+v, %v", l, err)
				}
			}
			b.ReportMetric(float64(b.N*files)/kept.Seconds(), "files/s")
			b.ReportMetric(float64(b.N*files)/thrown.Seconds(), "thrown/s")
			b.ReportMetric(float64(thrown)/float64(kept), "ratio")
			b.ReportMetric(float64(thrown)/float64(bytesKept), "bytes-ratio")
		})
	}
}

// zeros is a file of that many bytes.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	z.left -= n
	clear(p[:n])
	return int(n), nil
}

// peak returns the most memory that this process has had, in MB.
func peak(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("SKIPPED: this system does not tell a process's memory")
	}
	var kb float64
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(text, &kb); err != nil {
		b.Fatal(err)
	}
	return kb / 1000
}

// BenchmarkLargeFile uploads one file through the HTTP handler, with client,
// server, database and bucket in this one process. INLET_BENCH_GIB is its size;
// the goal, less than 100 MB, is set for 10.
func BenchmarkLargeFile(b *testing.B) {
	gib, err := strconv.Atoi(os.Getenv("INLET_BENCH_GIB"))
	if err != nil {
		gib = 1
	}
	size := int64(gib) << 30
	svc, url := kept(b)
	me := scope.Scope{Tenant: "acme"}
	b.SetBytes(size)
	for b.Loop() {
		y, err := svc.Start(context.Background(), me, filesync.New{Name: "n", Path: "/bench", Type: filesync.Full})
		if err != nil {
			b.Fatal(err)
		}
		var head bytes.Buffer
		w := multipart.NewWriter(&head)
		if _, err := w.CreateFormFile("file", "large.bin"); err != nil {
			b.Fatal(err)
		}
		begun := head.Len()
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		tail := strings.NewReader(string(head.Bytes()[begun:]))
		body := io.MultiReader(bytes.NewReader(head.Bytes()[:begun]), &zeros{size}, tail)
		res, err := http.Post(url+"/api/lake/file/upload?sync_id="+strconv.FormatInt(y.ID, 10), w.FormDataContentType(), body)
		if err != nil {
			b.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil || !strings.Contains(string(text), `"code":0,`) {
			b.Fatalf("%d %s, %v", res.StatusCode, text, err)
		}
		if err := svc.End(context.Background(), me, y.ID); err != nil {
			b.Fatal(err)
		}
		if f, err := svc.File(context.Background(), me, "/bench/large.bin", 0); err != nil || f.Size != size {
			b.Fatalf("%+v, %v", f, err)
		}
	}
	b.ReportMetric(peak(b), "peak-MB")
}
