package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/textproto"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

const (
	// formBuffer is how much of a form is read from the connection at a time.
	formBuffer = 128 << 10
	// maxFormLine bounds a line between parts, as mime/multipart does.
	maxFormLine = 4096
	// maxFormHeader bounds the header of a part.
	maxFormHeader = 64 << 10
	// maxBoundary bounds the boundary of a form; RFC 2046 allows 70 characters.
	maxBoundary = 256
)

// form reads the parts of a body of multipart/form-data (RFC 7578, RFC 2046)
// one after the other. It takes for a boundary what mime/multipart does, but
// searches a large buffer for it, and each byte of a file once: that package
// spends as much time on a file as hashing it takes.
//
// Its errors blame the client, but for those of the body, which have a kind.
// Those of reading a part may have none: a part that is cut off ends with
// [io.ErrUnexpectedEOF].
type form struct {
	r      *bufio.Reader
	err    error  // of the body, once it has ended
	dash   []byte // what the line between parts begins with
	ending []byte // what ends a part: a newline and dash
	part   *formPart
}

// form reads the parts of the body.
func (in *input) form() (*form, error) {
	media, params, err := mime.ParseMediaType(in.r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return nil, errs.New(errs.Invalid, "Content-Type is invalid: it must be multipart/form-data with a boundary")
	}
	return newForm(bufio.NewReaderSize(in.stream, formBuffer), params["boundary"])
}

// newForm reads the parts between lines of a boundary. The buffer of r has room
// for two of these.
func newForm(r *bufio.Reader, boundary string) (*form, error) {
	if len(boundary) > maxBoundary {
		return nil, errs.New(errs.Invalid, "Content-Type is invalid: the boundary is longer than %d bytes", maxBoundary)
	}
	line := []byte("\r\n--" + boundary)
	return &form{r: r, dash: line[2:], ending: line}, nil
}

// peek returns what is buffered, at least n bytes of it unless the body ends,
// which f.err tells then.
func (f *form) peek(n int) []byte {
	if f.err == nil && f.r.Buffered() < n {
		_, f.err = f.r.Peek(n)
	}
	buf, _ := f.r.Peek(f.r.Buffered())
	return buf
}

// skip passes over n bytes that are buffered.
func (f *form) skip(n int) { _, _ = f.r.Discard(n) }

// errLongLine is a line that is longer than it may be.
var errLongLine = errors.New("the line is too long")

// line reads a line of at most max bytes with its end, or what is left of the
// body.
func (f *form) line(max int) ([]byte, error) {
	for seen := 0; ; {
		buf := f.peek(seen + 1)
		buf = buf[:min(len(buf), max)]
		i := bytes.IndexByte(buf[seen:], '\n')
		switch {
		case i >= 0:
			f.skip(seen + i + 1)
			return buf[:seen+i+1], nil
		case len(buf) == max:
			return nil, errLongLine
		case f.err != nil:
			f.skip(len(buf))
			return buf, formError(f.err)
		}
		seen = len(buf)
	}
}

// next passes over what is left of the part and returns the one behind it, or
// io.EOF behind the last.
func (f *form) next() (*formPart, error) {
	newline := f.ending[:len(f.ending)-len(f.dash)]
	if f.part != nil {
		if _, err := io.Copy(io.Discard, rawPart{f.part}); err != nil {
			return nil, formError(err)
		}
		if bytes.HasPrefix(f.peek(len(newline)), newline) {
			f.skip(len(newline))
		}
	}
	for {
		line, err := f.line(maxFormLine)
		if errors.Is(err, errLongLine) {
			return nil, errs.New(errs.Invalid, "body is invalid: a line between the parts of the form is longer than %d bytes", maxFormLine)
		}
		rest, marked := bytes.CutPrefix(line, f.dash)
		last, final := bytes.CutPrefix(rest, []byte("--"))
		last, rest = bytes.TrimLeft(last, " \t"), bytes.TrimLeft(rest, " \t")
		switch {
		case marked && final && (err == nil && bytes.Equal(last, newline) || len(last) == 0 && errors.Is(f.err, io.EOF)):
			return nil, io.EOF
		case err != nil:
			return nil, err
		case marked && f.part == nil && string(rest) == "\n":
			f.ending = f.ending[1:] // the form has newlines alone
			return f.begin()
		case marked && bytes.Equal(rest, newline):
			return f.begin()
		case f.part != nil:
			return nil, formError(errors.New("text stands between two parts"))
		}
	}
}

// begin reads the header of a part.
func (f *form) begin() (*formPart, error) {
	var text []byte
	for blank := false; !blank; {
		line, err := f.line(maxFormHeader - len(text))
		if errors.Is(err, errLongLine) {
			return nil, errs.New(errs.Invalid, "body is invalid: the header of a part of the form is longer than %d bytes", maxFormHeader)
		}
		if err != nil {
			return nil, err
		}
		text = append(text, line...)
		blank = len(bytes.TrimRight(line, "\r\n")) == 0
	}
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(text))).ReadMIMEHeader()
	if err != nil {
		return nil, formError(err)
	}
	p := &formPart{form: f, header: header}
	p.Reader = rawPart{p}
	if strings.EqualFold(header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		p.Reader = quotedprintable.NewReader(p.Reader)
	}
	if p.disposition, p.params, err = mime.ParseMediaType(header.Get("Content-Disposition")); err != nil {
		p.params = nil
	}
	f.part = p
	return p, nil
}

// formReader reads a part with errors that have a kind.
type formReader struct{ io.Reader }

// Read implements [io.Reader].
func (f formReader) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if err == io.EOF {
		return n, err
	}
	return n, formError(err)
}

// formError gives errors of reading a form a kind; those of the body have one.
func formError(err error) error {
	var known *errs.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the end of a form is another
	}
	return errs.Wrap(errs.Invalid, err, "body is invalid: it is no complete form")
}
