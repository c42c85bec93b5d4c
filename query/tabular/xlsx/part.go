package xlsx

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

// ratioFrom is from how many unpacked bytes on Format.Ratio counts.
const ratioFrom = 1 << 20

// tokenBytes bounds a tag or a text of a part.
const tokenBytes = 2 << 20

// element is the start of an XML element, by its local name.
type element struct {
	name  string
	attrs []xml.Attr
}

func (e element) attr(name string) string {
	for i := range e.attrs {
		if e.attrs[i].Name.Local == name {
			return e.attrs[i].Value
		}
	}
	return ""
}

// tokenKind is what next found.
type tokenKind uint8

const (
	startOf tokenKind = iota
	endOf
	textOf
)

// partReader reads the XML of a part token by token.
type partReader struct {
	book    *book
	part    string
	file    io.ReadCloser
	unpack  *unpackReader
	dec     *xml.Decoder
	depth   int
	started bool

	element element // the last start
	name    string  // of the last end
	text    []byte  // the last text, valid until the next token
}

func (b *book) open(part string) (*partReader, error) {
	f := b.parts[strings.ToLower(part)]
	file, err := f.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return nil, errs.Wrap(errs.Unsupported, err, "the workbook is packed in a way that is not read")
	}
	r := &partReader{book: b, part: path.Base(part), file: file}
	if err != nil {
		return nil, r.fail(err)
	}
	r.unpack = &unpackReader{book: b, part: r.part, src: file, packed: min(int64(f.CompressedSize64), b.size), allowed: tokenBytes}
	r.dec = xml.NewDecoder(r.unpack)
	return r, nil
}

func (r *partReader) close() { r.file.Close() }

// next reads the next start, end or text. It returns io.EOF only behind the
// end of the outermost element.
func (r *partReader) next() (tokenKind, error) {
	for {
		r.unpack.allowed = r.dec.InputOffset() + tokenBytes
		token, err := r.dec.RawToken()
		if errors.Is(err, io.EOF) && (!r.started || r.depth > 0) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return 0, io.EOF
			}
			return 0, r.fail(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			r.depth++
			r.started = true
			r.element = element{t.Name.Local, t.Attr}
			return startOf, nil
		case xml.EndElement:
			if r.depth--; r.depth < 0 {
				return 0, r.fail(errors.New("an end without a start"))
			}
			r.name = t.Name.Local
			return endOf, nil
		case xml.CharData:
			r.text = t
			return textOf, nil
		case xml.Directive:
			return 0, errs.New(errs.Invalid, "the workbook has a document type in %s, which is not allowed", r.part)
		}
	}
}

// skip reads to the end of the element that was just started.
func (r *partReader) skip() error {
	for depth := r.depth; r.depth >= depth; {
		if _, err := r.next(); err != nil {
			return err
		}
	}
	return nil
}

// fail classifies what reading a part returned: what the storage said stays.
func (r *partReader) fail(err error) error {
	var own *errs.Error
	switch {
	case errors.As(err, &own):
		return own
	case r.book.ctx.Err() != nil:
		return r.book.ctx.Err()
	case r.book.src.err != nil:
		return r.book.src.err
	}
	return errs.Wrap(errs.Invalid, err, "the workbook is damaged: %s cannot be read", r.part)
}

// unpackReader bounds what is unpacked of a part, and how far an XML decoder
// reads on for one token.
type unpackReader struct {
	book    *book
	part    string
	src     io.Reader
	packed  int64
	read    int64
	allowed int64
}

func (u *unpackReader) Read(p []byte) (int, error) {
	if u.read > u.allowed {
		return 0, errs.New(errs.TooLarge, "the workbook has a text or tag in %s of more than %s", u.part, bytesText(tokenBytes))
	}
	if err := u.book.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := u.src.Read(p)
	u.read += int64(n)
	u.book.unpacked += int64(n)
	switch {
	case u.book.unpacked > u.book.format.UnzipBytes:
		return 0, errs.New(errs.TooLarge, "the workbook unpacks to more than %s", bytesText(u.book.format.UnzipBytes))
	case u.read > ratioFrom && u.read > u.packed*u.book.format.Ratio:
		return 0, errs.New(errs.TooLarge, "the workbook is packed too well to be true: %s unpacks to more than %d times its size",
			u.part, u.book.format.Ratio)
	}
	return n, err
}

func bytesText(n int64) string {
	if n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}
