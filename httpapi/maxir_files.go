package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// maxirFiles are the operations that upload files.
type maxirFiles struct {
	service *dataset.Service
	links   links
}

func (m *maxirFiles) routes() []route {
	return []route{
		streamed(call(http.MethodPost, "/v2/team/file/upload-datasource", func(in *input) *input { return in }, m.upload)),
		call(http.MethodPost, "/v2/team/file/init-multipart-upload", readNewUpload, m.init),
		call(http.MethodPost, "/v2/team/file/complete-multipart-upload", readParts, m.complete),
	}
}

const uploadFailed = "failed to upload the file"

// upload stores the file of a form. Its other field says whose it is, and may
// come behind it.
func (m *maxirFiles) upload(ctx context.Context, sc scope.Scope, in *input) (any, error) {
	form, err := in.form()
	if err != nil {
		return nil, err
	}
	rec, user, err := m.receive(ctx, form)
	if rec != nil && err != nil {
		m.service.Discard(ctx, rec)
	}
	if err != nil {
		return nil, failed(err, maxirUploadError, uploadFailed)
	}
	if sc.User == "" {
		sc.User = user
	}
	u, err := m.service.Keep(ctx, sc, rec)
	if err != nil {
		return nil, failed(err, maxirUploadError, uploadFailed)
	}
	return map[string]string{"file_object_key": u.ObjectKey}, nil
}

// receive reads the form: one file, and who sends it.
func (m *maxirFiles) receive(ctx context.Context, form *form) (rec *dataset.Received, user string, err error) {
	for {
		part, err := form.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rec, "", err
		}
		switch {
		case part.file() != "" && rec != nil:
			return rec, "", errs.New(errs.Invalid, "file is invalid: only one can be uploaded at a time")
		case part.file() != "":
			if rec, err = m.service.Receive(ctx, baseName(strings.ReplaceAll(part.file(), `\`, "/")), formReader{part}); err != nil {
				return nil, "", err
			}
		case part.field() == "user_id":
			if user, err = part.text(); err != nil {
				return rec, "", err
			}
		}
	}
	if rec == nil {
		return nil, "", errs.New(errs.Invalid, "file is required")
	}
	return rec, user, nil
}

// newUpload is an upload in parts to begin.
type newUpload struct {
	name string
	size int64
	base string
}

func readNewUpload(in *input) newUpload {
	maxirUser(in)
	for _, key := range []string{"file_name", "file_size"} {
		if !in.body.has(key) {
			in.body.required(key)
		}
	}
	return newUpload{name: in.body.text("file_name"), size: in.body.whole("file_size"), base: in.base}
}

// maxirUpload is an upload that was begun.
type maxirUpload struct {
	UploadID  string      `json:"upload_id"`
	ObjectKey string      `json:"file_object_key"`
	Parts     []maxirPart `json:"part_items"`
}

// maxirPart is where to PUT a part.
type maxirPart struct {
	Number int    `json:"number"`
	URL    string `json:"upload_url"`
	Size   int64  `json:"size"`
}

func (m *maxirFiles) init(ctx context.Context, sc scope.Scope, n newUpload) (any, error) {
	u, targets, err := m.service.InitUpload(ctx, sc, n.name, n.size)
	if err != nil {
		return nil, failed(err, maxirUploadError, uploadFailed)
	}
	answer := maxirUpload{UploadID: u.ID, ObjectKey: u.ObjectKey, Parts: make([]maxirPart, len(targets))}
	for i, t := range targets {
		answer.Parts[i] = maxirPart{Number: t.Number, URL: t.URL, Size: t.Size}
		if t.URL == "" {
			answer.Parts[i].URL = m.links.sign(n.base, link{
				Method: http.MethodPut, Tenant: sc.Tenant, Path: partPath(u.ID, strconv.Itoa(t.Number)), Expires: u.ExpiresAt.Unix(),
			})
		}
	}
	return answer, nil
}

// finishedUpload is an upload whose parts are all sent.
type finishedUpload struct {
	key, id string
	parts   []blob.Part
}

// readParts reads what the parts got. The documents call their numbers by one
// name, and their samples and clients by another.
func readParts(in *input) finishedUpload {
	maxirUser(in)
	for _, key := range []string{"file_object_key", "upload_id", "part_etags"} {
		if !in.body.has(key) {
			in.body.required(key)
		}
	}
	u := finishedUpload{key: in.body.text("file_object_key"), id: in.body.text("upload_id")}
	for i, item := range in.body.items("part_etags") {
		name := element("part_etags", i)
		fields, ok := item.(map[string]any)
		if !ok {
			in.body.problem(name, "it must be an object")
			continue
		}
		o := object{in: in, name: name, fields: fields}
		key := "number"
		if !o.has(key) && o.has("part_number") {
			key = "part_number"
		}
		if !o.has(key) {
			o.required(key)
		}
		u.parts = append(u.parts, blob.Part{Number: o.integer(key), ETag: o.text("etag")})
	}
	return u
}

func (m *maxirFiles) complete(ctx context.Context, sc scope.Scope, f finishedUpload) (any, error) {
	u, err := m.service.CompleteUpload(ctx, sc, f.key, f.id, f.parts)
	if err != nil {
		return nil, failed(err, maxirUploadError, uploadFailed)
	}
	return map[string]string{"file_object_key": u.ObjectKey}, nil
}
