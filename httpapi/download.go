package httpapi

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
)

// stored is a file whose bytes are in the managed bucket.
type stored struct {
	name    string // what it is called when it is saved
	sha256  [32]byte
	size    int64
	modTime time.Time
	open    func(ctx context.Context, opts *blob.OpenOptions) (io.ReadCloser, error)
}

// download writes a stored file, whole or in ranges.
type download struct {
	file    stored
	content *content
}

// newDownload opens the file where the whole of it is asked for, so that what
// is wrong with it is still told as an error.
func newDownload(ctx context.Context, r *http.Request, f stored) (any, error) {
	c := &content{ctx: ctx, file: f}
	if r.Header.Get("Range") == "" && r.Method != http.MethodHead && f.size > 0 {
		var err error
		if c.body, err = f.open(ctx, nil); err != nil {
			return nil, err
		}
	}
	return download{file: f, content: c}, nil
}

// stream leaves ranges and conditions to the standard library. The ETag is the
// SHA-256 of the bytes.
func (d download) stream(w http.ResponseWriter, r *http.Request) error {
	defer d.content.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream") // user content is never rendered on the API's origin
	h.Set("Content-Disposition", attachment(d.file.name))
	h.Set("Cache-Control", "private")
	h.Set("ETag", `"`+hex.EncodeToString(d.file.sha256[:])+`"`)
	http.ServeContent(w, r, "", d.file.modTime, d.content)
	return d.content.err
}

// content is a file's bytes, opened where the first read happens.
type content struct {
	ctx  context.Context // of the request that is being answered
	file stored
	body io.ReadCloser // nil until opened
	at   int64         // where body is
	want int64         // where the next read is to be
	err  error         // why a read failed
}

// Seek implements [io.Seeker].
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.want
	case io.SeekEnd:
		offset += c.file.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	c.want = offset
	return offset, nil
}

// Read implements [io.Reader]. A file that is shorter than its row says is an
// error, never an early end.
func (c *content) Read(p []byte) (int, error) {
	if c.want >= c.file.size {
		return 0, io.EOF
	}
	n, err := c.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

func (c *content) read(p []byte) (int, error) {
	if c.body != nil && c.at != c.want {
		c.Close()
	}
	if c.body == nil {
		body, err := c.file.open(c.ctx, &blob.OpenOptions{Offset: c.want})
		if err != nil {
			return 0, err
		}
		c.body, c.at = body, c.want
	}
	n, err := c.body.Read(p)
	c.at += int64(n)
	c.want = c.at
	if errors.Is(err, io.EOF) && c.at < c.file.size {
		err = errs.Wrap(errs.Unavailable, io.ErrUnexpectedEOF, "%q is shorter than it was", c.file.name)
	}
	return n, err
}

// Close closes what was opened.
func (c *content) Close() error {
	if c.body == nil {
		return nil
	}
	err := c.body.Close()
	c.body = nil
	return err
}
