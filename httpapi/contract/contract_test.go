package contract

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestEveryAnswerIsAsDocumented calls every operation so that it gives each of
// its documented answers; the judge compares them with the document.
func TestEveryAnswerIsAsDocumented(t *testing.T) {
	s := newServer(t)
	s.connectors()
	s.volumesAndTasks()
	s.links()
	s.dataSources()
	s.registry()
	s.fileSync()
	s.sqlQueries()
	s.refusals()
	for _, name := range s.judge.unseen() {
		t.Errorf("%s was never seen", name)
	}
}

const (
	oss = `{"endpoint":"e.example","access_key_id":"k","access_key_secret":"s","bucket_name":"b"}`
	s3  = `{"endpoint":"https://e.example:9000","access_key_id":"k","access_key_secret":"s","bucket_name":"b","region":"r","path_style":true}`
)

// ok sends a request that must succeed.
func (s *server) ok(method, target, body string) string {
	s.t.Helper()
	text := s.do(200, "good", method, target, body)
	if !strings.HasPrefix(text, `{"code":"OK"`) {
		s.t.Errorf("%s %s: %s", method, target, text)
	}
	return text
}

// gone sends a request for something that is not there.
func (s *server) gone(method, target, body string) {
	s.t.Helper()
	if text := s.do(200, "good", method, target, body); !strings.HasPrefix(text, `{"code":"ErrServer"`) || !strings.Contains(text, "not exists") {
		s.t.Errorf("%s %s: %s", method, target, text)
	}
}

var anyID = regexp.MustCompile(`id":"?(\d+)`)

// id returns the first id in an answer.
func (s *server) id(text string) string {
	s.t.Helper()
	m := anyID.FindStringSubmatch(text)
	if m == nil {
		s.t.Fatalf("no id in %s", text)
	}
	return m[1]
}

func (s *server) connectors() {
	s.put("a.csv", "1")
	first := s.id(s.ok("POST", "/connectors", `{"name":"oss","source_type":4,"config":{"oss":`+oss+`}}`))
	second := s.id(s.ok("POST", "/connectors", `{"name":"s3","source_type":5,"config":{"s3":`+s3+`}}`))
	s.ok("POST", "/connectors", `{"name":"folder","source_type":100,"config":{"folder":{"path":"/srv"}}}`)
	s.definition("/v2/connector/register", "pg-1.0.0")
	const defined = `{"definition":{"id":"pg-1.0.0","config":{"host":"h","password":"p"}}}`
	third := s.id(s.ok("POST", "/connectors", `{"name":"pg","source_type":101,"config":`+defined+`}`))
	s.ok("GET", "/connectors/"+third, "")
	s.ok("PUT", "/connectors/"+third, `{"config":`+strings.Replace(defined, `"p"`, `"******"`, 1)+`}`)
	s.ok("POST", "/connectors/validate", `{"source_type":4,"config":{"oss":`+oss+`}}`)
	s.ok("POST", "/connectors/validate", `{"connector_id":"`+first+`"}`)
	s.ok("GET", "/connectors/list", "")
	s.ok("GET", "/connectors/list?page=1&page_size=1&keyword=s&order_by=name&is_desc=true&source_type=4&source_type=5&status=active", "")
	s.ok("GET", "/connectors/files/list?connector_id="+first, "")
	s.ok("GET", "/connectors/files/list?connector_id="+first+"&file_types=2&file_types=7&limit=1&dir=", "")
	s.ok("POST", "/connectors/get", `{"id":`+first+`}`)
	s.ok("GET", "/connectors/"+second, "")
	s.ok("PUT", "/connectors/"+second, `{"name":"renamed","config":{"s3":`+strings.Replace(s3, `"s"`, `"******"`, 1)+`}}`)
	s.ok("DELETE", "/connectors/"+second, "")
	s.gone("POST", "/connectors/validate", `{"connector_id":5}`)
	s.gone("GET", "/connectors/files/list?connector_id=5", "")
	s.gone("POST", "/connectors/get", `{"id":"5"}`)
	s.gone("GET", "/connectors/5", "")
	s.gone("PUT", "/connectors/5", `{"name":"x"}`)
	s.gone("DELETE", "/connectors/5", "")
}

func (s *server) volumesAndTasks() {
	conn := s.id(s.ok("GET", "/connectors/list", ""))
	s.ok("POST", "/DescribeOriginVolumes", "")
	volume := s.id(s.ok("POST", "/CreateOriginVolume", `{"name":"v"}`))
	source := `"source_connector_id":` + conn + `,"volume_id":"` + volume + `"`
	files := func(uris, mode string) string {
		return `,"source_config":{"common_file_task_config":{"uris":` + uris + `,"load_mode_config":` + mode + `}}`
	}
	once := s.id(s.ok("POST", "/task", `{`+source+files(`["a.csv","gone"]`, `{"load_interval_type":4}`)+`,"config_type":1}`))
	s.drain()
	daily := s.id(s.ok("POST", "/task", `{"name":"d",`+source+files(`["/"]`, `{"load_interval_type":1,"interval":3,"time_zone":"Europe/Paris"}`)+`}`))
	s.ok("GET", "/task/list", "")
	s.ok("GET", "/task/list?page=1&page_size=5&is_desc=false&order_by=start_at&status=1&status=4&load_interval_types=1&keyword=d", "")
	for _, id := range []string{once, daily} {
		s.ok("GET", "/task/get?task_id="+id, "")
		s.ok("GET", "/task/files?task_id="+id+"&page=1&page_size=10", "")
	}
	s.ok("GET", "/task/files?status=4&task_id="+once, "")
	s.ok("POST", "/task/update", `{"task_id":"`+daily+`","name":"e","load_mode_config":{"load_interval_type":3,"interval":5},"uris":["a.csv"]}`)
	s.do(409, "good", "DELETE", "/connectors/"+conn, "")
	s.do(409, "good", "POST", "/DeleteOriginVolume", `{"id":`+volume+`}`)
	s.ok("POST", "/task/pause", `{"task_id":"`+daily+`"}`)
	s.ok("POST", "/task/resume", `{"task_id":"`+daily+`"}`)
	s.ok("POST", "/task/retry", `{"task_id":"`+once+`"}`)
	s.drain()
	s.ok("POST", "/task/delete", `{"task_id":`+daily+`}`)
	s.ok("POST", "/DescribeOriginVolume", `{"id":"`+volume+`","page":1,"page_size":1}`)
	s.ok("POST", "/DescribeOriginVolumes", `{"page":1,"page_size":1}`)
	for _, target := range []string{"/task/update", "/task/pause", "/task/resume", "/task/retry", "/task/delete"} {
		s.gone("POST", target, `{"task_id":"5"}`)
	}
	s.gone("POST", "/task", `{"source_connector_id":5,"volume_id":5`+files(`["a"]`, `{}`)+`}`)
	s.gone("GET", "/task/get?task_id=5", "")
	s.gone("GET", "/task/files?task_id=5", "")
	s.gone("POST", "/DescribeOriginVolume", `{"id":5}`)
	s.gone("POST", "/GetOriginVolumeFileLink", `{"volume_id":5,"file_id":5}`)
	s.gone("POST", "/DeleteOriginVolumeFiles", `{"volume_id":5,"file_ids":[5]}`)
	s.gone("POST", "/DeleteOriginVolume", `{"id":5}`)
}

func (s *server) links() {
	volume := s.id(s.ok("POST", "/DescribeOriginVolumes", ""))
	file := s.id(s.ok("POST", "/DescribeOriginVolume", `{"id":"`+volume+`"}`))
	text := s.ok("POST", "/GetOriginVolumeFileLink", `{"volume_id":`+volume+`,"file_id":"`+file+`"}`)
	_, link, _ := strings.Cut(text, `"link":"`)
	link, _, _ = strings.Cut(link, `"`)
	s.do(200, "", "GET", link, "")
	s.do(200, "", "HEAD", link, "")
	s.do(206, "", "GET", link, "", "Range", "bytes=0-0")
	s.do(304, "", "GET", link, "", "If-None-Match", "*")
	s.do(416, "", "GET", link, "", "Range", "bytes=9-")
	s.do(400, "", "GET", link+"&a=%zz", "")
	s.do(403, "", "GET", link+"x", "")
	s.bucket.down.Store(true)
	s.do(503, "", "GET", link, "")
	s.bucket.down.Store(false)
	s.ok("POST", "/DeleteOriginVolumeFiles", `{"volume_id":"`+volume+`","file_ids":["`+file+`"]}`)
	s.do(404, "", "GET", link, "")
	s.ok("POST", "/DeleteOriginVolume", `{"id":"`+volume+`"}`)
	s.do(200, "", "GET", "/openapi.yaml", "")
	s.do(304, "", "GET", "/openapi.yaml", "", "If-None-Match", "*")
}

// refusals sends to each operation what any of them refuses.
func (s *server) refusals() {
	for path, item := range s.judge.model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			if op.Responses.Codes.GetOrZero("429") == nil || strings.HasPrefix(path, "/api/") {
				continue // needs no credentials, or see fileSyncRefusals
			}
			method, target := strings.ToUpper(method), strings.NewReplacer("{id}", "5", "{source}", "5").Replace(path)
			if strings.HasPrefix(target, "/v2/team/") {
				s.wrongKeys(method, target)
			} else {
				s.do(401, "wrong", method, target, "")
				s.do(403, "403", method, target, "")
			}
			for _, status := range []int{429, 500, 503} {
				s.do(status, strconv.Itoa(status), method, target, "")
			}
			if op.RequestBody == nil {
				s.do(400, "good", method, target+"?a=%zz", "")
				continue
			}
			if strings.HasSuffix(target, "/register") {
				continue // what is no form is a 500 there
			}
			s.do(400, "good", method, target, "[]")
			if op.Responses.Codes.GetOrZero("413") != nil {
				s.do(413, "good", method, target, `{"name":"`+strings.Repeat("x", maxBody)+`"}`)
			}
		}
	}
}
