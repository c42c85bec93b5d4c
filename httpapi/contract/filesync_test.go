package contract

import (
	"strconv"
	"strings"
)

// fileSync calls the file upload API, whose answers have no envelope.
func (s *server) fileSync() {
	const ingestion, lake = "/api/ingestion/file/", "/api/lake/file"
	key := []string{"x-api-key", "good"}
	form := []string{"x-api-key", "good", "Content-Type", "multipart/form-data; boundary=b"}
	part := func(name, content string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\n" + content + "\r\n--b--\r\n"
	}
	for i, typ := range []string{"FullSync", "Incremental Sync", "FullSync", "FullSync"} {
		s.do(200, "", "POST", ingestion+"sync/start", `{"name":"n","path":"/data/t","api_key":"good","sync_type":"`+typ+`"}`)
		id := strconv.Itoa(i + 1)
		if i < 3 {
			s.lakeCode(0, s.do(200, "", "POST", lake+"/upload?path=/data/t/sub&sync_id="+id, part(id+".csv", "123"), form...))
			s.do(200, "", "POST", ingestion+"sync/end", `{"sync_id":`+id+`}`, key...)
		} else {
			s.lakeCode(11, s.do(200, "", "POST", lake+"/upload?sync_id="+id, "--b--\r\n", form...))
			s.do(200, "", "POST", ingestion+"sync/abort", `{"sync_id":"`+id+`"}`, key...)
		}
	}
	s.do(200, "", "GET", ingestion+"sync/list", "", key...)
	s.do(200, "", "GET", ingestion+"sync/list?from=1&size=1", "", key...)
	s.do(200, "", "GET", ingestion+"sync/history?sync_id=2&from=0&size=10", "", key...)
	s.do(200, "", "GET", ingestion+"trash?path=/data/t", "", key...)
	s.do(200, "", "POST", ingestion+"trash/restore", `{"sync_id":3}`, key...)

	s.lakeCode(0, s.do(200, "", "GET", lake+"?path=/data/t/sub&from=0&size=5&search=c&sortBy=size&sortMode=0&type=1", "", key...))
	s.lakeCode(7, s.do(200, "", "GET", lake+"?path=/gone", "", key...))
	s.lakeCode(0, s.do(200, "", "GET", lake+"/info?path=/data/t", "", key...))
	s.lakeCode(0, s.do(200, "", "GET", lake+"/info?path=/data/t/sub/2.csv", "", key...))
	s.lakeCode(4, s.do(200, "", "GET", lake+"/info", "", key...))
	download := lake + "/download?path=/data/t/sub/2.csv"
	s.do(200, "", "GET", download, "", key...)
	s.do(206, "", "GET", download, "", append(key, "Range", "bytes=1-")...)
	s.do(304, "", "GET", download, "", append(key, "If-None-Match", "*")...)
	s.do(416, "", "GET", download, "", append(key, "Range", "bytes=9-")...)
	s.lakeCode(7, s.do(200, "", "GET", lake+"/download?path=/gone", "", key...))
	s.bucket.down.Store(true)
	s.lakeCode(20, s.do(200, "", "GET", download, "", key...))
	s.bucket.down.Store(false)
	s.lakeCode(6, s.do(200, "", "POST", lake+"/upload?sync_id=2", part("late", ""), form...))
	s.do(200, "", "POST", ingestion+"trash/purge", `{"sync_id":3}`, key...)
	s.fileSyncRefusals()
}

// lakeCode checks the code of an answer of the lake.
func (s *server) lakeCode(want int, text string) {
	s.t.Helper()
	if !strings.HasPrefix(text, `{"code":`+strconv.Itoa(want)+`,`) {
		s.t.Errorf("the answer is %s, want code %d", text, want)
	}
}

// fileSyncRefusals sends to each operation what any of them refuses.
func (s *server) fileSyncRefusals() {
	for path, item := range s.judge.model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			method := strings.ToUpper(method)
			switch {
			case strings.HasPrefix(path, "/api/lake/"):
				s.lakeCode(22, s.do(200, "", method, path, "", "x-api-key", "wrong"))
				s.lakeCode(17, s.do(200, "", method, path, "", "x-api-key", "503"))
			case strings.HasPrefix(path, "/api/ingestion/"):
				s.do(400, "", method, path, "", "x-api-key", "wrong")
				for _, status := range []int{403, 429, 500, 503} {
					s.do(status, "", method, path, "", "x-api-key", strconv.Itoa(status))
				}
				if op.RequestBody != nil {
					s.do(400, "", method, path, "[]", "x-api-key", "good")
					s.do(413, "", method, path, `{"name":"`+strings.Repeat("x", maxBody)+`"}`, "x-api-key", "good")
				}
			}
		}
	}
}
