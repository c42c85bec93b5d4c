package tabular

import (
	"bytes"
	"errors"
	"io"
)

// blockBytes is how much is read at a time.
const blockBytes = 256 << 10

// blockReader reads blocks that are looked at in place: buf[pos:end] is what
// is read and not yet taken. Whoever takes it bounds how much that can be.
type blockReader struct {
	src      io.Reader
	buf      []byte
	pos, end int
	atEOF    bool
}

// fill reads more behind buf[pos:end], which moves.
func (b *blockReader) fill() error {
	if b.pos > 0 {
		b.end = copy(b.buf, b.buf[b.pos:b.end])
		b.pos = 0
	}
	if len(b.buf)-b.end < minRead {
		grown := make([]byte, max(blockBytes, 2*len(b.buf)))
		copy(grown, b.buf[:b.end])
		b.buf = grown
	}
	n, err := b.src.Read(b.buf[b.end:])
	b.end += n
	if errors.Is(err, io.EOF) {
		b.atEOF = true
		return nil
	}
	return err
}

// line takes the next line without its end. It reports false where more must
// be read, and at the end of the text.
func (b *blockReader) line() ([]byte, bool) {
	rest := b.buf[b.pos:b.end]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		b.pos += i + 1
		return rest[:i], true
	}
	if b.atEOF && len(rest) > 0 {
		b.pos = b.end
		return rest, true
	}
	return nil, false
}
