package httpapi

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// obsrvMessage is what tells that something is done.
type obsrvMessage struct {
	Message string `json:"message"`
}

// register takes the one file of a form, whatever its field is called; other
// fields are not looked at.
func (o *obsrvConnectors) register(ctx context.Context, sc scope.Scope, in *input) (any, error) {
	form, err := in.form()
	if err != nil {
		return nil, registerFailed(err)
	}
	file := &onlyFile{form: form}
	if err := file.next(); err != nil {
		return nil, registerFailed(file.reason(err))
	}
	if file.part == nil {
		return nil, registerFailed(errs.New(errs.Invalid, "Failed to register connector: there is no file in the form"))
	}
	name := baseName(strings.ReplaceAll(file.part.file(), `\`, "/"))
	if _, err := o.service.Register(ctx, sc, name, file); err != nil {
		return nil, registerFailed(file.reason(err))
	}
	return obsrvMessage{"connector registered successfully."}, nil
}

// registerFailed words an error as the product does: what is wrong with an
// archive is a 500 there. Config.Statuses can change that.
func registerFailed(err error) error {
	var known obsrvFailed
	if errors.As(err, &known) {
		return err
	}
	s := obsrvStatuses[errs.Internal]
	s.code = "FAILED_TO_REGISTER_CONNECTOR"
	text := "Failed to register connector"
	switch errs.KindOf(err) {
	case errs.Invalid, errs.TooLarge, errs.Exists:
		text = errs.Message(err)
	}
	return obsrvFailed{err, s, text}
}

// obsrvUploadFailed is an error of what the caller sends.
func obsrvUploadFailed(err error, text string) error {
	s := obsrvStatuses[errs.Invalid]
	s.code = "FAILED_TO_UPLOAD"
	return obsrvFailed{err, s, text}
}

// onlyFile reads the first file of a form. It ends only when the form has
// ended too and held no second one: what is read from it is whole, and all.
type onlyFile struct {
	form *form
	part *formPart
	err  error // what is wrong with the form
}

// next goes on to the next file; part is nil when there is none.
func (f *onlyFile) next() error {
	f.part = nil
	for {
		part, err := f.form.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			f.err = obsrvUploadFailed(err, "Fail to upload a file: "+errs.Message(err))
			return f.err
		}
		if part.file() != "" {
			f.part = part
			return nil
		}
	}
}

// Read implements [io.Reader].
func (f *onlyFile) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	if f.part == nil {
		return 0, io.EOF
	}
	n, err := f.part.Read(p)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		err = formError(err)
		f.err = obsrvUploadFailed(err, "Fail to upload a file: "+errs.Message(err))
		return n, f.err
	}
	if err := f.next(); err != nil {
		return n, err
	}
	if f.part != nil {
		f.err = obsrvUploadFailed(errs.New(errs.Invalid, "two files"), "Uploading multiple files are not allowed")
		return n, f.err
	}
	return n, io.EOF
}

// reason returns what is wrong with the form, or else err.
func (f *onlyFile) reason(err error) error {
	if f.err != nil {
		return f.err
	}
	return err
}
