package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
)

// header begins a part of a form.
const header = "Content-Disposition: form-data; name=\"file\"; filename=\"dir/a.csv\"\r\n\r\n"

// formBodies are forms with the boundary x that are read, or refused, as
// mime/multipart does.
var formBodies = []string{
	"",
	"--x--",
	"--x--\r\n",
	"--x--  \r\nepilogue",
	"--x\r\n\r\n--x--",
	"--x\r\n\r\n\r\n--x--",
	"--x\r\n" + header + "a,b\r\n--x--\r\n",
	"preamble\r\n--xy\r\n--x \t\r\n" + header + "a\r\n--x\r\nContent-Disposition: form-data; name=user_id\r\n\r\nann\r\n--x--",
	"--x\n" + strings.ReplaceAll(header, "\r", "") + "a\r\n--x\n\n\n--x--\n",
	"--x\r\n" + header + "\r\n--xy\r\n--x-\r\n--y\n--x\r\r\n--\r\n--x--",
	"--x\r\n" + header + "--xy\r\n--x--",
	"--x\r\n" + header + "a\r\n--x",
	"--x\r\n" + header + "a\r\n--x-",
	"--x\r\n" + header + "a\r\n--x text\r\n",
	"--x\r\n" + header + "a\r",
	"--x\r\nno header\r\n\r\na\r\n--x--",
	"--x\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n=41=0Ab=\r\nc\r\n--x--",
	"--x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=4\x00\r\n--x--",
	"--x\r\nContent-Disposition: form-data; name=\"a\"; =\r\n\r\na\r\n--x--",
	strings.Repeat("p", 4095) + "\n--x\r\n" + header + "a\r\n--x--",
	strings.Repeat("p", 4096) + "\n--x\r\n" + header + "a\r\n--x--",
	strings.Repeat("p", 4096),
	"--x\r\nA: " + strings.Repeat("p", 50_000) + "\r\n\r\na\r\n--x--",
	"--x\r\nContent-Disposition: attachment; name=a; filename=\"/\"\r\n\r\na\r\n--x--",
}

func TestFormsAreReadAsByTheStandardLibrary(t *testing.T) {
	for _, body := range formBodies {
		want, wantErr := readMultipart(strings.NewReader(body), "x")
		got, err := readForm(iotest.HalfReader(strings.NewReader(body)), "x", formBuffer)
		if d := cmp.Diff(want, got); d != "" || (err == nil) != (wantErr == nil) {
			t.Errorf("%q: %v, want %v\n%s", body, err, wantErr, d)
		}
	}
}

// A file that has what looks like a boundary at each place of a small buffer
// comes whole.
func TestBoundaryAtEachPlaceOfTheBuffer(t *testing.T) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	w.SetBoundary("0123456789")
	var want []field
	for n := range 1100 {
		text := strings.Repeat("t", n) + "\r\n--01234567\r\n--012345678" + strings.Repeat("\r", n%7)
		part, err := w.CreateFormFile("file", "a.csv")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, text)
		want = append(want, field{"file", "a.csv", text})
	}
	w.Close()
	got, err := readForm(&body, "0123456789", 2*maxBoundary)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// What bounds the memory of a form is told.
func TestFormsThatAreTooLarge(t *testing.T) {
	long := strings.Repeat("long", maxFormHeader)
	for _, tc := range []struct{ name, body, want string }{
		{"header", "--x\r\nA: " + long[:100_000] + "\r\nB: " + long[:100_000] + "\r\n\r\n\r\n--x--", "the header of a part of the form is longer than 65536 bytes"},
		{"line", long, "a line between the parts of the form is longer than 4096 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := readForm(strings.NewReader(tc.body), "x", formBuffer)
			if errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.Message(err), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
	if _, err := readForm(strings.NewReader(""), long[:maxBoundary+1], formBuffer); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a long boundary: %v", err)
	}
}

// An error of the body goes through as it is, and comes again.
func TestFormWhoseBodyFails(t *testing.T) {
	broken := errs.New(errs.Unavailable, "broken")
	r := io.MultiReader(strings.NewReader("--x\r\n"+header+"a,b\r\n--x"), iotest.ErrReader(broken))
	form, err := newForm(bufio.NewReader(r), "x")
	if err != nil {
		t.Fatal(err)
	}
	part, err := form.next()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(part)
	if string(text) != "a,b" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := form.next(); !errors.Is(err, broken) {
		t.Errorf("next: %v", err)
	}
}

func TestFormsNeedABoundary(t *testing.T) {
	for contentType, ok := range map[string]bool{
		"": false, "text/csv": false, "multipart/form-data": false, "multipart/form-data; boundary=\"\"": false,
		"multipart/form-data; boundary=x": true, "Multipart/Form-Data; boundary=\"x y\"; charset=utf-8": true,
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Content-Type", contentType)
		in := newInput(r, "")
		in.stream = r.Body
		if _, err := in.form(); ok != (err == nil) || err != nil && errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", contentType, err)
		}
	}
}
