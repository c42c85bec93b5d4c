package main

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/connector/archive/archivetest"
)

// TestServerKeepsDefinitions registers a definition, kills the server, and
// finds the definition in the next one.
func TestServerKeepsDefinitions(t *testing.T) {
	const metadata = `{"metadata":{"id":"w","version":"1","name":"Weather","category":"File","description":"d","technology":"python",
		"runtime":"spark","licence":"MIT","owner":"o","icon":"i.svg","main_class":null,"main_program":null}}`
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file3", "w-1.zip")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(archivetest.Zip(archivetest.File{"w-1/metadata.json", metadata}, archivetest.File{"w-1/ui-config.json", `{"title":"W"}`},
		archivetest.File{"w-1/i.svg", "<svg/>"}))
	form.Close()
	data := t.TempDir()
	p := start(t, "-data", data)
	res, err := http.Post(p.url+"/v2/connector/register", form.FormDataContentType(), &b)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("register: %s", res.Status)
	}
	p.kill()
	p = start(t, "-data", data)
	if res, err = http.Get(p.url + "/v2/connectors/read/w-1"); err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Result struct {
			IconURL string          `json:"iconurl"`
			UISpec  json.RawMessage `json:"ui_spec"`
		}
	}
	err = json.NewDecoder(res.Body).Decode(&answer)
	if err != nil || string(answer.Result.UISpec) != `{"title":"W"}` || !strings.HasPrefix(answer.Result.IconURL, "data:image/svg+xml;base64,") {
		t.Errorf("read: %s %+v, %v", res.Status, answer, err)
	}
}
