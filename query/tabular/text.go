package tabular

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/inlet-go/inlet/store/errs"
)

// window is how much text is looked at to tell a character set or delimiter.
const window = 64 << 10

// minRead is the smallest room that readers of text here give to a Read.
const minRead = 64

// textFormat is what the text formats share.
type textFormat struct {
	fallback encoding.Encoding // of Options.Charset; nil for none
}

// textReader reads a file as UTF-8 without a byte order mark. Where the
// character set is not told, it is decided at the first byte that is not
// ASCII, wherever that is, and what is ASCII before needs no decision.
type textReader struct {
	ctx      context.Context
	file     io.ReadCloser
	src      io.Reader // the file behind what was looked at, or its decoder
	fallback encoding.Encoding

	charset  string // "" until it is decided
	decoded  bool   // src is a decoder, which marks what is wrong with U+FFFD
	carry    []byte // the start of a character whose end is not read yet
	offset   int64  // bytes given to the caller, and the mark before
	newlines int64  // in them
	err      error
}

// open opens a file as text. charset is a name that [Table] holds; "" stands
// for what the file says, and else for detection.
func (t textFormat) open(ctx context.Context, f File, charset string) (*textReader, error) {
	if charset == "" {
		charset = f.Charset
	}
	var enc encoding.Encoding
	if charset != "" {
		var err error
		if enc, err = charsetOf(charset); err != nil {
			return nil, err
		}
	}
	file, err := f.Open(ctx, 0, 0)
	if err != nil {
		return nil, err
	}
	r := &textReader{ctx: ctx, file: file, src: file, fallback: t.fallback}
	if err := r.start(enc); err != nil {
		file.Close()
		return nil, err
	}
	return r, nil
}

// start looks at the file's first bytes. A mark of the same character set as
// enc is skipped, and enc nil takes the mark's.
func (r *textReader) start(enc encoding.Encoding) error {
	head := make([]byte, window)
	n, err := io.ReadFull(r.file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return r.readError(err)
	}
	head = head[:n]
	found, name, mark := detectStart(head)
	if enc != nil {
		if name != nameOf(enc) {
			mark = 0
		}
		found, name = enc, nameOf(enc)
	}
	r.src = io.MultiReader(bytes.NewReader(head[mark:]), bufio.NewReaderSize(r.file, window))
	r.offset = int64(mark)
	if found != nil {
		r.decode(found, name)
	}
	return nil
}

// decode makes the rest of src be read as enc.
func (r *textReader) decode(enc encoding.Encoding, name string) {
	r.charset = name
	switch name {
	case utf8Name:
		return
	case utf16LEName:
		enc = utf16LE
	case utf16BEName:
		enc = utf16BE
	}
	r.decoded = true
	r.src = transform.NewReader(r.src, enc.NewDecoder())
}

// nameOf returns the WHATWG name of a character set.
func nameOf(enc encoding.Encoding) string {
	if enc == unicode.UTF8 {
		return utf8Name
	}
	if enc == simplifiedchinese.GB18030 {
		return gb18030Name
	}
	name, err := htmlindex.Name(enc)
	if err != nil {
		return utf8Name // not reached: every encoding here comes from the index
	}
	return name
}

// Charset returns the name of the character set. Text that is ASCII to its end
// is UTF-8.
func (r *textReader) Charset() string {
	if r.charset == "" {
		return utf8Name
	}
	return r.charset
}

// Close closes the file.
func (r *textReader) Close() error { return r.file.Close() }

// Read reads whole characters of valid UTF-8. It needs room for minRead bytes.
func (r *textReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	for {
		if err := r.ctx.Err(); err != nil {
			return 0, r.readError(err)
		}
		kept := copy(p, r.carry)
		n, err := r.src.Read(p[kept:])
		n += kept
		r.carry = r.carry[:0]
		if err != nil {
			r.err = err
			if !errors.Is(err, io.EOF) {
				return 0, r.readError(err)
			}
		}
		if r.charset == "" {
			if first := firstHigh(p[:n]); first < n {
				if err := r.decide(p[first:n]); err != nil {
					return 0, r.fail(p[:first], err)
				}
				n = first
			}
		}
		if n, err = r.check(p[:n]); n > 0 || err != nil {
			return n, err
		}
	}
}

// decide tells the character set of what follows, which starts with rest.
func (r *textReader) decide(rest []byte) error {
	look := make([]byte, max(window, len(rest)))
	n := copy(look, rest)
	atEOF := r.err != nil
	if !atEOF {
		more, err := io.ReadFull(r.src, look[n:])
		n += more
		if atEOF = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !atEOF {
			return r.readError(err)
		}
	}
	enc, name, err := detectWindow(look[:n], atEOF, r.fallback)
	if err != nil {
		return err
	}
	r.err = nil // the end comes behind what was looked at
	r.src = io.MultiReader(bytes.NewReader(look[:n]), r.src)
	r.decode(enc, name)
	return nil
}

// check keeps back a character that is cut at the end of p, and fails where p
// is not valid. It returns what the caller gets.
func (r *textReader) check(p []byte) (int, error) {
	if !utf8.Valid(p) {
		valid := validUTF8(p)
		rest := p[valid:]
		if r.err != nil || utf8.FullRune(rest) {
			return 0, r.fail(p[:valid], errs.New(errs.Invalid, "the text is not valid UTF-8"))
		}
		r.carry = append(r.carry, rest...)
		p = p[:valid]
	}
	if r.decoded {
		if i := bytes.Index(p, []byte("\uFFFD")); i >= 0 {
			return 0, r.fail(p[:i], errs.New(errs.Invalid, "the text is not valid %s", r.charset))
		}
	}
	if i := bytes.IndexByte(p, 0); i >= 0 {
		return 0, r.fail(p[:i], errs.New(errs.Invalid, "a NUL byte: this is not a text file"))
	}
	r.offset += int64(len(p))
	r.newlines += int64(bytes.Count(p, []byte{'\n'}))
	if len(p) == 0 && r.err != nil {
		return 0, r.err
	}
	return len(p), nil
}

// fail ends the text with an error that names the place behind good.
func (r *textReader) fail(good []byte, err error) error {
	line := r.newlines + int64(bytes.Count(good, []byte{'\n'})) + 1
	at := r.offset + int64(len(good)) + 1
	place := fmt.Sprintf("line %d", line)
	if !r.decoded {
		place += fmt.Sprintf(", byte %d", at)
	}
	r.err = placed(place, err)
	return r.err
}

// readError keeps what the file's reader said, with the context's own error
// where that ended it.
func (r *textReader) readError(err error) error {
	if ctxErr := r.ctx.Err(); ctxErr != nil {
		err = ctxErr
	}
	r.err = err
	return err
}

// firstHigh returns the place of the first byte that is not ASCII, or len(b).
func firstHigh(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if (b[i]|b[i+1]|b[i+2]|b[i+3]|b[i+4]|b[i+5]|b[i+6]|b[i+7])&0x80 != 0 {
			break
		}
	}
	for i < len(b) && b[i] < 0x80 {
		i++
	}
	return i
}
