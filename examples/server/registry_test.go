package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

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

// TestLargeArchive registers an archive of 256 MiB, whose metadata comes last.
func TestLargeArchive(t *testing.T) {
	p := start(t, "-data", t.TempDir())
	body, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		part, err := form.CreateFormFile("file", "big-1.tar")
		if err == nil {
			err = writeLarge(part, 256<<20)
		}
		w.CloseWithError(errors.Join(err, form.Close()))
	}()
	begun := time.Now()
	res, err := http.Post(p.url+"/v2/connector/register", form.FormDataContentType(), body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("register: %s %s", res.Status, answer)
	}
	peak := p.peakMemory()
	if peak > 100<<20 {
		t.Errorf("the server had %d MiB", peak>>20)
	}
	t.Logf("%v, %d MiB at most", time.Since(begun), peak>>20)
}

// writeLarge writes a tar with a file of the size before the rest.
func writeLarge(w io.Writer, size int64) error {
	const metadata = `{"metadata":{"id":"big","version":"1","name":"Big","category":"File","description":"d","technology":"java",
		"runtime":"flink","licence":"MIT","owner":"o","icon":null,"main_class":"a.B","main_program":"big.jar"}}`
	files := tar.NewWriter(w)
	if err := files.WriteHeader(&tar.Header{Name: "big-1/big.jar", Mode: 0o644, Size: size}); err != nil {
		return err
	}
	if _, err := io.CopyN(files, rand.NewChaCha8([32]byte{}), size); err != nil {
		return err
	}
	for name, text := range map[string]string{"big-1/metadata.json": metadata, "big-1/ui-config.json": `{"title":"Big"}`} {
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			return err
		}
		if _, err := io.WriteString(files, text); err != nil {
			return err
		}
	}
	return files.Close()
}
