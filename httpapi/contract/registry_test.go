package contract

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"

	"github.com/inlet-go/inlet/connector/archive/archivetest"
)

// files makes a form of as many files as there are texts.
func (s *server) files(texts ...string) (body, contentType string) {
	s.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, text := range texts {
		part, err := w.CreateFormFile("file3", "a.tar")
		if err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprint(part, text)
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}

// definition registers a definition with two fields.
func (s *server) definition(target, id string) {
	s.t.Helper()
	name, version, _ := strings.Cut(id, "-")
	metadata := fmt.Sprintf(`{"metadata":{"id":%q,"version":%q,"name":"n","category":"Database","description":"d","technology":"python",
		"runtime":"spark","licence":"MIT","owner":"o","icon":null,"main_class":null,"main_program":null}}`, name, version)
	ui := `{"properties":{"host":{"type":"string"},"password":{"format":"password"}},"required":["host"]}`
	body, contentType := s.files(string(archivetest.Tar(
		archivetest.File{id + "/metadata.json", metadata}, archivetest.File{id + "/ui-config.json", ui})))
	s.do(200, "good", "POST", target, body, "Content-Type", contentType)
}

// registry calls the operations of the registry of definitions.
func (s *server) registry() {
	const list = `{"id":"api.connectors.list","ver":"v2","ts":"2024-04-10T16:10:50+05:30","params":{"msgid":"m"},"request":%s}`
	s.definition("/v2/connector/register", "one-1")
	s.definition("/v2/connectors/register", "one-2")
	for _, request := range []string{`{}`, `{"filters":{}}`, `{"filters":{"status":["Draft"]}}`, `{"filters":{"status":["Live","Retired"],"category":["Database","File"]}}`} {
		s.do(200, "good", "POST", "/v2/connectors/list", fmt.Sprintf(list, request))
	}
	for _, request := range []string{`[]`, `{"filters":{"status":[]}}`, `{"filters":{"category":["x"]}}`} {
		s.do(400, "good", "POST", "/v2/connectors/list", fmt.Sprintf(list, request))
	}
	for _, id := range []string{"one", "one-2", "s3", "oss-1.0.0", "folder"} {
		s.do(200, "good", "GET", "/v2/connectors/read/"+id, "")
	}
	s.do(404, "good", "GET", "/v2/connectors/read/one-1", "")
	s.do(404, "good", "GET", "/v2/connectors/read/one-2?mode=edit", "")
	for _, target := range []string{"/v2/connector/register", "/v2/connectors/register"} {
		body, contentType := s.files("a", "b")
		s.do(400, "good", "POST", target, body, "Content-Type", contentType)
		s.do(400, "good", "POST", target, body[:len(body)-10], "Content-Type", contentType)
		body, contentType = s.files("no archive")
		s.do(500, "good", "POST", target, body, "Content-Type", contentType)
		s.do(500, "good", "POST", target, "[]")
		s.bucket.down.Store(true)
		s.do(500, "good", "POST", target, body, "Content-Type", contentType)
		s.bucket.down.Store(false)
	}
}
