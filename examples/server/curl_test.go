package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// curlSamples returns the document's curl samples in order, each with the
// answer that it shows.
func curlSamples(t *testing.T) [][2]string {
	t.Helper()
	seeds := os.Getenv("INLET_TEST_SEEDS")
	if seeds == "" {
		t.Skip("SKIPPED: INLET_TEST_SEEDS names no folder with the documents")
	}
	text, err := os.ReadFile(filepath.Join(seeds, "004_ddc886d1cd93e300.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var samples [][2]string
	for _, part := range strings.Split(string(text), "Sample request:\n")[1:] {
		request, rest, ok := strings.Cut(part, "Sample response:\n")
		answer := regexp.MustCompile(`(?m)^(End sync job|Upload file|Get list of sync job|Note: sync_status|Uploaded file history|Last updated)$`).Split(rest, 2)[0]
		if !ok || !strings.HasPrefix(request, "curl ") {
			t.Fatalf("no sample in %q", part)
		}
		samples = append(samples, [2]string{request, answer})
	}
	return samples
}

// TestCurlSamples runs the samples unchanged but for the host and the place of
// the file. They upload into sync 8, so there are eight.
func TestCurlSamples(t *testing.T) {
	samples := curlSamples(t)
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIPPED: curl is not here")
	}
	if len(samples) != 5 {
		t.Fatalf("%d samples, want start, upload, end, list and history", len(samples))
	}
	p := start(t, "-data", t.TempDir())
	file := filepath.Join(t.TempDir(), "sales_transaction.parquet")
	content := strings.Repeat("PAR1 sales ", 20_000)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	curl := func(sample string) string {
		t.Helper()
		command := strings.NewReplacer("https://[client].datainsider.co", p.url, "http://[client].datainsider.co", p.url,
			"/data/example/sales_transaction.parquet", file).Replace(sample)
		command = "curl --silent --show-error --fail" + strings.TrimPrefix(strings.TrimSpace(command), "curl")
		cmd := exec.Command("sh", "-c", command)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v %s\n%s\n%s", err, stderr.String(), command, out)
		}
		return strings.TrimSpace(string(out))
	}
	for i := range 8 {
		if got, want := curl(samples[0][0]), fmt.Sprintf(`{"sync_id":%d}`, i+1); got != want {
			t.Fatalf("start prints %s, want %s", got, want)
		}
	}
	if got := curl(samples[1][0]); got != `{"code":0,"msg":null}` {
		t.Fatalf("upload prints %s", got)
	}
	if got := p.read("/data/db/transactions/sales_transaction.parquet"); got != content {
		t.Errorf("the file holds %d bytes, want %d", len(got), len(content))
	}
	if got := curl(samples[2][0]); got != `{"success":true}` {
		t.Fatalf("end prints %s", got)
	}
	// The lists have the fields of the documents, in their order.
	fields := regexp.MustCompile(`"[a-z_]+"\s*:`)
	for _, sample := range samples[3:] {
		got, want := curl(sample[0]), sample[1]
		if !strings.HasPrefix(got, "[{") {
			t.Fatalf("a list prints %s", got)
		}
		want, _, _ = strings.Cut(want, "}")
		first, _, _ := strings.Cut(got, "}")
		names := func(s string) string {
			return strings.ReplaceAll(strings.Join(fields.FindAllString(s, -1), " "), `" :`, `":`)
		}
		if names(first) != names(want) {
			t.Errorf("a list has the fields\n%s\nwant\n%s", names(first), names(want))
		}
	}
	list := curl(samples[3][0])
	if !strings.Contains(list, `"sync_id":8,`) || strings.Count(list, `"sync_status":"Syncing"`) != 7 || strings.Count(list, `"sync_status":"Finished"`) != 1 ||
		!strings.Contains(list, `"end_time":0,`) || !strings.Contains(list, `"total_files":1,"num_failed":0}`) {
		t.Errorf("list prints %s", list)
	}
}
