package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/s3"
)

// s3server is a real S3 server.
type s3server struct {
	url, access, secret, dir string
}

// startS3 runs the S3 server that INLET_TEST_S3SERVER names, with one bucket.
func startS3(t *testing.T) *s3server {
	t.Helper()
	program := os.Getenv("INLET_TEST_S3SERVER")
	if program == "" {
		t.Skip("SKIPPED: INLET_TEST_S3SERVER names no S3 server program")
	}
	s := &s3server{access: "test", secret: "testsecret", dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.dir, "bucket"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-dir", s.dir, "-access", s.access, "-secret", s.secret)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			s.url = url
			return s
		}
	}
	t.Fatal("the S3 server did not start")
	return nil
}

func (s *s3server) put(t *testing.T, bucket, key string, body []byte) {
	t.Helper()
	b, err := s3.Open(t.Context(), s3.Config{
		Endpoint: s.url, Region: "us-east-1", Bucket: bucket, AccessKeyID: s.access, SecretAccessKey: s.secret, PathStyle: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Write(t.Context(), key, bytes.NewReader(body), &blob.WriteOptions{Size: int64(len(body))}); err != nil {
		t.Fatal(err)
	}
}

func mustInt(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
