package httpapi

import (
	"bufio"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// patient reads the body of an upload, which may take as long as it likes as
// long as something comes.
type patient struct {
	body    io.Reader
	conn    *http.ResponseController
	timeout time.Duration
}

func newPatient(w http.ResponseWriter, body io.Reader, timeout time.Duration) *patient {
	if body == nil {
		body = http.NoBody
	}
	return &patient{body: body, conn: http.NewResponseController(w), timeout: timeout}
}

// Read implements [io.Reader]. Its errors blame the client: Invalid where the
// body ended early or paused for too long.
func (p *patient) Read(b []byte) (int, error) {
	// A writer that is no connection, as in tests, has no deadlines.
	_ = p.conn.SetReadDeadline(time.Now().Add(p.timeout))
	n, err := p.body.Read(b)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, errs.Wrap(errs.Invalid, err, "body is invalid: nothing came for %v", p.timeout)
	}
	return n, errs.Wrap(errs.Invalid, err, "body is invalid: it ended early")
}

// done lets the connection serve its next request.
func (p *patient) done() { _ = p.conn.SetReadDeadline(time.Time{}) }

// formBuffer is how much of a form is read from the connection at a time;
// package multipart alone would ask for 4 KiB.
const formBuffer = 128 << 10

// form reads the parts of a multipart body one after the other.
func (in *input) form() (*multipart.Reader, error) {
	r := *in.r
	r.Body = io.NopCloser(bufio.NewReaderSize(in.stream, formBuffer))
	form, err := r.MultipartReader()
	return form, errs.Wrap(errs.Invalid, err, "Content-Type is invalid: it must be multipart/form-data with a boundary")
}

// formReader reads a part of a form.
type formReader struct{ io.Reader }

// Read implements [io.Reader].
func (f formReader) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF {
		return n, err
	}
	return n, formError(err)
}

// maxFormText is the most bytes of a field of a form that is no file.
const maxFormText = 4096

// formText reads a field of a form that is no file.
func formText(part *multipart.Part) (string, error) {
	text, err := io.ReadAll(io.LimitReader(part, maxFormText+1))
	switch {
	case err != nil:
		return "", formError(err)
	case len(text) > maxFormText:
		return "", errs.New(errs.Invalid, "%s is invalid: longer than %d bytes", part.FormName(), maxFormText)
	}
	if reason := checkText(string(text)); reason != "" {
		return "", errs.New(errs.Invalid, "%s is invalid: %s", part.FormName(), reason)
	}
	return string(text), nil
}

// formError gives errors of reading a form a kind; those of the body have one.
func formError(err error) error {
	var known *errs.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return errs.Wrap(errs.Invalid, err, "body is invalid: it is no complete form")
}
