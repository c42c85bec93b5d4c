package task_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
	"github.com/inlet-go/inlet/blob/s3"
	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/task"
)

// remote makes the environment's source a bucket on a fake S3 server.
type remote struct {
	*fakeserver.Server
	t *testing.T
}

func (r remote) Open(ctx context.Context, _ connector.Config) (blob.Source, error) {
	access, secret, _ := r.Keys()
	return s3.Open(ctx, s3.Config{
		Endpoint: r.URL, Region: r.Region(), Bucket: "bucket", AccessKeyID: access, SecretAccessKey: secret, PathStyle: true,
	}, &s3.Options{Timeout: 200 * time.Millisecond, Attempts: 1})
}

func isGet(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(strings.TrimPrefix(r.URL.Path, "/bucket"), "f")
}

func isList(r *http.Request) bool { return r.URL.Query().Has("list-type") }

// always gives the fault to every request for which match is true.
func always(f fakeserver.Fault, match func(*http.Request) bool) fakeserver.Hook {
	return func(r *http.Request) *fakeserver.Fault {
		if match(r) {
			return &f
		}
		return nil
	}
}

// TestALyingSourceNeverBecomesAWrongFile loads from a source that misbehaves.
// Either every byte is right, or the file failed and says why; the task always
// ends.
func TestALyingSourceNeverBecomesAWrongFile(t *testing.T) {
	slow := fakeserver.Fault{Status: http.StatusServiceUnavailable, Code: "SlowDown"}
	tests := map[string]struct {
		hook fakeserver.Hook
		want string // part of the reason; "" when the files arrive
	}{
		"no fault":                    {nil, ""},
		"503 once":                    {fakeserver.Nth(1, slow, isGet), ""},
		"503 always":                  {always(slow, isGet), "fewer requests"},
		"503 to listings":             {always(slow, isList), "fewer requests"},
		"500 once":                    {fakeserver.Nth(1, fakeserver.Fault{Status: 500, Code: "InternalError"}, isGet), ""},
		"403 midway":                  {always(fakeserver.Fault{Status: 403, Code: "AccessDenied"}, isGet), "denied"},
		"expired credentials":         {always(fakeserver.Fault{Status: 400, Code: "ExpiredToken"}, isGet), "denied"},
		"404 after the listing":       {always(fakeserver.Fault{Status: 404, Code: "NoSuchKey"}, isGet), "not"},
		"reset once":                  {fakeserver.Nth(1, fakeserver.Fault{Reset: true}, isGet), ""},
		"reset always":                {always(fakeserver.Fault{Reset: true}, isGet), "f"},
		"body cut at the start, once": {fakeserver.Nth(1, fakeserver.Fault{Cut: true}, isGet), ""},
		"body cut in the middle once": {fakeserver.Nth(1, fakeserver.Fault{Cut: true, After: 500}, isGet), ""},
		"body cut near the end once":  {fakeserver.Nth(1, fakeserver.Fault{Cut: true, After: 999}, isGet), ""},
		"body cut always":             {always(fakeserver.Fault{Cut: true, After: 10}, isGet), "f"},
		"stall once":                  {fakeserver.Nth(1, fakeserver.Fault{Stall: true, After: 10}, isGet), ""},
		"stall always":                {always(fakeserver.Fault{Stall: true, After: 10}, isGet), "f"},
		"fewer bytes than listed":     {always(fakeserver.Fault{Grow: -7}, isGet), "changed"},
		"more bytes than listed":      {always(fakeserver.Fault{Grow: 7}, isGet), "changed"},
		"another version":             {always(fakeserver.Fault{ETag: "0123456789abcdef0123456789abcdef"}, isGet), "changed"},
		"a listing that is no XML":    {always(fakeserver.Fault{Raw: "<html>"}, isList), "list"},
		"a page twice":                {fakeserver.Nth(1, fakeserver.Fault{RepeatPage: true}, isList), ""},
	}
	content := map[string]string{"f1": strings.Repeat("a", 1000), "f2": strings.Repeat("b", 1000), "d/f3": strings.Repeat("c", 1000)}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := fakeserver.Start(t, nil, "bucket")
			for key, body := range content {
				server.Put("bucket", key, fakeserver.Bytes([]byte(body)))
			}
			server.SetHook(tt.hook)
			e := openEnvOver(t, remote{server, t}, &task.RunnerOptions{Attempts: 1, Transfer: &blob.TransferOptions{Backoff: time.Millisecond}})
			t.Cleanup(e.close)
			id := e.create(once, "/")
			e.drain()
			if got := e.get(id).Status; got != task.Completed {
				t.Errorf("the task is %d", got)
			}
			seen := e.visible()
			for uri, body := range seen {
				if content[uri] != body {
					t.Errorf("%q holds wrong bytes", uri)
				}
			}
			files := e.statuses(id)
			if tt.want == "" {
				if !maps.Equal(seen, content) {
					t.Errorf("files: %v", files)
				}
				return
			}
			failed := slices.DeleteFunc(files, func(line string) bool { return !strings.Contains(line, " 4 ") })
			if len(failed) == 0 {
				t.Fatalf("no file failed: %v", e.statuses(id))
			}
			for _, line := range failed {
				if !strings.Contains(line, tt.want) || strings.Contains(line, "testsecret") || strings.Contains(line, "127.0.0.1") {
					t.Errorf("reason %q, want one with %q", line, tt.want)
				}
			}
		})
	}
}
