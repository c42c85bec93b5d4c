package httpapi

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// input is what a request says. Its readers never fail: they note what is
// wrong, naming the field, and return a zero value.
type input struct {
	r        *http.Request
	scope    scope.Scope // empty on public routes
	base     string      // scheme, host and prefix under which the caller reaches the API
	query    params
	body     object
	stream   io.Reader // the body of a streamed route; nil for others
	problems errs.Problems
	noted    int
}

// maxProblems is the most problems that one answer lists.
const maxProblems = 20

// note adds a problem; the text names the field.
func (in *input) note(format string, args ...any) {
	if in.noted++; in.noted <= maxProblems {
		in.problems.Addf(format, args...)
	}
}

func newInput(r *http.Request, base string) *input {
	in := &input{r: r, base: base}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		in.note("query is invalid: it is not URL-encoded")
	}
	in.query = params{in: in, values: values}
	in.body = object{in: in}
	return in
}

// pathID returns the id that is a part of the path.
func (in *input) pathID(name string) int64 {
	id, problem := parseID(in.r.PathValue(name))
	if problem != "" {
		in.note("%s is invalid: %s", name, problem)
	}
	return id
}

// checkText returns what is wrong with a text wherever it stands, or "".
func checkText(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "not UTF-8"
	case strings.ContainsRune(s, 0):
		return "has a NUL"
	}
	return ""
}

// parseID reads a positive decimal number of 63 bits. Ids never pass through a
// floating point number.
func parseID(s string) (id int64, problem string) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id <= 0 || s[0] == '+' {
		return 0, "it must be a positive whole number, or a string of one"
	}
	return id, ""
}

// fields is what both a body and a query are read through.
type fields interface {
	has(key string) bool
	integer(key string) int
	problem(key, reason string)
}

// page is the part of a list that is asked for.
type page struct {
	given         bool
	offset, limit int
}

// maxOffset keeps page numbers in the range of every store.
const maxOffset = 1 << 31

// paging reads page and page_size. Both zero values mean the default: page 1,
// and DefaultPageSize items.
func paging(f fields) page {
	p := page{given: f.has("page") || f.has("page_size")}
	number, size := f.integer("page"), f.integer("page_size")
	if number == 0 {
		number = 1
	}
	if size == 0 {
		size = DefaultPageSize
	}
	cut := pageOf(f, "page", number, "page_size", size)
	p.offset, p.limit = cut.offset, cut.limit
	return p
}

// pageOf returns the page with a number, from 1, and a size, and notes under
// their names when there is no such page.
func pageOf(f fields, numberKey string, number int, sizeKey string, size int) page {
	if size < 1 || size > MaxPageSize {
		f.problem(sizeKey, "it must be 1 to "+strconv.Itoa(MaxPageSize))
		size = 1
	}
	if number < 1 || number-1 > maxOffset/size {
		f.problem(numberKey, "it must be a page's number, from 1")
		number = 1
	}
	return page{offset: (number - 1) * size, limit: size}
}

// pagingOrAll is paging where a list without either field is asked for whole;
// it is then bounded by MaxUnpaged.
func pagingOrAll(f fields) page {
	p := paging(f)
	if !p.given {
		p.limit = MaxUnpaged
	}
	return p
}
