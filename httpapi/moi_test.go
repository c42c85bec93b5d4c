package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

const book = "Dream of the Red Chamber (Public Book) Simplified Chinese horizontal row.pdf"

// sample is a call of the documents, with {name} where the ids of this run go.
type sample struct {
	golden       string // testdata/moi/<golden>.json
	method, path string
	body         string
	saves        string // the name under which the id that was made is known from here on
	drain        bool   // do the work that it caused
}

// The samples of 000_9d73e1e795dce592.txt, in an order in which they work, and
// those of the volumes' routes.
var samples = []sample{
	{golden: "create_connector", method: "POST", path: "/connectors", body: ossBody, saves: "oss"},
	{golden: "create_connector", method: "POST", path: "/connectors", body: s3Body, saves: "s3"},
	{golden: "create_connector", method: "POST", path: "/conectors", saves: "both", body: `{"name": "new_connector_name", "source_type": 4, "config": {
		"oss": {"endpoint": "example_oss_endpoint", "access_key_id": "example_access_key_id", "access_key_secret": "example_access_key_secret", "bucket_name": "example_bucket_name"},
		"s3": {"endpoint": "example_s3_endpoint", "access_key_id": "example_access_key_id", "access_key_secret": "example_access_key_secret", "bucket_name": "example_bucket_name", "region": "example_region", "path_style": true}}}`},
	{golden: "validate_connector", method: "POST", path: "/connectors/validate", body: `{"source_type": 4, "config": {"oss": {"endpoint": "xxxx", "access_key_id": "xxxx", "access_key_secret": "xxxx", "bucket_name": "xxxx"}}}`},
	{golden: "done", method: "DELETE", path: "/connectors/{both}"},
	{golden: "create_volume", method: "POST", path: "/CreateOriginVolume", body: `{"name": "b-vol2"}`, saves: "volume"},
	{golden: "create_task", method: "POST", path: "/task", saves: "task", drain: true, body: `{"source_connector_id": {oss}, "volume_id": "{volume}",
		"source_config": {"common_file_task_config": {"load_mode_config": {"load_interval_type": 4}, "uris": ["` + book + `"]}}, "config_type": 1}`},
	{golden: "list_connectors", method: "GET", path: "/connectors/list"},
	{golden: "done", method: "PUT", path: "/connectors/{s3}", body: `{"name": "s3-test1", "config": {"s3": {"endpoint": "xxxx", "access_key_id": "xxxx", "access_key_secret": "xxxx", "bucket_name": "xxxx", "region": "xxxx"}}}`},
	{golden: "list_connector_files", method: "GET", path: "/connectors/files/list?connector_id={oss}&file_types=2"},
	{golden: "list_tasks", method: "GET", path: "/task/list"},
	{golden: "get_task", method: "GET", path: "/task/get?task_id={task}"},
	{golden: "list_task_files", method: "GET", path: "/task/files?task_id={task}&task_id={task}"},
	{golden: "list_volumes", method: "POST", path: "/DescribeOriginVolumes"},
	{golden: "list_volume_files", method: "POST", path: "/DescribeOriginVolume", body: `{"id": "{volume}"}`},
	{golden: "create_task", method: "POST", path: "/task", saves: "hourly", body: `{"source_connector_id": "{oss}", "volume_id": {volume},
		"source_config": {"common_file_task_config": {"load_mode_config": {"load_interval_type": 2, "interval": 3}, "uris": ["missing"]}}}`},
	{golden: "done", method: "POST", path: "/task/pause", body: `{"task_id": "{hourly}"}`},
	{golden: "done", method: "POST", path: "/task/update", body: `{"task_id": "{hourly}", "load_mode_config": {"load_interval_type": 4}, "uris": ["gone"]}`},
	{golden: "done", method: "POST", path: "/task/resume", body: `{"task_id": {hourly}}`, drain: true},
	{golden: "done", method: "POST", path: "/task/retry", body: `{"task_id": "{hourly}", "ids": ["{failed}"]}`},
	{golden: "done", method: "POST", path: "/task/delete/", body: `{"task_id": "{hourly}"}`},
	{golden: "emptied", method: "POST", path: "/DeleteOriginVolumeFiles", body: `{"volume_id": "{volume}", "file_ids": ["{file}"]}`},
	{golden: "done", method: "POST", path: "/DeleteOriginVolume", body: `{"id": "{volume}"}`},
}

func TestSamples(t *testing.T) {
	e := newEnv(t, nil)
	e.put(book, "the red chamber")
	e.put("file1/inner.txt", "x")
	ids := map[string]string{}
	for _, s := range samples {
		e.learn(s, ids)
		w := e.do(s.method, fill(s.path, ids), fill(s.body, ids))
		if w.Code != 200 {
			t.Fatalf("%s %s: %d %s", s.method, s.path, w.Code, w.Body)
		}
		if s.saves != "" {
			_, id, _ := strings.Cut(w.Body.String(), `id":`)
			ids[s.saves] = strings.Trim(id, "\"}\n")
		}
		if s.drain {
			e.drain()
		}
		golden(t, "moi/"+s.golden, normal(t, w.Body.Bytes(), ids))
	}
}

// learn looks up the ids of files that a sample names.
func (e *env) learn(s sample, ids map[string]string) {
	if strings.Contains(s.body, "{failed}") {
		ids["failed"] = firstID(e.ok("GET", "/task/files?status=4&task_id="+ids["hourly"], ""))
	}
	if strings.Contains(s.golden, "files") && ids["volume"] != "" {
		ids["file"] = firstID(e.ok("POST", "/DescribeOriginVolume", `{"id":`+ids["volume"]+`}`))
	}
}

func firstID(text string) string {
	_, id, _ := strings.Cut(text, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	return id
}

func fill(text string, ids map[string]string) string {
	for name, id := range ids {
		text = strings.ReplaceAll(text, "{"+name+"}", id)
	}
	return text
}

var seconds = regexp.MustCompile(`:1[789]\d{8}\b`)

// normal returns a body as goldens have it: indented, the known ids as "<id>" or
// {"number": "<id>"}, and times that are set as 1.
func normal(t *testing.T, body []byte, ids map[string]string) string {
	t.Helper()
	text := seconds.ReplaceAllString(string(body), ":1")
	for _, id := range ids {
		text = strings.ReplaceAll(text, `"`+id+`"`, `"<id>"`)
		text = regexp.MustCompile(`\b`+id+`\b`).ReplaceAllString(text, `{"number":"<id>"}`)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out.String()
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
