package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
)

func TestReadBody(t *testing.T) {
	tests := map[string]struct {
		method, contentType, body string
		kind                      errs.Kind
		want                      string // of the error
	}{
		"object":            {"POST", "application/json", `{"a":1}`, 0, ""},
		"charset":           {"POST", "application/json; charset=utf-8", `{"a":1}`, 0, ""},
		"no content type":   {"POST", "", `{"a":1}`, 0, ""},
		"empty":             {"POST", "text/plain", "", 0, ""},
		"blank":             {"POST", "application/json", " \n", 0, ""},
		"ignored on GET":    {"GET", "text/plain", "junk", 0, ""},
		"form":              {"POST", "application/x-www-form-urlencoded", "a=1", errs.Invalid, "Content-Type is invalid"},
		"UTF-16":            {"POST", "application/json; charset=utf-16", `{}`, errs.Invalid, "Content-Type is invalid"},
		"bad content type":  {"POST", "/;", `{}`, errs.Invalid, "Content-Type is invalid"},
		"array":             {"POST", "application/json", `[]`, errs.Invalid, "must be a JSON object"},
		"null":              {"POST", "application/json", `null`, errs.Invalid, "must be a JSON object"},
		"truncated":         {"POST", "application/json", `{"a":`, errs.Invalid, "invalid JSON at byte 5"},
		"two bodies":        {"POST", "application/json", `{} {}`, errs.Invalid, "invalid JSON at byte 4"},
		"trailing garbage":  {"POST", "application/json", `{}x`, errs.Invalid, "after top-level value"},
		"comment":           {"POST", "application/json", "{} // c", errs.Invalid, "invalid JSON"},
		"repeated field":    {"POST", "application/json", `{"a":1,"b":{"c":1,"c":2}}`, errs.Invalid, "c is invalid: given twice"},
		"not UTF-8":         {"POST", "application/json", "{\"a\":\"\xff\"}", errs.Invalid, "not UTF-8"},
		"too deep":          {"POST", "application/json", strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33), errs.Invalid, "nested deeper"},
		"as deep as may be": {"POST", "application/json", strings.Repeat(`{"a":`, 32) + "1" + strings.Repeat("}", 32), 0, ""},
		"too large":         {"POST", "application/json", `{"a":"` + strings.Repeat("x", 1000) + `"}`, errs.TooLarge, "larger than 500 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, chunked := range []bool{false, true} {
				r := httptest.NewRequest(tt.method, "/", strings.NewReader(tt.body))
				r.Header.Set("Content-Type", tt.contentType)
				if chunked {
					r.ContentLength = -1
				}
				_, err := readBody(httptest.NewRecorder(), r, 500)
				if tt.want == "" {
					if err != nil {
						t.Fatalf("error %v", err)
					}
					continue
				}
				if err == nil || errs.KindOf(err) != tt.kind || !strings.Contains(errs.Message(err), tt.want) {
					t.Errorf("error %v, want %v with %q", err, tt.kind, tt.want)
				}
			}
		})
	}
}

func TestIDsKeepAllTheirDigits(t *testing.T) {
	for _, text := range []string{`1889223922712281088`, `"1889223922712281088"`, `9223372036854775807`} {
		fields, err := decodeObject([]byte(`{"id":` + text + `}`))
		if err != nil {
			t.Fatal(err)
		}
		in := newInput(httptest.NewRequest("GET", "/", nil), "")
		in.body.fields = fields
		id := in.body.id("id")
		if got, _ := json.Marshal(id); string(got) != strings.Trim(text, `"`) || in.problems.Err() != nil {
			t.Errorf("%s is read as %d, %v", text, id, in.problems.Err())
		}
	}
}

func TestWrongIDs(t *testing.T) {
	for _, text := range []string{`0`, `-1`, `1.0`, `1e3`, `9223372036854775808`, `"abc"`, `"+1"`, `" 1"`, `true`, `[1]`, `{}`, `"1.5"`} {
		fields, err := decodeObject([]byte(`{"id":` + text + `}`))
		if err != nil {
			t.Fatal(err)
		}
		in := newInput(httptest.NewRequest("GET", "/", nil), "")
		in.body.fields = fields
		if in.body.id("id"); in.problems.Err() == nil {
			t.Errorf("%s is taken for an id", text)
		}
	}
}

func TestPaging(t *testing.T) {
	tests := map[string]struct {
		want page
		err  string
	}{
		"":                                {page{false, 0, 20}, ""},
		"page=1":                          {page{true, 0, 20}, ""},
		"page=3&page_size=7":              {page{true, 14, 7}, ""},
		"page=0&page_size=0":              {page{true, 0, 20}, ""},
		"page_size=1000":                  {page{true, 0, 1000}, ""},
		"page_size=1001":                  {page{}, "page_size is invalid"},
		"page_size=-1":                    {page{}, "page_size is invalid"},
		"page=-1":                         {page{}, "page is invalid"},
		"page=x":                          {page{}, "page is invalid"},
		"page=2147483647&page_size=1000":  {page{}, "page is invalid"},
		"page=99999999999999999999999999": {page{}, "page is invalid"},
	}
	for query, tt := range tests {
		t.Run(query, func(t *testing.T) {
			in := newInput(httptest.NewRequest("GET", "/?"+query, nil), "")
			got := paging(in.query)
			err := in.problems.Err()
			if tt.err == "" && (err != nil || got != tt.want) {
				t.Errorf("= %v, %v; want %v", got, err, tt.want)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestQueryLists(t *testing.T) {
	in := newInput(httptest.NewRequest("GET", "/?t=7&t=25,%209&u=1&t=,&id=5&id=6", nil), "")
	if diff := cmp.Diff([]int{7, 25, 9, 1}, numbersOf[int](in.query, "t", "u")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if id := in.query.id("id"); id != 5 {
		t.Errorf("of a repeated id the first counts, got %d", id)
	}
	if err := in.problems.Err(); err != nil {
		t.Error(err)
	}
	in = newInput(httptest.NewRequest("GET", "/", nil), "")
	in.r.URL.RawQuery = "k=%ff&n=%00"
	in = newInput(in.r, "")
	in.query.text("k")
	in.query.texts("n")
	if err := in.problems.Err(); err == nil || err.Error() != "k is invalid: not UTF-8; n is invalid: has a NUL" {
		t.Errorf("error %v", err)
	}
}

func TestManyProblemsAreCutShort(t *testing.T) {
	in := newInput(httptest.NewRequest("GET", "/", nil), "")
	in.body.fields = map[string]any{"ids": make([]any, 100_000)}
	in.body.ids("ids")
	if err := in.problems.Err(); err == nil || len(err.Error()) > 10_000 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func FuzzReadBody(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","config":{"s3":{"path_style":true}}}`, `{"ids":["1",2],"a":null}`, `{"a":{"a":[[{}]]}}`, `{"a":1,"a":2}`, `{}{}`, "\xff", `[`, `1e999`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		fields, err := readBody(httptest.NewRecorder(), r, 1<<16)
		if err != nil {
			if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.TooLarge {
				t.Errorf("%q: kind %v", body, kind)
			}
			return
		}
		if strings.TrimSpace(body) == "" {
			return
		}
		// What is accepted is what encoding/json accepts, and means the same.
		var want map[string]any
		d := json.NewDecoder(strings.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatalf("%q is accepted, but not by encoding/json: %v", body, err)
		}
		if diff := cmp.Diff(want, fields); diff != "" {
			t.Errorf("%q (-want +got):\n%s", body, diff)
		}
		in := newInput(r, "")
		in.body.fields = fields
		readNewConnector(in)
		readNewTask(in)
		readTaskChange(in)
		readRetry(in)
	})
}
