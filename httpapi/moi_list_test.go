package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/httpapi"
)

// names returns the values of the field "name" in an answer, and its total.
func names(t *testing.T, body string) string {
	t.Helper()
	type item struct{ Name string }
	var got struct {
		Data struct {
			Total                                    int
			Connectors, Tasks, Files, Items, Volumes []item
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	var list []string
	d := got.Data
	for _, items := range [][]item{d.Connectors, d.Tasks, d.Files, d.Items, d.Volumes} {
		for _, i := range items {
			list = append(list, i.Name)
		}
	}
	return fmt.Sprintf("%s of %d", strings.Join(list, " "), d.Total)
}

func TestListsFilterOrderAndPage(t *testing.T) {
	e := newEnv(t, nil)
	for i := range 3 {
		e.put(fmt.Sprintf("f%d.csv", i), "x")
		e.id("/CreateOriginVolume", fmt.Sprintf(`{"name":"v%d"}`, i))
	}
	oss := e.id("/connectors", ossBody)
	e.id("/connectors", s3Body)
	volume := e.id("/CreateOriginVolume", `{"name":"w"}`)
	create := func(name, mode string) string {
		return e.id("/task", fmt.Sprintf(`{"name":%q,"source_connector_id":%q,"volume_id":%s,"uris":["f0.csv","f1.csv","f2.csv","gone"],"load_mode_config":%s}`, name, oss, volume, mode))
	}
	once := create("once", `{"load_interval_type":4}`)
	e.drain()
	create("hourly", `{"load_interval_type":2,"interval":1}`)
	create("daily", `{"load_interval_type":1,"interval":23}`)

	for target, want := range map[string]string{
		"/connectors/list":                         "oss-test2 s3-test of 2",
		"/connectors/list?is_desc=True":            "s3-test oss-test2 of 2",
		"/connectors/list?page=2&page_size=1":      "s3-test of 2",
		"/connectors/list?page=1":                  "oss-test2 s3-test of 2",
		"/connectors/list?source_type=5":           "s3-test of 1",
		"/connectors/list?source_type_list=4,5":    "oss-test2 s3-test of 2",
		"/connectors/list?keyword=OSS":             "oss-test2 of 1",
		"/connectors/list?name=s3":                 "s3-test of 1",
		"/connectors/list?status=active":           "oss-test2 s3-test of 2",
		"/connectors/list?status_list=inactive":    " of 0",
		"/connectors/list?order_by=name&is_desc=1": "s3-test oss-test2 of 2",
		"/task/list":                                                "daily hourly once of 3",
		"/task/list?is_desc=false":                                  "once hourly daily of 3",
		"/task/list?status=4":                                       "once of 1",
		"/task/list?status=1&status=4":                              "daily hourly once of 3",
		"/task/list?status=2,3":                                     " of 0",
		"/task/list?load_interval_types=1,2":                        "daily hourly of 2",
		"/task/list?load_interval_types=2&load_interval_types=4":    "hourly once of 2",
		"/task/list?order_by=name&is_desc=false":                    "daily hourly once of 3",
		"/task/list?page=2&page_size=2":                             "once of 3",
		"/task/list?page=9&page_size=2":                             " of 3",
		"/task/list?keyword=LY":                                     "daily hourly of 2",
		"/task/list?source_connector_ids=5":                         " of 0",
		"/task/list?connector_sources=4":                            "daily hourly once of 3",
		"/task/files?task_id=" + once:                               "f0.csv f1.csv f2.csv gone of 4",
		"/task/files?status=5&task_id=" + once:                      "f0.csv f1.csv f2.csv of 3",
		"/task/files?status=4,5&page=2&page_size=3&task_id=" + once: "gone of 4",
	} {
		if got := names(t, e.ok("GET", target, "")); got != want {
			t.Errorf("%s = %q, want %q", target, got, want)
		}
	}
	for body, want := range map[string]string{
		``:                         "w v2 v1 v0 of 4",
		`{"page":2,"page_size":3}`: "v0 of 4",
	} {
		if got := names(t, e.ok("POST", "/DescribeOriginVolumes", body)); got != want {
			t.Errorf("volumes %s = %q, want %q", body, got, want)
		}
	}
	for body, want := range map[string]string{
		``:                           "f0.csv f1.csv f2.csv of 3",
		`,"page":2,"page_size":2`:    "f2.csv of 3",
		`,"page_size":2,"page":null`: "f0.csv f1.csv of 3",
	} {
		if got := names(t, e.ok("POST", "/DescribeOriginVolume", `{"id":`+volume+body+`}`)); got != want {
			t.Errorf("volume files %s = %q, want %q", body, got, want)
		}
	}
}

func TestWalksByCursor(t *testing.T) {
	e := newEnv(t, nil)
	var want []string
	for i := range 5 {
		name := fmt.Sprintf("目录/f%d", i)
		e.put(name, "x")
		want = append(want, name)
	}
	conn, volume, _ := e.loaded(`["目录"]`)
	var got []string
	for cursor := ""; ; {
		body := e.ok("POST", "/DescribeOriginVolume", fmt.Sprintf(`{"id":%s,"page_size":2%s}`, volume, cursor))
		var page struct {
			Data struct {
				Items []struct{ Path string }
				Next  string `json:"next_cursor"`
			}
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Data.Items {
			got = append(got, strings.TrimPrefix(f.Path, "/b-vol2/"))
		}
		if page.Data.Next == "" {
			break
		}
		cursor = fmt.Sprintf(`,"cursor":%q`, page.Data.Next)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("volume (-want +got):\n%s", diff)
	}
	got = nil
	for cursor := ""; ; {
		body := e.ok("GET", "/connectors/files/list?dir=%E7%9B%AE%E5%BD%95&limit=2&connector_id="+conn+"&cursor="+cursor, "")
		var page struct {
			Data struct {
				Files []struct{ URI string }
				Next  string `json:"next_cursor"`
			}
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Data.Files {
			got = append(got, f.URI)
		}
		if cursor = page.Data.Next; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
}

func TestSecretsAreMaskedAndKept(t *testing.T) {
	e := newEnv(t, nil)
	secret := strings.Replace(s3Body, `"access_key_secret":"xxxx"`, `"access_key_secret":"hunter2"`, 1)
	id := e.id("/connectors", secret)
	for _, target := range []string{"/connectors/list", "/connectors/" + id} {
		if body := e.ok("GET", target, ""); strings.Contains(body, "hunter2") || !strings.Contains(body, `"access_key_secret":"******"`) {
			t.Errorf("%s shows %s", target, body)
		}
	}
	masked := strings.Replace(s3Body, `"access_key_secret":"xxxx"`, `"access_key_secret":"******"`, 1)
	e.ok("PUT", "/connectors/"+id, strings.Replace(masked, `"region":"xxxx"`, `"region":"new","path_style":false`, 1))

	open := newEnvOn(t, e.store, e.bucket, func(c *httpapi.Config) { c.RevealSecrets = true })
	body := open.ok("GET", "/connectors/"+id, "")
	if !strings.Contains(body, `"access_key_secret":"hunter2"`) || !strings.Contains(body, `"region":"new","path_style":false`) {
		t.Errorf("revealed and changed: %s", body)
	}
}

func TestBareCreate(t *testing.T) {
	e := newEnv(t, func(c *httpapi.Config) { c.BareCreate = true })
	for target, body := range map[string]string{"/connectors": ossBody, "/CreateOriginVolume": `{"name":"v"}`} {
		if got := e.ok("POST", target, body); got != `{"code":"OK","msg":"OK"}`+"\n" {
			t.Errorf("%s = %s", target, got)
		}
	}
}

func TestTaskFieldsMayBeNestedOrFlat(t *testing.T) {
	e := newEnv(t, nil)
	conn := e.id("/connectors", ossBody)
	volume := e.id("/CreateOriginVolume", `{"name":"v"}`)
	const uris, mode = `"uris":["a"]`, `"load_mode_config":{"load_interval_type":3,"interval":7}`
	for _, config := range []string{
		uris + `,` + mode,
		`"source_config":{` + uris + `,` + mode + `}`,
		`"common_file_task_config":{` + uris + `,` + mode + `}`,
		`"source_config":{"common_file_task_config":{` + uris + `}},` + mode,
		`"source_config":{"common_file_task_config":{` + uris + `,` + mode + `}},"uris":["other"]`,
	} {
		id := e.id("/task", `{"source_connector_id":`+conn+`,"volume_id":`+volume+`,`+config+`}`)
		want := `"source_config":{"common_file_task_config":{"uris":["a"],"load_mode_config":{"load_interval_type":3,"interval":7}}}`
		if body := e.ok("GET", "/task/get?task_id="+id, ""); !strings.Contains(body, want) {
			t.Errorf("%s makes %s", config, body)
		}
		if strings.Contains(config, "other") {
			continue
		}
		config = strings.ReplaceAll(config, `"a"`, `"b"`)
		e.ok("POST", "/task/update", `{"task_id":`+id+`,`+config+`}`)
		if body := e.ok("GET", "/task/get?task_id="+id, ""); !strings.Contains(body, `"uris":["b"]`) {
			t.Errorf("%s changes to %s", config, body)
		}
	}
}

func TestValidateTellsWhyNot(t *testing.T) {
	e := newEnv(t, nil)
	body := e.ok("POST", "/connectors/validate", strings.Replace(ossBody, `"bucket_name":"xxxx"`, `"bucket_name":"missing"`, 1))
	if !strings.Contains(body, `"valid":false,"reason":"`) || strings.Contains(body, e.dir) {
		t.Errorf("answer %s", body)
	}
	flat := `{"source_type":4,"oss":{"endpoint":"xxxx","access_key_id":"xxxx","access_key_secret":"xxxx","bucket_name":"xxxx"}}`
	if body := e.ok("POST", "/connectors/validate", flat); !strings.Contains(body, `"data":{"valid":true}`) {
		t.Errorf("flat config: %s", body)
	}
}

func TestUserIsTheUIDsUnlessTheHostSays(t *testing.T) {
	e := newEnv(t, nil)
	e.id("/CreateOriginVolume", `{"name":"v"}`)
	w := e.do("POST", "/CreateOriginVolume", `{"name":"w"}`, "uid", "")
	if w.Code != 200 {
		t.Fatal(w.Body)
	}
	body := e.ok("POST", "/DescribeOriginVolumes", "")
	if !strings.Contains(body, `"name":"v","size":0,"file_num":0,"owner":"admin"`) || !strings.Contains(body, `"name":"w","size":0,"file_num":0,"owner":""`) {
		t.Errorf("owners in %s", body)
	}
}
