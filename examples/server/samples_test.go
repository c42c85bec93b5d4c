package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob/blobtest/fakeserver"
)

// sampleFile is the object that the document's samples name.
const sampleFile = "Dream of the Red Chamber (Public Book) Simplified Chinese horizontal row.pdf"

// samples returns the document's Python samples in order, by the request that
// they show. INLET_TEST_SEEDS is the folder that holds the document.
func samples(t *testing.T) map[string]string {
	t.Helper()
	seeds := os.Getenv("INLET_TEST_SEEDS")
	if seeds == "" {
		t.Skip("SKIPPED: INLET_TEST_SEEDS names no folder with the documents")
	}
	text, err := os.ReadFile(filepath.Join(seeds, "000_9d73e1e795dce592.txt"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	heading := regexp.MustCompile(`(?m)^(GET|POST|PUT) (/\S+)$`)
	marks := heading.FindAllSubmatchIndex(text, -1)
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		section := string(text[m[1]:end])
		_, code, ok := strings.Cut(section, "Example:\n\n")
		if !ok || !strings.Contains(code, "import requests") {
			t.Fatalf("no sample below %s", text[m[0]:m[1]])
		}
		code, _, _ = regexpCut(code, regexp.MustCompile(`(?m)^(return:|Return to the example:|Update the connector|Query the connector source file)$`))
		found[string(text[m[0]:m[1]])] = code
	}
	return found
}

func regexpCut(s string, re *regexp.Regexp) (before, after string, found bool) {
	loc := re.FindStringIndex(s)
	if loc == nil {
		return s, "", false
	}
	return s[:loc[0]], s[loc[1]:], true
}

// python runs a sample against the server, unchanged but for its host, its
// placeholders and its ids, and returns what it prints.
func (p *process) python(sample string, replace ...string) string {
	p.t.Helper()
	host := "https://freetier-01.cn-hangzhou.cluster.cn-dev.matrixone.tech"
	code := strings.NewReplacer(append([]string{host, p.url}, replace...)...).Replace(sample)
	cmd := exec.Command("python3", "-c", code)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("python: %v\n%s\n%s", err, stderr.String(), code)
	}
	return string(out)
}

// shape replaces numbers and texts by what kind of thing they are, so that two
// answers can be compared.
func shape(s string) string {
	s = regexp.MustCompile(`"(?:[^"\\]|\\.)*"(\s*:)?`).ReplaceAllStringFunc(s, func(text string) string {
		if strings.HasSuffix(text, ":") || text == `"OK"` {
			return text
		}
		return `"…"`
	})
	return regexp.MustCompile(`\b\d+\b`).ReplaceAllString(s, "0")
}

func TestPythonSamples(t *testing.T) {
	all := samples(t)
	if err := exec.Command("python3", "-c", "import requests").Run(); err != nil {
		t.Skip("SKIPPED: python3 with the requests package is not here")
	}
	s3 := startS3(t)
	body := bytes.Repeat([]byte("%PDF-1.4 stone "), 100_000)
	s3.put(t, "bucket", sampleFile, body)
	s3.put(t, "bucket", "file1/inner.pdf", []byte("inner"))
	oss := fakeserver.Start(t, &fakeserver.Options{Dialect: fakeserver.OSS, AccessKey: "xxxx", SecretKey: "xxxx"}, "bucket")
	p := start(t, "-data", t.TempDir(), "-allow-net", "127.0.0.0/8")

	ossConfig := []string{`"endpoint": "xxxx"`, fmt.Sprintf("%q: %q", "endpoint", oss.URL), `"bucket_name": "xxxx"`, `"bucket_name": "bucket"`}
	s3Config := []string{
		`"endpoint": "xxxx"`, fmt.Sprintf("%q: %q", "endpoint", s3.url), `"bucket_name": "xxxx"`, `"bucket_name": "bucket"`,
		`"access_key_id": "xxxx"`, `"access_key_id": "` + s3.access + `"`, `"access_key_secret": "xxxx"`, `"access_key_secret": "` + s3.secret + `"`,
		`"region": "xxxx"`, `"region": "us-east-1", "path_style": True`,
	}
	const ok = "{'code': 'OK', 'msg': 'OK'"
	starts := func(name, got, want string) {
		t.Helper()
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s prints %q, want %q …", name, got, want)
		}
	}
	starts("create a connector", p.python(all["POST /conectors"], ossConfig...), ok)
	starts("validate", p.python(all["POST /connectors/validate"], ossConfig...), "{'code': 'OK', 'msg': 'OK', 'data': {'valid': True}}")
	var made struct{ ID int64 }
	p.mustCall("/connectors", object{"name": "s3-test", "source_type": 5, "config": object{"s3": object{
		"endpoint": s3.url, "access_key_id": s3.access, "access_key_secret": s3.secret, "bucket_name": "bucket",
		"region": "us-east-1", "path_style": true,
	}}}, &made)
	conn := fmt.Sprint(made.ID)
	p.python(all["PUT /connectors/{id}"], append([]string{"100005", conn}, s3Config...)...)

	volume := p.volume("b-vol2")
	starts("create a task", p.python(all["POST /task"], "100004", conn, "1889578498228068352", volume), ok)
	var list struct {
		Tasks []struct{ ID string }
	}
	p.mustCall("/task/list", nil, &list)
	task := list.Tasks[0].ID
	p.await(task, 4, 20*time.Second)

	files, _, _, _, err := p.files(task, 1, 10)
	if err != nil || len(files) != 1 || files[0].Name != sampleFile || files[0].Path != "/b-vol2/"+sampleFile {
		t.Fatalf("files: %v, %v", files, err)
	}
	if !bytes.Equal(p.fetch(volume, files[0].ID), body) {
		t.Error("the file that was loaded is not byte-identical")
	}
	checkPrinted(t, p, all, conn, task)

	ids := []string{"1889613340219121664", task, "1889698919578107904", task, "1889074091616481280", task, "1234567890", task}
	starts("pause a completed task", p.python(all["POST /task/pause"], ids...), "Request failed, status code: 400, error message: {\"code\":\"ErrParamInvalid\"")
	checkStates(t, p, all, conn, volume)
	starts("delete", p.python(all["POST /task/delete"], ids...), ok)
}

// checkPrinted compares what the reading samples print with the document.
func checkPrinted(t *testing.T, p *process, all map[string]string, conn, task string) {
	t.Helper()
	tests := map[string]string{
		"GET /connectors/list": `Response Body: {
    "code": "OK",
    "msg": "OK",
    "data": {
        "connectors": [
            {
                "id": 0,
                "source_type": 0,
                "name": "…",
                "status": "…",
                "created_at": 0,
                "updated_at": 0,
                "username": "…",
                "related_task_ids": `,
		"GET /connectors/files/list": `Response Body: {
    "code": "OK",
    "msg": "OK",
    "data": {
        "files": [
            {
                "uri": "…",
                "filename": "…",
                "size": 0,
                "type": 0
            },
            {
                "uri": "…",
                "filename": "…",
                "size": 0,
                "type": 0
            }
        ]`,
		"GET /task/list": `Response Body: {
    "code": "OK",
    "msg": "OK",
    "data": {
        "tasks": [
            {
                "id": "…",
                "source_connector_id": 0,
                "source_connector_type": 0,
                "volume_id": "…",
                "volume_name": "…",
                "name": "…",
                "status": 0,
                "creator": "…",
                "source_config": {
                    "common_file_task_config": {
                        "uris": [
                            "…"
                        ],
                        "load_mode_config": {
                            "load_interval_type": 0,
                            "interval": 0
                        }
                    }
                },
                "start_at": 0,
                "end_at": 0,
                "created_at": 0,
                "updated_at": 0
            }
        ],
        "total": 0
    }
}`,
		"GET /task/get": `Response Body: {
    "code": "OK",
    "msg": "OK",
    "data": {
        "task": {
            "id": "…",`,
		"GET /task/files": `Response Body: {
    "code": "OK",
    "msg": "OK",
    "data": {
        "total": 0,
        "total_success": 0,
        "total_failed": 0,
        "files": [
            {
                "id": "…",
                "name": "…",
                "type": 0,
                "status": 0,
                "size": 0,
                "update_time": 0,
                "other_metadata": "…",
                "reason": "…",
                "user": "…",
                "start_time": 0,
                "end_time": 0,
                "path": "…"
            }
        ]
    }
}`,
	}
	for request, want := range tests {
		got := shape(p.python(all[request], "100004", conn, "1889613340219121664", task))
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s prints\n%s\nwant\n%s", request, got, want)
		}
	}
}

// checkStates runs the samples that change a task's state on a periodic one.
func checkStates(t *testing.T, p *process, all map[string]string, conn, volume string) {
	t.Helper()
	var made struct {
		TaskID string `json:"task_id"`
	}
	p.mustCall("/task", object{"source_connector_id": conn, "volume_id": volume, "config_type": 1, "source_config": object{
		"common_file_task_config": object{"uris": []string{"file1", "missing"}, "load_mode_config": object{"load_interval_type": 1, "interval": 3}},
	}}, &made)
	ids := []string{"1889613340219121664", made.TaskID, "1889698919578107904", made.TaskID, "1889074091616481280", made.TaskID}
	for _, request := range []string{"POST /task/pause", "POST /task/resume", "POST /task/update"} {
		if got := p.python(all[request], ids...); !strings.HasPrefix(got, "{'code': 'OK', 'msg': 'OK'") {
			t.Errorf("%s prints %q", request, got)
		}
	}
	// The update made it a one-off load of the sample's file; a file that
	// cannot be loaded is then retried.
	p.await(made.TaskID, 4, 20*time.Second)
	task := p.load(mustInt(t, conn), volume, "missing")
	p.await(task, 4, 20*time.Second)
	files, _, _, failed, err := p.files(task, 1, 10)
	if err != nil || failed != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	got := p.python(all["POST /task/retry"], "1889074091616481280", task, "1889074111245824000", files[0].ID)
	if !strings.HasPrefix(got, "Response Body: {\n    \"code\": \"OK\",\n    \"msg\": \"OK\"") {
		t.Errorf("retry prints %q", got)
	}
}
