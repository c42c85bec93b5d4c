package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the server as well, so that tests can kill
// the real thing.
func TestMain(m *testing.M) {
	if os.Getenv("INLET_TEST_BE_SERVER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a running server.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	url string

	mu  sync.Mutex
	log bytes.Buffer
}

// start runs a server with the flags and waits until it listens.
func start(t *testing.T, flags ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], append([]string{"-addr", "127.0.0.1:0", "-open"}, flags...)...)}
	p.cmd.Env = append(os.Environ(), "INLET_TEST_BE_SERVER=1")
	p.cmd.Stderr = p
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			p.url = url
			go io.Copy(io.Discard, stdout)
			return p
		}
	}
	t.Fatalf("the server did not start:\n%s", p.logged())
	return nil
}

// Write collects the server's log.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// stop ends the process politely and reports how it ended.
func (p *process) stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	return p.cmd.Wait()
}

// call sends a request and decodes the data of its answer into out. A nil
// body makes it a GET.
func (p *process) call(path string, body, out any) error {
	method, reader := http.MethodGet, io.Reader(nil)
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		method, reader = http.MethodPost, bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, p.url+path, reader)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var answer struct {
		Code, Msg string
		Data      json.RawMessage
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Code != "OK" {
		return fmt.Errorf("%s: %d %s %s", path, res.StatusCode, answer.Code, answer.Msg)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, out)
}

func (p *process) mustCall(path string, body, out any) {
	p.t.Helper()
	if err := p.call(path, body, out); err != nil {
		p.t.Fatalf("%v\n%s", err, p.logged())
	}
}

type object = map[string]any

// connector makes a connector to a folder and returns its id.
func (p *process) connector(name, dir string) int64 {
	p.t.Helper()
	var made struct{ ID int64 }
	p.mustCall("/connectors", object{"name": name, "source_type": 100, "config": object{"folder": object{"path": dir}}}, &made)
	return made.ID
}

// volume makes a volume and returns its id.
func (p *process) volume(name string) string {
	p.t.Helper()
	var made struct{ ID string }
	p.mustCall("/CreateOriginVolume", object{"name": name}, &made)
	return made.ID
}

// load makes a one-off task for everything and returns its id.
func (p *process) load(connector int64, volume string, uris ...string) string {
	p.t.Helper()
	var made struct {
		TaskID string `json:"task_id"`
	}
	p.mustCall("/task", object{"source_connector_id": connector, "volume_id": volume, "config_type": 1, "source_config": object{
		"common_file_task_config": object{"uris": uris, "load_mode_config": object{"load_interval_type": 4}},
	}}, &made)
	return made.TaskID
}

type fileRow struct {
	ID, Name, Path, Reason string
	Size                   int64
	Status                 int
}

// uri returns where the file lies below its volume.
func (f fileRow) uri() string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(f.Path, "/"), "/")
	return rest
}

// files returns a page of a task's files with the task's numbers.
func (p *process) files(task string, page, size int) (files []fileRow, total, success, failed int, err error) {
	var data struct {
		Total        int
		TotalSuccess int `json:"total_success"`
		TotalFailed  int `json:"total_failed"`
		Files        []fileRow
	}
	err = p.call(fmt.Sprintf("/task/files?task_id=%s&page=%d&page_size=%d", task, page, size), nil, &data)
	return data.Files, data.Total, data.TotalSuccess, data.TotalFailed, err
}

func (p *process) status(task string) int {
	p.t.Helper()
	var data struct{ Task struct{ Status int } }
	p.mustCall("/task/get?task_id="+task, nil, &data)
	return data.Task.Status
}

// await waits until the task has the status.
func (p *process) await(task string, status int, limit time.Duration) {
	p.t.Helper()
	for deadline := time.Now().Add(limit); p.status(task) != status; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("task %s is %d after %v, want %d\n%s", task, p.status(task), limit, status, p.logged())
		}
	}
}

// fetch returns a file's bytes by its link.
func (p *process) fetch(volume, file string) []byte {
	p.t.Helper()
	var data struct{ Link string }
	p.mustCall("/GetOriginVolumeFileLink", object{"volume_id": volume, "file_id": file}, &data)
	res, err := http.Get(data.Link)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		p.t.Fatalf("link of file %s: %d %v", file, res.StatusCode, err)
	}
	return body
}

// folderOf makes a folder with the files.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestServerLoadsAndStops(t *testing.T) {
	source := folderOf(t, map[string]string{"a.csv": "x,y\n1,2\n", "红楼梦.pdf": "%PDF-1.7 …"})
	p := start(t, "-data", t.TempDir(), "-allow-dir", source)
	volume := p.volume("v")
	task := p.load(p.connector("c", source), volume, "/")
	p.await(task, 4, 10*time.Second)
	files, total, success, _, err := p.files(task, 1, 10)
	if err != nil || total != 2 || success != 2 {
		t.Fatalf("files: %v, %d of %d, %v", files, success, total, err)
	}
	if got := string(p.fetch(volume, files[1].ID)); got != "%PDF-1.7 …" {
		t.Errorf("%s holds %q", files[1].Name, got)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		res, err := http.Get(p.url + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	if err := p.stop(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.logged())
	}
}

func TestServerRefusesWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-open", "-addr", "0.0.0.0:0"}, {"-open", "-token", "x"}, {"-allow-net", "10.0.0.0/99"}, {"-prefix", "x"}, {"extra"},
	} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	c, err := parse([]string{"-data", "d", "-allow-net", "127.0.0.1,10.0.0.0/8", "-allow-dir", "/a,/b"})
	if err != nil {
		t.Fatal(err)
	}
	if c.db != "sqlite:d/inlet.db" || c.bucket != "file:d/bucket" || len(c.allowNet) != 2 || len(c.allowDir) != 2 {
		t.Errorf("parsed %+v", c)
	}
}
