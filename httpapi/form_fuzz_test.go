package httpapi

import (
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inlet-go/inlet/store/errs"
)

// FuzzForm reads bodies as the forms of uploads. Whatever comes, an error is
// the client's fault.
func FuzzForm(f *testing.F) {
	f.Add("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\na,b\r\n--x--\r\n")
	f.Add("--x\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\nann\r\n--x--\r\n")
	f.Add("--x\r\n\r\n--x--")
	f.Add("")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		in := newInput(r, "")
		in.stream = r.Body
		form, err := in.form()
		if err != nil {
			t.Fatal(err)
		}
		for {
			part, err := form.NextPart()
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				if _, err = formText(part); err == nil {
					continue
				}
			}
			if err = formError(err); errs.KindOf(err) != errs.Invalid {
				t.Fatalf("%v is %v", err, errs.KindOf(err))
			}
			return
		}
	})
}
