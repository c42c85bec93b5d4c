package contract

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
)

// wrongKeys sends every key that is refused with a 403.
func (s *server) wrongKeys(method, target string) {
	for key, code := range map[string]string{"": "1003", "wrong": "1004", "expired": "1002"} {
		s.code(code, http.StatusForbidden, key, method, target, "")
	}
}

// code sends a request whose answer must have the code.
func (s *server) code(code string, status int, key, method, target, body string, headers ...string) string {
	s.t.Helper()
	text := s.do(status, key, method, target, body, headers...)
	if !strings.HasPrefix(text, `{"code":`+code+`,`) {
		s.t.Errorf("%s %s: %s, want code %s", method, target, text, code)
	}
	return text
}

// pd sends a request of the data source API that must succeed.
func (s *server) pd(method, target, body string, headers ...string) string {
	s.t.Helper()
	return s.code("0", 200, "good", method, target, body, headers...)
}

// field returns a text field of an answer.
func (s *server) field(text, name string) string {
	s.t.Helper()
	m := regexp.MustCompile(`"` + name + `":"([^"]*)"`).FindStringSubmatch(text)
	if m == nil {
		s.t.Fatalf("no %s in %s", name, text)
	}
	return m[1]
}

// upload uploads a file as a form.
func (s *server) upload(code, name, text string) string {
	s.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprint(part, text)
	w.WriteField("user_id", "ann")
	w.Close()
	return s.code(code, 200, "good", "POST", "/v2/team/file/upload-datasource", b.String(), "Content-Type", w.FormDataContentType())
}

func (s *server) dataSources() {
	const all = "/v2/team/datasets"
	id := s.field(s.pd("POST", all, `{"name":"d","description":"x","user_id":"ann"}`, "x-pd-external-trace-id", "mine"), "id")
	of := all + "/" + id
	s.pd("GET", all+"?user_id=ann&page_number=1&page_size=5&search=D", "")
	s.pd("POST", of, `{"name":"e","user_id":"ann"}`)
	key := s.field(s.upload("0", "a.csv", "id, name\n1,ann\n"), "file_object_key")
	source := func(name string) string {
		return `{"name":"` + name + `","type":"FILE","user_id":"ann","file_object_key":"` + key + `"}`
	}
	one := of + "/datasources/" + s.field(s.pd("POST", of+"/datasources", source("a.csv")), "id")
	s.pd("POST", of+"/datasources", source("a.json")) // will be invalid
	alone := s.pd("POST", "/v2/team/datasources", source("b.csv"))
	s.pd("GET", one+"?user_id=ann", "")
	s.drain()
	s.pd("GET", one+"?user_id=ann", "")
	s.pd("GET", of+"/datasources?user_id=ann&page_number=1&page_size=5&status=synched,invalid", "")
	s.pd("GET", of+"/status?user_id=ann", "")
	s.pd("GET", of+"/overview?user_id=ann", "")
	s.sourceLinks(one)
	s.parts()
	s.sourceErrors(of, one, key)
	s.pd("DELETE", one, `{"user_id":"ann"}`)
	s.pd("DELETE", all+"/"+s.field(alone, "dataset_id"), `{"user_id":"ann"}`)
	s.pd("DELETE", of+"?user_id=ann", "")
}

// sourceLinks follows a link to a data source in every way.
func (s *server) sourceLinks(one string) {
	link := strings.ReplaceAll(s.field(s.pd("POST", one+"/presign", `{"user_id":"ann","expires_in":60}`), "presigned_url"), `\u0026`, "&")
	s.do(200, "", "GET", link, "")
	s.do(206, "", "GET", link, "", "Range", "bytes=0-0")
	s.do(304, "", "GET", link, "", "If-None-Match", "*")
	s.do(416, "", "GET", link, "", "Range", "bytes=99-")
	s.do(400, "", "GET", link+"&a=%zz", "")
	s.do(403, "", "GET", link+"x", "")
	s.bucket.down.Store(true)
	s.do(503, "", "GET", link, "")
	s.bucket.down.Store(false)
	alone := s.pd("POST", "/v2/team/datasources", `{"name":"x.csv","type":"FILE","user_id":"ann","file_object_key":"`+s.field(s.upload("0", "x.csv", "x\n"), "file_object_key")+`"}`)
	path := "/v2/team/datasets/" + s.field(alone, "dataset_id") + "/datasources/" + s.field(alone, "id")
	gone := s.field(s.pd("POST", path+"/presign", `{"user_id":"ann"}`), "presigned_url")
	s.pd("DELETE", path, `{"user_id":"ann"}`)
	s.do(404, "", "GET", gone, "")
}

// parts sends an upload in two parts.
func (s *server) parts() {
	begun := s.pd("POST", "/v2/team/file/init-multipart-upload", `{"file_name":"p.txt","file_size":12,"user_id":"ann"}`)
	key, id := s.field(begun, "file_object_key"), s.field(begun, "upload_id")
	links := regexp.MustCompile(`"upload_url":"([^"]*)"`).FindAllStringSubmatch(begun, -1)
	s.do(400, "", "PUT", links[0][1], "short", "Content-Type", "application/octet-stream")
	s.do(403, "", "PUT", links[0][1]+"x", "0123456789", "Content-Type", "application/octet-stream")
	s.bucket.down.Store(true)
	s.do(503, "", "PUT", links[0][1], "0123456789", "Content-Type", "application/octet-stream")
	s.bucket.down.Store(false)
	s.do(200, "", "PUT", links[0][1], "0123456789", "Content-Type", "application/octet-stream")
	s.do(200, "", "PUT", links[1][1], "ab", "Content-Type", "application/octet-stream")
	stored, err := s.store.Parts(s.t.Context(), id)
	if err != nil || len(stored) != 2 {
		s.t.Fatalf("%d parts are stored, %v", len(stored), err)
	}
	s.pd("POST", "/v2/team/file/complete-multipart-upload", fmt.Sprintf(`{"file_object_key":%q,"upload_id":%q,"user_id":"ann",
		"part_etags":[{"number":1,"etag":%q},{"part_number":2,"etag":%q}]}`, key, id, stored[0].ETag, `"`+stored[1].ETag+`"`))
	s.do(409, "", "PUT", links[0][1], "0123456789", "Content-Type", "application/octet-stream")
	u, err := s.store.Upload(s.t.Context(), "acme", key)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, err := range []error{s.store.ExpireUpload(s.t.Context(), id, u.ExpiresAt), s.store.ForgetUpload(s.t.Context(), id)} {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.do(404, "", "PUT", links[0][1], "0123456789", "Content-Type", "application/octet-stream")
}

// sourceErrors causes every error that has a code of its own.
func (s *server) sourceErrors(of, one, key string) {
	source := func(name, field, value string) string {
		return fmt.Sprintf(`{"name":%q,"type":"FILE","user_id":"ann",%q:%q}`, name, field, value)
	}
	s.code("300002", 200, "good", "GET", one+"?user_id=bob", "")
	s.code("300003", 200, "good", "GET", of+"/datasources/x?user_id=ann", "")
	s.code("300004", 200, "good", "POST", of+"/datasources", source("a.exe", "file_object_key", key))
	s.upload("300005", "a.csv", "")
	s.bucket.full.Store(true)
	s.upload("300006", "a.csv", "x")
	s.bucket.full.Store(false)
	s.bucket.down.Store(true)
	s.upload("300007", "a.csv", "x")
	s.bucket.down.Store(false)
	waits := s.field(s.pd("POST", of+"/datasources", source("u.csv", "url", "https://h.example/u.csv")), "id")
	s.code("300008", 200, "good", "POST", of+"/datasources/"+waits+"/presign", `{"user_id":"ann"}`)
	s.store.down.Store(true)
	s.code("300011", 200, "good", "POST", of+"/datasources", source("u.csv", "url", "https://h.example/u.csv"))
	s.store.down.Store(false)
	s.pd("DELETE", of+"/datasources/"+waits, `{"user_id":"ann"}`)
}
