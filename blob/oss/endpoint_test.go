package oss

import (
	"errors"
	"testing"

	"github.com/inlet-go/inlet/store/errs"
)

func TestParseEndpoint(t *testing.T) {
	tests := []struct{ raw, region, endpoint, derived string }{
		{"oss-cn-hangzhou.aliyuncs.com", "", "https://oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"},
		{"https://oss-cn-hangzhou-internal.aliyuncs.com", "", "https://oss-cn-hangzhou-internal.aliyuncs.com", "cn-hangzhou"},
		{"http://data.oss-us-west-1.aliyuncs.com/", "", "http://oss-us-west-1.aliyuncs.com", "us-west-1"},
		{"oss-cn-north-2-gov-1.aliyuncs.com", "", "https://oss-cn-north-2-gov-1.aliyuncs.com", "cn-north-2-gov-1"},
		{"cn-beijing.oss.aliyuncs.com", "", "https://cn-beijing.oss.aliyuncs.com", "cn-beijing"},
		{"s3.oss-cn-hangzhou.aliyuncs.com", "", "https://oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"},
		{"OSS-CN-HANGZHOU.aliyuncs.com", "", "https://OSS-CN-HANGZHOU.aliyuncs.com", "cn-hangzhou"},
		{"", "eu-central-1", "https://oss-eu-central-1.aliyuncs.com", "eu-central-1"},
		{"oss-accelerate.aliyuncs.com", "cn-hangzhou", "https://oss-accelerate.aliyuncs.com", "cn-hangzhou"},
		{"files.example.com", "cn-hangzhou", "https://files.example.com", "cn-hangzhou"},
		{"http://127.0.0.1:7490", "", "http://127.0.0.1:7490", defaultRegion},
		{"http://[::1]:7490", "", "http://[::1]:7490", defaultRegion},
		{"http://localhost:7490", "", "http://localhost:7490", defaultRegion},
	}
	for _, tt := range tests {
		endpoint, region, err := parseEndpoint(tt.raw, tt.region, "data")
		if err != nil || endpoint != tt.endpoint || region != tt.derived {
			t.Errorf("%q: %q, %q, %v; want %q, %q", tt.raw, endpoint, region, err, tt.endpoint, tt.derived)
		}
	}
	for _, raw := range []string{"", "oss-accelerate.aliyuncs.com", "files.example.com", "ftp://h", "https://u:p@h", "https://h/other", "https://h?x"} {
		if _, _, err := parseEndpoint(raw, "", "data"); !errors.Is(err, errs.Invalid) {
			t.Errorf("%q: %v, want kind Invalid", raw, err)
		}
	}
}
