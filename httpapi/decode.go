package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// firstRead bounds the memory for a body of which nothing has come yet.
const firstRead = 64 << 10

// readBody reads and parses the body of a request, at most limit bytes of it.
// No body is an empty object. w is the server's own writer, which then closes
// the connection of a client that sends too much. Errors: Invalid, TooLarge.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (map[string]any, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Body == nil {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, errs.New(errs.TooLarge, "body is larger than %d bytes", limit)
	}
	var read bytes.Buffer
	read.Grow(int(min(max(r.ContentLength, 0), firstRead)) + bytes.MinRead)
	_, err := read.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	body := read.Bytes()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errs.New(errs.TooLarge, "body is larger than %d bytes", limit)
	case err != nil:
		return nil, errs.Wrap(errs.Invalid, err, "body is invalid: it ended early")
	case len(bytes.TrimSpace(body)) == 0:
		return nil, nil
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, errs.New(errs.Invalid, "Content-Type is invalid: it must be application/json")
	}
	return decodeObject(body)
}

// maxShown is the most characters of a caller's own text in a message.
const maxShown = 100

// isJSON reports whether a content type is JSON, or is not given.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && media == "application/json" &&
		(charset == "" || charset == "utf-8" || charset == "UTF-8")
}

// decodeObject parses one JSON object. Numbers are json.Number. Errors:
// Invalid for anything else, including repeated fields, text after the object,
// nesting beyond MaxDepth and text that is not UTF-8.
func decodeObject(body []byte) (map[string]any, error) {
	if !utf8.Valid(body) {
		return nil, errs.New(errs.Invalid, "body is invalid: not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, errs.New(errs.Invalid, "body is invalid JSON at byte %d: %v", syntax.Offset, syntax)
		}
		return nil, errs.Wrap(errs.Invalid, err, "body is invalid JSON")
	}
	d := decoder{Decoder: json.NewDecoder(bytes.NewReader(body))}
	d.UseNumber()
	value, err := d.value()
	if err != nil {
		return nil, err
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, errs.New(errs.Invalid, "body is invalid: it must be a JSON object")
	}
	return fields, nil
}

// decoder builds values from tokens of a text that is known to be JSON. Unlike
// json.Unmarshal it sees repeated fields and bounds the depth.
type decoder struct {
	*json.Decoder
	depth int
}

func (d *decoder) value() (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, err, "body is invalid JSON")
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if d.depth == MaxDepth {
		return nil, errs.New(errs.Invalid, "body is invalid: nested deeper than %d levels", MaxDepth)
	}
	d.depth++
	var value any
	if delim == '{' {
		value, err = d.object()
	} else {
		value, err = d.array()
	}
	if err != nil {
		return nil, err
	}
	d.depth--
	_, err = d.Token() // the closing delimiter
	return value, err
}

func (d *decoder) object() (map[string]any, error) {
	fields := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, errs.Wrap(errs.Invalid, err, "body is invalid JSON")
		}
		key, _ := token.(string)
		if _, double := fields[key]; double {
			return nil, errs.New(errs.Invalid, "%.*s is invalid: given twice", maxShown, key)
		}
		if fields[key], err = d.value(); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func (d *decoder) array() ([]any, error) {
	items := []any{}
	for d.More() {
		item, err := d.value()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}
