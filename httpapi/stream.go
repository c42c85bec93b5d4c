package httpapi

import (
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

// form reads the parts of a multipart body one after the other.
func (in *input) form() (*multipart.Reader, error) {
	r := *in.r
	r.Body = io.NopCloser(in.stream)
	form, err := r.MultipartReader()
	return form, errs.Wrap(errs.Invalid, err, "Content-Type is invalid: it must be multipart/form-data with a boundary")
}

// formError gives errors of reading a form a kind; those of the body have one.
func formError(err error) error {
	var known *errs.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return errs.Wrap(errs.Invalid, err, "body is invalid: it is no complete form")
}
