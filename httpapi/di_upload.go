package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/inlet-go/inlet/filesync"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// diUpload takes files into syncs.
type diUpload struct {
	service   *filesync.Service
	anonymous string
}

func (d *diUpload) routes() []route {
	return []route{
		anonymous(d.anonymous, streamed(call(http.MethodPost, "/api/lake/file/upload", readUpload, d.upload))),
	}
}

// newFiles is a form of files for a sync.
type newFiles struct {
	sync int64
	path string
	form *form
	err  error // the body is no form
}

func readUpload(in *input) newFiles {
	n := newFiles{sync: in.query.id("sync_id"), path: in.query.text("path")}
	n.form, n.err = diForm(in)
	return n
}

// diForm reads the parts of a form. The documents' own sample has a boundary in
// its header that curl does not use, so the body's first line decides where it
// is not that of the header.
func diForm(in *input) (*form, error) {
	contentType := in.r.Header.Get("Content-Type")
	media, _, _ := strings.Cut(contentType, ";")
	if !strings.EqualFold(strings.TrimSpace(media), "multipart/form-data") {
		return in.form()
	}
	size := int64(formBuffer)
	if n := in.r.ContentLength; n >= 0 {
		size = min(size, n+1) // most forms are small
	}
	body := bufio.NewReaderSize(in.stream, max(int(size), 2*maxBoundary))
	head, err := body.Peek(maxBoundary)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, formError(err)
	}
	given := ""
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		given = params["boundary"]
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	first, marked := bytes.CutPrefix(bytes.TrimRight(line, " \t\r"), []byte("--"))
	switch {
	case string(first) == given+"--": // a form without parts
	case marked && len(first) > 0:
		given = string(first)
	case given == "":
		return nil, errs.New(errs.Invalid, "body is invalid: it does not begin with a boundary")
	}
	return newForm(body, given)
}

// upload takes every part that is a file, whatever its field is called, one
// after the other. It answers when all are durable. Those before one that is
// refused are kept, and the answer says which was.
func (d *diUpload) upload(ctx context.Context, sc scope.Scope, n newFiles) (any, error) {
	batch, err := d.service.NewBatch(ctx, sc, n.sync, &filesync.UploadOptions{Path: n.path})
	if err != nil {
		return nil, about(n.sync, err)
	}
	err = n.err
	if err == nil {
		err = addParts(batch, n.form)
	}
	if waitErr := batch.Wait(); err == nil {
		err = waitErr
	}
	return nil, about(n.sync, unavailable(lakeUnwritable, err))
}

// errNoFile is what a form without a file gets, or a file without a name.
var errNoFile = errLake{errs.New(errs.Invalid, "the form holds no file, or one without a name"), lakeEmpty}

func addParts(batch *filesync.Batch, form *form) error {
	for files := 0; ; {
		part, err := form.next()
		switch {
		case errors.Is(err, io.EOF) && files == 0:
			return errNoFile
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		name, isFile := fileName(part)
		if !isFile {
			continue // a field; what is left of it is skipped
		}
		if name == "" {
			return errNoFile
		}
		if err := batch.Add(name, part); err != nil {
			return err
		}
		files++
	}
}

// fileName returns the name that a part gives its file, with the directories
// that it may have, and whether the part is a file.
func fileName(part *formPart) (string, bool) {
	if part.params == nil {
		return "", part.header.Get("Content-Type") != ""
	}
	name, isFile := part.params["filename"]
	return name, isFile
}
