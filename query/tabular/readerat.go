package tabular

import (
	"context"
	"errors"
	"io"

	"github.com/inlet-go/inlet/store/errs"
)

// ReaderAt reads parts of a [File] in any order, for formats that need that.
// It asks for whole blocks and keeps those used last, so that many small reads
// near each other are one request; a read of more than a block is one request
// too. It is used by one goroutine.
type ReaderAt struct {
	ctx    context.Context
	file   File
	block  int64
	most   int
	blocks map[int64]*cachedBlock // by number
	clock  int64
}

type cachedBlock struct {
	data []byte
	used int64 // by the clock
}

// NewReaderAt returns a ReaderAt that keeps at most blocks blocks of that many
// bytes. Reads fail when ctx has ended.
func NewReaderAt(ctx context.Context, f File, block int64, blocks int) *ReaderAt {
	block = max(min(block, f.Size), 1)
	return &ReaderAt{ctx: ctx, file: f, block: block, most: max(blocks, 1), blocks: map[int64]*cachedBlock{}}
}

// ReadAt implements [io.ReaderAt]. Errors are those of the file's Open, the
// context's, and Invalid where the file is shorter than it says.
func (r *ReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if off < 0 || off >= r.file.Size {
		return 0, io.EOF
	}
	var atEnd error
	if rest := r.file.Size - off; int64(len(p)) > rest {
		p, atEnd = p[:rest], io.EOF
	}
	if int64(len(p)) > r.block {
		if err := r.fetch(p, off); err != nil {
			return 0, err
		}
		return len(p), atEnd
	}
	n := 0
	for n < len(p) {
		data, err := r.at(off / r.block)
		if err != nil {
			return n, err
		}
		c := copy(p[n:], data[off%r.block:])
		n += c
		off += int64(c)
	}
	return n, atEnd
}

// at returns the block of that number.
func (r *ReaderAt) at(number int64) ([]byte, error) {
	r.clock++
	if b, ok := r.blocks[number]; ok {
		b.used = r.clock
		return b.data, nil
	}
	var b *cachedBlock
	if len(r.blocks) < r.most {
		b = &cachedBlock{data: make([]byte, r.block)}
	} else {
		b = r.evict()
	}
	start := number * r.block
	b.data = b.data[:min(r.block, r.file.Size-start)]
	if err := r.fetch(b.data, start); err != nil {
		return nil, err
	}
	b.used = r.clock
	r.blocks[number] = b
	return b.data, nil
}

// evict takes out the block that was not used for the longest time.
func (r *ReaderAt) evict() *cachedBlock {
	oldest := int64(-1)
	for number, b := range r.blocks {
		if oldest < 0 || b.used < r.blocks[oldest].used {
			oldest = number
		}
	}
	b := r.blocks[oldest]
	delete(r.blocks, oldest)
	b.data = b.data[:cap(b.data)]
	return b
}

// fetch fills p with one request.
func (r *ReaderAt) fetch(p []byte, off int64) error {
	body, err := r.file.Open(r.ctx, off, int64(len(p)))
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.ReadFull(body, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errs.Wrap(errs.Invalid, err, "the file is shorter than %d bytes", off+int64(len(p)))
	}
	return err
}
