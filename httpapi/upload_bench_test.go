package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/inlet-go/inlet/blob/folder"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/httpapi"
	"github.com/inlet-go/inlet/store/seal"
	"github.com/inlet-go/inlet/store/sqlstore"
)

// repeated gives n bytes without holding them.
func repeated(n int64) io.Reader { return io.LimitReader(pattern{}, n) }

type pattern struct{}

func (pattern) Read(p []byte) (int, error) {
	for n := 0; n < len(p); n += copy(p[n:], line) {
	}
	return len(p), nil
}

var line = bytes.Repeat([]byte("1234,some text,2026-01-02\n"), 1000)

// send posts n bytes as a form's file and fails unless that is a success.
func send(b *testing.B, url string, n int64) {
	b.Helper()
	head, tail := &bytes.Buffer{}, &bytes.Buffer{}
	w := multipart.NewWriter(head)
	w.WriteField("user_id", "ann")
	if _, err := w.CreateFormFile("file", "a.csv"); err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(tail, "\r\n--%s--\r\n", w.Boundary())
	req, err := http.NewRequest(http.MethodPost, url, io.MultiReader(head, repeated(n), tail))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !bytes.Contains(body, []byte(`"code":0`)) {
		b.Fatalf("%s %s %v", res.Status, body, err)
	}
}

// BenchmarkUpload uploads files through the API to a folder, in turns with a
// handler that copies the same body to a file and syncs it. ratio is our speed
// by its speed, in MB/s. Both files are removed before the next turn: who keeps
// more would pay for memory that the kernel has not used yet. INLET_BENCH_DIR
// is where both write.
func BenchmarkUpload(b *testing.B) {
	for _, size := range []int64{1 << 20, 64 << 20, 512 << 20} {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) { benchmarkUpload(b, size) })
	}
}

func benchmarkUpload(b *testing.B, size int64) {
	dir, err := os.MkdirTemp(os.Getenv("INLET_BENCH_DIR"), "inlet-bench-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := sqlstore.Open(context.Background(), "sqlite:"+filepath.Join(dir, "inlet.db"), &sqlstore.Options{Sealer: seal.Plaintext()})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	bucket, err := folder.Open(filepath.Join(dir, "bucket"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer bucket.Close()
	api, err := httpapi.New(httpapi.Config{Datasets: dataset.NewService(store, bucket, nil), Authenticator: httpapi.Open("acme")})
	if err != nil {
		b.Fatal(err)
	}
	ours := httptest.NewServer(api)
	defer ours.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := copySynced(dir, r.Body); err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		io.WriteString(w, `{"code":0}`)
	}))
	defer plain.Close()
	var took [2]time.Duration
	b.SetBytes(size)
	for i := 0; b.Loop(); i++ {
		for j := range 2 { // each is first half of the time
			side := (i + j) % 2
			start := time.Now()
			send(b, []string{ours.URL + "/v2/team/file/upload-datasource", plain.URL}[side], size)
			took[side] += time.Since(start)
			empty(b, bucket)
		}
	}
	mbs := func(d time.Duration) float64 { return float64(size) * float64(b.N) / 1e6 / d.Seconds() }
	b.ReportMetric(mbs(took[0]), "ours-MB/s")
	b.ReportMetric(mbs(took[1]), "copy-MB/s")
	b.ReportMetric(mbs(took[0])/mbs(took[1]), "ratio")
}

// empty removes all objects.
func empty(b *testing.B, bucket *folder.Bucket) {
	b.Helper()
	ctx := context.Background()
	for o, err := range bucket.List(ctx, "", nil) {
		if err == nil {
			err = bucket.Delete(ctx, o.Key)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// copySynced copies a body to a new file and makes it durable.
func copySynced(dir string, body io.Reader) error {
	f, err := os.CreateTemp(dir, "copy-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := io.Copy(f, body); err != nil {
		return err
	}
	return f.Sync()
}
