package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// peakMemory returns the most memory that the process had, in bytes.
func (p *process) peakMemory() int64 {
	p.t.Helper()
	if raced {
		p.t.Skip("SKIPPED: the race detector takes memory of its own")
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skip("SKIPPED: /proc does not tell the memory of a process here")
	}
	var kb int64
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		p.t.Fatal(err)
	}
	return kb << 10
}

// slowly gives n bytes in small pieces, so that many of it run at once.
type slowly struct{ left int64 }

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(time.Millisecond)
	n := int(min(s.left, int64(len(p)), 32<<10))
	for i := range n {
		p[i] = "0123456789,\n"[i%12]
	}
	s.left -= int64(n)
	return n, nil
}

// Two hundred files of 8 MiB arrive at the same time.
func TestManyUploadsAtOnce(t *testing.T) {
	if raced {
		t.Skip("SKIPPED: the race detector takes memory of its own, and too much time for so many at once")
	}
	p := start(t, "-data", t.TempDir())
	const uploads, size = 200, 8 << 20
	var all sync.WaitGroup
	for range uploads {
		all.Go(func() {
			head := "--x\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\nann\r\n" +
				"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
			body := io.MultiReader(strings.NewReader(head), &slowly{left: size}, strings.NewReader("\r\n--x--\r\n"))
			req, err := http.NewRequest(http.MethodPost, p.url+"/v2/team/file/upload-datasource", body)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			if err := pdAnswer(req, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if peak := p.peakMemory(); peak > 200e6 {
		t.Errorf("the server had %d MB", peak/1e6)
	} else {
		t.Logf("%d uploads of %d MiB at once: at most %d MB", uploads, size>>20, peak/1e6)
	}
}
