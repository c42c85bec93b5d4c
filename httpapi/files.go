package httpapi

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
	"github.com/inlet-go/inlet/task"
)

// fileServer serves the files that links lead to.
type fileServer struct {
	tasks *task.Service
	links links
}

// signedLink is a link that somebody follows.
type signedLink struct {
	fileLink
	signature string
	ranged    bool
}

func readLink(in *input) signedLink {
	l := signedLink{
		fileLink: fileLink{
			Tenant: in.query.text("tenant"), Volume: in.pathID("volume"), File: in.pathID("file"), Name: in.r.PathValue("name"),
		},
		signature: in.query.text("signature"),
		ranged:    in.r.Header.Get("Range") != "" || in.r.Method == http.MethodHead,
	}
	l.Expires = in.query.id("expires")
	return l
}

// serve checks the link and opens the file, so that what is wrong with either
// is still told as an error.
func (s *fileServer) serve(ctx context.Context, _ scope.Scope, l signedLink) (any, error) {
	if err := s.links.check(l.fileLink, l.signature); err != nil {
		return nil, err
	}
	f, err := s.tasks.VolumeFile(ctx, scope.Scope{Tenant: l.Tenant}, l.Volume, l.File)
	if err != nil {
		return nil, err
	}
	content := &fileContent{ctx: ctx, tasks: s.tasks, file: f}
	if l.ranged || f.Size == 0 {
		return download{name: l.Name, content: content}, nil
	}
	if content.body, err = s.tasks.OpenFile(ctx, f, nil); err != nil {
		return nil, err
	}
	return download{name: l.Name, content: content}, nil
}

// download writes a file, whole or in ranges.
type download struct {
	name    string
	content *fileContent
}

// stream leaves ranges and conditions to the standard library. The ETag is the
// SHA-256 of the bytes.
func (d download) stream(w http.ResponseWriter, r *http.Request) error {
	defer d.content.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream") // user content is never rendered on the API's origin
	h.Set("Content-Disposition", attachment(d.name))
	h.Set("Cache-Control", "private")
	h.Set("ETag", `"`+hex.EncodeToString(d.content.file.SHA256[:])+`"`)
	http.ServeContent(w, r, "", d.content.file.EndAt, d.content)
	return d.content.err
}

// fileContent is a file's bytes, opened where the first read happens.
type fileContent struct {
	ctx   context.Context // of the request that is being answered
	tasks *task.Service
	file  *task.File
	body  io.ReadCloser // nil until opened
	at    int64         // where body is
	want  int64         // where the next read is to be
	err   error         // why a read failed
}

// Seek implements [io.Seeker].
func (c *fileContent) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.want
	case io.SeekEnd:
		offset += c.file.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	c.want = offset
	return offset, nil
}

// Read implements [io.Reader]. A file that is shorter than its row says is an
// error, never an early end.
func (c *fileContent) Read(p []byte) (int, error) {
	if c.want >= c.file.Size {
		return 0, io.EOF
	}
	n, err := c.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

func (c *fileContent) read(p []byte) (int, error) {
	if c.body != nil && c.at != c.want {
		c.Close()
	}
	if c.body == nil {
		body, err := c.tasks.OpenFile(c.ctx, c.file, &blob.OpenOptions{Offset: c.want})
		if err != nil {
			return 0, err
		}
		c.body, c.at = body, c.want
	}
	n, err := c.body.Read(p)
	c.at += int64(n)
	c.want = c.at
	if errors.Is(err, io.EOF) && c.at < c.file.Size {
		err = errs.Wrap(errs.Unavailable, io.ErrUnexpectedEOF, "file %d is shorter than it was", c.file.ID)
	}
	return n, err
}

// Close closes what was opened.
func (c *fileContent) Close() error {
	if c.body == nil {
		return nil
	}
	err := c.body.Close()
	c.body = nil
	return err
}
