package httpapi

import (
	"bufio"
	"errors"
	"io"
	"mime/multipart"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
)

// field is a part as a reader of forms gave it.
type field struct{ Name, File, Text string }

// readForm reads all parts, out of a buffer of a size.
func readForm(r io.Reader, boundary string, size int) (fields []field, err error) {
	form, err := newForm(bufio.NewReaderSize(r, size), boundary)
	if err != nil {
		return nil, err
	}
	for {
		part, err := form.next()
		if errors.Is(err, io.EOF) {
			return fields, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(formReader{part})
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{part.field(), part.file(), string(text)})
	}
}

// readMultipart is readForm with the standard library.
func readMultipart(r io.Reader, boundary string) (fields []field, err error) {
	form := multipart.NewReader(r, boundary)
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return fields, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{part.FormName(), part.FileName(), string(text)})
	}
}

// FuzzForm reads bodies as the forms of uploads. Whatever comes, in whatever
// pieces, it is what the standard library reads, and an error is the client's
// fault.
func FuzzForm(f *testing.F) {
	for _, body := range formBodies {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		want, wantErr := readMultipart(strings.NewReader(body), "x")
		for _, way := range []struct {
			r    io.Reader
			size int
		}{{strings.NewReader(body), formBuffer}, {iotest.OneByteReader(strings.NewReader(body)), 2 * maxBoundary}, {iotest.DataErrReader(strings.NewReader(body)), formBuffer}} {
			got, err := readForm(way.r, "x", way.size)
			switch {
			case err != nil && errs.KindOf(err) != errs.Invalid:
				t.Fatalf("%v is %v", err, errs.KindOf(err))
			case err == nil && wantErr != nil:
				t.Fatalf("%q is read as %q, and not by mime/multipart: %v", body, got, wantErr)
			case err != nil && wantErr == nil && way.size > len(body) && strings.Contains("\n"+body, "\n--x--"):
				// That package takes a header that is cut off for the end.
				t.Fatalf("%q is not read, but by mime/multipart: %v", body, err)
			case err == nil && wantErr == nil:
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("%q: -mime/multipart +ours\n%s", body, d)
				}
			}
		}
	})
}
