package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// pd sends a request of the data source API and decodes the data of its
// answer into out; a nil body makes it a GET.
func (p *process) pd(method, path string, body, out any) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, p.url+path, reader)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return pdAnswer(req, out)
}

func pdAnswer(req *http.Request, out any) error {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var answer struct {
		Code *int
		Msg  string
		Data json.RawMessage
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Code == nil || *answer.Code != 0 {
		return fmt.Errorf("%s %s: %d %s", req.Method, req.URL.Path, res.StatusCode, answer.Msg)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, out)
}

func (p *process) mustPD(method, path string, body, out any) {
	p.t.Helper()
	if err := p.pd(method, path, body, out); err != nil {
		p.t.Fatalf("%v\n%s", err, p.logged())
	}
}

// uploadForm uploads a file in one form and returns its object key.
func (p *process) uploadForm(name string, content []byte) (string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.WriteField("user_id", "ann")
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, p.url+"/v2/team/file/upload-datasource", &b)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	var made struct {
		Key string `json:"file_object_key"`
	}
	return made.Key, pdAnswer(req, &made)
}

// sourceState is a data source as the API shows it.
type sourceState struct {
	ID      string
	Dataset string `json:"dataset_id"`
	Status  string
	Reason  string
	Size    int64
	SHA256  string
	Tables  []struct {
		Rows    int64
		Columns []struct{ Name, Type string }
	}
}

func (s sourceState) path() string {
	return "/v2/team/datasets/" + s.Dataset + "/datasources/" + s.ID
}

// awaitSynched polls a dataset as the product's client does.
func (p *process) awaitSynched(dataset string, within time.Duration) {
	p.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		var s struct {
			Invalid  int `json:"invalid_count"`
			Synching int `json:"synching_count"`
		}
		p.mustPD(http.MethodGet, "/v2/team/datasets/"+dataset+"/status?user_id=ann", nil, &s)
		if s.Invalid > 0 || time.Now().After(end) {
			p.t.Fatalf("%d invalid, %d still synching\n%s", s.Invalid, s.Synching, p.logged())
		}
		if s.Synching == 0 {
			return
		}
	}
}

// bigCSV returns a csv of the given size, and how many rows it has.
func bigCSV(size int) ([]byte, int64) {
	var b bytes.Buffer
	b.WriteString("id,code,city,price,note\n")
	rows := int64(0)
	for b.Len() < size {
		rows++
		fmt.Fprintf(&b, "%d,%05d,Hangzhou 杭州,%d.25,\"a, b\"\n", rows, rows%99999, rows%1000)
	}
	return b.Bytes(), rows
}

// clientFlow goes the way of the product's public client with a file of 100
// MiB: init, PUT parts, complete, create, poll, list, presign, bare GET.
func clientFlow(t *testing.T, p *process) {
	content, rows := bigCSV(100 << 20)
	var d struct{ ID string }
	p.mustPD(http.MethodPost, "/v2/team/datasets", object{"name": "flow", "user_id": "ann"}, &d)
	var begun struct {
		ID    string `json:"upload_id"`
		Key   string `json:"file_object_key"`
		Parts []struct {
			Number int
			URL    string `json:"upload_url"`
			Size   int64
		} `json:"part_items"`
	}
	p.mustPD(http.MethodPost, "/v2/team/file/init-multipart-upload",
		object{"file_name": "big.csv", "file_size": len(content), "user_id": "ann"}, &begun)
	var etags []object
	for at := int64(0); len(etags) < len(begun.Parts); {
		part := begun.Parts[len(etags)]
		req, err := http.NewRequest(http.MethodPut, part.URL, bytes.NewReader(content[at:at+part.Size]))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/octet-stream")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Fatalf("part %d: %s", part.Number, res.Status)
		}
		etags = append(etags, object{"number": part.Number, "etag": strings.Trim(res.Header.Get("ETag"), `"`)})
		at += part.Size
	}
	p.mustPD(http.MethodPost, "/v2/team/file/complete-multipart-upload",
		object{"file_object_key": begun.Key, "upload_id": begun.ID, "part_etags": etags, "user_id": "ann"}, nil)
	var s sourceState
	p.mustPD(http.MethodPost, "/v2/team/datasets/"+d.ID+"/datasources",
		object{"name": "big.csv", "type": "FILE", "user_id": "ann", "file_object_key": begun.Key}, &s)
	p.awaitSynched(d.ID, 2*time.Minute)
	var list struct {
		Total   int `json:"total_items"`
		Records []sourceState
	}
	p.mustPD(http.MethodGet, "/v2/team/datasets/"+d.ID+"/datasources?user_id=ann&status=synched", nil, &list)
	if list.Total != 1 || len(list.Records) != 1 || list.Records[0].ID != s.ID {
		t.Errorf("listed %+v", list)
	}
	p.mustPD(http.MethodGet, s.path()+"?user_id=ann", nil, &s)
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	if s.Size != int64(len(content)) || s.SHA256 != sum || s.Tables[0].Rows != rows || s.Tables[0].Columns[1].Type != "text" {
		t.Errorf("it is %+v", s)
	}
	var link struct {
		URL string `json:"presigned_url"`
	}
	p.mustPD(http.MethodPost, s.path()+"/presign", object{"expires_in": 60, "user_id": "ann"}, &link)
	res, err := http.Get(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	h := sha256.New()
	n, err := io.Copy(h, res.Body)
	if err != nil || n != int64(len(content)) || fmt.Sprintf("%x", h.Sum(nil)) != sum {
		t.Errorf("the link gives %d bytes, %v", n, err)
	}
	if got := res.Header.Get("Content-Disposition"); !strings.Contains(got, "big.csv") {
		t.Errorf("Content-Disposition %q", got)
	}
}

func TestDataSourcesOnAFolder(t *testing.T) { clientFlow(t, start(t, "-data", t.TempDir())) }

func TestDataSourcesOnS3(t *testing.T) {
	s3 := startS3(t)
	t.Setenv("AWS_ACCESS_KEY_ID", s3.access)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3.secret)
	bucket := "s3://bucket?region=us-east-1&path_style=true&endpoint=" + s3.url
	clientFlow(t, start(t, "-data", t.TempDir(), "-bucket", bucket))
}

// pythonClient is the flow as a program of Python's requests alone makes it.
const pythonClient = `
import requests, sys, time
base, key, content = sys.argv[1], sys.argv[2], b"id,name\n" + b"".join(b"%d,n%d\n" % (i, i) for i in range(300000))
h = {"x-pd-api-key": key}
def data(r):
    r.raise_for_status()
    body = r.json()
    assert body["code"] == 0, body
    assert r.headers["x-pd-trace-id"]
    return body["data"]
ds = data(requests.post(base + "/v2/team/datasets", headers=h, json={"name": "py", "user_id": "ann"}))["id"]
up = data(requests.post(base + "/v2/team/file/init-multipart-upload", headers=h, json={"file_name": "a.csv", "file_size": len(content), "user_id": "ann"}))
etags, at = [], 0
for part in up["part_items"]:
    r = requests.put(part["upload_url"], data=content[at:at + part["size"]], headers={"Content-Type": "application/octet-stream"})
    r.raise_for_status()
    etags.append({"number": part["number"], "etag": r.headers["ETag"].strip('"')})
    at += part["size"]
data(requests.post(base + "/v2/team/file/complete-multipart-upload", headers=h, json={"file_object_key": up["file_object_key"], "upload_id": up["upload_id"], "part_etags": etags, "user_id": "ann"}))
form = data(requests.post(base + "/v2/team/file/upload-datasource", headers=h, files={"file": ("small.tsv", "a\tb\n1\t2\n")}, data={"user_id": "ann"}))
for name, k in (("a.csv", up["file_object_key"]), ("small.tsv", form["file_object_key"])):
    src = data(requests.post(base + "/v2/team/datasets/%s/datasources" % ds, headers=h, json={"name": name, "type": "FILE", "user_id": "ann", "file_object_key": k}))
    assert src["status"] == "synching", src
for _ in range(300):
    s = data(requests.get(base + "/v2/team/datasets/%s/status" % ds, headers=h, params={"user_id": "ann"}))
    assert s["invalid_count"] == 0, s
    if s["synching_count"] == 0:
        break
    time.sleep(0.1)
records = data(requests.get(base + "/v2/team/datasets/%s/datasources" % ds, headers=h, params={"user_id": "ann", "status": "synched"}))["records"]
assert sorted(r["name"] for r in records) == ["a.csv", "small.tsv"], records
one = base + "/v2/team/datasets/%s/datasources/%s" % (ds, [r["id"] for r in records if r["name"] == "a.csv"][0])
link = data(requests.post(one + "/presign", headers=h, json={"user_id": "ann"}))["presigned_url"]
assert requests.get(link).content == content
data(requests.delete(one, headers=h, json={"user_id": "ann"}))
assert requests.get(link).status_code == 404
print("ok")
`

func TestDataSourcesFromPython(t *testing.T) {
	if err := exec.Command("python3", "-c", "import requests").Run(); err != nil {
		t.Skip("SKIPPED: python3 with the requests package is not here")
	}
	p := start(t, "-data", t.TempDir())
	out, err := exec.Command("python3", "-c", pythonClient, p.url, "any").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "ok" {
		t.Errorf("%v: %s\n%s", err, out, p.logged())
	}
}
