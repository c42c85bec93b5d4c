package s3

import (
	"errors"
	"testing"

	"github.com/inlet-go/inlet/store/errs"
)

func TestParseEndpoint(t *testing.T) {
	tests := []struct {
		raw, region, bucket string
		path                bool
		url                 string // of the key "dir/a b"
	}{
		{"", "", "data", false, "https://data.s3.us-east-1.amazonaws.com/dir/a%20b"},
		{"", "cn-north-1", "data", true, "https://s3.cn-north-1.amazonaws.com.cn/data/dir/a%20b"},
		{"minio.lan:9000", "", "data", true, "https://minio.lan:9000/data/dir/a%20b"},
		{"http://minio.lan:9000/", "", "data", false, "http://data.minio.lan:9000/dir/a%20b"},
		{"https://data.s3.eu-west-1.amazonaws.com", "eu-west-1", "data", false, "https://data.s3.eu-west-1.amazonaws.com/dir/a%20b"},
		{"https://data.s3.eu-west-1.amazonaws.com", "eu-west-1", "data", true, "https://s3.eu-west-1.amazonaws.com/data/dir/a%20b"},
		{"data.oss-cn-hangzhou.aliyuncs.com", "", "data", false, "https://data.oss-cn-hangzhou.aliyuncs.com/dir/a%20b"},
		{"https://minio.example.com", "", "minio", true, "https://minio.example.com/minio/dir/a%20b"},
		{"https://h/data", "", "data", true, "https://h/data/dir/a%20b"},
		{"https://h/gate/", "", "data", true, "https://h/gate/data/dir/a%20b"},
		{"http://127.0.0.1:9000", "", "data", false, "http://127.0.0.1:9000/data/dir/a%20b"},
		{"http://[::1]:9000", "", "data", false, "http://[::1]:9000/data/dir/a%20b"},
		{"https://h", "", "my.bucket", false, "https://h/my.bucket/dir/a%20b"},
		{"https://h", "", "Old_Bucket", false, "https://h/Old_Bucket/dir/a%20b"},
	}
	for _, tt := range tests {
		e, err := parseEndpoint(tt.raw, tt.region, tt.bucket, tt.path)
		if err != nil {
			t.Errorf("%q: %v", tt.raw, err)
			continue
		}
		if got := e.object(tt.bucket, "dir/a b").String(); got != tt.url {
			t.Errorf("%q path=%t: %s, want %s", tt.raw, tt.path, got, tt.url)
		}
	}
	for _, raw := range []string{"ftp://h", "https://", "https://u:p@h", "https://h?x=1", "https://h#f", "http://h:port", "file:///x", "http://%zz"} {
		if _, err := parseEndpoint(raw, "", "data", true); !errors.Is(err, errs.Invalid) {
			t.Errorf("%q: %v, want kind Invalid", raw, err)
		}
	}
}

func TestOpenTellsAllProblems(t *testing.T) {
	_, err := Open(t.Context(), Config{Endpoint: "ftp://h"}, &Options{PartSize: 1})
	want := "bucket is required; access_key_id is required; access_key_secret is required; a part needs at least 5242880 bytes; " +
		"the endpoint must be HOST, http://HOST or https://HOST"
	if errs.KindOf(err) != errs.Invalid || errs.Message(err) != want {
		t.Errorf("%v", err)
	}
}
