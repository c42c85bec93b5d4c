package contract

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"github.com/inlet-go/inlet/httpapi"
)

// reporter hears what is wrong.
type reporter interface {
	Errorf(format string, args ...any)
}

// judge is a transport that holds every answer, and every request that
// succeeds, against the OpenAPI document.
type judge struct {
	t         reporter
	next      http.RoundTripper
	validator validator.Validator
	model     *v3.Document
	routes    *http.ServeMux // tells which of the document's paths a request is for

	mu   sync.Mutex
	seen map[string]int // by answer; see answerName
}

// free are the parts whose form is not the document's affair.
var free = []string{"$.body.result.ui_spec.**", "$.body.**.definition.config.**"}

func newJudge(t *testing.T) *judge {
	t.Helper()
	doc, err := libopenapi.NewDocument(httpapi.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	v, problems := validator.NewValidator(doc,
		config.WithFormatAssertions(), config.WithContentAssertions(), config.WithStrictMode(),
		config.WithStrictIgnorePaths(free...))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if ok, problems := v.ValidateDocument(); !ok {
		t.Fatalf("the document is no OpenAPI 3.1: %s", tell(problems))
	}
	j := &judge{
		t: t, next: http.DefaultTransport, validator: v, model: &model.Model, routes: http.NewServeMux(), seen: map[string]int{},
	}
	for path := range j.model.Paths.PathItems.FromOldest() {
		j.routes.Handle(path, http.NotFoundHandler())
	}
	return j
}

// answerName names an answer of an operation, such as "GET /task/get 200".
func answerName(method, path string, status int) string {
	return strings.ToUpper(method) + " " + path + " " + strconv.Itoa(status)
}

// RoundTrip implements [http.RoundTripper].
func (j *judge) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := j.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	j.check(r, resp, sent, got)
	resp.Body = io.NopCloser(bytes.NewReader(got))
	return resp, nil
}

func (j *judge) check(r *http.Request, resp *http.Response, sent, got []byte) {
	_, path := j.routes.Handler(r)
	name := answerName(r.Method, path, resp.StatusCode)
	j.mu.Lock()
	j.seen[name]++
	j.mu.Unlock()
	declared := j.declared(r.Method, path, resp.StatusCode)
	if declared == nil {
		j.t.Errorf("%s is not in the document: %s", name, got)
		return
	}
	wantsBody := declared.Content != nil && declared.Content.Len() > 0
	if wantsBody != (len(got) > 0) {
		j.t.Errorf("%s has a body of %d bytes", name, len(got))
	}
	if resp.Header.Get("X-Request-ID") == "" {
		j.t.Errorf("%s has no request id", name)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return
	}
	// The validator reads bodies, so it gets requests and answers of its own.
	again := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(sent))
	again.Header = r.Header
	answer := *resp
	answer.Body = io.NopCloser(bytes.NewReader(got))
	answer.Header = resp.Header.Clone()
	for _, header := range transportHeaders {
		answer.Header.Del(header)
	}
	if ok, problems := j.validator.ValidateHttpResponse(again, &answer); !ok {
		j.t.Errorf("%s: answer %s: %s", name, got, tell(problems))
	}
	if !accepted(r, resp, got) {
		return
	}
	again.Body = io.NopCloser(bytes.NewReader(sent))
	if ok, problems := j.validator.ValidateHttpRequest(again); !ok {
		j.t.Errorf("%s: request %s %s is accepted, but the document forbids it: %s", name, r.URL, sent, tell(problems))
	}
}

// accepted tells whether an answer says that the request was right.
func accepted(r *http.Request, resp *http.Response, got []byte) bool {
	switch {
	case strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/"):
		return false // the validator does not read forms
	case strings.HasPrefix(r.URL.Path, "/api/ingestion/"), strings.HasPrefix(r.URL.Path, "/v2/connector"):
		return resp.StatusCode == http.StatusOK
	}
	return bytes.HasPrefix(got, []byte(`{"code":"OK"`)) || bytes.HasPrefix(got, []byte(`{"code":0,`))
}

// transportHeaders are on every answer and described once, in the document's
// introduction or by HTTP itself.
var transportHeaders = []string{"X-Request-Id", "X-Content-Type-Options", "Cache-Control", "Date"}

// declared returns what the document says of an answer, or nil.
func (j *judge) declared(method, path string, status int) *v3.Response {
	item, ok := j.model.Paths.PathItems.Get(path)
	if !ok {
		return nil
	}
	op, ok := item.GetOperations().Get(strings.ToLower(method))
	if !ok {
		return nil
	}
	resp, _ := op.Responses.Codes.Get(strconv.Itoa(status))
	return resp
}

// unseen returns the documented answers that no request got.
func (j *judge) unseen() []string {
	var list []string
	for path, item := range j.model.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			for status := range op.Responses.Codes.FromOldest() {
				n, err := strconv.Atoi(status)
				if err != nil {
					j.t.Errorf("%s %s has the status %q", method, path, status)
				}
				if name := answerName(method, path, n); j.seen[name] == 0 {
					list = append(list, name)
				}
			}
		}
	}
	return list
}

func tell(problems []*errors.ValidationError) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "\n  %s: %s", p.Message, p.Reason)
		for _, s := range p.SchemaValidationErrors {
			fmt.Fprintf(&b, "\n    %s at %s", s.Reason, s.FieldPath)
		}
	}
	return b.String()
}
