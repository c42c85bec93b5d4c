package fakeserver

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// apiError is an error as the protocols know it.
type apiError struct {
	status int
	code   string
}

func badRequest(code string) *apiError { return &apiError{http.StatusBadRequest, code} }

// fail answers with an error. OSS tells the document of a HEAD in a header.
func (q *request) fail(e *apiError) {
	h := q.w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set(q.s.dialect.prefix+"Request-Id", "FAKE0000000000")
	body := fmt.Sprintf("%s<Error><Code>%s</Code><Message>%s</Message><RequestId>FAKE0000000000</RequestId></Error>",
		xml.Header, e.code, "refused by the fake server")
	if e.status == http.StatusNotModified {
		body = ""
	}
	if q.s.opts.Dialect == OSS {
		h.Set("X-Oss-Err", base64.StdEncoding.EncodeToString([]byte(body)))
	}
	if q.Method == http.MethodHead {
		q.w.WriteHeader(e.status)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if e.status >= 400 && q.ContentLength != 0 {
		h.Set("Connection", "close") // the body may not have been read
	}
	q.w.WriteHeader(e.status)
	q.w.Write([]byte(body))
}

// document writes an XML answer.
type document struct{ strings.Builder }

func (d *document) open(name string)  { d.WriteString("<" + name + ">") }
func (d *document) close(name string) { d.WriteString("</" + name + ">") }

func (d *document) element(name, value string) {
	d.open(name)
	d.text(value)
	d.close(name)
}

// text escapes value. Control characters that XML 1.0 cannot carry become
// references all the same, as S3 does: only encoding-type=url makes such a
// listing readable.
func (d *document) text(value string) {
	for i := range len(value) {
		switch c := value[i]; {
		case c == '<':
			d.WriteString("&lt;")
		case c == '>':
			d.WriteString("&gt;")
		case c == '&':
			d.WriteString("&amp;")
		case c == '"':
			d.WriteString("&quot;")
		case c < 0x20:
			fmt.Fprintf(d, "&#x%X;", c)
		default:
			d.WriteByte(c)
		}
	}
}

func (q *request) xml(d *document) {
	body := xml.Header + d.String()
	q.w.Header().Set("Content-Type", "application/xml")
	q.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	q.w.Write([]byte(body))
}
