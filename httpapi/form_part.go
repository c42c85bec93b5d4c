package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net/textproto"
	"path/filepath"

	"github.com/inlet-go/inlet/store/errs"
)

// maxFormText bounds a field of a form that is no file.
const maxFormText = 4096

// formPart is a part of a form. It can be read until the next one is.
type formPart struct {
	io.Reader
	header textproto.MIMEHeader

	form        *form
	disposition string
	params      map[string]string
	ready       int   // bytes of the buffer that are known to be the part's
	begun       bool  // some were read
	end         error // once there are no more
}

// field returns the name of the part's field.
func (p *formPart) field() string {
	if p.disposition != "form-data" {
		return ""
	}
	return p.params["name"]
}

// file returns the name of the part's file without directories, or "".
func (p *formPart) file() string {
	if name := p.params["filename"]; name != "" {
		return filepath.Base(name)
	}
	return ""
}

// text reads a part that is no file.
func (p *formPart) text() (string, error) {
	text, err := io.ReadAll(io.LimitReader(p, maxFormText+1))
	switch {
	case err != nil:
		return "", formError(err)
	case len(text) > maxFormText:
		return "", errs.New(errs.Invalid, "%s is invalid: longer than %d bytes", p.field(), maxFormText)
	}
	if reason := checkText(string(text)); reason != "" {
		return "", errs.New(errs.Invalid, "%s is invalid: %s", p.field(), reason)
	}
	return string(text), nil
}

// rawPart reads the bytes of a part as they are.
type rawPart struct{ *formPart }

// Read implements [io.Reader].
func (p rawPart) Read(b []byte) (int, error) {
	if p.ready == 0 && p.end == nil {
		p.look()
	}
	if p.ready == 0 {
		return 0, p.end
	}
	n, _ := p.form.r.Read(b[:min(len(b), p.ready)]) // from the buffer
	p.ready -= n
	p.begun = true
	return n, nil
}

// look finds out how much of what is buffered is the part's.
func (p rawPart) look() {
	f := p.form
	for want := 1; ; {
		buf := f.peek(want)
		n, ended := f.scan(buf, !p.begun)
		switch {
		case n > 0:
			p.ready = n
			return
		case ended:
			p.end = io.EOF
			return
		case f.err != nil:
			if p.end = f.err; errors.Is(f.err, io.EOF) {
				p.end = io.ErrUnexpectedEOF
			}
			return
		}
		want = len(buf) + 1
	}
}

// scan returns how many bytes at the front of buf are the part's, and whether
// it has ended behind them. Neither means that more has to be seen. A part
// that holds nothing may lack the newline in front of the boundary.
func (f *form) scan(buf []byte, first bool) (n int, ended bool) {
	if first {
		if rest, ok := bytes.CutPrefix(buf, f.dash); ok {
			if ends, known := closes(rest); ends || !known {
				return 0, ends
			}
		} else if bytes.HasPrefix(f.dash, buf) {
			return 0, false
		}
	}
	i := bytes.Index(buf, f.ending)
	if i < 0 {
		// What may be the beginning of a boundary waits.
		tail := buf[max(0, len(buf)-len(f.ending)+1):]
		if i := bytes.LastIndexByte(tail, f.ending[0]); i >= 0 && bytes.HasPrefix(f.ending, tail[i:]) {
			return len(buf) - len(tail) + i, false
		}
		return len(buf), false
	}
	ends, known := closes(buf[i+len(f.ending):])
	if known && !ends {
		return i + len(f.ending), false
	}
	return i, ends
}

// closes tells whether what stands behind a boundary makes it one, and whether
// that is known yet.
func closes(rest []byte) (ends, known bool) {
	switch {
	case len(rest) == 0 || string(rest) == "-":
		return false, false
	case bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0:
		return true, true
	}
	return bytes.HasPrefix(rest, []byte("--")), true
}
