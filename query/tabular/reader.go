package tabular

import (
	"context"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/inlet-go/inlet/store/errs"
)

// Limits bound what is read; a zero field is the default named here. What
// passes one ends with an error of kind TooLarge that names the place.
type Limits struct {
	Columns    int   // of a table; 0 means 2,000
	FieldBytes int64 // of one value; 0 means 1 MiB
	RowBytes   int64 // of one row, as the file has it; 0 means 4 MiB
	Depth      int   // how deep a JSON value may nest; 0 means 64
	Tables     int   // of one file; 0 means 256
}

func (l Limits) orDefault() Limits {
	setDefault(&l.Columns, 2000)
	setDefault(&l.FieldBytes, 1<<20)
	setDefault(&l.RowBytes, 4<<20)
	setDefault(&l.Depth, 64)
	setDefault(&l.Tables, 256)
	return l
}

func setDefault[T int | int64](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// Options qualify a [Reader]; nil or zero values are the defaults.
type Options struct {
	Limits Limits

	// Charset is what text is in that is not Unicode, as the WHATWG names it.
	// Without it such text is read only where it is plausible GB18030 (which
	// GBK and GB2312 are part of); no other character set is ever guessed.
	Charset string

	// Formats are read besides csv, tsv, json and ndjson.
	Formats []Format
}

// Reader reads tables out of files. It is safe for concurrent use.
type Reader struct {
	limits  Limits
	formats map[string]Format // by extension, in lower case
}

// New returns a Reader. It returns an Invalid error for a character set that
// is not known and for an extension that two formats claim.
func New(o *Options) (*Reader, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	var fallback encoding.Encoding
	if opts.Charset != "" {
		var err error
		if fallback, err = charsetOf(opts.Charset); err != nil {
			return nil, err
		}
	}
	text := textFormat{fallback: fallback}
	formats := append([]Format{csvFormat{text}, tsvFormat{text}, jsonFormat{text}, ndjsonFormat{text}}, opts.Formats...)
	r := &Reader{limits: opts.Limits.orDefault(), formats: map[string]Format{}}
	for _, f := range formats {
		for _, ext := range f.Extensions() {
			ext = strings.ToLower(ext)
			if _, taken := r.formats[ext]; taken {
				return nil, errs.New(errs.Invalid, "two formats read %s files", ext)
			}
			r.formats[ext] = f
		}
	}
	return r, nil
}

// Extensions returns what [Reader.Supports] goes by, sorted, such as ".csv".
func (r *Reader) Extensions() []string {
	var all []string
	for ext := range r.formats {
		all = append(all, ext)
	}
	slices.Sort(all)
	return all
}

// Supports reports whether files of that name are read. Case does not matter.
func (r *Reader) Supports(name string) bool {
	_, ok := r.formats[strings.ToLower(path.Ext(name))]
	return ok
}

func (r *Reader) format(name string) (Format, error) {
	f, ok := r.formats[strings.ToLower(path.Ext(name))]
	if !ok {
		return nil, errs.New(errs.Unsupported, "%s is not read as a table: its name must end with one of %s",
			name, strings.Join(r.Extensions(), ", "))
	}
	return f, nil
}

// Inspect reads a file from start to end and describes its tables, at least
// one, each with at least one column. Errors are Unsupported (the name's
// extension), Invalid (the message names the line or row), TooLarge (a limit),
// or those of the file's Open.
func (r *Reader) Inspect(ctx context.Context, f File) ([]Table, error) {
	format, err := r.format(f.Name)
	if err != nil {
		return nil, err
	}
	return format.Inspect(ctx, f, r.limits)
}

// Open iterates over the rows of a table that Inspect returned for the same
// file. When ctx ends the rows end with its error. Errors are those of
// Inspect, and Invalid where the file has other columns than the table.
func (r *Reader) Open(ctx context.Context, f File, table Table) (Rows, error) {
	format, err := r.format(f.Name)
	if err != nil {
		return nil, err
	}
	if len(table.Columns) == 0 {
		return nil, errs.New(errs.Invalid, "the table to read from %s has no columns", f.Name)
	}
	return format.Open(ctx, f, table, r.limits)
}

// charsetOf finds the character set that the WHATWG calls name.
func charsetOf(name string) (encoding.Encoding, error) {
	enc, err := htmlindex.Get(name)
	if err != nil || enc == encoding.Replacement {
		return nil, errs.New(errs.Invalid, "unknown character set %q", name)
	}
	return enc, nil
}
