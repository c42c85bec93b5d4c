package dataset

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// The limits of names and texts, in characters unless said otherwise.
const (
	MaxName        = 128    // of a dataset; longer ones are cut
	MaxDescription = 128    // of a dataset at its creation; longer ones are cut
	MaxModified    = 50_000 // of a description that is modified
	MaxFileName    = 1024   // bytes of a data source's name
	MaxUser        = 128    // of a user id
	MaxURL         = 8192   // bytes of a URL
)

// extensions are those of 002_b5728707f13cb807.txt.
var extensions = []string{
	".csv", ".tsv", ".md", ".mdx", ".json", ".txt", ".pdf", ".pptx", ".ppt", ".doc", ".docx", ".xls", ".xlsx",
}

// Extensions returns the extensions that names of data sources may have unless
// Options say otherwise: those that are documented, and .parquet, .ndjson and
// .jsonl.
func Extensions() []string { return append(slices.Clone(extensions), ".parquet", ".ndjson", ".jsonl") }

// ErrExtension marks the Invalid errors of names whose extension is not
// allowed.
var ErrExtension = errs.New(errs.Invalid, "invalid file extension")

// ErrEmpty marks the Invalid errors of files without a byte.
var ErrEmpty = errs.New(errs.Invalid, "empty file")

// Extension returns the extension of a file name in lower case, with the dot,
// or "".
func Extension(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return ""
	}
	return strings.ToLower(name[dot:])
}

// checkExtension returns an ErrExtension unless the name has one that is
// allowed.
func (s *Service) checkExtension(name string) error {
	ext := Extension(name)
	if slices.Contains(s.opts.Extensions, ext) {
		return nil
	}
	return errs.Wrap(errs.Invalid, ErrExtension, "name is invalid: its extension %q is none of %s",
		truncate(ext, 20), strings.Join(s.opts.Extensions, ", "))
}

// checkFileName notes what is wrong with the name of a file. It is shown and
// put into headers, never used as a path.
func checkFileName(p *errs.Problems, field, name string) {
	switch {
	case strings.TrimSpace(name) == "":
		p.Addf("%s is required", field)
	case len(name) > MaxFileName:
		p.Addf("%s is invalid: longer than %d bytes", field, MaxFileName)
	default:
		checkLine(p, field, name)
	}
}

// checkUser notes what is wrong with a user id.
func checkUser(p *errs.Problems, user string) {
	switch {
	case user == "":
		p.Addf("user_id is required")
	case utf8.RuneCountInString(user) > MaxUser:
		p.Addf("user_id is invalid: longer than %d characters", MaxUser)
	default:
		checkLine(p, "user_id", user)
	}
}

// checkLine notes text that is not UTF-8 or holds control characters.
func checkLine(p *errs.Problems, field, text string) {
	p.Check(utf8.ValidString(text), "%s is invalid: not UTF-8", field)
	p.Check(!strings.ContainsFunc(text, unicode.IsControl), "%s is invalid: it has a control character", field)
}

// truncate returns the first n characters of a text.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
