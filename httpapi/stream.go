package httpapi

import (
	"errors"
	"io"
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
