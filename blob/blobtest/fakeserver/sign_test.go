package fakeserver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func at(unix string) func() time.Time {
	t, err := time.Parse(signTime, unix)
	if err != nil {
		panic(err)
	}
	return func() time.Time { return t }
}

// goldenS3 are the examples of Amazon's "Authenticating Requests (AWS
// Signature Version 4)", for the account that they are printed with.
var goldenS3 = []struct {
	name, method, target, headers, signature, payload string
}{
	{"GET object", "GET", "/test.txt", "range:bytes=0-9",
		"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", emptySum},
	{"PUT object", "PUT", "/test%24file.text", "date:Fri, 24 May 2013 00:00:00 GMT\nx-amz-storage-class:REDUCED_REDUNDANCY",
		"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
		"44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
	{"GET bucket lifecycle", "GET", "/?lifecycle", "",
		"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", emptySum},
	{"list", "GET", "/?max-keys=2&prefix=J", "",
		"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", emptySum},
}

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func amazonExample() *Server {
	return New(&Options{AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		Now: at("20130524T000000Z")})
}

func TestGoldenS3(t *testing.T) {
	for _, g := range goldenS3 {
		t.Run(g.name, func(t *testing.T) {
			r := httptest.NewRequest(g.method, "http://examplebucket.s3.amazonaws.com"+g.target, nil)
			signed := []string{"host", "x-amz-content-sha256", "x-amz-date"}
			r.Header.Set("x-amz-content-sha256", g.payload)
			r.Header.Set("x-amz-date", "20130524T000000Z")
			for _, h := range strings.Split(g.headers, "\n") {
				if name, value, ok := strings.Cut(h, ":"); ok {
					r.Header.Set(name, value)
					switch name {
					case "x-amz-storage-class":
						signed = append(signed, name)
					case "range":
						signed = append(signed[:1], append([]string{name}, signed[1:]...)...)
					default:
						signed = append([]string{name}, signed...)
					}
				}
			}
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"+
				"SignedHeaders="+strings.Join(signed, ";")+",Signature="+g.signature)
			if _, err := amazonExample().verifyS3(r, "", ""); err != nil {
				t.Errorf("refused: %+v", err)
			}
			r.URL.RawPath, r.URL.Path = "", r.URL.Path+"x"
			if _, err := amazonExample().verifyS3(r, "", ""); err == nil || err.code != "SignatureDoesNotMatch" {
				t.Errorf("another path: %+v", err)
			}
		})
	}
}

const goldenURL = "http://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
	"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z" +
	"&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
	"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"

func TestGoldenS3Presigned(t *testing.T) {
	tests := map[string]struct {
		change func(*http.Request)
		now    string
		code   string
	}{
		"as published":        {func(*http.Request) {}, "20130524T000000Z", ""},
		"a day later":         {func(*http.Request) {}, "20130525T000000Z", ""},
		"expired":             {func(*http.Request) {}, "20130525T000001Z", "AccessDenied"},
		"not yet":             {func(*http.Request) {}, "20130523T234459Z", "RequestTimeTooSkewed"},
		"other method":        {func(r *http.Request) { r.Method = "PUT" }, "20130524T000000Z", "SignatureDoesNotMatch"},
		"other host":          {func(r *http.Request) { r.Host = "other.s3.amazonaws.com" }, "20130524T000000Z", "SignatureDoesNotMatch"},
		"longer":              {func(r *http.Request) { replace(r, "86400", "86401") }, "20130524T000000Z", "SignatureDoesNotMatch"},
		"too long":            {func(r *http.Request) { replace(r, "86400", "604801") }, "20130524T000000Z", "AuthorizationQueryParametersError"},
		"other region":        {func(r *http.Request) { replace(r, "us-east-1", "us-east-2") }, "20130524T000000Z", "AuthorizationHeaderMalformed"},
		"other key":           {func(r *http.Request) { replace(r, "AKIA", "AKIB") }, "20130524T000000Z", "InvalidAccessKeyId"},
		"further parameter":   {func(r *http.Request) { r.URL.RawQuery += "&versionId=1" }, "20130524T000000Z", "SignatureDoesNotMatch"},
		"unsigned header":     {func(r *http.Request) { r.Header.Set("x-amz-acl", "public-read") }, "20130524T000000Z", "AccessDenied"},
		"no signature at all": {func(r *http.Request) { r.URL.RawQuery = "" }, "20130524T000000Z", "AccessDenied"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", goldenURL, nil)
			tt.change(r)
			s := amazonExample()
			s.opts.Now = at(tt.now)
			_, err := s.verifyS3(r, "", "")
			if code := codeOf(err); code != tt.code {
				t.Errorf("code %q, want %q", code, tt.code)
			}
		})
	}
}

func codeOf(err *apiError) string {
	if err == nil {
		return ""
	}
	return err.code
}

func replace(r *http.Request, from, to string) {
	r.URL.RawQuery = strings.Replace(r.URL.RawQuery, from, to, 1)
}

// TestGoldenOSS uses the vectors of Alibaba's SDK for V4 signatures.
func TestGoldenOSS(t *testing.T) {
	tests := map[string]struct {
		time, token, additional, signature string
	}{
		"plain":              {"20231216T162057Z", "", "", "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"},
		"token":              {"20231217T034736Z", "token", "", "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea"},
		"additional headers": {"20231216T172512Z", "", "abc;zabc", "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("PUT", "http://bucket.oss-cn-hangzhou.aliyuncs.com/1234%2B-/123/1.txt"+
				"?%2Bparam1=value3&%2Bparam2=&%7Cparam1=value4&%7Cparam2=&param1=value1&param2=", nil)
			for k, v := range map[string]string{
				"x-oss-head1": "value", "abc": "value", "zabc": "value", "xyz": "value",
				"content-type": "text/plain", "x-oss-content-sha256": unsigned, "x-oss-date": tt.time,
			} {
				r.Header.Set(k, v)
			}
			if tt.token != "" {
				r.Header.Set("x-oss-security-token", tt.token)
			}
			auth := "OSS4-HMAC-SHA256 Credential=ak/" + tt.time[:8] + "/cn-hangzhou/oss/aliyun_v4_request"
			if tt.additional != "" {
				auth += ",AdditionalHeaders=" + tt.additional
			}
			r.Header.Set("Authorization", auth+",Signature="+tt.signature)
			s := New(&Options{Dialect: OSS, AccessKey: "ak", SecretKey: "sk", SessionToken: tt.token, Now: at(tt.time)})
			if _, err := s.verifyOSS(r, "bucket", "1234+-/123/1.txt"); err != nil {
				t.Errorf("refused: %+v", err)
			}
			if _, err := s.verifyOSS(r, "bucket2", "1234+-/123/1.txt"); codeOf(err) != "SignatureDoesNotMatch" {
				t.Errorf("another bucket: %+v", err)
			}
			r.Header.Set("x-oss-head1", "other")
			if _, err := s.verifyOSS(r, "bucket", "1234+-/123/1.txt"); codeOf(err) != "SignatureDoesNotMatch" {
				t.Errorf("another header: %+v", err)
			}
		})
	}
}
