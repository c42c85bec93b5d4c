package result

import (
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/inlet-go/inlet/blob"
	"github.com/inlet-go/inlet/query"
)

// The sizes that hold unless Options say otherwise.
const (
	DefaultInline    = 64 << 10
	DefaultBlock     = 256 << 10
	DefaultMaxRow    = 64 << 20
	DefaultIndexSize = 8 << 20
)

// Options qualifies a Store; zero fields have defaults.
type Options struct {
	// Inline is the most bytes of rows that stay with the query; 0 means
	// DefaultInline, negative none.
	Inline int
	// Block is how many bytes of rows a block gathers before it is compressed;
	// 0 means DefaultBlock. Each page decompresses whole blocks.
	Block int
	// MaxRow bounds one row, in bytes of JSON; 0 means DefaultMaxRow.
	MaxRow int
	// Indexes is how many bytes of indexes are kept in memory; 0 means
	// DefaultIndexSize, about 400,000 blocks. Results in use need no more
	// than one read a page.
	Indexes int
}

// Store is a [query.Results] in a bucket. It is safe for concurrent use.
type Store struct {
	bucket  blob.Bucket
	opts    Options
	coders  sync.Pool // of *zstd.Encoder
	decoder *zstd.Decoder
	indexes indexes
}

var _ query.Results = (*Store)(nil)

// New returns a store in the bucket.
func New(bucket blob.Bucket, opts *Options) *Store {
	s := &Store{bucket: bucket}
	if opts != nil {
		s.opts = *opts
	}
	set := func(v *int, value int) {
		if *v == 0 {
			*v = value
		}
	}
	set(&s.opts.Inline, DefaultInline)
	set(&s.opts.Block, DefaultBlock)
	set(&s.opts.MaxRow, DefaultMaxRow)
	set(&s.opts.Indexes, DefaultIndexSize)
	s.indexes = indexes{max: s.opts.Indexes / entrySize, of: map[string][]block{}}
	s.coders.New = func() any {
		e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10))
		return e // the options are valid
	}
	s.decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(uint64(s.opts.Block+s.opts.MaxRow)))
	return s
}

// indexes keeps the indexes of results, the last ones that were read, up to a
// number of blocks.
type indexes struct {
	max int

	mu    sync.Mutex
	size  int
	of    map[string][]block
	order []string // the oldest first
}

func (x *indexes) get(key string) []block {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.of[key]
}

func (x *indexes) put(key string, blocks []block) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.of[key] != nil || len(blocks) > x.max {
		return
	}
	x.of[key] = blocks
	x.order = append(x.order, key)
	x.size += len(blocks)
	for x.size > x.max {
		oldest := x.order[0]
		x.order = x.order[1:]
		x.size -= len(x.of[oldest])
		delete(x.of, oldest)
	}
}

// Page see [query.Results].
func (s *Store) Page(ctx context.Context, r query.Result, offset, limit int64, w io.Writer) error {
	p := &page{w: w, skip: offset, left: min(limit, r.Rows-offset)}
	if p.left <= 0 {
		return nil
	}
	if r.Key == "" {
		return p.write(bytes.Clone(r.Inline)) // it is shared, and write changes it
	}
	blocks, err := s.index(ctx, r)
	if err != nil {
		return err
	}
	var before int64 // rows
	first := 0
	for first < len(blocks) && before+int64(blocks[first].rows) <= offset {
		before += int64(blocks[first].rows)
		first++
	}
	p.skip = offset - before
	last, rows := first, -p.skip
	for last < len(blocks) && rows < p.left {
		rows += int64(blocks[last].rows)
		last++
	}
	return s.read(ctx, r.Key, blocks[first:last], p)
}

// index returns where the rows of a result are.
func (s *Store) index(ctx context.Context, r query.Result) ([]block, error) {
	if blocks := s.indexes.get(r.Key); blocks != nil {
		return blocks, nil
	}
	if r.Size < footerSize {
		return nil, damaged("too small")
	}
	// One read gets the footer with the index of most results.
	tail, err := s.fetch(ctx, r.Key, max(0, r.Size-64<<10), min(r.Size, 64<<10))
	if err != nil {
		return nil, err
	}
	n, rows, sum, err := parseFooter(tail[len(tail)-footerSize:], r.Size)
	if err != nil {
		return nil, err
	}
	end := r.Size - footerSize - n*entrySize
	raw := tail[:len(tail)-footerSize]
	if length := n * entrySize; length <= int64(len(raw)) {
		raw = raw[int64(len(raw))-length:]
	} else if raw, err = s.fetch(ctx, r.Key, end, length); err != nil {
		return nil, err
	}
	blocks, err := parseIndex(raw, end, rows, sum)
	if err != nil {
		return nil, err
	}
	if rows != r.Rows {
		return nil, damaged("rows")
	}
	s.indexes.put(r.Key, blocks)
	return blocks, nil
}

func (s *Store) fetch(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	body, err := s.bucket.Open(ctx, key, &blob.OpenOptions{Offset: offset, Length: length})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b := make([]byte, length)
	if _, err := io.ReadFull(body, b); err != nil {
		return nil, err
	}
	return b, nil
}

// page takes the rows of blocks and writes those that were asked for.
type page struct {
	w    io.Writer
	skip int64 // rows
	left int64
	any  bool
}

// write takes whole rows. Newlines between them become commas.
func (p *page) write(rows []byte) error {
	for ; p.skip > 0; p.skip-- {
		end := bytes.IndexByte(rows, '\n')
		if end < 0 {
			return damaged("rows")
		}
		rows = rows[end+1:]
	}
	end := 0
	for end < len(rows) && p.left > 0 {
		n := bytes.IndexByte(rows[end:], '\n')
		if n < 0 {
			return damaged("rows")
		}
		end += n + 1
		rows[end-1] = ','
		p.left--
	}
	if end == 0 {
		return nil
	}
	if p.any {
		if _, err := p.w.Write([]byte{','}); err != nil {
			return err
		}
	}
	p.any = true
	_, err := p.w.Write(rows[:end-1])
	return err
}

// read gives p the rows of blocks that follow each other.
func (s *Store) read(ctx context.Context, key string, blocks []block, p *page) error {
	if len(blocks) == 0 {
		return damaged("rows")
	}
	last := blocks[len(blocks)-1]
	start := blocks[0].offset
	body, err := s.bucket.Open(ctx, key, &blob.OpenOptions{Offset: start, Length: last.offset + int64(last.length) - start})
	if err != nil {
		return err
	}
	defer body.Close()
	var packed, rows []byte
	for _, b := range blocks {
		if int(b.length) > cap(packed) {
			packed = make([]byte, b.length)
		}
		packed = packed[:b.length]
		if _, err := io.ReadFull(body, packed); err != nil {
			return err
		}
		if crc32.Checksum(packed, castagnoli) != b.sum {
			return damaged("block")
		}
		if rows, err = s.decoder.DecodeAll(packed, rows[:0]); err != nil {
			return damaged("block")
		}
		if err := p.write(rows); err != nil {
			return err
		}
	}
	return nil
}
