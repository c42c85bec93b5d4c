package s3_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest"
	"github.com/inlet-go/inlet/blob/s3"
)

// serverEnv names the program of blob/blobtest/s3server.
const serverEnv = "INLET_TEST_S3SERVER"

// realServer is a real S3 server in a child process.
type realServer struct {
	url string
	n   atomic.Int32
}

var (
	realOnce sync.Once
	real     *realServer
	realErr  error
	stopReal func()
)

func TestMain(m *testing.M) {
	code := m.Run()
	if stopReal != nil {
		stopReal()
	}
	os.Exit(code)
}

// startReal starts the server at its first use, for all tests of the package.
func startReal(t *testing.T) *realServer {
	t.Helper()
	program := os.Getenv(serverEnv)
	if program == "" {
		t.Skipf("no real S3 server: set %s to a build of blob/blobtest/s3server", serverEnv)
	}
	realOnce.Do(func() { real, realErr = launch(program) })
	if realErr != nil {
		t.Fatal(realErr)
	}
	return real
}

func launch(program string) (*realServer, error) {
	dir, err := os.MkdirTemp("", "s3server")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-dir", dir, "-virtual-domain", "s3.test", "-stdin")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stopReal = func() {
		stdin.Close()
		done := time.AfterFunc(15*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		done.Stop()
		os.RemoveAll(dir)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			return &realServer{url: url}, nil
		}
	}
	return nil, fmt.Errorf("s3server ended: %v", lines.Err())
}

func (r *realServer) config(bucket string) s3.Config {
	return s3.Config{Endpoint: r.url, Bucket: bucket, AccessKeyID: "test", SecretAccessKey: "testsecret", PathStyle: true}
}

// bucket makes an empty bucket.
func (r *realServer) bucket(t *testing.T) *s3.Bucket {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", r.n.Add(1))
	client := official(r.url, "us-east-1", "test", "testsecret")
	createBucket(t, client, name)
	b, err := s3.Open(context.Background(), r.config(name), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// The server keeps objects as files, which cannot be folders at the same time.
const fileOrFolder = "the server keeps objects as files: no key can be below another"

func TestSuiteRealServer(t *testing.T) {
	srv := startReal(t)
	newBucket := func(t *testing.T) blob.Bucket { return srv.bucket(t) }
	newSource := func(t *testing.T, objects map[string]string) blob.Source {
		b := srv.bucket(t)
		for key, data := range objects {
			if _, err := b.Write(t.Context(), key, strings.NewReader(data), &blob.WriteOptions{Size: int64(len(data))}); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	except := map[string]string{"Missing": "the server shows folders as objects"}
	blobtest.RunSource(t, newSource, &blobtest.Options{Except: except, ListSize: 1100})

	bucket := map[string]string{"Missing": except["Missing"]}
	for _, name := range []string{
		"List/Order", "List/Prefix", "List/OneLevel", "List/After", "List/Stops", "List/Canceled", "Write/RoundTrip", "Delete",
	} {
		bucket[name] = fileOrFolder
	}
	keys := map[string]string{}
	for _, key := range []string{"a", "a/b", "dir/", "dir//double", "dot/./dot", "dotdot/../up", "..", strings.Repeat("n", 300), strings.Repeat("深", 341)} {
		keys[key] = "no path of a file"
	}
	blobtest.RunBucket(t, newBucket, &blobtest.Options{Except: bucket, ExceptKeys: keys, ListSize: 1100})
}

// TestCopyRealServer: either the copy is made and its checksum is right, or
// the server tells none and the caller is told so.
func TestCopyRealServer(t *testing.T) {
	srv := startReal(t)
	from, to := srv.bucket(t), srv.bucket(t)
	data := strings.Repeat("0123456789", 100_000)
	key := "dir/a b+c%41 ü.csv"
	w, err := from.Write(t.Context(), key, strings.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := from.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := to.CopyFrom(t.Context(), "copy", from, obj)
	if err != nil {
		t.Fatal(err)
	}
	if got != w {
		t.Errorf("%+v, want %+v", got, w)
	}
	if read, err := readAll(t.Context(), to, "copy", nil); err != nil || read != data {
		t.Errorf("%d bytes, %v", len(read), err)
	}
}

// TestLargeWriteRealServer sends parts of known and unknown number.
func TestLargeWriteRealServer(t *testing.T) {
	srv := startReal(t)
	for _, size := range []int64{0, 12 << 20} {
		cfg := srv.config(fmt.Sprintf("bucket-%d", srv.n.Add(1)))
		createBucket(t, official(srv.url, "us-east-1", "test", "testsecret"), cfg.Bucket)
		b, err := s3.Open(t.Context(), cfg, &s3.Options{PartSize: 5 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		w, err := b.Write(t.Context(), "large", synthetic(12<<20), &blob.WriteOptions{Size: size, ContentType: "text/csv"})
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		r, err := b.Open(t.Context(), "large", nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(h, r)
		r.Close()
		if err != nil || n != w.Size || [sha256.Size]byte(h.Sum(nil)) != w.SHA256 {
			t.Errorf("%d bytes came back, %v", n, err)
		}
		if o, err := b.Stat(t.Context(), "large"); err != nil || o.ContentType != "text/csv" || !strings.HasSuffix(o.ETag, "-3") {
			t.Errorf("%+v, %v", o, err)
		}
	}
}

// TestVirtualHostRealServer addresses the bucket by a host name that only the
// test's transport can reach.
func TestVirtualHostRealServer(t *testing.T) {
	srv := startReal(t)
	path := srv.bucket(t)
	if _, err := path.Write(t.Context(), "dir/a b.csv", strings.NewReader("data"), nil); err != nil {
		t.Fatal(err)
	}
	cfg := srv.config(fmt.Sprintf("bucket-%d", srv.n.Load()))
	cfg.Endpoint, cfg.PathStyle = "http://s3.test", false
	tr := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(srv.url, "http://"))
	}}
	defer tr.CloseIdleConnections()
	b, err := s3.Open(t.Context(), cfg, &s3.Options{Transport: tr})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t.Context(), b, "dir/a b.csv", nil); err != nil || got != "data" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := b.Write(t.Context(), "dir/c", strings.NewReader("more"), nil); err != nil {
		t.Error(err)
	}
	n := 0
	for _, err := range b.List(t.Context(), "dir/", nil) {
		if n++; err != nil {
			t.Error(err)
		}
	}
	if n != 2 {
		t.Errorf("%d objects", n)
	}
	if err := b.Delete(t.Context(), "dir/a b.csv", "dir/c"); err != nil {
		t.Error(err)
	}
}
