package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/inlet-go/inlet/store/scope"
)

//go:embed openapi.yaml
var openAPIText []byte

// OpenAPI returns the OpenAPI 3.1 document of all routes, as YAML. It is also
// served at /openapi.yaml.
func OpenAPI() []byte { return bytes.Clone(openAPIText) }

// document is a text that is served as it is.
type document struct {
	contentType string
	etag        string
	text        []byte
}

var openAPI = newDocument("application/yaml", openAPIText)

func newDocument(contentType string, text []byte) document {
	hash := sha256.Sum256(text)
	return document{contentType: contentType, etag: `"` + hex.EncodeToString(hash[:16]) + `"`, text: text}
}

// stream leaves ranges and conditions to the standard library.
func (d document) stream(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", d.contentType)
	h.Set("ETag", d.etag)
	h.Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.text))
	return nil
}

func serveDocument(_ context.Context, _ scope.Scope, d document) (any, error) { return d, nil }
